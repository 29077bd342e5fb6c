//! `check`, `start`, `restart`, `kill`: what is done with a partition while the shell stays.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use bulkhead_launch::LaunchPlan;
use bulkhead_ledger::{Ledger, PlanError};
use bulkhead_model::Machine;

use super::{Done, change, names};
use crate::control::Control;
use crate::error::CommandError;
use crate::words::Word;

/// `check NAME`
pub(super) fn check(name: &Word, control: &dyn Control, out: &mut dyn Write) -> Done {
    names::partition(name, control.ledger())?;
    let warnings = control
        .ledger()
        .check(control.machine(), &name.text)
        .map_err(|error| names::refused(name, &error))?;
    change::warn(&name.text, &warnings, out)?;
    Ok(writeln!(out, "{}: ok", name.text)?)
}

/// `check`: all of them, so that one look shows everything that is wrong.
pub(super) fn check_all(verb: &Word, control: &dyn Control, out: &mut dyn Write) -> Done {
    let mut refused: Vec<String> = Vec::new();
    for partition in control.ledger().iter() {
        let name = &partition.definition.name;
        match control.ledger().check(control.machine(), name) {
            Ok(warnings) => {
                change::warn(name, &warnings, out)?;
                writeln!(out, "{name}: ok")?;
            }
            Err(error) => {
                writeln!(out, "{name}: refused: {error}")?;
                refused.push(format!("\"{name}\""));
            }
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!("{} can't be launched", refused.join(", "));
    Err(CommandError::new(verb.span, message).into())
}

/// `start NAME ...`: nothing is launched unless everything can be.
pub(super) fn start(names: &[Word], control: &mut dyn Control, out: &mut dyn Write) -> Done {
    let plans = plans(names, Ledger::check_launch, control)?;
    launch(names, plans, control, out)
}

/// `restart NAME ...`: nothing is touched unless everything can be launched.
pub(super) fn restart(names: &[Word], control: &mut dyn Control, out: &mut dyn Write) -> Done {
    let plans = plans(names, Ledger::check_restart, control)?;
    launch(names, plans, control, out)
}

/// Whether a partition may be launched in the way that was asked for.
type Check = fn(&Ledger, &Machine, &str) -> Result<(), PlanError>;

/// The plan of each partition, all of which `check` allows.
fn plans(
    names: &[Word],
    check: Check,
    control: &dyn Control,
) -> Result<Vec<LaunchPlan>, CommandError> {
    names
        .iter()
        .map(|name| plan(name, check, control))
        .collect()
}

/// The plan of a partition, if `check` allows it.
pub(super) fn plan(
    name: &Word,
    check: Check,
    control: &dyn Control,
) -> Result<LaunchPlan, CommandError> {
    let (machine, ledger) = (control.machine(), control.ledger());
    names::partition(name, ledger)?;
    check(ledger, machine, &name.text)
        .and_then(|()| ledger.plan(machine, &control.resident_code(), &name.text))
        .map_err(|error| names::refused(name, &error))
}

/// Carries plans out, one after the other; the cores of a live partition are taken back before.
fn launch(
    names: &[Word],
    plans: Vec<LaunchPlan>,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    let mut launched: Vec<&str> = Vec::new();
    for (name, plan) in names.iter().zip(plans) {
        change::warn(&name.text, &plan.warnings, out)?;
        let partition = control.ledger().by_id(plan.partition);
        let (done, what) = if partition.is_some_and(|partition| partition.state.is_live()) {
            (control.restart(plan), "restarted")
        } else {
            (control.start(plan), "launched")
        };
        done.map_err(|reason| {
            let before = match launched.as_slice() {
                [] => String::new(),
                launched => format!(" (launched before it: {})", launched.join(", ")),
            };
            let message = format!("\"{}\" was not {what}: {reason}{before}", name.text);
            CommandError::new(name.span, message)
        })?;
        launched.push(&name.text);
    }
    Ok(())
}

/// `kill NAME`
pub(super) fn kill(name: &Word, control: &mut dyn Control) -> Done {
    let partition = names::partition(name, control.ledger())?;
    if !partition.state.is_live() {
        let message = format!("\"{}\" is {}: it does not run", name.text, partition.state);
        return Err(CommandError::new(name.span, message).into());
    }
    let id = partition.id;
    Ok(control.kill(id).map_err(|reason| {
        let message = format!("\"{}\" was not killed: {reason}", name.text);
        CommandError::new(name.span, message)
    })?)
}
