//! The devices of a partition.
//!
//! Source: ACPI 6.5 section 5.2.11.1 (Differentiated System Description Table) and 20 (AML). There
//! is no `_S5`, hence no way to power off but by EFI. What the partition does not own is not there:
//! without root buses Linux looks for no PCI at all.

mod legacy;
mod pci;
mod processor;
mod resource;
mod sleep;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::mem::size_of;

use acpi_tables::aml::{Path, Scope};
use zerocopy::IntoBytes;

use super::View;
use super::header::{Header, seal};

/// Integers have 64 bits from this revision on.
const REVISION: u8 = 2;

/// The table, with a device for everything that the partition has.
pub(super) fn dsdt(view: &View<'_>) -> Vec<u8> {
    let mut devices = Vec::new();
    processor::push(&mut devices, view);
    for uart in view.uarts {
        legacy::push_uart(&mut devices, *uart);
    }
    // The interrupts of these two are those of every PC; somebody has to deliver them.
    if view.ps2 {
        legacy::push_ps2(&mut devices, view.isa_interrupts);
    }
    if view.rtc {
        legacy::push_rtc(&mut devices, view.isa_interrupts);
    }
    pci::push(&mut devices, view.roots);
    sleep::push(&mut devices);
    let body = Scope::raw(Path::new("\\_SB_"), devices);
    let header = Header::new(*b"DSDT", REVISION, size_of::<Header>() + body.len());
    let mut table = [header.as_bytes(), &body].concat();
    seal(&mut table);
    table
}
