//! Commands for a unit (AMD §2.4): a ring of a page.

use bulkhead_memory::PAGE;

use super::unit::WAIT_US;
use crate::Physical;

/// Bytes of a command.
const BYTES: u64 = 16;
/// Of a head or a tail, what counts.
const PLACE: u64 = PAGE - BYTES;
const HEAD: u64 = 0x2000;
const TAIL: u64 = 0x2008;

const COMPLETION_WAIT: u64 = 1 << 60;
const STORE: u64 = 1;
const INVALIDATE_ENTRY: u64 = 2 << 60;
const INVALIDATE_PAGES: u64 = 3 << 60;
/// All pages of a domain, and what leads to them.
const ALL_OF_DOMAIN: u64 = 0x7fff_ffff_ffff_f000 | 0b11;
const INVALIDATE_ALL: u64 = 8 << 60;

/// Some commands on their way to a unit. Nothing of it is kept between two: a core that is reset with one
/// has given none of it, or all.
pub(super) struct Queue<'a, H> {
    hw: &'a H,
    /// The unit's registers.
    base: u64,
    /// The ring.
    ring: u64,
    tail: u64,
    head: u64,
    is_answering: bool,
}

impl<'a, H: Physical> Queue<'a, H> {
    pub(super) fn new(hw: &'a H, base: u64, ring: u64) -> Self {
        Self {
            hw,
            base,
            ring,
            tail: hw.load64(base + TAIL) & PLACE,
            head: hw.load64(base + HEAD) & PLACE,
            is_answering: true,
        }
    }

    fn push(&mut self, command: [u64; 2]) {
        let next = (self.tail + BYTES) & PLACE;
        if next == self.head {
            self.submit();
            let (hw, head) = (self.hw, &mut self.head);
            let has_room = || {
                *head = hw.load64(self.base + HEAD) & PLACE;
                *head != next
            };
            self.is_answering = self.is_answering && hw.within(WAIT_US, has_room);
        }
        if !self.is_answering {
            return;
        }
        for (place, word) in (0..).zip(command) {
            self.hw.store64(self.ring + self.tail + place * 8, word);
        }
        self.tail = next;
    }

    fn submit(&self) {
        self.hw.store64(self.base + TAIL, self.tail);
    }

    /// The entry of a requester in the device table is read anew.
    pub(super) fn forget_entry(&mut self, id: u16) {
        self.push([INVALIDATE_ENTRY | u64::from(id), 0]);
    }

    /// All pages of a domain are walked to anew.
    pub(super) fn forget_domain(&mut self, domain: u16) {
        self.push([INVALIDATE_PAGES | u64::from(domain) << 32, ALL_OF_DOMAIN]);
    }

    /// Everything is read anew; for units that have that command.
    pub(super) fn forget_all(&mut self) {
        self.push([INVALIDATE_ALL, 0]);
    }

    /// Waits until all is done; `mark` is a qword of memory in which the unit writes `value`, which is not
    /// there yet. Whether it answers.
    pub(super) fn finish(mut self, mark: u64, value: u64) -> bool {
        self.push([COMPLETION_WAIT | mark | STORE, value]);
        self.submit();
        let is_done = || self.hw.load64(mark) == value;
        self.is_answering && self.hw.within(WAIT_US, is_done)
    }
}
