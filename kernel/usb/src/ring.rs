//! Rings of TRBs in the shared memory (xHCI §4.9).

use crate::Io;
use crate::layout::{EVENT_COUNT, EVENTS, RING_COUNT, TRB};
use crate::trb::{CYCLE, Trb};

/// A ring that the controller takes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    /// Where it is.
    at: u32,
    /// Where the next TRB goes.
    next: u32,
    cycle: u32,
}

impl Ring {
    /// An empty ring, for somewhere else.
    pub(crate) const NONE: Self = Self {
        at: 0,
        next: 0,
        cycle: CYCLE,
    };

    /// Makes it empty.
    pub(crate) fn new(io: &mut impl Io, at: u32) -> Self {
        clear(io, at, RING_COUNT * TRB);
        Self { at, ..Self::NONE }
    }

    /// The dequeue pointer at which the controller begins, with its cycle state.
    pub(crate) fn dequeue(&self, io: &impl Io) -> u32 {
        (io.base() + self.at + self.next * TRB) | self.cycle
    }

    /// Where the next TRB will be in the shared memory, and which of the ring it is.
    pub(crate) const fn place(&self) -> (u32, u32) {
        (self.at + self.next * TRB, self.next)
    }

    /// Adds a TRB; gives its address. The controller takes it at the next ring of the doorbell.
    pub(crate) fn push(&mut self, io: &mut impl Io, trb: Trb) -> u32 {
        let (at, _) = self.place();
        put(io, at, trb, self.cycle);
        self.next += 1;
        if self.next == RING_COUNT - 1 {
            let link = Trb::link(io.base() + self.at);
            put(io, self.at + self.next * TRB, link, self.cycle);
            self.next = 0;
            self.cycle ^= CYCLE;
        }
        io.base() + at
    }

    /// Which of the ring's TRBs an address is.
    pub(crate) fn index_of(&self, io: &impl Io, address: u32) -> Option<u32> {
        let from = address.checked_sub(io.base())?.checked_sub(self.at)?;
        (from % TRB == 0 && from / TRB < RING_COUNT - 1).then_some(from / TRB)
    }
}

/// The last dword, which gives the TRB away, is the last to be written.
fn put(io: &mut impl Io, at: u32, trb: Trb, cycle: u32) {
    let Trb([first, second, third, last]) = trb;
    for (offset, dword) in (0..).step_by(4).zip([first, second, third, last | cycle]) {
        io.store(at + offset, dword);
    }
}

/// Fills with zeros.
pub(crate) fn clear(io: &mut impl Io, at: u32, bytes: u32) {
    for offset in (0..bytes).step_by(4) {
        io.store(at + offset, 0);
    }
}

/// The ring of events, which the controller fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventRing {
    next: u32,
    cycle: u32,
}

impl EventRing {
    /// At its beginning.
    pub(crate) const NEW: Self = Self {
        next: 0,
        cycle: CYCLE,
    };

    /// The next event, if there is one.
    pub(crate) fn take(&mut self, io: &impl Io) -> Option<Trb> {
        let at = EVENTS + self.next * TRB;
        // The last dword, which gives the TRB away, first.
        let last = io.load(at + 12);
        if last & CYCLE != self.cycle {
            return None;
        }
        let trb = Trb([io.load(at), io.load(at + 4), io.load(at + 8), last]);
        self.next += 1;
        if self.next == EVENT_COUNT {
            self.next = 0;
            self.cycle ^= CYCLE;
        }
        Some(trb)
    }

    /// Where the next will be.
    pub(crate) fn dequeue(self, io: &impl Io) -> u32 {
        io.base() + EVENTS + self.next * TRB
    }
}
