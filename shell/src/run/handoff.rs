//! `handoff`, `halt`: Bulkhead's own core goes, and what is possible without it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_conductor::How;
use bulkhead_ledger::{Ledger, Partition};
use bulkhead_model::{Right, Warning};

use super::{Done, change, launch};
use crate::control::Control;
use crate::error::CommandError;
use crate::words::Word;

/// `handoff NAME`: Bulkhead's core becomes the boot core of a last partition.
pub(super) fn handoff(name: &Word, control: &mut dyn Control, out: &mut dyn Write) -> Done {
    let mut warnings = launch::check_how(name, How::Handoff, control)?;
    // That the core is Bulkhead's own is no news here.
    warnings.retain(|warning| !matches!(warning, Warning::BulkheadsCore { .. }));
    change::warn(&name.text, &warnings, out)?;
    prepare(control, out)?;
    let core = control.machine().boot_core;
    writeln!(
        out,
        "core {core} goes to \"{0}\"; the shell comes back when \"{0}\" has ended for good",
        name.text
    )?;
    let controllers = controllers(control.ledger(), Some(&name.text));
    if controllers.is_empty() {
        writeln!(out, "until then nothing can be asked for: {NO_CONTROLLER}")?;
    } else {
        asked_by(&controllers, out)?;
    }
    Ok(control.handoff(&name.text).map_err(|reason| {
        let message = format!("core {core} was not handed to \"{}\": {reason}", name.text);
        CommandError::new(name.span, message)
    })?)
}

/// `halt`: Bulkhead's core parks.
pub(super) fn halt(verb: &Word, control: &mut dyn Control, out: &mut dyn Write) -> Done {
    prepare(control, out)?;
    let core = control.machine().boot_core;
    let controllers = controllers(control.ledger(), None);
    if controllers.is_empty() {
        writeln!(
            out,
            "core {core} parks; only a reset of the machine brings the shell back: {NO_CONTROLLER}"
        )?;
    } else {
        writeln!(
            out,
            "core {core} parks; the shell comes back when a partition with control=yes asks for it"
        )?;
        asked_by(&controllers, out)?;
    }
    Ok(control.halt().map_err(|reason| {
        let message = format!("core {core} was not parked: {reason}");
        CommandError::new(verb.span, message)
    })?)
}

/// Has the kernel keep the plan of every partition that can be launched now, for when there is
/// nobody left to make one.
fn prepare(control: &mut dyn Control, out: &mut dyn Write) -> fmt::Result {
    for (name, error) in control.prepare() {
        writeln!(out, "warning: {name}: it can't be started later: {error}")?;
    }
    Ok(())
}

const NO_CONTROLLER: &str = "no partition that runs has control=yes";

/// The partitions that can do something about others while no core is Bulkhead's: `handed` is
/// about to run.
fn controllers(ledger: &Ledger, handed: Option<&str>) -> Vec<String> {
    let runs = |partition: &&Partition| {
        partition.life.state.is_live() || handed == Some(partition.definition.name.as_str())
    };
    let running = ledger.iter().filter(runs);
    running
        .filter(|partition| partition.definition.control == Right::All)
        .map(|partition| format!("\"{}\"", partition.definition.name))
        .collect()
}

fn asked_by(controllers: &[String], out: &mut dyn Write) -> fmt::Result {
    writeln!(
        out,
        "until then partitions are started, restarted and killed by {}",
        controllers.join(", ")
    )
}
