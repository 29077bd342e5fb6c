//! One core at a time at the units.
//!
//! A core may be reset while it has its turn, and never gives it back. So one that is not seen to do anything for
//! a long time loses it to the next. If it was not gone, but stood still, it finds that out before it touches
//! anything more, and does all of what it was about anew. Each turn has a number: nobody gives back another's.

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::Physical;

/// How long a core that has its turn is looked at, in microseconds: as long as it may wait for a unit between two
/// things that it does.
const LOOK_US: u64 = 50_000;
/// After how many looks at which it has done nothing it is taken to be gone. Several: if all of the machine stands
/// still that is one.
const LOOKS: u32 = 20;
/// How often what is to be done is begun.
const TRIES: u32 = 3;

/// Lowest bit: a core has its turn.
const HELD: u64 = 1;
/// Above, counted: turns, and what is done in them.
const STEP: u64 = 2;

/// Whether a core is at the units, and how far. Cores of any partition write it.
#[derive(Debug)]
pub(crate) struct Turn(AtomicU64);

/// The turn of one core, and the units as it sees them: what it stores when it has lost it is not stored.
pub(crate) struct Held<'a, H> {
    turn: &'a Turn,
    hw: &'a H,
    /// The turn's word, as this core has left it.
    mine: Cell<u64>,
}

impl Turn {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Does something while no other core does; whether that was done. It may be begun several times.
    pub(crate) fn with<H: Physical>(
        &self,
        hw: &H,
        mut act: impl FnMut(&Held<'_, H>) -> bool,
    ) -> bool {
        let mut tries = (0..TRIES).map(|_| {
            let held = self.take(hw);
            let is_done = act(&held);
            (held.give_back(), is_done)
        });
        let whole = tries.find(|(is_whole, _)| *is_whole);
        whole.is_some_and(|(_, is_done)| is_done)
    }

    fn replace(&self, from: u64, to: u64) -> Result<u64, u64> {
        self.0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }

    fn take<'a, H: Physical>(&'a self, hw: &'a H) -> Held<'a, H> {
        let look = || self.0.load(Ordering::Acquire);
        let (mut seen, mut looks) = (look(), 0);
        loop {
            if seen & HELD == 0 || looks == LOOKS {
                let mine = (seen | HELD).wrapping_add(STEP);
                match self.replace(seen, mine) {
                    Ok(_) => {
                        let mine = Cell::new(mine);
                        return Held {
                            turn: self,
                            hw,
                            mine,
                        };
                    }
                    Err(now) => (seen, looks) = (now, 0),
                }
            } else if hw.within(LOOK_US, || look() != seen) {
                (seen, looks) = (look(), 0);
            } else {
                looks += 1;
            }
        }
    }
}

impl<H> Held<'_, H> {
    /// It is here, and about to do something; `false`: it was taken to be gone.
    fn goes_on(&self) -> bool {
        let mine = self.mine.get();
        let next = mine.wrapping_add(STEP);
        let is_mine = self.turn.replace(mine, next).is_ok();
        if is_mine {
            self.mine.set(next);
        }
        is_mine
    }

    /// Whether it was this core's up to here.
    fn give_back(self) -> bool {
        let mine = self.mine.get();
        self.turn.replace(mine, mine & !HELD).is_ok()
    }
}

impl<H: Physical> Physical for Held<'_, H> {
    fn load32(&self, address: u64) -> u32 {
        self.hw.load32(address)
    }

    fn store32(&self, address: u64, value: u32) {
        if self.goes_on() {
            self.hw.store32(address, value);
        }
    }

    fn load64(&self, address: u64) -> u64 {
        self.hw.load64(address)
    }

    fn store64(&self, address: u64, value: u64) {
        if self.goes_on() {
            self.hw.store64(address, value);
        }
    }

    fn write_back(&self, address: u64, bytes: u64) {
        self.hw.write_back(address, bytes);
    }

    fn within(&self, us: u64, done: impl FnMut() -> bool) -> bool {
        self.goes_on() && self.hw.within(us, done)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::cell::RefCell;

    use super::*;

    /// A machine in which time passes only where somebody waits.
    #[derive(Default)]
    struct Made<'a> {
        stored: RefCell<Vec<u64>>,
        waits: Cell<u32>,
        /// What another core does whenever one waits.
        other: Cell<Option<&'a dyn Fn()>>,
    }

    impl Physical for Made<'_> {
        fn load32(&self, _: u64) -> u32 {
            0
        }
        fn store32(&self, _: u64, value: u32) {
            self.store64(0, value.into());
        }
        fn load64(&self, _: u64) -> u64 {
            0
        }
        fn store64(&self, _: u64, value: u64) {
            self.stored.borrow_mut().push(value);
        }
        fn write_back(&self, _: u64, _: u64) {}
        fn within(&self, _: u64, mut done: impl FnMut() -> bool) -> bool {
            self.waits.set(self.waits.get() + 1);
            if let Some(other) = self.other.get() {
                other();
            }
            done()
        }
    }

    #[test]
    fn who_was_taken_to_be_gone_does_nothing_more_and_gives_back_nobody_elses() {
        let (turn, hw) = (Turn::new(), Made::default());
        let first = turn.take(&hw);
        first.store64(0, 1);
        let second = turn.take(&hw);
        assert_eq!(hw.waits.get(), LOOKS, "it is waited for, and not for ever");
        first.store64(0, 2);
        first.store32(0, 3);
        assert!(!first.within(1, || true));
        assert!(!first.give_back());
        second.store64(0, 4);
        let third = turn.take(&hw);
        assert_eq!(hw.waits.get(), 2 * LOOKS, "it was not free");
        assert!(!second.give_back() && third.give_back());
        assert_eq!(*hw.stored.borrow(), [1, 4]);
        assert!(turn.take(&hw).give_back());
        assert_eq!(hw.waits.get(), 2 * LOOKS, "now it is");
    }

    #[test]
    fn who_does_something_now_and_then_is_waited_for() {
        let (turn, hw) = (Turn::new(), Made::default());
        let first = RefCell::new(Some(turn.take(&hw)));
        let left = Cell::new(10 * LOOKS);
        let other = || {
            left.set(left.get() - 1);
            match left.get() {
                0 => assert!(first.take().unwrap().give_back()),
                left if left % LOOKS == 1 => first.borrow().as_ref().unwrap().store64(0, 1),
                _ => {}
            }
        };
        let waiting = Made::default();
        waiting.other.set(Some(&other));
        assert!(turn.take(&waiting).give_back());
        assert_eq!(waiting.waits.get(), 10 * LOOKS);
    }

    #[test]
    fn what_was_broken_into_is_done_anew() {
        let (turn, hw) = (Turn::new(), Made::default());
        let begun = Cell::new(0);
        let is_done = turn.with(&hw, |held| {
            begun.set(begun.get() + 1);
            if begun.get() == 1 {
                assert!(turn.with(&hw, |_| true), "by another core");
            }
            held.store64(0, begun.get());
            true
        });
        assert!(is_done);
        assert_eq!(*hw.stored.borrow(), [2]);
        assert!(!turn.with(&hw, |_| false), "what failed has failed");
        let always = |_: &Held<'_, Made<'_>>| turn.with(&hw, |_| true);
        assert!(!turn.with(&hw, always), "it ends");
    }
}
