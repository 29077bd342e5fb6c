//! `check`, `start`, `restart`, `kill`: what is done with a partition while the shell stays.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use bulkhead_conductor::{How, can_launch};
use bulkhead_ledger::Partition;
use bulkhead_model::Warning;

use super::{Done, change, devices, names};
use crate::control::Control;
use crate::error::CommandError;
use crate::words::Word;

/// `check NAME`
pub(super) fn check(name: &Word, control: &dyn Control, out: &mut dyn Write) -> Done {
    let partition = names::partition(name, control.ledger())?;
    let warnings = control
        .ledger()
        .check(control.machine(), &name.text)
        .map_err(|error| names::refused(name, &error))?;
    Ok(say_ok(partition, &warnings, control, out)?)
}

/// Says that it can be launched, and what is worth saying before.
fn say_ok(
    partition: &Partition,
    warnings: &[Warning],
    control: &dyn Control,
    out: &mut dyn Write,
) -> core::fmt::Result {
    let name = &partition.definition.name;
    change::warn(name, warnings, out)?;
    change::warn_rootless(partition, control.machine(), out)?;
    devices::warn_devices(name, control, out)?;
    writeln!(out, "{name}: ok")
}

/// `check`: all of them, so that one look shows everything that is wrong.
pub(super) fn check_all(verb: &Word, control: &dyn Control, out: &mut dyn Write) -> Done {
    let mut refused: Vec<String> = Vec::new();
    for partition in control.ledger().iter() {
        let name = &partition.definition.name;
        match control.ledger().check(control.machine(), name) {
            Ok(warnings) => say_ok(partition, &warnings, control, out)?,
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
    launch(names, How::Start, control, out)
}

/// `restart NAME ...`: nothing is touched unless everything can be launched.
pub(super) fn restart(names: &[Word], control: &mut dyn Control, out: &mut dyn Write) -> Done {
    launch(names, How::Restart, control, out)
}

/// What is worth saying of a partition that can be launched in that way.
pub(super) fn check_how(
    name: &Word,
    how: How,
    control: &dyn Control,
) -> Result<Vec<Warning>, CommandError> {
    let (machine, ledger, code) = (control.machine(), control.ledger(), control.resident_code());
    names::partition(name, ledger)?;
    can_launch(machine, ledger, &code, &name.text, how)
        .map_err(|error| names::refused(name, &error))
}

/// Launches partitions, one after the other; the cores of a live one are taken back before. Each is
/// planned when it is its turn: two plans at once are one too many.
fn launch(names: &[Word], how: How, control: &mut dyn Control, out: &mut dyn Write) -> Done {
    let checked: Result<Vec<_>, _> = names
        .iter()
        .map(|name| check_how(name, how, control))
        .collect();
    let mut launched: Vec<&str> = Vec::new();
    for (name, warnings) in names.iter().zip(checked?) {
        change::warn(&name.text, &warnings, out)?;
        devices::warn_devices(&name.text, control, out)?;
        let is_live = names::partition(name, control.ledger())?
            .life
            .state
            .is_live();
        let what = if is_live { "restarted" } else { "launched" };
        control.launch(&name.text, how).map_err(|reason| {
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
    let life = &names::partition(name, control.ledger())?.life;
    let state = life.state;
    // A core that did not come back is called once more.
    if !state.is_live() && life.lost_cores.is_empty() && life.held_by.is_none() {
        let message = format!("\"{}\" is {state}: it does not run", name.text);
        return Err(CommandError::new(name.span, message).into());
    }
    Ok(control.kill(&name.text).map_err(|reason| {
        let message = format!("\"{}\" was not killed: {reason}", name.text);
        CommandError::new(name.span, message)
    })?)
}
