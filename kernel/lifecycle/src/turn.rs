//! Whose turn it is to write the low memory that several Linuxes share.
//!
//! A Linux that is launched holds it, and nobody tells when it has written: what it overwrites first
//! is a mark that is put there before it is entered. So the next one may have its turn once that is
//! gone, or once the holder is at rest and all its cores are back. One that never gets so far, or
//! whose core does not come back, may still be about to write; it is waited for, and for a limited
//! time. Nobody waits in here: who is refused asks again.

use crate::hardware::Hardware;
use crate::life::Phase;
use crate::slot::Slot;
use crate::sync::Word64;
use crate::{CoreState, Kind, Lifecycle};

/// How long a Linux may take from its entry until it has written, in microseconds.
const PATIENCE_US: u64 = 30_000_000;
/// After so long it is told who is waited for, in microseconds.
const TELLING_US: u64 = 10_000_000;

/// Low byte: the holder's number and 1, or 0 for nobody.
const HOLDER: u64 = 0xff;
/// The mark is in place.
const MARKED: u64 = 1 << 8;
/// No other Linux was at work there when it was taken: what one that had the memory alone left in it is
/// to be cleared before the mark is put.
const FIRST: u64 = 1 << 9;
/// Above: since when, as ticks. It grows with each step, so that none is made from a turn that is over.
const SINCE: u64 = 1 << 16;

/// A turn that one partition at a time has.
pub(crate) struct Turn {
    word: Word64,
    /// The turn of which it was told that it is waited for.
    told: Word64,
}

/// The turn at one moment.
#[derive(Clone, Copy)]
struct Held(u64);

/// What somebody else's turn means for who wants it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is over.
    Over,
    /// Its Linux may still write, and has time for that.
    Awaited,
    /// It may, and has had that.
    Late,
}

impl Held {
    fn holder(self) -> Option<usize> {
        usize::from(self.0.to_le_bytes()[0]).checked_sub(1)
    }

    const fn is_marked(self) -> bool {
        self.0 & MARKED != 0
    }

    const fn is_first(self) -> bool {
        self.0 & FIRST != 0
    }

    const fn first(self, is_first: bool) -> Self {
        Self(if is_first { self.0 | FIRST } else { self.0 })
    }

    const fn age(self, now: u64) -> u64 {
        now.saturating_sub(self.nobodys().0)
    }

    const fn nobodys(self) -> Self {
        Self(self.0 & !(SINCE - 1))
    }

    /// That partition's from now on.
    const fn of(self, partition: usize, now: u64) -> Self {
        let (before, now) = (self.0 / SINCE, now / SINCE);
        let since = if now > before { now } else { before + 1 };
        Self(since.wrapping_mul(SINCE) | (partition as u64 + 1) & HOLDER)
    }
}

impl Turn {
    /// Nobody's.
    pub(crate) const fn new() -> Self {
        Self {
            word: Word64::new(0),
            told: Word64::new(0),
        }
    }

    fn look(&self) -> Held {
        Held(self.word.load())
    }

    fn replace(&self, from: Held, to: Held) -> bool {
        self.word.replace(from.0, to.0)
    }

    /// Whether it has to be told of this turn that it is waited for: once.
    fn is_to_tell(&self, held: Held) -> bool {
        let before = self.told.load();
        before != held.0 && self.told.replace(before, held.0)
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Whether that partition may be launched on this core, its boot core: it shares no low memory, or
    /// has the turn from here on.
    pub(crate) fn has_turn(&self, hw: &impl Hardware, partition: usize, slot: &Slot) -> bool {
        let held = self.turn.look();
        let other = held.holder().filter(|holder| *holder != partition);
        if !slot.shares_low() {
            // What it had when it did share says nothing of the run that begins.
            let is_own = held.holder() == Some(partition);
            return !is_own || self.turn.replace(held, held.nobodys());
        }
        let standing = other.map_or(Standing::Over, |other| {
            self.standing(hw, held, other, partition)
        });
        if standing == Standing::Awaited {
            let is_long = held.age(hw.now()) > hw.ticks(TELLING_US);
            if is_long && self.turn.is_to_tell(held) {
                self.post_about(Kind::Waits, partition, other.unwrap_or(partition));
            }
            return false;
        }
        // Whoever had it was to clear, and put no mark: it may not have come to that.
        let is_left = held.is_first() && !held.is_marked();
        let is_first = is_left || !self.has_company(partition);
        let taken = held.of(partition, hw.now()).first(is_first);
        let is_taken = self.turn.replace(held, taken);
        if is_taken && standing == Standing::Late {
            self.post_about(Kind::WaitsNoLonger, partition, other.unwrap_or(partition));
        }
        is_taken
    }

    /// Whether another Linux that shares the memory may be at work there. One whose launch waits, or was ended
    /// before its kernel was entered, has not been there.
    fn has_company(&self, partition: usize) -> bool {
        let mut others = self.slots.iter().enumerate();
        others.any(|(number, slot)| {
            let is_there = || slot.is_inside() || self.has_lost(number, slot);
            number != partition && slot.shares_low() && is_there()
        })
    }

    /// How the turn of `holder` stands, for a partition that wants it.
    fn standing(
        &self,
        hw: &impl Hardware,
        held: Held,
        holder: usize,
        partition: usize,
    ) -> Standing {
        let Some(slot) = self.slot(holder) else {
            return Standing::Over;
        };
        let has_core = || self.core_state(slot.boot_core()) != CoreState::Lost;
        match slot.phase() {
            Phase::Idle | Phase::Waiting if !self.has_lost(holder, slot) => Standing::Over,
            // Without the mark in place its absence says nothing.
            _ if held.is_marked() && hw.is_low_written(partition) => Standing::Over,
            // It may have much RAM to clear, and is not entered yet.
            Phase::Launching if has_core() => Standing::Awaited,
            _ if held.age(hw.now()) <= hw.ticks(PATIENCE_US) => Standing::Awaited,
            _ => Standing::Late,
        }
    }

    /// The Linux of that partition is about to be entered on this core: its time begins. `false` if
    /// somebody else has taken the turn.
    pub(crate) fn begin_turn(&self, hw: &impl Hardware, partition: usize, slot: &Slot) -> bool {
        if !slot.shares_low() {
            return true;
        }
        let held = self.turn.look();
        if held.holder() != Some(partition) {
            return false;
        }
        hw.mark_low(partition, held.is_first());
        let Held(began) = held.of(partition, hw.now());
        self.turn.replace(held, Held(began | MARKED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_turns_are_the_same_whatever_the_clock_says() {
        let mut held = Held(0);
        for (partition, now) in [(0, 0), (0, 0), (254, 1), (3, 5 << 40), (3, 5 << 40), (3, 7)] {
            let next = held.of(partition, now);
            assert!(next.0 > held.0 && next.holder() == Some(partition));
            assert!(!next.is_marked() && next.age(now) == 0);
            held = next;
        }
        assert_eq!(Held(0).holder(), None);
        assert_eq!(held.of(0, u64::MAX).age(0), 0);
    }

    #[test]
    fn a_turn_is_told_of_once() {
        let turn = Turn::new();
        let first = Held(0).of(1, 0);
        assert!(turn.is_to_tell(first) && !turn.is_to_tell(first));
        assert!(turn.is_to_tell(first.of(1, 0)));
    }
}
