//! The identity map above 4 GiB, with a table for each 512 GiB.

use bulkhead_memory::{LARGE_PAGE, PAGE, RegionSet};

use super::{ADDRESS, ENTRIES, GIB, HUGE, LEAF, PRESENT, TABLE, Table, Tables, caching};
use crate::mem::{frames, phys};

/// What each entry of a four-level root maps: 512 GiB.
const SLOT_GIGABYTES: u64 = ENTRIES as u64;

/// Whether the processor has pages of 1 GiB.
pub(super) fn has_gigabyte_pages() -> bool {
    raw_cpuid::CpuId::new()
        .get_extended_processor_and_feature_identifiers()
        .is_some_and(|features| features.has_1gib_pages())
}

/// The entry of a gigabyte below [`bulkhead_model::map::MOST_REACH`]; its table is made if need be.
pub(super) fn gigabyte(tables: &mut Tables, gib: u64) -> &mut u64 {
    let (slot, index) = (
        (gib / SLOT_GIGABYTES) as usize,
        (gib % SLOT_GIGABYTES) as usize,
    );
    if slot == 0 {
        return &mut tables.low.0[index];
    }
    let entry = &mut tables.root4.0[slot];
    if *entry & PRESENT == 0 {
        *entry = frames::take(PAGE, "page tables").start() | TABLE;
    }
    let table = phys::pointer::<Table>(*entry & ADDRESS);
    // SAFETY: a page that was taken for this, full of entries; that `tables` is borrowed says that
    // nobody else has a reference into it.
    let table = unsafe { &mut *table };
    &mut table.0[index]
}

/// Gigabyte pages where the processor has them, else directories of 2 MiB pages from free RAM.
pub(super) fn map_above_4_gib(tables: &mut Tables, cached: &RegionSet, gigabytes: u64) {
    let has_gigabyte_pages = has_gigabyte_pages();
    for gib in 4..gigabytes {
        let start = gib * GIB;
        *gigabyte(tables, gib) = if has_gigabyte_pages {
            start | LEAF | HUGE | caching(cached, start, GIB)
        } else {
            let directory = frames::take(PAGE, "page tables");
            for index in 0..ENTRIES as u64 {
                let page = start + index * LARGE_PAGE;
                let entry = page | LEAF | HUGE | caching(cached, page, LARGE_PAGE);
                // SAFETY: a page that was just taken for this.
                unsafe { phys::pointer::<u64>(directory.start() + index * 8).write(entry) };
            }
            directory.start() | TABLE
        };
    }
}
