//! What a partition is told of the machine's memory (requirement M1).
//!
//! One list of stretches is made, and both the e820 map and the EFI memory map are read off it:
//! they can't disagree. Everything in the firmware's map that the partition does not own is
//! reserved rather than left out, so that Linux does not take it for room for PCI windows.

use alloc::vec::Vec;

use bulkhead_linux::{E820, E820Entry, E820Error, E820Kind};
use bulkhead_memory::{PAGE, Region, RegionSet, sort_by_key};
use bulkhead_model::{Claim, LinkEnd, Machine, MemoryKind, PHYSICAL};
use bulkhead_tables::efi;

/// What a stretch of memory is to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// RAM that holds nothing it needs; the decompressor may move the kernel there (KASLR).
    Free,
    /// RAM that holds what a boot loader would have loaded; Linux frees it once read.
    Loaded,
    /// RAM that holds its ACPI tables.
    AcpiTables,
    /// EFI tables.
    RuntimeData,
    /// Code of the EFI runtime services.
    RuntimeCode,
    /// Not its own, or what Bulkhead keeps there.
    Reserved,
}

impl Usage {
    const ALL: [Self; 6] = [
        Self::Free,
        Self::Loaded,
        Self::AcpiTables,
        Self::RuntimeData,
        Self::RuntimeCode,
        Self::Reserved,
    ];

    /// The same in the words of e820.
    const fn e820(self) -> E820Kind {
        match self {
            Self::Free | Self::Loaded => E820Kind::Ram,
            Self::AcpiTables => E820Kind::Acpi,
            Self::RuntimeData | Self::RuntimeCode | Self::Reserved => E820Kind::Reserved,
        }
    }

    /// The same in the words of EFI (UEFI 2.10 §7.2.3).
    const fn efi(self) -> efi::Kind {
        match self {
            Self::Free => efi::Kind::Conventional,
            Self::Loaded => efi::Kind::LoaderData,
            Self::AcpiTables => efi::Kind::AcpiReclaim,
            Self::RuntimeData => efi::Kind::RuntimeData,
            Self::RuntimeCode => efi::Kind::RuntimeCode,
            Self::Reserved => efi::Kind::Reserved,
        }
    }
}

/// Both maps of a partition's memory.
#[derive(Clone, Debug)]
pub(crate) struct MemoryMaps {
    pub(crate) e820: E820,
    pub(crate) efi: Vec<efi::Descriptor>,
}

/// The memory maps of a partition that uses parts of its `claim` as `pieces` say. Pieces are
/// rounded to whole pages, and must lie in the claim and not overlap.
pub(crate) fn build(
    machine: &Machine,
    claim: &Claim,
    pieces: &[(Region, Usage)],
) -> Result<MemoryMaps, E820Error> {
    let mut free: RegionSet = claim.regions().into_iter().collect();
    let reserved = not_owned(machine, claim);
    let pieces = pieces
        .iter()
        .map(|(r, usage)| (r.align_outward(PAGE), *usage));
    pieces.clone().for_each(|(region, _)| free.remove(region));

    let mut stretches = Vec::new();
    for usage in Usage::ALL {
        let set = match usage {
            Usage::Free => free.clone(),
            _ => {
                let used = pieces.clone().filter(|(_, u)| *u == usage);
                let others = reserved.iter().filter(|_| usage == Usage::Reserved);
                used.map(|(region, _)| region).chain(others).collect()
            }
        };
        stretches.extend(set.iter().map(|region| (region, usage)));
    }
    sort_by_key(&mut stretches, |(region, _)| region.start());

    let entry = |&(region, usage): &(Region, Usage)| E820Entry {
        region,
        kind: usage.e820(),
    };
    let descriptor = |&(region, usage): &(Region, Usage)| efi::Descriptor {
        region,
        kind: usage.efi(),
    };
    Ok(MemoryMaps {
        e820: E820::new(stretches.iter().map(entry))?,
        efi: stretches.iter().map(descriptor).collect(),
    })
}

/// No more EFI descriptors than this are needed for a map with that many pieces: each piece can
/// split a stretch in two and is one itself.
pub(crate) fn most_descriptors(machine: &Machine, claim: &Claim, pieces: usize) -> usize {
    not_owned(machine, claim).iter().count()
        + claim.regions().len()
        + claim.links.len()
        + 2 * pieces
}

/// Everything in the firmware's map that is not the claim's, in whole pages.
fn not_owned(machine: &Machine, claim: &Claim) -> RegionSet {
    let pages = |is_wanted: fn(MemoryKind) -> bool| {
        machine
            .memory
            .iter()
            .filter(move |range| is_wanted(range.kind))
            .map(|range| range.region.align_outward(PAGE))
            // Firmware may say what it likes; whole pages of real addresses are left of it.
            .filter_map(|region| region.intersect(PHYSICAL))
    };
    let mut reserved: RegionSet = pages(|kind| kind == MemoryKind::Reserved).collect();
    // Firmware may reserve where devices are; Linux keeps out of reserved ranges when it uses a
    // root bridge's windows. What is known to be memory stays reserved, whatever a BAR says.
    for window in claim.devices.memory(machine) {
        reserved.remove(window.align_outward(PAGE));
    }
    pages(|kind| kind != MemoryKind::Reserved).for_each(|region| reserved.insert(region));
    // Linux keeps out of what is reserved when it uses a root bridge's windows, and of what it was not
    // told of at all it makes no RAM.
    let windows = claim.links.iter().filter_map(LinkEnd::window);
    for region in claim.regions().into_iter().chain(windows) {
        reserved.remove(region);
    }
    reserved
}
