//! The low chunk that partitions with one core share: one Linux at a time copies its real-mode code
//! there.
//!
//! That code is never run where there is no second core. But while Linux sets it up
//! (`setup_real_mode()`, `set_real_mode_permissions()`) it reads back addresses from the copy and
//! writes to them, so no other kernel's may come in between. The mark lies where every stock kernel
//! overwrites it (its copy ends where the chunk does and is three pages at least), and not in the
//! last two pages, which a decompressor before 6.6 borrows and puts back. Once it is gone the next
//! Linux is entered, which has to unpack itself, to find its memory and to start its scheduler before
//! it copies; the one before has some hundred instructions to go.

use bulkhead_lifecycle::Turn;
use bulkhead_memory::{PAGE, Region};

use super::plans::{self, Stored};
use super::rim::Rim;
use super::{LIFE, launch};
use crate::mem::phys;

static TURN: Turn = Turn::new();

/// What lies there until a Linux has written.
const MARK: u64 = 0x6b72_616d_2077_6f6c;

/// Has this partition's turn come to write the chunk? Always, if it has one of its own.
pub(super) fn take(partition: usize) -> bool {
    // SAFETY: this is the boot core of that partition, which is being launched; if it is killed
    // meanwhile this core is the one that ends it.
    let chunk = unsafe { plans::with(partition, |stored| stored.plan.shared_low_chunk) };
    let Some(chunk) = chunk.flatten() else {
        return true;
    };
    let place = phys::pointer::<u64>(mark(chunk));
    // SAFETY: RAM below 640 KiB, aligned, that is read and written by the cores that share it alone;
    // Linuxes among them, hence volatile.
    let is_written = || unsafe { place.read_volatile() } != MARK;
    let put = |is_alone: bool| {
        if is_alone {
            // SAFETY: a part of the chunk, where no Linux is at work: nobody had the turn.
            let clear = |stored: &Stored| unsafe { launch::clear(&stored.plan.clear_at_turn) };
            // SAFETY: as for the chunk.
            let _ = unsafe { plans::with(partition, clear) };
        }
        // SAFETY: as above; it is this partition's turn, so no Linux is about to read it.
        unsafe { place.write_volatile(MARK) };
    };
    TURN.take(partition, is_written, put)
}

/// Nothing launches the partition any more; also if its core did not come back, and does not release it.
pub(super) fn forget(partition: usize) {
    TURN.release(partition);
}

/// The partition's Linux is gone, or was not entered.
pub(super) fn release(rim: &Rim, partition: usize) {
    use bulkhead_lifecycle::Hardware;
    // Another core does its work where this one is lost, and may yet run.
    if LIFE.boot_core(partition) == Some(rim.me()) {
        TURN.release(partition);
    }
}

fn mark(chunk: Region) -> u64 {
    chunk.end() - 2 * PAGE - 8
}
