//! The devices: the partition's serial ports.
//!
//! Source: ACPI 6.5 section 5.2.11.1 (Differentiated System Description Table), 20 (AML), 6.4.2.5
//! (I/O Port Descriptor). There is no PCI root bridge, hence no PCI, and no `_S5`, hence no way
//! to power off but by EFI.

use alloc::format;
use alloc::vec::Vec;
use core::mem::size_of;

use acpi_tables::Aml;
use acpi_tables::aml::{Device, EISAName, IO, Name, Path, ResourceTemplate, Scope};
use zerocopy::IntoBytes;

use super::UartView;
use super::header::{Header, seal};

/// Integers have 64 bits from this revision on.
const REVISION: u8 = 2;
/// `_STA`: present, enabled, shown, working.
const WORKING: u8 = 0x0f;
/// I/O ports of a 16550.
const UART_PORTS: u8 = 8;

/// The table, with a device for every serial port.
pub(super) fn dsdt(uarts: &[UartView]) -> Vec<u8> {
    let mut devices = Vec::new();
    for uart in uarts {
        push_uart(&mut devices, *uart);
    }
    let body = Scope::raw(Path::new("\\_SB_"), devices);
    let header = Header::new(*b"DSDT", REVISION, size_of::<Header>() + body.len());
    let mut table = [header.as_bytes(), &body].concat();
    seal(&mut table);
    table
}

/// `UA01` for COM1: a 16550A-compatible port. It has no interrupt, for there is no I/O APIC: Linux polls it.
fn push_uart(aml: &mut Vec<u8>, uart: UartView) {
    let ports = IO::new(uart.io_base, uart.io_base, 1, UART_PORTS);
    Device::new(
        Path::new(&format!("UA{:02X}", uart.uid)),
        Vec::from([
            &Name::new(Path::new("_HID"), &EISAName::new("PNP0501")) as &dyn Aml,
            &Name::new(Path::new("_UID"), &uart.uid),
            &Name::new(Path::new("_STA"), &WORKING),
            &Name::new(
                Path::new("_CRS"),
                &ResourceTemplate::new(Vec::from([&ports as &dyn Aml])),
            ),
        ]),
    )
    .to_aml_bytes(aml);
}
