//! How many parameters that the kernel does not know a command line has.
//!
//! Linux passes them on to init: a word with a value as a variable of its environment, others, and
//! all behind `--`, as its arguments. There is room for some 32 of each, and one more is a panic
//! (`init/main.c`, `unknown_bootoption()`, `set_init_arg()`, `start_kernel()`: "Too many boot env
//! vars") long before EFI, so that nobody is told of it and no restart helps.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::CmdlineError;
use super::words::{Word, as_compared, init_words, kernel_words};

/// Variables that fit: 33 places (`MAX_INIT_ENVS` and one), less `HOME` and `TERM`.
const MOST_VARIABLES: usize = 31;
/// Arguments that fit: 33 places (`MAX_INIT_ARGS` and one), less the program's name.
const MOST_ARGUMENTS: usize = 32;
/// Names that every kernel knows, in ascending order, with `_` for `-`. What only some know counts as
/// unknown.
const KNOWN: &[u8] = include_bytes!("known.txt");

/// Where each name lies in [`KNOWN`], and its length: so that a line, which is checked at each launch,
/// is looked up word by word and not against all of the text.
static NAMES: [(u16, u16); count()] = {
    let mut names = [(0, 0); count()];
    let (mut at, mut found) = (0, 0);
    while let Some((start, end)) = next_name(at) {
        assert!(end <= u16::MAX as usize);
        #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
        let name = (start as u16, (end - start) as u16);
        names[found] = name;
        found += 1;
        at = end;
    }
    names
};

/// The name that begins at `at` or behind it; lines with `#` are for people.
const fn next_name(mut at: usize) -> Option<(usize, usize)> {
    while at < KNOWN.len() && (KNOWN[at] == b'#' || KNOWN[at].is_ascii_whitespace()) {
        if KNOWN[at] == b'#' {
            while at < KNOWN.len() && KNOWN[at] != b'\n' {
                at += 1;
            }
        } else {
            at += 1;
        }
    }
    let start = at;
    while at < KNOWN.len() && !KNOWN[at].is_ascii_whitespace() {
        at += 1;
    }
    if at == start { None } else { Some((start, at)) }
}

const fn count() -> usize {
    let (mut at, mut found) = (0, 0);
    while let Some((_, end)) = next_name(at) {
        found += 1;
        at = end;
    }
    found
}

/// Checks the whole line: what Bulkhead adds counts like everything else.
///
/// # Errors
/// [`CmdlineError::TooMany`] has the names.
pub(super) fn check(line: &str) -> Result<(), CmdlineError> {
    let unknown = || kernel_words(line).filter(|word| is_passed_on(word));
    let mut variables: Vec<&str> = Vec::new();
    for word in unknown().filter(|word| word.value.is_some()) {
        // A second value takes the place of the first.
        if !variables.contains(&word.name) && !matches!(word.name, "HOME" | "TERM") {
            variables.push(word.name);
        }
    }
    at_most("variables", &variables, MOST_VARIABLES)?;
    let mut arguments: Vec<&str> = Vec::new();
    for word in kernel_words(line) {
        if matches!(word.name, "init" | "rdinit") {
            // Linux forgets the arguments before it (`init_setup` in `init/main.c`).
            at_most("arguments", &arguments, MOST_ARGUMENTS)?;
            arguments.clear();
        } else if word.value.is_none() && is_passed_on(&word) {
            arguments.push(word.name);
        }
    }
    arguments.extend(init_words(line).map(|word| word.name));
    at_most("arguments", &arguments, MOST_ARGUMENTS)
}

/// Whether a kernel may take this word for init's. A dot before the value makes it a module's.
fn is_passed_on(word: &Word<'_>) -> bool {
    let is_known = NAMES.binary_search_by(|(start, length)| {
        let bytes = KNOWN.iter().skip((*start).into()).take((*length).into());
        bytes.copied().cmp(as_compared(word.name))
    });
    !word.name.contains('.') && is_known.is_err()
}

fn at_most(what: &'static str, names: &[&str], most: usize) -> Result<(), CmdlineError> {
    if names.len() <= most {
        return Ok(());
    }
    Err(CmdlineError::TooMany {
        what,
        names: names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<String>>(),
        most,
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    fn many(count: usize, form: fn(usize) -> String) -> String {
        (0..count).map(form).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn variables_are_counted_as_the_kernel_counts() {
        let variables = |count| many(count, |n| format!("v{n}=x"));
        assert_eq!(check(&variables(31)), Ok(()));
        let error = check(&variables(32)).expect_err("one too many").to_string();
        assert!(
            error.contains("32 variables") && error.contains("v31"),
            "{error}"
        );
        // None of these has a place of its own.
        for free in [
            "v0=y",
            "TERM=vt100",
            "a.b=c",
            "panic=1",
            "no-ipi-broadcast=1",
            "word",
        ] {
            assert_eq!(
                check(&format!("{} {free}", variables(31))),
                Ok(()),
                "{free}"
            );
        }
        assert!(check(&format!("{} disable_cpu_apicid=254", variables(31))).is_err());
        assert_eq!(check(&format!("{} -- w=x", variables(31))), Ok(()));
    }

    #[test]
    fn arguments_are_counted_as_the_kernel_counts() {
        let arguments = |count| many(count, |n| format!("a{n}"));
        assert_eq!(check(&arguments(32)), Ok(()));
        assert!(check(&arguments(33)).is_err());
        assert_eq!(check(&format!("{} quiet x.y", arguments(32))), Ok(()));
        // Behind the dashes everything is one.
        assert!(check(&format!("{} -- quiet", arguments(32))).is_err());
        assert!(check(&format!("-- {} x.y=1", arguments(32))).is_err());
        assert_eq!(check(&format!("-- {}", arguments(32))), Ok(()));
    }

    #[test]
    fn the_names_are_names_and_can_be_searched() {
        let name = |(start, length): (u16, u16)| &KNOWN[start.into()..][..length.into()];
        let names = NAMES.map(name);
        let text = core::str::from_utf8(KNOWN).expect("text");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let words = lines.flat_map(str::split_ascii_whitespace);
        assert!(words.map(str::as_bytes).eq(names));
        assert!(names.len() > 200 && names.is_sorted());
        let is_plain = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
        assert!(names.iter().all(|name| name.iter().all(is_plain)));
        // Newer kernels do not know it.
        assert!(!names.contains(&b"disable_cpu_apicid".as_slice()));
    }
}
