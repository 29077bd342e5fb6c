//! `check`, `start`, `kill`: what is done with a partition.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

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
pub(super) fn start(partitions: &[Word], control: &mut dyn Control, out: &mut dyn Write) -> Done {
    let plans = {
        let (machine, ledger) = (control.machine(), control.ledger());
        let resident = control.resident_code();
        let plan = |name: &Word| {
            names::partition(name, ledger)?;
            ledger
                .check_launch(&name.text)
                .and_then(|()| ledger.plan(machine, &resident, &name.text))
                .map_err(|error| names::refused(name, &error))
        };
        partitions.iter().map(plan).collect::<Result<Vec<_>, _>>()?
    };
    let mut launched: Vec<&str> = Vec::new();
    for (name, plan) in partitions.iter().zip(plans) {
        change::warn(&name.text, &plan.warnings, out)?;
        control.start(plan).map_err(|reason| {
            let before = match launched.as_slice() {
                [] => String::new(),
                launched => format!(" (launched before it: {})", launched.join(", ")),
            };
            let message = format!("\"{}\" was not launched: {reason}{before}", name.text);
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
