//! Partitions by name, and errors about them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_ledger::{Ledger, Partition, PlanError};

use crate::error::{CommandError, ONE_COMMAND, did_you_mean, ends_a_command};
use crate::sentence::{Cut, listed};
use crate::words::Word;

/// The partition that `name` names.
pub(super) fn partition<'a>(
    name: &Word,
    ledger: &'a Ledger,
) -> Result<&'a Partition, CommandError> {
    ledger
        .find(&name.text)
        .ok_or_else(|| unknown(name, ledger, None))
}

/// That there is none of that name; `word` could have been meant too.
pub(super) fn unknown(name: &Word, ledger: &Ledger, word: Option<&str>) -> CommandError {
    let names = || ledger.iter().map(|p| p.definition.name.as_str());
    let mut message = format!(
        "there is no partition \"{}\"{} (partitions: {})",
        Cut(&name.text),
        did_you_mean(&name.text, names().chain(word)),
        listed(names()),
    );
    if ends_a_command(&name.text) {
        message = format!("{message}; {ONE_COMMAND}");
    }
    CommandError::new(name.span, message)
}

/// A refusal by the ledger, blamed on a partition's name.
pub(super) fn refused(name: &Word, error: &PlanError) -> CommandError {
    CommandError::new(name.span, format!("{error}"))
}

/// `"web" is running`, `"web" and "db" are running`.
pub(super) fn are_running(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [] => String::from("no partition is running"),
        [one] => format!("{one} is running"),
        [first @ .., last] => format!("{} and {last} are running", first.join(", ")),
    }
}
