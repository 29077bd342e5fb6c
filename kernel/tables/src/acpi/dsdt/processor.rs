//! A device for every processor of the MADT.
//!
//! Source: ACPI 6.5 section 8.4 (Declaring Processors): "each processor in the system must be
//! declared in the ACPI namespace", and its `_UID` is the processor UID of its MADT entry. Linux asks
//! such a device for power states and rates, of which none is told: it halts an idle core, as without
//! the device, or does what it knows of the processor by itself.

use alloc::format;
use alloc::vec::Vec;

use acpi_tables::Aml;
use acpi_tables::aml::{Device, Name, Path};

use crate::acpi::View;

/// `_STA`: not present.
const ABSENT: u8 = 0;

/// Adds `C000` and on, in the MADT's order.
pub(super) fn push(aml: &mut Vec<u8>, view: &View<'_>) {
    let absent = view.first_absent.is_some();
    let processors = view.cores.len() + usize::from(absent);
    for uid in (0u32..).take(processors) {
        push_processor(aml, uid, absent && uid == 0);
    }
}

fn push_processor(aml: &mut Vec<u8>, uid: u32, is_absent: bool) {
    let id = Name::new(Path::new("_HID"), &"ACPI0007");
    let uid_name = Name::new(Path::new("_UID"), &uid);
    let status = Name::new(Path::new("_STA"), &ABSENT);
    let mut children = Vec::from([&id as &dyn Aml, &uid_name]);
    // Without a status a device is present and works.
    if is_absent {
        children.push(&status);
    }
    Device::new(Path::new(&format!("C{:03X}", uid & 0xfff)), children).to_aml_bytes(aml);
}
