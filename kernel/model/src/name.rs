//! What a partition may be called.

use core::fmt;

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 16;

/// What can name a partition, as a refusal says it.
pub const ACCEPTED_NAMES: &str = "1-16 of a-z, 0-9 and -, a letter first";

/// Words of the shell's grammar, present or reserved for later: a partition called `all` or
/// `kernel` would make a line mean two things.
const RESERVED: [&str; 47] = [
    "all",
    "boot",
    "bulkhead",
    "check",
    "clear",
    "cmdline",
    "com1",
    "com2",
    "com3",
    "com4",
    "console",
    "control",
    "core",
    "cores",
    "define",
    "devices",
    "exit",
    "halt",
    "handoff",
    "help",
    "images",
    "include",
    "initrd",
    "kernel",
    "keymap",
    "kill",
    "list",
    "log",
    "machine",
    "memory",
    "none",
    "on-error",
    "partition",
    "poweroff",
    "quit",
    "reset",
    "restart",
    "run",
    "set",
    "show",
    "start",
    "status",
    "stop",
    "undefine",
    "version",
    "wait",
    "watch",
];

/// Why a text can't name a partition. Displays as what follows the name; what is accepted,
/// [`ACCEPTED_NAMES`], is for the whole sentence to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing there.
    Empty,
    /// More than [`MAX_NAME_BYTES`].
    TooLong,
    /// Something else than a lower-case letter comes first.
    BadStart,
    /// A character that is not allowed.
    BadCharacter(char),
    /// A word of the shell's.
    Reserved,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => write!(f, "is longer than {MAX_NAME_BYTES} characters"),
            Self::BadStart => f.write_str("does not start with a letter a-z"),
            Self::BadCharacter(c) => write!(f, "contains {c:?}"),
            Self::Reserved => f.write_str("is a word of the shell's"),
        }
    }
}

/// Checks a name: 1-16 of `a-z`, `0-9` and `-`, a letter first, no word of the shell's.
///
/// # Errors
/// [`NameError`] says what is wrong with it.
pub fn check(name: &str) -> Result<(), NameError> {
    let first = name.chars().next().ok_or(NameError::Empty)?;
    if let Some(bad) = name
        .chars()
        .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-'))
    {
        return Err(NameError::BadCharacter(bad));
    }
    if !first.is_ascii_lowercase() {
        return Err(NameError::BadStart);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong);
    }
    if RESERVED.contains(&name) {
        return Err(NameError::Reserved);
    }
    Ok(())
}
