//! PCI: a root bridge for every bus that the partition has, and one device that has their
//! configuration space.
//!
//! Source: ACPI 6.5 section 6.5.5 (`_BBN`), 6.5.6 (`_SEG`), 6.2.13 (`_PRT`); PCI Firmware
//! Specification 3.3 section 4.1 (MCFG; `_CBA`; configuration space belongs to a motherboard
//! resource). Newer kernels (seen with 6.12) do not use configuration space that no motherboard
//! resource has.
//!
//! There is no `_OSC`: Linux then leaves hot-plug, power events, error reporting and link power
//! management alone, which a port above the partition's bus has a part in.

use alloc::format;
use alloc::vec::Vec;

use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpaceCacheable, Device, EISAName, Name, Package, PackageBuilder, Path, ZERO,
};
use bulkhead_pci::Route;
use litemap::LiteMap;

use super::resource::{
    current_resources, push_buses, push_io_window, push_memory_window, push_own_memory,
};
use crate::acpi::mcfg::is_listed;
use crate::acpi::{PciRoot, PciWindow, PciWindowKind};

/// In the address of a route: all functions of the device.
const ALL_FUNCTIONS: u32 = 0xffff;
/// Bytes of a bus's configuration space: 32 devices with 8 functions of 4 KiB.
const BUS_BYTES: u64 = 1 << 20;

/// Adds a device for every root bus, and one for their configuration space.
pub(super) fn push(aml: &mut Vec<u8>, roots: &[PciRoot]) {
    for (uid, root) in (0u16..).zip(roots) {
        push_root(aml, uid, root);
    }
    if !roots.is_empty() {
        push_configuration_space(aml, roots);
    }
}

/// `P000`, `P001` and so on: a PCI Express root bridge, which is a plain one to older systems.
fn push_root(aml: &mut Vec<u8>, uid: u16, root: &PciRoot) {
    let mut children = Vec::from([
        Name::new(Path::new("_HID"), &EISAName::new("PNP0A08")),
        Name::new(Path::new("_CID"), &EISAName::new("PNP0A03")),
        Name::new(Path::new("_UID"), &uid),
        Name::new(Path::new("_SEG"), &root.segment),
        Name::new(Path::new("_BBN"), &root.first_bus),
        windows(root),
    ]);
    if !is_listed(root) {
        children.push(Name::new(Path::new("_CBA"), &root.ecam_base));
    }
    children.extend(routes(&root.routes));
    Device::new(
        Path::new(&format!("P{uid:03X}")),
        children.iter().map(|child| child as &dyn Aml).collect(),
    )
    .to_aml_bytes(aml);
}

/// `_CRS`: what the root bridge passes on.
fn windows(root: &PciRoot) -> Name {
    let mut descriptors = Vec::new();
    push_buses(&mut descriptors, root.first_bus, last_bus(root));
    for window in &root.windows {
        push_window(&mut descriptors, window);
    }
    current_resources(descriptors)
}

/// Nothing if it is empty or has I/O ports beyond the last.
fn push_window(descriptors: &mut Vec<u8>, window: &PciWindow) {
    let first = window.start;
    let Some(last) = window.end.checked_sub(1).filter(|last| *last >= first) else {
        return;
    };
    match window.kind {
        PciWindowKind::Io => {
            if let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(last)) {
                push_io_window(descriptors, first, last);
            }
        }
        PciWindowKind::Memory => {
            push_memory_window(
                descriptors,
                AddressSpaceCacheable::NotCacheable,
                first,
                last,
            );
        }
        PciWindowKind::Prefetchable => {
            push_memory_window(
                descriptors,
                AddressSpaceCacheable::PreFetchable,
                first,
                last,
            );
        }
    }
}

/// `_PRT`, if there are routes: one for every device and pin, the first of those given.
fn routes(routes: &[Route]) -> Option<Name> {
    let mut known: LiteMap<(u8, u8), u32> = LiteMap::new();
    for route in routes {
        if route.device < 32 && (1..=4).contains(&route.pin) {
            known.entry((route.device, route.pin)).or_insert(route.gsi);
        }
    }
    // Not more than 128, and a package can have 255 elements.
    let mut package = PackageBuilder::new();
    for ((device, pin), gsi) in known.iter() {
        let address = u32::from(*device) << 16 | ALL_FUNCTIONS;
        let pin = pin - 1;
        // No link device, hence what follows is the interrupt itself.
        let elements = [&address as &dyn Aml, &pin, &ZERO, gsi];
        package.add_element(&Package::new(Vec::from(elements)));
    }
    (!known.is_empty()).then(|| Name::new(Path::new("_PRT"), &package))
}

/// `ECAM`: the configuration space of exactly the partition's buses.
fn push_configuration_space(aml: &mut Vec<u8>, roots: &[PciRoot]) {
    let mut descriptors = Vec::new();
    for root in roots {
        let of_bus = |bus: u8| {
            let offset = u64::from(bus) * BUS_BYTES;
            root.ecam_base.saturating_add(offset)
        };
        let last = of_bus(last_bus(root)).saturating_add(BUS_BYTES - 1);
        push_own_memory(&mut descriptors, of_bus(root.first_bus), last);
    }
    Device::new(
        Path::new("ECAM"),
        Vec::from([
            &Name::new(Path::new("_HID"), &EISAName::new("PNP0C02")) as &dyn Aml,
            &Name::new(Path::new("_UID"), &ZERO),
            &current_resources(descriptors),
        ]),
    )
    .to_aml_bytes(aml);
}

fn last_bus(root: &PciRoot) -> u8 {
    root.last_bus.max(root.first_bus)
}
