//! A window of virtual addresses above the image, page by page.

use core::ptr::addr_of_mut;

use bulkhead_memory::{LARGE_PAGE, PAGE};

use super::{ENTRIES, GIB, LEAF, NO_EXECUTE, TABLE, TABLES};
use crate::layout::KERNEL_BASE;
use crate::mem::{frames, phys};

/// Maps so many pages from `start` on, which is the first of a large page in the image's gigabyte:
/// each to the frame that `frame_of` its number gives, or to none. They are for data.
///
/// # Safety
/// 1. To be called after [`super::activate`], on the boot processor, before any other core uses the
///    tables.
/// 2. Nothing is mapped there yet, and the frames are the caller's alone.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
pub(crate) unsafe fn map_window(start: u64, pages: u64, frame_of: impl Fn(u64) -> Option<u64>) {
    let count = pages.div_ceil(ENTRIES as u64);
    let first = start % GIB / LARGE_PAGE;
    assert!(
        start / GIB == KERNEL_BASE / GIB && first + count <= ENTRIES as u64,
        "the window must fit its directory"
    );
    let tables = frames::take(count * PAGE, "page tables").start();
    for page in 0..pages {
        let entry = frame_of(page).map_or(0, |frame| frame | LEAF | NO_EXECUTE);
        // SAFETY: inside the pages that were just taken for this, one after another.
        unsafe { phys::pointer::<u64>(tables + page * 8).write(entry) };
    }
    let all = addr_of_mut!(TABLES);
    // SAFETY: nobody else has a reference, by the caller's contract.
    let directory = unsafe { &mut (*all).high_directory };
    for table in 0..count {
        directory.0[(first + table) as usize] = (tables + table * PAGE) | TABLE;
    }
    // What was not present is in no TLB.
}
