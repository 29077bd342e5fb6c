//! `devices`: everything that can be owned, whose it is, and what stands in the way.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_ledger::{Ledger, Standing};
use bulkhead_memory::Bytes;
use bulkhead_model::{DeviceName, Lead, Machine, Uart};
use bulkhead_pci::watchdog::Watchdog;
use bulkhead_pci::{Answer, Bar, BarKind, Function};

use super::class::class_name;
use super::{table, walls};
use crate::control::Control;
use crate::line::COLUMNS;

/// Column at which all but the first line of a function begins.
const INDENT: &str = "                ";

const KEYBOARD_IRQ: u8 = 1;

/// A function that is not there.
const GONE: &str = "does not answer: taken out, without power, or in a reset";
/// A function that no reset serves.
const UNCHANGED: &str =
    "can't be reset (it is lost by its bus's reset): its driver finds it as the last one left it";
/// A port whose slot shall be emptied.
const BUTTON: &str =
    "the card in its slot is wanted out (attention button), and nobody has answered";

/// Prints what there is of each kind of device.
// Not in the frame of all commands.
#[inline(never)]
pub(super) fn devices(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let (machine, ledger) = (control.machine(), control.ledger());
    functions(control, out)?;
    let ports = machine.uarts.iter().map(|uart| {
        [
            uart.port.name().to_string(),
            format!("{:#x}", uart.port.io_base()),
            uart.port.irq().to_string(),
            format!("ttyS{}", uart.port.tty_index()),
            port_owner(uart, ledger),
        ]
    });
    let headings = ["PORT", "I/O", "IRQ", "LINUX", "OWNER"];
    section("serial ports", headings, ports, out)?;
    legacy(machine, ledger, out)?;
    let io_apics = (0..=u8::MAX).zip(&machine.io_apics);
    let io_apics = io_apics.map(|(number, io_apic)| {
        let name = DeviceName::IoApic(Some(number));
        [
            name.to_string(),
            io_apic.id.to_string(),
            format!("{:#x}", io_apic.address),
            format!("GSI {}", io_apic.gsi_base),
            ledger.owner_of_device(name).unwrap_or("free").to_string(),
        ]
    });
    let headings = ["NAME", "ID", "ADDRESS", "FIRST", "OWNER"];
    section("I/O APICs", headings, io_apics, out)
}

/// One paragraph for each PCI function.
fn functions(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let machine = control.machine();
    if machine.ecam.is_empty() {
        return writeln!(
            out,
            "PCI functions: none can be given: this machine has no ECAM (no MCFG table)"
        );
    }
    if machine.functions.is_empty() {
        return writeln!(out, "PCI functions: none found");
    }
    writeln!(out, "PCI functions:")?;
    for function in &machine.functions {
        paragraph(function, control, out)?;
    }
    writeln!(out, "IOMMU: {}", walls::iommu(machine))?;
    chipset(machine, out)
}

/// What a claim of bus 0 brings that no line of a function says.
fn chipset(machine: &Machine, out: &mut dyn Write) -> fmt::Result {
    let is_on_bus0 = |f: &&Function| (f.address.segment, f.address.bus) == (0, 0);
    let mut functions = machine.functions.iter().filter(is_on_bus0).peekable();
    if functions.peek().is_none() {
        return Ok(());
    }
    writeln!(
        out,
        "bus0: brings the chipset: what its drivers do concerns the whole machine"
    )?;
    let mut watchdogs = functions.filter_map(Watchdog::of);
    match watchdogs.find(Watchdog::is_chipset) {
        Some(watchdog) => writeln!(
            out,
            "      watchdog, by {}: stopped at each end of its owner's runs",
            watchdog.address
        ),
        None => writeln!(
            out,
            "      no watchdog is known of it; one that is armed outlives its owner"
        ),
    }
}

fn paragraph(function: &Function, control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let (machine, ledger) = (control.machine(), control.ledger());
    let address = function.address;
    let what = class_name(function.class, function.subclass, function.interface);
    let (vendor, device) = (function.vendor, function.device_id);
    write!(out, "  {address}  {what}, {vendor:04x}:{device:04x}")?;
    if let Some(bridge) = &function.bridge {
        let (first, last) = (bridge.secondary, bridge.subordinate);
        if first == last {
            write!(out, ", to bus {first:02x}")?;
        } else {
            write!(out, ", to buses {first:02x}-{last:02x}")?;
        }
    }
    writeln!(out)?;
    let standing = ledger.standing(machine, function);
    let owner = match ledger.owner_of_function(address) {
        Some(owner) => owner,
        None if matches!(standing, Standing::Bridge | Standing::Shell) => "bulkhead",
        None => "free",
    };
    indented(&format!("owner {owner}; {standing}"), out)?;
    if let Some(what) = missing(control.answer(function)) {
        indented(&what, out)?;
    }
    if function.is_bridge() && control.removal_asked(function) {
        indented(BUTTON, out)?;
    }
    indented(&traits(function, machine, ledger).join(", "), out)?;
    for obstacle in walls::obstacles(machine, address) {
        indented(&obstacle, out)?;
    }
    for bar in &function.bars {
        indented(&bar_text(bar), out)?;
    }
    Ok(())
}

/// Prints words in as many indented rows as they need.
fn indented(text: &str, out: &mut dyn Write) -> fmt::Result {
    let mut column = 0;
    for word in text.split(' ') {
        if column == 0 || column + 1 + word.len() > COLUMNS {
            out.write_str(if column == 0 { "" } else { "\n" })?;
            write!(out, "{INDENT}{word}")?;
            column = INDENT.len() + word.len();
        } else {
            write!(out, " {word}")?;
            column += 1 + word.len();
        }
    }
    writeln!(out)
}

/// Where it is, how it interrupts, how it is reset.
fn traits(function: &Function, machine: &Machine, ledger: &Ledger) -> Vec<String> {
    let mut traits = Vec::new();
    let unit = bulkhead_pci::unit(&machine.functions, function.address.bus());
    if let Some(bridge) = unit.ok().and_then(|unit| unit.bridge) {
        traits.push(format!("below {bridge}"));
    }
    traits.push(format!("group {}", function.group));
    if function.msi {
        traits.push(String::from("MSI"));
    }
    if function.msix_vectors != 0 {
        traits.push(format!("MSI-X {}", function.msix_vectors));
    }
    match ledger.pin_only(machine, function) {
        None => {}
        Some(Lead::IoApic(number)) => traits.push(format!("INTx only: needs ioapic{number}")),
        Some(Lead::Unknown) => {
            traits.push(String::from("INTx only: where it leads is not known"));
        }
    }
    if let Some(watchdog) = Watchdog::of(function) {
        traits.push(format!("watchdog ({})", watchdog.driver()));
    }
    if function.hangs_by_flr() {
        traits.push(String::from("FLR (hangs by it: not used)"));
    } else if function.flr {
        traits.push(String::from("FLR"));
    }
    if function.is_lost_by_bus_reset() {
        traits.push(String::from("lost by its bus's reset: not used"));
    }
    traits
}

/// What is the matter in a function's place, if anything is.
fn missing(answer: Answer) -> Option<String> {
    match answer {
        Answer::Here => None,
        Answer::NotReady => Some(String::from(
            "does not answer yet: it asks to be tried again",
        )),
        Answer::Nothing => Some(String::from(GONE)),
        Answer::Other { vendor, device } => Some(format!(
            "is gone: {vendor:04x}:{device:04x} answers in its place, which is given to nobody before a reset of the machine"
        )),
    }
}

/// Says which devices of a partition's are missing, and which can't be reset, as warnings.
pub(super) fn warn_devices(name: &str, control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let Some(partition) = control.ledger().find(name) else {
        return Ok(());
    };
    let units = partition.claim.devices.units.iter();
    for address in units.flat_map(|unit| &unit.functions) {
        let Some(function) = control.machine().function(*address) else {
            continue;
        };
        if let Some(what) = missing(control.answer(function)) {
            writeln!(out, "warning: {name}: {address} {what}")?;
        }
        if function.is_lost_by_bus_reset() && (!function.flr || function.hangs_by_flr()) {
            writeln!(out, "warning: {name}: {address} {UNCHANGED}")?;
        }
    }
    Ok(())
}

fn bar_text(bar: &Bar) -> String {
    let (kind, width) = match bar.kind {
        BarKind::Io => ("I/O ports", ""),
        BarKind::Memory32 => ("memory", ""),
        BarKind::Memory64 => ("memory", ", 64-bit"),
    };
    let size = match bar.kind {
        BarKind::Io => bar.size.to_string(),
        _ if bar.size < 1024 => format!("{} bytes of", bar.size),
        _ => Bytes(bar.size).to_string(),
    };
    let prefetchable = if bar.prefetchable {
        ", prefetchable"
    } else {
        ""
    };
    let place = match bar.address {
        Some(address) => format!("at {address:#x}"),
        None => String::from("without an address"),
    };
    let index = bar.index;
    format!("BAR {index}: {size} {kind} {place}{width}{prefetchable}")
}

/// The devices of the PC that have names.
fn legacy(machine: &Machine, ledger: &Ledger, out: &mut dyn Write) -> fmt::Result {
    let screen = machine.screen.map(|screen| {
        let (width, height) = (screen.width, screen.height);
        let (bits, base) = (screen.bits_per_pixel, screen.base);
        format!("{width}x{height}, {bits} bits, at {base:#x}")
    });
    let ps2 = machine
        .io_apic_of(machine.isa_gsi(KEYBOARD_IRQ))
        .unwrap_or(0);
    let rows = [
        (
            DeviceName::Ps2,
            machine
                .has_ps2
                .then(|| format!("ports 0x60, 0x64; IRQ 1, 12; needs ioapic{ps2}")),
        ),
        (
            DeviceName::Rtc,
            machine
                .has_rtc
                .then(|| "ports 0x70-0x71; IRQ 8".to_string()),
        ),
        (DeviceName::Framebuffer, screen),
    ];
    let rows = rows.iter().filter_map(|(name, what)| {
        let owner = ledger.owner_of_device(*name).unwrap_or("free");
        Some([name.to_string(), what.clone()?, owner.to_string()])
    });
    section("other devices", ["NAME", "WHAT", "OWNER"], rows, out)
}

fn section<const N: usize>(
    title: &str,
    headings: [&str; N],
    rows: impl Iterator<Item = [String; N]> + Clone,
    out: &mut dyn Write,
) -> fmt::Result {
    if rows.clone().next().is_none() {
        return writeln!(out, "{title}: none found");
    }
    writeln!(out, "{title}:")?;
    table::print(headings, 2, rows, out)
}

fn port_owner(uart: &Uart, ledger: &Ledger) -> String {
    if uart.is_shell {
        return String::from("bulkhead");
    }
    String::from(ledger.owner_of_console(uart.port).unwrap_or("free"))
}
