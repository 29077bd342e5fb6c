//! The frame buffer in the page tables: write-combining.

use core::ptr::addr_of_mut;

use bulkhead_memory::{LARGE_PAGE, PAGE, Region};

use super::{CACHE_DISABLE, ENTRIES, GIB, HUGE, LEAF, PRESENT, TABLE, TABLES, WRITE_COMBINING};
use crate::mem::{frames, phys};

/// Makes the frame buffer reachable and write-combining, also above all RAM.
///
/// # Safety
/// To be called after `activate`, on the boot processor, before any other core uses the tables.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
pub(crate) unsafe fn map_screen(screen: Region) {
    let tables = addr_of_mut!(TABLES);
    // SAFETY: by the caller's contract nobody else has a reference; the processor reads entries
    // whole, and those that change are of the frame buffer, which nobody uses yet.
    let tables = unsafe { &mut *tables };
    let first = screen.start() & !(LARGE_PAGE - 1);
    for page in (first..screen.end()).step_by(LARGE_PAGE as usize) {
        let (gib, index) = (page / GIB, (page % GIB / LARGE_PAGE) as usize);
        if gib >= ENTRIES as u64 {
            break; // beyond the first table, as all RAM up there
        }
        match tables.low_directories.get_mut(gib as usize) {
            Some(directory) => combine(&mut directory.0[index], page),
            None => {
                let directory = split(&mut tables.low.0[gib as usize], gib * GIB);
                // SAFETY: a page of 512 entries, and `index` is below that.
                let entry = unsafe { directory.add(index) };
                // SAFETY: `split` or `map_above_4_gib` has filled it; nobody else has a reference.
                combine(unsafe { &mut *entry }, page);
            }
        }
    }
    x86_64::instructions::tlb::flush_all();
}

/// Makes a 2 MiB page write-combining, unless RAM lies in it too.
fn combine(entry: &mut u64, page: u64) {
    let is_cached = *entry & PRESENT != 0 && *entry & CACHE_DISABLE == 0;
    if !is_cached {
        *entry = page | LEAF | HUGE | WRITE_COMBINING;
    }
}

/// The directory of a gigabyte, made of its one large page or of nothing if need be.
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
    const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
    phys::pointer(*entry & ADDRESS)
}
