//! `handoff`, `halt`: Bulkhead's own core goes, and what is possible without it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_plan::{LaunchPlan, Ledger, Warning};

use super::{Done, change, launch, names};
use crate::control::Control;
use crate::error::CommandError;
use crate::words::Word;

/// `handoff NAME`: Bulkhead's core becomes the boot core of a last partition.
pub(super) fn handoff(name: &Word, control: &mut dyn Control, out: &mut dyn Write) -> Done {
    let mut plan = launch::plan(name, Ledger::check_handoff, control)?;
    // That the core is Bulkhead's own is no news here.
    plan.warnings
        .retain(|warning| !matches!(warning, Warning::BulkheadsCore { .. }));
    change::warn(&name.text, &plan.warnings, out)?;
    prepare(control, out)?;
    let core = plan.boot_core;
    writeln!(
        out,
        "core {core} goes to \"{}\"; the shell comes back when the last partition has ended",
        name.text
    )?;
    without_shell(control.ledger(), Some(&name.text), out)?;
    Ok(control.handoff(plan).map_err(|reason| {
        let message = format!("core {core} was not handed to \"{}\": {reason}", name.text);
        CommandError::new(name.span, message)
    })?)
}

/// `halt`: Bulkhead's core parks.
pub(super) fn halt(verb: &Word, control: &mut dyn Control, out: &mut dyn Write) -> Done {
    prepare(control, out)?;
    let core = control.machine().boot_core;
    if names::running(control.ledger()).is_empty() {
        writeln!(
            out,
            "core {core} parks; no partition runs, so that only a reset of the machine wakes it"
        )?;
    } else {
        writeln!(
            out,
            "core {core} parks; the shell comes back when the last partition has ended"
        )?;
        without_shell(control.ledger(), None, out)?;
    }
    Ok(control.halt().map_err(|reason| {
        let message = format!("core {core} was not parked: {reason}");
        CommandError::new(verb.span, message)
    })?)
}

/// Gives the kernel the plan of every partition that can be launched now, for when there is
/// nobody left to make one.
fn prepare(control: &mut dyn Control, out: &mut dyn Write) -> fmt::Result {
    let mut plans: Vec<LaunchPlan> = Vec::new();
    let (machine, ledger) = (control.machine(), control.ledger());
    for partition in ledger {
        let name = &partition.definition.name;
        if ledger.check_launch(machine, name).is_err() {
            continue;
        }
        match ledger.plan(machine, &control.resident_code(), name) {
            Ok(plan) => plans.push(plan),
            Err(error) => writeln!(out, "warning: {name}: it can't be started later: {error}")?,
        }
    }
    control.prepare(plans);
    Ok(())
}

/// Says which partitions can do something about others while no core is Bulkhead's.
fn without_shell(ledger: &Ledger, handed: Option<&str>, out: &mut dyn Write) -> fmt::Result {
    let controllers: Vec<String> = ledger
        .iter()
        .filter(|partition| {
            let definition = &partition.definition;
            definition.control
                && (partition.state.is_live() || handed == Some(definition.name.as_str()))
        })
        .map(|partition| format!("\"{}\"", partition.definition.name))
        .collect();
    if controllers.is_empty() {
        writeln!(
            out,
            "until then no partition can start, restart or kill another: none that runs has control=yes"
        )
    } else {
        writeln!(
            out,
            "until then partitions are started, restarted and killed by {} (control=yes)",
            controllers.join(", ")
        )
    }
}
