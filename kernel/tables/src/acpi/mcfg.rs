//! Where the configuration space of the partition's buses is.
//!
//! Source: PCI Firmware Specification 3.3 section 4.1.2 (MCFG Table Description).
//!
//! Linux (`arch/x86/pci/mmconfig-shared.c`, `pci_parse_mcfg()`) drops the whole table if one entry
//! has an address above 4 GiB, unless DMI tells it a BIOS of 2010 or later. A partition's DMI does, but
//! not every kernel reads it. So the configuration space of such a bus is not listed here, but is told by its root
//! bridge's `_CBA`, which Linux takes as it is.

use alloc::vec::Vec;
use core::mem::size_of;

use zerocopy::little_endian::{U16, U64};
use zerocopy::{Immutable, IntoBytes, KnownLayout, Unaligned};

use super::PciRoot;
use super::header::{Header, seal};

/// What follows the header and eight reserved bytes, for every root bus.
#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Allocation {
    /// Of bus 0, whether that is the partition's or not.
    base: U64,
    segment: U16,
    first_bus: u8,
    last_bus: u8,
    reserved: [u8; 4],
}

const _: () = assert!(size_of::<Allocation>() == 16);

/// Whether the MCFG has this root bus.
pub(super) fn is_listed(root: &PciRoot) -> bool {
    u32::try_from(root.ecam_base).is_ok()
}

/// The table; `None` if it would be empty, which Linux would complain about.
pub(super) fn mcfg(roots: &[PciRoot]) -> Option<Vec<u8>> {
    let allocations: Vec<Allocation> = roots
        .iter()
        .filter(|root| is_listed(root))
        .map(|root| Allocation {
            base: root.ecam_base.into(),
            segment: root.segment.into(),
            first_bus: root.first_bus,
            last_bus: root.last_bus.max(root.first_bus),
            reserved: [0; 4],
        })
        .collect();
    if allocations.is_empty() {
        return None;
    }
    let body = [&[0; 8], allocations.as_bytes()].concat();
    let header = Header::new(*b"MCFG", 1, size_of::<Header>() + body.len());
    let mut table = [header.as_bytes(), &body].concat();
    seal(&mut table);
    Some(table)
}
