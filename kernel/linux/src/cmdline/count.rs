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
use super::words::{Word, init_words, kernel_words};

/// Variables that fit: 33 places (`MAX_INIT_ENVS` and one), less `HOME` and `TERM`.
const MOST_VARIABLES: usize = 31;
/// Arguments that fit: 33 places (`MAX_INIT_ARGS` and one), less the program's name.
const MOST_ARGUMENTS: usize = 32;
/// Names that every kernel knows. What only some know counts as unknown.
const KNOWN: &str = include_str!("known.txt");

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
    !word.name.contains('.') && !known_names().any(|name| word.is_called(name))
}

fn known_names() -> impl Iterator<Item = &'static str> {
    KNOWN
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_ascii_whitespace)
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
    fn the_names_are_names() {
        assert!(known_names().count() > 200);
        for name in known_names() {
            let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
            assert!(name.bytes().all(is_plain), "{name}");
        }
        // Newer kernels do not know it.
        assert!(known_names().all(|name| name != "disable_cpu_apicid"));
    }
}
