//! `devices`: PCI functions, serial ports, I/O APICs.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use bulkhead_plan::{Ledger, PciFunction, Uart};

use super::class::class_name;
use super::table::Table;
use crate::control::Control;

/// Prints a table for each kind of device.
pub(super) fn devices(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let machine = control.machine();
    pci(&machine.functions, out)?;
    let mut ports = Table::new(["PORT", "I/O", "LINUX", "OWNER"]);
    for uart in &machine.uarts {
        ports.row([
            uart.port.name().to_string(),
            format!("{:#x}", uart.port.io_base()),
            format!("ttyS{}", uart.port.tty_index()),
            port_owner(uart, control.ledger()),
        ]);
    }
    section("serial ports", machine.uarts.is_empty(), &ports, out)?;
    let mut io_apics = Table::new(["ID", "ADDRESS", "FIRST"]);
    for io_apic in &machine.io_apics {
        io_apics.row([
            io_apic.id.to_string(),
            format!("{:#x}", io_apic.address),
            format!("GSI {}", io_apic.gsi_base),
        ]);
    }
    section("I/O APICs", machine.io_apics.is_empty(), &io_apics, out)
}

fn pci(functions: &[PciFunction], out: &mut dyn Write) -> fmt::Result {
    let mut table = Table::new(["FUNCTION", "ID", "CLASS"]);
    for function in functions {
        let PciFunction {
            segment,
            bus,
            device,
            function: number,
            vendor,
            device_id,
            class,
            subclass,
            interface,
            bridge,
        } = *function;
        let mut what = String::from(class_name(class, subclass, interface));
        if let Some((first, last)) = bridge {
            what.push_str(&format!(" to buses {first:02x}-{last:02x}"));
        }
        table.row([
            format!("{segment:04x}:{bus:02x}:{device:02x}.{number}"),
            format!("{vendor:04x}:{device_id:04x}"),
            what,
        ]);
    }
    section("PCI functions", functions.is_empty(), &table, out)
}

fn section<const N: usize>(
    title: &str,
    empty: bool,
    table: &Table<N>,
    out: &mut dyn Write,
) -> fmt::Result {
    if empty {
        return writeln!(out, "{title}: none found");
    }
    writeln!(out, "{title}:")?;
    table.print(2, out)
}

fn port_owner(uart: &Uart, ledger: &Ledger) -> String {
    if uart.is_shell {
        return String::from("bulkhead");
    }
    String::from(ledger.owner_of_console(uart.port).unwrap_or("free"))
}
