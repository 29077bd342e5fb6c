//! `show NAME`: all that is known of a partition, and all that its Linux is told.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use bulkhead_conductor::{failed, quoted as quoted_reason, silent};
use bulkhead_launch::{LaunchPlan, told_nodes};
use bulkhead_ledger::Partition;
use bulkhead_lifecycle::Order;
use bulkhead_linux::E820Kind;
use bulkhead_memory::{Bytes, Region};
use bulkhead_model::{
    Definition, DeviceName, Devices, End, Machine, RESTART_LIMIT, RestartPolicy, Warning,
};
use bulkhead_tables::efi;

use super::class::class_name;
use super::machine::printable;
use super::table::{self, core_list};
use super::{Done, links, names, walls};
use crate::control::Control;
use crate::words::Word;

/// Prints a partition: state, definition, claim, and the view that a launch now would give it.
// Not in the frame of all commands.
#[inline(never)]
pub(super) fn show(name: &Word, control: &dyn Control, out: &mut dyn Write) -> Done {
    let ledger = control.ledger();
    let partition = names::partition(name, ledger)?;
    state(partition, control, out)?;
    agent(partition, control, out)?;
    writeln!(
        out,
        "definition:\n  {}",
        definition_line(&partition.definition)
    )?;
    walls::toll(partition, control, out)?;
    policy(partition, out)?;
    let resident = control.resident_code();
    let plan = ledger.plan(control.machine(), &resident, &name.text);
    let warnings = plan.as_ref().map_or(&[][..], |plan| &plan.warnings);
    let no_kexec = warnings
        .iter()
        .any(|warning| matches!(warning, Warning::NoKexec { .. }));
    claim(partition, control, no_kexec, out)?;
    match plan {
        Ok(plan) => view(&plan, out)?,
        Err(error) => writeln!(out, "it can't be launched: {error}")?,
    }
    Ok(())
}

fn state(partition: &Partition, control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let (name, state, runs) = (
        &partition.definition.name,
        partition.life.state,
        partition.life.runs,
    );
    writeln!(
        out,
        "{name}: {state}, {runs} run{}",
        if runs == 1 { "" } else { "s" }
    )?;
    if partition.life.awaits_dump {
        writeln!(out, "  launches again when its memory was dumped")?;
    }
    let holder = partition.life.held_by;
    if let Some(holder) = holder.and_then(|id| control.ledger().by_id(id)) {
        writeln!(out, "  held for a dump by {}", holder.definition.name)?;
    }
    match &partition.life.last_end {
        Some(end @ (End::Failed | End::Silent)) => {
            let reason = control.reason(partition.id);
            let end = match (end, partition.definition.watchdog) {
                (End::Silent, seconds) => {
                    quoted_reason(&silent(seconds.unwrap_or(0), reason.as_deref()))
                }
                _ => failed(reason.as_deref()),
            };
            writeln!(out, "last end:\n  {}", printable(end.as_bytes()))
        }
        Some(end) => writeln!(
            out,
            "last end:\n  {}",
            printable(end.to_string().as_bytes())
        ),
        None => Ok(()),
    }
}

fn agent(partition: &Partition, control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let agent = control.agent(partition.id);
    let left = (agent.left_ms + 500) / 1000;
    let heard = agent.heard_ms.map(|ms| ms / 1000);
    match (heard, agent.order) {
        (None, None) => Ok(()),
        (Some(heard), None) => writeln!(out, "agent:\n  heard {heard} s ago"),
        (_, Some(Order::Fail)) => writeln!(out, "agent:\n  silent; it fails in {left} s"),
        (_, Some(order)) => writeln!(
            out,
            "agent:\n  asked to {}; killed in {left} s",
            order.word()
        ),
    }
}

/// The line that would define the partition again.
fn definition_line(definition: &Definition) -> String {
    let memory = definition.memory.iter().map(ToString::to_string);
    let memory = memory.reduce(|list, item| format!("{list},{item}"));
    let mut line = format!(
        "define {} cores={} memory={} kernel={}",
        definition.name,
        core_list(&definition.cores),
        memory.unwrap_or_default(),
        quoted(&definition.kernel)
    );
    if !definition.initrds.is_empty() {
        line.push_str(&format!(
            " initrd={}",
            quoted(&definition.initrds.join(","))
        ));
    }
    if !definition.cmdline.is_empty() {
        line.push_str(&format!(" cmdline={}", quoted(&definition.cmdline)));
    }
    if let Some(console) = definition.console {
        line.push_str(&format!(" console={}", console.name()));
    }
    let devices = definition.devices.iter().map(ToString::to_string);
    if let Some(devices) = devices.reduce(|list, item| format!("{list},{item}")) {
        line.push_str(&format!(" devices={devices}"));
    }
    if definition.restart != RestartPolicy::default() {
        line.push_str(&format!(" restart={}", definition.restart));
    }
    if definition.control.is_any() {
        line.push_str(&format!(" control={}", definition.control));
    }
    if definition.dump {
        line.push_str(" dump=yes");
    }
    if let Some(seconds) = definition.watchdog {
        line.push_str(&format!(" watchdog={seconds}"));
    }
    if let Some(node) = definition.node {
        line.push_str(&format!(" node={node}"));
    }
    if let Some(isolation) = definition.isolation {
        line.push_str(&format!(" isolation={isolation}"));
    }
    line
}

/// `value` as it has to be typed.
fn quoted(value: &str) -> String {
    if value.contains([' ', '\t', '"', '\'']) {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    } else {
        String::from(value)
    }
}

/// What follows when it ends, and what it may do to others.
fn policy(partition: &Partition, out: &mut dyn Write) -> fmt::Result {
    let Definition {
        restart,
        control,
        dump,
        ..
    } = &partition.definition;
    writeln!(out, "policy:")?;
    write!(out, "  restart  {restart}")?;
    if *restart != RestartPolicy::Never {
        write!(out, ", after at most {RESTART_LIMIT} failures in a row")?;
    }
    if *dump {
        write!(out, "; a failure waits for its dump")?;
    }
    writeln!(out, "\n  failures {} in a row", partition.life.failures)?;
    writeln!(out, "  control  {control}")
}

fn claim(
    partition: &Partition,
    control: &dyn Control,
    no_kexec: bool,
    out: &mut dyn Write,
) -> fmt::Result {
    let (claim, machine) = (&partition.claim, control.machine());
    let cores = core_list(&claim.cores);
    writeln!(out, "claim:")?;
    writeln!(out, "  cores    {cores} (boot core {})", claim.boot_core())?;
    for region in &claim.memory {
        writeln!(out, "  memory   {}", sized(*region))?;
    }
    let shared = if claim.shares_low_chunk {
        ", shared"
    } else {
        ""
    };
    let kexec = if no_kexec { ", no kexec" } else { "" };
    let low = sized(claim.low_chunk);
    writeln!(out, "  low      {low}{shared}{kexec}")?;
    let told = told_nodes(machine, claim);
    for (inside, node) in told.iter().enumerate() {
        let own = node
            .memory
            .iter()
            .filter(|region| *region != claim.low_chunk);
        let bytes: u64 = own.map(|region| region.size()).sum();
        let cores = core_list(&node.cores);
        let cores = if cores.is_empty() { "none" } else { &cores };
        let number = node.number;
        let size = Bytes(bytes);
        writeln!(
            out,
            "  node     {number}, inside {inside}: cores {cores}, {size}"
        )?;
    }
    match claim.console {
        Some(com) => {
            let (base, tty) = (com.io_base(), com.tty_index());
            writeln!(out, "  console  {} ({base:#x}, ttyS{tty})", com.name())?;
        }
        None => writeln!(out, "  console  mem (no port)")?,
    }
    devices(&claim.devices, machine, out)?;
    walls::reach(partition, control, out)?;
    links::ends(claim, out)
}

/// One line for each device, a PCI function with the address that its Linux gives it.
fn devices(devices: &Devices, machine: &Machine, out: &mut dyn Write) -> fmt::Result {
    for com in &devices.ports {
        writeln!(out, "  device   {}", com.name())?;
    }
    for name in [DeviceName::Ps2, DeviceName::Rtc, DeviceName::Framebuffer] {
        if devices.has(name) {
            writeln!(out, "  device   {name}")?;
        }
    }
    for number in &devices.io_apics {
        writeln!(out, "  device   {}", DeviceName::IoApic(Some(*number)))?;
    }
    let own = machine.functions.iter();
    for function in own.filter(|function| devices.has_function(function.address)) {
        let address = function.address;
        let inside = Devices::address_in_partition(address);
        let what = class_name(function.class, function.subclass, function.interface);
        writeln!(out, "  device   {address}, inside {inside}: {what}")?;
    }
    Ok(())
}

fn view(plan: &LaunchPlan, out: &mut dyn Write) -> fmt::Result {
    let view = &plan.view;
    let release = view.kernel_release.as_deref().unwrap_or("unknown release");
    writeln!(out, "placement:")?;
    writeln!(
        out,
        "  kernel        {}, {release}",
        sized(view.placement.kernel)
    )?;
    writeln!(out, "  entry         {:#x}", plan.entry)?;
    if let Some(initrd) = view.placement.initrd {
        writeln!(out, "  initrd        {}", sized(initrd))?;
    }
    writeln!(out, "  zero page     {}", sized(view.block.zero_page))?;
    writeln!(out, "  command line  {}", sized(view.block.cmdline))?;
    writeln!(out, "  ACPI          {}", sized(view.block.acpi))?;
    writeln!(out, "  EFI           {}", sized(view.block.efi))?;
    writeln!(out, "  EFI variables {}", sized(view.block.variables))?;
    writeln!(out, "  printed       {}", sized(view.block.printed))?;
    writeln!(out, "  runtime code  {}", sized(view.block.runtime_code))?;
    writeln!(out, "command line:\n  {}", view.cmdline)?;
    writeln!(out, "e820 map:")?;
    for entry in view.e820.entries() {
        writeln!(out, "  {}  {}", sized(entry.region), e820_name(entry.kind))?;
    }
    writeln!(out, "EFI memory map:")?;
    for descriptor in &view.efi {
        writeln!(
            out,
            "  {}  {}",
            sized(descriptor.region),
            efi_name(descriptor.kind)
        )?;
    }
    writeln!(out, "EFI system table at {:#x}", view.efi_system_table)?;
    writeln!(out, "ACPI tables, RSDP at {:#x}:", view.rsdp)?;
    let rows = view.tables.iter().map(|(signature, address, length)| {
        [
            printable(signature),
            format!("{address:#x}"),
            length.to_string(),
        ]
    });
    table::print(["TABLE", "ADDRESS", "BYTES"], 2, rows, out)?;
    super::change::warn(&plan.name, &plan.warnings, out)
}

/// `0x10000000-0x2fffffff 512M`, with room for 64-bit addresses' usual lengths.
fn sized(region: Region) -> String {
    format!("{:<23} {}", region.to_string(), Bytes(region.size()))
}

const fn e820_name(kind: E820Kind) -> &'static str {
    match kind {
        E820Kind::Ram => "RAM",
        E820Kind::Reserved => "reserved",
        E820Kind::Acpi => "ACPI data",
        E820Kind::Nvs => "ACPI NVS",
        E820Kind::Unusable => "unusable",
    }
}

const fn efi_name(kind: efi::Kind) -> &'static str {
    match kind {
        efi::Kind::Conventional => "conventional",
        efi::Kind::LoaderData => "loader data",
        efi::Kind::RuntimeCode => "runtime code",
        efi::Kind::RuntimeData => "runtime data",
        efi::Kind::AcpiReclaim => "ACPI reclaim",
        efi::Kind::Reserved => "reserved",
        efi::Kind::BootServicesData => "boot services data",
    }
}
