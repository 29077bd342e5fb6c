//! `log NAME [RUN]`: what a partition's Linux has printed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
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
            let (text, kept) = (Cut(&word.text), kept(id, control));
            let message = format!("\"{text}\" is no number of a run (runs that are kept: {kept})");
            CommandError::new(word.span, message)
        })?),
        None => None,
    };
    if control.printed(id, number, out)? {
        return Ok(());
    }
    let kept = kept(id, control);
    let what = match number {
        Some(run) => format!("nothing of run {run} is there"),
        None => format!("nothing that \"{}\" printed is found", name.text),
    };
    let message = format!("{what} (runs that are kept: {kept})");
    Err(CommandError::new(run.unwrap_or(name).span, message).into())
}

/// The numbers of the runs of which something is kept.
fn kept(id: usize, control: &dyn Control) -> String {
    let runs = control.printed_runs(id).into_iter().flatten();
    let runs: Vec<String> = runs.map(|run| format!("{run}")).collect();
    match runs.as_slice() {
        [] => String::from("none"),
        runs => runs.join(", "),
    }
}
