//! The firmware's memory map, and what follows from it.
//!
//! Maps of real machines are not tidy: ranges overlap, end in the middle of a page, are empty or
//! wrap around, and come in any order. So an address is RAM here only if some range says so and
//! none says anything else; whichever range comes first makes no difference.
//!
//! Source: ACPI 6.5 §15 ("System Address Map Interfaces").

use alloc::vec::Vec;

use bulkhead_memory::{PAGE, Region, RegionSet, sort_by_key};

/// A range of the firmware's memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRange {
    /// Where.
    pub region: Region,
    /// What.
    pub kind: MemoryKind,
}

/// What the firmware or loader says of a range of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    /// RAM, free once the loader is gone (includes what a loader calls reclaimable).
    Usable,
    /// RAM that holds ACPI tables.
    AcpiTables,
    /// RAM that firmware keeps across sleep.
    AcpiNvs,
    /// Anything that is not for us.
    Reserved,
    /// RAM known to be faulty.
    Bad,
}

impl MemoryRange {
    /// The range of `size` bytes at `start`; `None` if there is nothing to it.
    ///
    /// One that would wrap around is nonsense as RAM and is dropped, but what it keeps from being
    /// used stays kept: up to the end of the address space.
    #[must_use]
    pub fn new(start: u64, size: u64, kind: MemoryKind) -> Option<Self> {
        let region = Region::new(start, size).or_else(|| {
            let is_kept = size != 0 && kind != MemoryKind::Usable;
            is_kept.then_some(Region::from_bounds(start, u64::MAX)?)
        });
        Some(Self {
            region: region?,
            kind,
        })
    }
}

/// Most of physical memory that the kernel maps one to one, in bytes: the lower half of a four-level
/// root.
pub const MOST_REACH: u64 = 128 << 40;
/// What one entry of that root maps, in bytes: all that RAM may need on a processor without pages of
/// 1 GiB, where each GiB costs a page of tables. What has none has less.
const ENTRY_REACH: u64 = 512 << 30;
/// Granularity of what is mapped, in bytes.
const GIB: u64 = 1 << 30;

/// How far RAM is reached at most: one past the highest address.
#[must_use]
pub const fn most_reach(has_gigabyte_pages: bool) -> u64 {
    if has_gigabyte_pages {
        MOST_REACH
    } else {
        ENTRY_REACH
    }
}

/// How far the kernel's page tables lead on a machine where that is [`cacheable`]: to the end of the
/// last of its gigabytes, and at least through the first four; within [`most_reach`].
#[must_use]
pub fn reach(cacheable: &RegionSet, has_gigabyte_pages: bool) -> u64 {
    let end = cacheable.iter().last().map_or(0, |last| last.end());
    let most = most_reach(has_gigabyte_pages);
    // The limit is whole gigabytes, so rounding can't overflow.
    end.min(most).next_multiple_of(GIB).max(4 * GIB)
}

/// A loader's map, ascending, with at most `most` ranges. What begins where there is no room any more is
/// one reserved range, so that nobody gets what may not be RAM.
pub fn bounded(ranges: impl Iterator<Item = MemoryRange>, most: usize) -> Vec<MemoryRange> {
    let mut kept: Vec<MemoryRange> = Vec::with_capacity(most);
    for range in ranges {
        if kept.len() < most {
            kept.push(range);
        } else if let Some(last) = kept.last_mut() {
            let start = last.region.start().min(range.region.start());
            let end = last.region.end().max(range.region.end());
            last.kind = MemoryKind::Reserved;
            last.region = Region::from_bounds(start, end).unwrap_or(last.region);
        }
    }
    kept
}

/// The map as it is described: ascending, and what lies at `reach` or above, where no page table
/// leads, is nobody's RAM.
#[must_use]
pub fn within_reach(map: &[MemoryRange], reach: u64) -> Vec<MemoryRange> {
    let parts = |range: &MemoryRange| {
        let (start, end) = (range.region.start(), range.region.end());
        let near = Region::from_bounds(start, end.min(reach)).map(|region| (region, range.kind));
        let far =
            Region::from_bounds(start.max(reach), end).map(|region| (region, MemoryKind::Reserved));
        near.into_iter().chain(far)
    };
    // As many, and one more where a range lies on both sides.
    let mut ranges = Vec::with_capacity(map.len() + 1);
    let parts = map.iter().flat_map(parts);
    ranges.extend(parts.map(|(region, kind)| MemoryRange { region, kind }));
    sort_by_key(&mut ranges, |range| range.region);
    ranges
}

/// All usable RAM, whatever it is used for: to the byte.
#[must_use]
pub fn ram(map: &[MemoryRange]) -> RegionSet {
    only(map, |kind| kind == MemoryKind::Usable)
}

/// What is to be mapped cacheable: all that is RAM of any kind, and nothing that may be a device.
#[must_use]
pub fn cacheable(map: &[MemoryRange]) -> RegionSet {
    only(map, |kind| kind != MemoryKind::Reserved)
}

/// Whole pages of usable RAM that touch nothing of what is `taken`.
#[must_use]
pub fn free(map: &[MemoryRange], taken: impl IntoIterator<Item = Region>) -> RegionSet {
    let ram = ram(map);
    let mut pages: RegionSet = ram.iter().filter_map(|r| r.align_inward(PAGE)).collect();
    for region in taken {
        pages.remove(region.align_outward(PAGE));
    }
    pages
}

/// The addresses that ranges of such a kind cover, and no range of another kind.
fn only(map: &[MemoryRange], wanted: impl Fn(MemoryKind) -> bool + Copy) -> RegionSet {
    // Without lists in between: this runs before there is much memory.
    let regions = |is_wanted: bool| {
        let ranges = map
            .iter()
            .filter(move |range| wanted(range.kind) == is_wanted);
        ranges.map(|range| range.region)
    };
    let mut set: RegionSet = regions(true).collect();
    regions(false).for_each(|region| set.remove(region));
    set
}
