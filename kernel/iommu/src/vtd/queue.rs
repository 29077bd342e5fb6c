//! Invalidations by a queue in memory (VT-d §6.5.2): a page.

use super::Capabilities;
use super::unit::WAIT_US;
use crate::Physical;

const HEAD: u64 = 0x80;
const TAIL: u64 = 0x88;
const ADDRESS: u64 = 0x90;
/// Of a head or a tail of a page, what counts.
const PLACE: u64 = 0xff0;

/// Context cache, all of it.
const ALL_CONTEXTS: u64 = 0x1 | 1 << 4;
/// IOTLB, all of it; after writes, after reads on their way.
const ALL_PAGES: u64 = 0x2 | 1 << 4;
const DRAIN_WRITES: u64 = 1 << 6;
const DRAIN_READS: u64 = 1 << 7;
/// Wait until all of before is done, and write a dword then.
const WAIT: u64 = 0x5 | 1 << 5;
/// And nothing that follows is begun before (fence flag).
const FENCE: u64 = 1 << 6;

/// Where a unit's queue is, and where it says that it is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    pub(super) page: u64,
    pub(super) mark: u64,
}

impl Queue {
    /// Makes it the unit's, empty. The unit takes nothing from a queue now.
    pub(super) fn begin(self, hw: &impl Physical, base: u64) {
        hw.store64(base + TAIL, 0);
        hw.store64(base + ADDRESS, self.page);
    }

    /// Forgets all that the unit has cached of its tables. `value` is not at the mark yet. Whether it
    /// answers; one that does not is given nothing more until it does.
    pub(super) fn flush(
        self,
        hw: &impl Physical,
        base: u64,
        can: Capabilities,
        value: u32,
    ) -> bool {
        let is_empty = || hw.load64(base + HEAD) & PLACE == hw.load64(base + TAIL) & PLACE;
        if !hw.within(WAIT_US, is_empty) {
            return false;
        }
        let mut pages = ALL_PAGES;
        for (drain, has) in [
            (DRAIN_WRITES, can.drains_writes()),
            (DRAIN_READS, can.drains_reads()),
        ] {
            pages |= if has { drain } else { 0 };
        }
        let wait = WAIT | u64::from(value) << 32;
        let mut tail = hw.load64(base + TAIL) & PLACE;
        let commands = [
            [ALL_CONTEXTS, 0],
            // Pages that are forgotten before all contexts are could be walked to anew by an old one. Nobody
            // looks at what it writes.
            [wait | FENCE, self.mark + 4],
            [pages, 0],
            [wait, self.mark],
        ];
        for [low, high] in commands {
            hw.store64(self.page + tail, low);
            hw.store64(self.page + tail + 8, high);
            hw.write_back(self.page + tail, 16);
            tail = (tail + 16) & PLACE;
        }
        hw.store64(base + TAIL, tail);
        hw.within(WAIT_US, || hw.load32(self.mark) == value)
    }
}
