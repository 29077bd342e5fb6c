//! `define`, `set`, `undefine`: what changes the ledger.

use alloc::format;
use core::fmt::Write;

use bulkhead_ledger::{CoreError, Partition, PlanError};
use bulkhead_memory::Bytes;
use bulkhead_model::{Key, Machine, Warning};

use super::table::core_list;
use super::{Done, names};
use crate::control::Control;
use crate::error::{CommandError, did_you_mean};
use crate::settings::Settings;
use crate::words::Word;

/// `define NAME key=value ...`
pub(super) fn define(
    name: &Word,
    settings: &Settings,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    let warnings = control
        .define(&name.text, settings.change.clone())
        .map_err(|error| refusal(error, name, settings, control.machine()))?;
    report(name, &warnings, control, out)
}

/// `set NAME key=value ...`
pub(super) fn set(
    name: &Word,
    settings: &Settings,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    names::partition(name, control.ledger())?;
    let warnings = control
        .set(&name.text, settings.change.clone())
        .map_err(|error| refusal(error, name, settings, control.machine()))?;
    report(name, &warnings, control, out)
}

/// `undefine NAME`
pub(super) fn undefine(name: &Word, control: &mut dyn Control) -> Done {
    names::partition(name, control.ledger())?;
    let undefined = control.undefine(&name.text);
    Ok(undefined.map_err(|error| names::refused(name, &error))?)
}

/// Says what the partition has now: where its memory was put is news.
fn report(name: &Word, warnings: &[Warning], control: &dyn Control, out: &mut dyn Write) -> Done {
    warn(&name.text, warnings, out)?;
    let partition = names::partition(name, control.ledger())?;
    warn_rootless(partition, control.machine(), out)?;
    for other in partition.definition.control.only() {
        if control.ledger().get(other).is_err() {
            let (name, all) = (&name.text, control.ledger().iter());
            let names = all.map(|partition| partition.definition.name.as_str());
            // Who controls is none of those that it may mean.
            let hint = did_you_mean(other, names.filter(|known| known != name));
            writeln!(
                out,
                "note: {name}: control= names \"{other}\", which is not defined yet{hint}"
            )?;
        }
    }
    let claim = &partition.claim;
    let cores = core_list(&claim.cores);
    write!(out, "{}: cores {cores}, memory", name.text)?;
    let mut separator = "";
    for region in &claim.memory {
        write!(out, "{separator} {region} ({})", Bytes(region.size()))?;
        separator = ",";
    }
    Ok(writeln!(out)?)
}

/// Prints warnings about the partition called `name`.
pub(super) fn warn(name: &str, warnings: &[Warning], out: &mut dyn Write) -> core::fmt::Result {
    warnings
        .iter()
        .try_for_each(|warning| writeln!(out, "warning: {name}: {warning}"))
}

/// Says it if nothing in sight holds what a Linux runs: no initrd, no `root=`, and no device to find one on.
/// A kernel may have an initrd built in, which is not seen here: so it is no refusal, and not said at a launch.
pub(super) fn warn_rootless(
    partition: &Partition,
    machine: &Machine,
    out: &mut dyn Write,
) -> core::fmt::Result {
    let definition = &partition.definition;
    let Ok(boot) = definition.find_kernel(machine) else {
        return Ok(());
    };
    let has_initrd = boot
        .initrds(definition, machine)
        .is_ok_and(|initrds| !initrds.is_empty());
    let cmdline = boot.cmdline(definition).unwrap_or_default();
    let mut parameters = cmdline.split_ascii_whitespace();
    let has_root = parameters.any(|parameter| parameter.starts_with("root="));
    if has_initrd || has_root || !partition.claim.devices.units.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "warning: {}: no initrd, no root= and no PCI device: unless it has an initrd built in, \
         its kernel finds nothing to run and panics",
        definition.name
    )
}

/// The ledger looks at a list core by core. That one does not exist is said before whose another one is: no other
/// core can be chosen before that is known.
fn absent_first(error: PlanError, settings: &Settings, machine: &Machine) -> PlanError {
    let mut cores = settings.change.cores.iter().flatten();
    match (&error, cores.find(|core| machine.core(**core).is_none())) {
        (PlanError::Cores(_), Some(&core)) => {
            let existing = machine.cores.iter().map(|core| core.apic_id).collect();
            CoreError::Absent { core, existing }.into()
        }
        _ => error,
    }
}

/// What the ledger refused, at its word.
fn refusal(error: PlanError, name: &Word, settings: &Settings, machine: &Machine) -> CommandError {
    blame(&absent_first(error, settings, machine), name, settings)
}

/// Points at the word that the ledger refused; what is not in the line is the name's fault.
fn blame(error: &PlanError, name: &Word, settings: &Settings) -> CommandError {
    let place = match error.key() {
        None | Some(Key::Name) => None,
        Some(key) => settings.place(key, error.item()),
    };
    CommandError::new(place.unwrap_or(name.span), format!("{error}"))
}
