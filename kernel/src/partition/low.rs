//! The low chunk that partitions with one core share: one Linux at a time copies its real-mode code
//! there.
//!
//! That code is never run where there is no second core. But while Linux sets it up
//! (`setup_real_mode()`, `set_real_mode_permissions()`) it reads back addresses from the copy and
//! writes to them, so no other kernel's may come in between. The mark lies where every stock kernel
//! overwrites it (its copy ends where the chunk does and is three pages at least), and not in the
//! last two pages, which a decompressor before 6.6 borrows and puts back. Once it is gone the next
//! Linux is entered, which has to unpack itself, to find its memory and to start its scheduler before
//! it copies; the one before has some hundred instructions to go. Whose turn it is, and for how long, the
//! lifecycle decides.

use bulkhead_launch::LaunchPlan;
use bulkhead_memory::PAGE;

use super::launch;
use crate::mem::phys;

/// What lies there until a Linux has written.
const MARK: u64 = 0x6b72_616d_2077_6f6c;

/// Where the mark is, if this partition shares a chunk.
fn place(plan: &LaunchPlan) -> Option<*mut u64> {
    let chunk = plan.shared_low_chunk?;
    Some(phys::pointer::<u64>(chunk.end() - 2 * PAGE - 8))
}

/// Whether the mark is gone.
pub(super) fn is_written(plan: &LaunchPlan) -> bool {
    // SAFETY: RAM below 640 KiB, aligned, that is read and written by the cores that share it alone;
    // Linuxes among them, hence volatile.
    place(plan).is_none_or(|place| unsafe { place.read_volatile() } != MARK)
}

/// Puts the mark. By the core whose turn it is.
///
/// # Safety
/// If it `clears`, no Linux may be at work in the chunk.
pub(super) unsafe fn mark(plan: &LaunchPlan, clears: bool) {
    if clears {
        // SAFETY: parts of the chunk, where by the caller's contract nobody else is at work.
        unsafe { launch::clear(&plan.clear_at_turn) };
    }
    if let Some(place) = place(plan) {
        // SAFETY: as above; it is this partition's turn, so no Linux is about to read it.
        unsafe { place.write_volatile(MARK) };
    }
}
