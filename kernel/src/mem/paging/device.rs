//! What is no RAM in the page tables, also above all RAM: the frame buffer, write-combining, and
//! registers, uncached.

use core::ptr::addr_of_mut;

use bulkhead_memory::{LARGE_PAGE, PAGE, Region};
use bulkhead_model::map::MOST_REACH;

use super::high::gigabyte;
use super::{
    ADDRESS, CACHE_DISABLE, ENTRIES, GIB, HUGE, LEAF, PRESENT, TABLE, TABLES, Tables,
    WRITE_COMBINING,
};
use crate::mem::{frames, phys};

#[derive(Clone, Copy)]
enum Kind {
    Screen,
    Registers,
}

impl Kind {
    fn map(self, entry: &mut u64, page: u64) {
        match self {
            Self::Screen => combine(entry, page),
            Self::Registers => uncached(entry, page),
        }
    }
}

/// Makes the frame buffer reachable and write-combining; `false` if it lies beyond what can be mapped.
///
/// # Safety
/// To be called after `activate`, on the boot processor, before any other core uses the tables.
pub(crate) unsafe fn map_screen(screen: Region) -> bool {
    // SAFETY: by the caller's contract.
    unsafe { map(screen, Kind::Screen) }
}

/// Makes registers reachable and uncached, where nothing is mapped yet; `false` if they lie beyond what
/// can be mapped.
///
/// # Safety
/// As [`map_screen`].
pub(crate) unsafe fn map_registers(registers: Region) -> bool {
    // SAFETY: by the caller's contract.
    phys::reaches(registers) || unsafe { map(registers, Kind::Registers) }
}

/// Maps each 2 MiB page of a region as what lies there wants it.
///
/// # Safety
/// As [`map_screen`].
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
unsafe fn map(region: Region, kind: Kind) -> bool {
    if region.end() > MOST_REACH {
        return false;
    }
    let tables = addr_of_mut!(TABLES);
    // SAFETY: by the caller's contract nobody else has a reference; the processor reads entries
    // whole, and those that change are of what nobody uses yet.
    let tables: &mut Tables = unsafe { &mut *tables };
    let first = region.start() & !(LARGE_PAGE - 1);
    for page in (first..region.end()).step_by(LARGE_PAGE as usize) {
        let (gib, index) = (page / GIB, (page % GIB / LARGE_PAGE) as usize);
        if let Some(directory) = tables.low_directories.get_mut(gib as usize) {
            kind.map(&mut directory.0[index], page);
        } else {
            let directory = split(gigabyte(tables, gib), gib * GIB);
            // SAFETY: a page of 512 entries, and `index` is below that.
            let entry = unsafe { directory.add(index) };
            // SAFETY: `split` or `map_above_4_gib` has filled it; nobody else has a reference.
            kind.map(unsafe { &mut *entry }, page);
        }
    }
    x86_64::instructions::tlb::flush_all();
    true
}

/// Maps a 2 MiB page uncached, if nothing is mapped there.
fn uncached(entry: &mut u64, page: u64) {
    if *entry & PRESENT == 0 {
        *entry = page | LEAF | HUGE | CACHE_DISABLE;
    }
}

/// Makes a 2 MiB page write-combining, unless RAM lies in it too.
fn combine(entry: &mut u64, page: u64) {
    let is_cached = *entry & PRESENT != 0 && *entry & CACHE_DISABLE == 0;
    if !is_cached {
        *entry = page | LEAF | HUGE | WRITE_COMBINING;
    }
}

/// The directory of a made of its one large page or of nothing if need be.
fn split(entry: &mut u64, start: u64) -> *mut u64 {
    if *entry & PRESENT == 0 || *entry & HUGE != 0 {
        let directory = frames::take(PAGE, "page tables");
        let rights = *entry & (PRESENT | HUGE | LEAF | CACHE_DISABLE);
        for index in 0..ENTRIES as u64 {
            let page = if rights == 0 {
                0
            } else {
                start + index * LARGE_PAGE
            };
            // SAFETY: a page that was just taken for this.
            unsafe { phys::pointer::<u64>(directory.start() + index * 8).write(page | rights) };
        }
        *entry = directory.start() | TABLE;
    }
    phys::pointer(*entry & ADDRESS)
}
