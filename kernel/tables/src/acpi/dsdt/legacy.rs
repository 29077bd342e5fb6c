//! The devices of every PC: serial ports, keyboard and mouse, clock.
//!
//! Source: ACPI 6.5 section 6.4.2.5 (I/O Port Descriptor).
//!
//! Their I/O ports are fixed, and so are their interrupts, which are given as the ISA interrupts
//! that they are; the MADT says where those go. Only the owner of that I/O APIC has interrupts:
//! without it Linux polls a serial port, and has a clock without alarms.

use alloc::format;
use alloc::vec::Vec;

use acpi_tables::Aml;
use acpi_tables::aml::{Device, EISAName, IO, Name, Path};

use super::resource::{current_resources, push_irq};
use crate::acpi::UartView;

/// `_STA`: present, enabled, shown, working.
const WORKING: u8 = 0x0f;
/// I/O ports of a 16550.
const UART_PORTS: u8 = 8;

const KEYBOARD_DATA: u16 = 0x60;
const KEYBOARD_COMMAND: u16 = 0x64;
const KEYBOARD_IRQ: u8 = 1;
const MOUSE_IRQ: u8 = 12;
/// The clock's index register; the data register is beside it.
const RTC_INDEX: u16 = 0x70;
const RTC_PORTS: u8 = 2;
const RTC_IRQ: u8 = 8;

/// `UA01` for COM1: a 16550A-compatible port.
pub(super) fn push_uart(aml: &mut Vec<u8>, uart: UartView) {
    Device::new(
        Path::new(&format!("UA{:02X}", uart.uid)),
        Vec::from([
            &Name::new(Path::new("_HID"), &EISAName::new("PNP0501")) as &dyn Aml,
            &Name::new(Path::new("_UID"), &uart.uid),
            &Name::new(Path::new("_STA"), &WORKING),
            &resources(&[(uart.io_base, UART_PORTS)], uart.irq),
        ]),
    )
    .to_aml_bytes(aml);
}

/// `KBD_` and `MOU_`: they share a controller, whose ports are listed as the keyboard's.
pub(super) fn push_ps2(aml: &mut Vec<u8>, has_interrupts: bool) {
    let ports = [(KEYBOARD_DATA, 1), (KEYBOARD_COMMAND, 1)];
    let keyboard = resources(&ports, has_interrupts.then_some(KEYBOARD_IRQ));
    push_device(aml, "KBD_", "PNP0303", &keyboard);
    let mouse = resources(&[], has_interrupts.then_some(MOUSE_IRQ));
    push_device(aml, "MOU_", "PNP0F13", &mouse);
}

/// `RTC_`: a clock with the 128 bytes of memory that every PC has.
pub(super) fn push_rtc(aml: &mut Vec<u8>, has_interrupts: bool) {
    let clock = resources(&[(RTC_INDEX, RTC_PORTS)], has_interrupts.then_some(RTC_IRQ));
    push_device(aml, "RTC_", "PNP0B00", &clock);
}

fn push_device(aml: &mut Vec<u8>, name: &str, hid: &str, resources: &Name) {
    Device::new(
        Path::new(name),
        Vec::from([
            &Name::new(Path::new("_HID"), &EISAName::new(hid)) as &dyn Aml,
            &Name::new(Path::new("_STA"), &WORKING),
            resources,
        ]),
    )
    .to_aml_bytes(aml);
}

/// `_CRS` with these ranges of I/O ports (first port, number of ports) and this interrupt.
fn resources(ports: &[(u16, u8)], irq: Option<u8>) -> Name {
    let mut descriptors = Vec::new();
    for (first, length) in ports {
        IO::new(*first, *first, 1, *length).to_aml_bytes(&mut descriptors);
    }
    if let Some(irq) = irq {
        push_irq(&mut descriptors, irq);
    }
    current_resources(descriptors)
}
