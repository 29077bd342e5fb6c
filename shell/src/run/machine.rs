//! `machine` and `cores`: what there is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_model::{Core, FirmwareKind, Machine};

use super::images::rounded;
use super::table::{self, core_list};
use crate::control::Control;

/// Prints the machine in a few lines, its ACPI tables, and what is wrong with them.
pub(super) fn machine(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let machine = control.machine();
    let firmware = match machine.firmware {
        FirmwareKind::Bios => "BIOS",
        FirmwareKind::Uefi => "UEFI",
    };
    let ready = machine.cores.iter().filter(|core| core.responding).count();
    let (mhz, khz) = (machine.tsc_khz / 1000, machine.tsc_khz % 1000);
    let uptime = control.uptime_ms();
    writeln!(out, "processor  {}", machine.cpu_model)?;
    writeln!(out, "cores      {} ({ready} respond)", machine.cores.len())?;
    writeln!(out, "TSC        {mhz}.{khz:03} MHz")?;
    writeln!(out, "RAM        {}", rounded(machine.ram().total()))?;
    writeln!(out, "firmware   {firmware}")?;
    writeln!(out, "loader     {}", machine.loader)?;
    if !machine.shell_line.is_empty() {
        writeln!(out, "console    {}", machine.shell_line)?;
    }
    writeln!(out, "local APIC {:#x}", machine.local_apic_address)?;
    writeln!(out, "up         {}.{:03} s", uptime / 1000, uptime % 1000)?;
    acpi_tables(machine, out)?;
    for problem in &machine.problems {
        writeln!(out, "problem: {problem}")?;
    }
    Ok(())
}

fn acpi_tables(machine: &Machine, out: &mut dyn Write) -> fmt::Result {
    if machine.tables.is_empty() {
        return writeln!(out, "no ACPI tables");
    }
    writeln!(out, "ACPI tables:")?;
    let rows = machine.tables.iter().map(|info| {
        let checksum = if info.checksum_ok { "ok" } else { "bad" };
        [
            printable(&info.signature),
            alloc::format!("{:#x}", info.address),
            info.length.to_string(),
            info.revision.to_string(),
            printable(&info.oem_id),
            checksum.to_string(),
        ]
    });
    let headings = ["TABLE", "ADDRESS", "BYTES", "REVISION", "OEM", "CHECKSUM"];
    table::print(headings, 2, rows, out)
}

/// What a firmware says is text: anything unprintable becomes `?`.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text: String = bytes
        .iter()
        .map(|b| {
            if matches!(b, b' '..=b'~') {
                char::from(*b)
            } else {
                '?'
            }
        })
        .collect();
    String::from(text.trim_end())
}

/// Prints a row for each core.
// Not in the frame of all commands.
#[inline(never)]
pub(super) fn cores(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let machine = control.machine();
    let rows = machine.cores.iter().map(|core| {
        let owner = match control.ledger().owner_of_core(core.apic_id) {
            Some(name) => name,
            None if core.apic_id == machine.boot_core => "bulkhead",
            None if core.responding => "free",
            None => "",
        };
        let state = control.core_state(core.apic_id).word();
        [
            core.apic_id.to_string(),
            node(machine, machine.node_of_core(core.apic_id)),
            core.package.to_string(),
            core.core.to_string(),
            core_list(&siblings(core, machine)),
            state.to_string(),
            owner.to_string(),
        ]
    });
    let headings = [
        "CORE",
        node_heading(machine),
        "PACKAGE",
        "PHYSICAL",
        "SIBLINGS",
        "STATE",
        "OWNER",
    ];
    table::print(headings, 0, rows, out)
}

/// The heading of a column that only a machine of several nodes has.
pub(super) const fn node_heading(machine: &Machine) -> &'static str {
    if machine.has_nodes() { "NODE" } else { "" }
}

/// The cell of a node in that column.
fn node(machine: &Machine, node: Option<usize>) -> String {
    let node = node.filter(|_| machine.has_nodes());
    node.map_or_else(String::new, |node| node.to_string())
}

/// The cores that share execution units with `core`.
fn siblings(core: &Core, machine: &Machine) -> Vec<u32> {
    let others = machine.cores.iter().filter(|other| {
        (other.package, other.core) == (core.package, core.core) && other.apic_id != core.apic_id
    });
    others.map(|other| other.apic_id).collect()
}
