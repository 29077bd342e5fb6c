//! By when the work of an end must have got on, and how often its worker was called.
//!
//! Both are of one step of the partition's life, whose generation they carry: what a core writes
//! late that was about an earlier step says nothing of this one. A core may also be reset between
//! its step and its word here; then the first that looks begins to count the time.

use crate::life::Life;
use crate::sync::Word64;

/// Bits of the deadline that hold the step's generation instead of the time's finest part.
const STEP: u64 = 0xfff;

/// These two.
pub(crate) struct Work {
    deadline: Word64,
    calls: Word64,
}

impl Work {
    pub(crate) const fn new() -> Self {
        Self {
            deadline: Word64::new(0),
            calls: Word64::new(0),
        }
    }

    /// It has until that tick.
    pub(crate) fn allow(&self, life: Life, until: u64) {
        self.deadline.store(Self::word(life, until));
    }

    fn word(life: Life, until: u64) -> u64 {
        let rounded_up = (until & !STEP).saturating_add(STEP + 1) & !STEP;
        rounded_up | u64::from(life.generation) & STEP
    }

    /// Until when it has time, if it was given some.
    pub(crate) fn until(&self, life: Life) -> Option<u64> {
        let word = self.deadline.load();
        let is_of_it = (word ^ u64::from(life.generation)) & STEP == 0;
        is_of_it.then_some(word & !STEP)
    }

    /// Whether its time is over. If it was given none yet, it has `patience` ticks from now on.
    pub(crate) fn is_late(&self, life: Life, now: u64, patience: u64) -> bool {
        let word = self.deadline.load();
        if (word ^ u64::from(life.generation)) & STEP != 0 {
            // Unless somebody, such as its worker, has given it some meanwhile.
            let until = Self::word(life, now.saturating_add(patience));
            self.deadline.replace(word, until);
            return false;
        }
        now > word & !STEP
    }

    /// How often its worker was called in vain, up to this step.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the count is the low half of the word"
    )]
    pub(crate) fn calls(&self, life: Life) -> u32 {
        let word = self.calls.load();
        if word >> 32 == u64::from(life.generation) {
            word as u32
        } else {
            0
        }
    }

    /// Says so: after the call, so that one that was never made does not count.
    pub(crate) fn set_calls(&self, life: Life, calls: u32) {
        self.calls
            .store(u64::from(life.generation) << 32 | u64::from(calls));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_another_step_does_not_count() {
        let work = Work::new();
        let first = Life::decode(5 << 32);
        let second = Life::decode(6 << 32);
        work.allow(first, 1 << 20);
        work.set_calls(first, 3);
        assert!(!work.is_late(first, 1 << 20, 0));
        assert!(work.is_late(first, (1 << 20) + 2 * STEP + 2, 0));
        assert_eq!((work.calls(first), work.calls(second)), (3, 0));
        let now = 1 << 30;
        assert!(!work.is_late(second, now, 10_000), "it begins to count");
        assert!(!work.is_late(second, now + 10_000, 10_000));
        assert!(work.is_late(second, now + 10_000 + 2 * STEP, 10_000));
    }
}
