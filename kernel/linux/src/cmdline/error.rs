//! Why a command line is refused.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bulkhead_memory::Bytes;

/// Why a command line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CmdlineError {
    /// A parameter that would break the partition's walls.
    Refused {
        /// The parameter as it was written.
        parameter: String,
        /// Why, as the end of the sentence "... is refused: ".
        reason: &'static str,
    },
    /// `mem=` with more memory than the claim has, or with no size.
    BeyondClaim {
        /// The parameter as it was written.
        parameter: String,
        /// Bytes of the claim.
        claim_bytes: u64,
    },
    /// A serial port that the partition does not own.
    ForeignPort {
        /// The parameter as it was written.
        parameter: String,
        /// The port: `com1`, or `port 0x280`.
        port: String,
        /// Those that it owns: `com2`, or `none`.
        owned: String,
    },
    /// A quote that is not closed: it would swallow what Bulkhead adds.
    OpenQuote,
    /// Something else than printable ASCII, spaces and tabs.
    BadCharacter {
        /// The first one.
        character: char,
    },
    /// More parameters that the kernel may not know than it passes on to init.
    TooMany {
        /// What they become: `variables` or `arguments`.
        what: &'static str,
        /// All of them, Bulkhead's own among them.
        names: Vec<String>,
        /// How many there may be.
        most: usize,
    },
    /// More than the kernel accepts.
    TooLong {
        /// Bytes of the whole line, with what Bulkhead adds.
        bytes: usize,
        /// Bytes that the kernel accepts.
        limit: u32,
    },
}

impl CmdlineError {
    /// The parameter at fault, as it was written, where one is.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Refused { parameter, .. }
            | Self::BeyondClaim { parameter, .. }
            | Self::ForeignPort { parameter, .. } => Some(parameter),
            Self::OpenQuote
            | Self::BadCharacter { .. }
            | Self::TooMany { .. }
            | Self::TooLong { .. } => None,
        }
    }
}

impl fmt::Display for CmdlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { parameter, reason } => {
                write!(f, "parameter {parameter} is refused: {reason}")
            }
            Self::BeyondClaim {
                parameter,
                claim_bytes,
            } => write!(
                f,
                "parameter {parameter} is refused: it is no size up to the {} that the partition claims",
                Bytes(*claim_bytes)
            ),
            Self::ForeignPort {
                parameter,
                port,
                owned,
            } => write!(
                f,
                "parameter {parameter} is refused: {port} is not the partition's (its serial ports: {owned})"
            ),
            Self::OpenQuote => f.write_str("the command line has a quote that is not closed"),
            Self::BadCharacter { character } => write!(
                f,
                "the command line has the character {} (accepted: printable ASCII)",
                character.escape_unicode()
            ),
            Self::TooMany { what, names, most } => write!(
                f,
                "not every kernel knows {}: they become {} {what} of init, and Linux panics with more than {most} \
                 (names with a dot don't count)",
                names.join(", "),
                names.len()
            ),
            Self::TooLong { bytes, limit } => write!(
                f,
                "the command line has {bytes} bytes with what Bulkhead adds, and the kernel accepts {limit}"
            ),
        }
    }
}

impl core::error::Error for CmdlineError {}
