//! `log NAME [RUN]`: what a partition's Linux has printed.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::{Done, names};
use crate::control::Control;
use crate::error::CommandError;
use crate::sentence::Cut;
use crate::words::Word;

/// Prints it, or says which runs are kept.
pub(super) fn printed(
    name: &Word,
    run: Option<&Word>,
    control: &dyn Control,
    out: &mut dyn Write,
) -> Done {
    let id = names::partition(name, control.ledger())?.id;
    let number = match run {
        Some(word) => Some(word.text.parse().map_err(|_| {
            let message = format!("\"{}\" is no number of a run, as 2 is", Cut(&word.text));
            CommandError::new(word.span, message)
        })?),
        None => None,
    };
    if control.printed(id, number, out)? {
        return Ok(());
    }
    let mut kept = String::new();
    for run in control.printed_runs(id).into_iter().flatten() {
        let comma = if kept.is_empty() { "" } else { ", " };
        write!(kept, "{comma}{run}")?;
    }
    if kept.is_empty() {
        kept.push_str("none");
    }
    let what = match number {
        Some(run) => format!("nothing of run {run} is there"),
        None => format!("nothing that \"{}\" printed is found", name.text),
    };
    let message = format!("{what} (runs that are kept: {kept})");
    Err(CommandError::new(run.unwrap_or(name).span, message).into())
}
