//! Who has what: cores, serial ports, and each byte of the machine's memory map.

use alloc::vec::Vec;

use bulkhead_memory::{Region, RegionSet, sort_by_key};
use bulkhead_model::{Claim, Com, Machine, MemoryKind};

use crate::{Ledger, Partition, memory, nodes};

/// Who has a range of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A partition, by name.
    Partition(&'a str),
    /// Several partitions: it is the low chunk of those that share one.
    Shared,
    /// Two partitions, by name: it is their link.
    Link([&'a str; 2]),
    /// Bulkhead, and what for.
    Bulkhead(&'a str),
    /// The firmware: not usable RAM; the kind is never [`MemoryKind::Usable`].
    Firmware(MemoryKind),
    /// Nobody: it can be claimed.
    Free,
}

/// A range of memory and its one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<'a> {
    /// Where.
    pub region: Region,
    /// Whose.
    pub owner: Owner<'a>,
}

/// What keeps RAM that is neither claimable nor anybody's: the rest of a page that firmware or
/// Bulkhead has in part.
const PARTIAL_PAGE: &str = "part of a page";

/// The whole memory map, ascending, each byte exactly once.
pub(crate) fn spans<'a>(
    machine: &'a Machine,
    partitions: impl Iterator<Item = &'a Partition> + Clone,
) -> Vec<Span<'a>> {
    let firmware = machine
        .memory
        .iter()
        .filter(|range| range.kind != MemoryKind::Usable)
        .map(|range| (range.region, Owner::Firmware(range.kind)));
    let shared = partitions
        .clone()
        .find(|partition| partition.claim.shares_low_chunk)
        .map(|partition| (partition.claim.low_chunk, Owner::Shared));
    let links = partitions.clone().flat_map(|partition| {
        let name = &*partition.definition.name;
        let first = partition.claim.links.iter().filter(|end| !end.is_second);
        first.map(move |end| (end.region, Owner::Link([name, &end.peer])))
    });
    let claims = partitions.flat_map(|partition| {
        let owner = Owner::Partition(&partition.definition.name);
        let regions = partition.claim.own_regions();
        regions.into_iter().map(move |region| (region, owner))
    });
    let resident = machine
        .resident
        .iter()
        .map(|resident| (resident.region, Owner::Bulkhead(&resident.what)));
    let claimable: Vec<_> = machine.claimable().iter().collect();
    let free = claimable.into_iter().map(|region| (region, Owner::Free));
    let whole = machine.memory.iter().map(|range| range.region);
    let rest = whole.clone().map(|r| (r, Owner::Bulkhead(PARTIAL_PAGE)));

    // Whoever comes first has it; the rest of the list can only have what is left.
    let mut left: RegionSet = whole.collect();
    let mut spans = Vec::new();
    for (region, owner) in firmware
        .chain(claims)
        .chain(links)
        .chain(shared)
        .chain(resident)
        .chain(free)
        .chain(rest)
    {
        let parts = left.within(region);
        left.subtract(&parts);
        spans.extend(parts.iter().map(|region| Span { region, owner }));
    }
    sort_by_key(&mut spans, |span| span.region.start());
    spans
}

/// Who has what.
impl Ledger {
    /// Name of the partition that has the core.
    #[must_use]
    pub fn owner_of_core(&self, apic_id: u32) -> Option<&str> {
        self.name_where(|claim| claim.cores.contains(&apic_id))
    }

    /// Name of the partition that has the serial port.
    #[must_use]
    pub fn owner_of_console(&self, port: Com) -> Option<&str> {
        self.name_where(|claim| claim.ports().any(|own| own == port))
    }

    /// RAM that can still be claimed.
    #[must_use]
    pub fn free_memory(&self, machine: &Machine) -> RegionSet {
        memory::free(machine, self.iter())
    }

    /// The same of a NUMA node.
    #[must_use]
    pub fn free_on_node(&self, machine: &Machine, node: usize) -> RegionSet {
        nodes::free_on(&self.free_memory(machine), machine, node)
    }

    /// The machine's whole memory map with the one owner of each byte, ascending.
    #[must_use]
    pub fn memory_map<'a>(&'a self, machine: &'a Machine) -> Vec<Span<'a>> {
        spans(machine, self.iter())
    }

    fn name_where(&self, has: impl Fn(&Claim) -> bool) -> Option<&str> {
        let owner = self.iter().find(|partition| has(&partition.claim))?;
        Some(&owner.definition.name)
    }
}
