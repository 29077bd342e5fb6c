//! Whose turn it is to write what several Linuxes have in common.
//!
//! A Linux that is launched holds it, and nobody tells when it has written: what it overwrites first
//! is a mark that is put there before it is entered. So the next one may have its turn once that is
//! gone, or once the holder has come back. Nobody waits in here: who is refused asks again.

use crate::sync::Word64;

/// Low byte: the holder's number and 1, or 0 for nobody.
const HOLDER: u64 = 0xff;
/// The mark is in place.
const MARKED: u64 = 1 << 8;
/// Above: how many turns there were, so that no step is made from one that is over.
const TURN: u64 = 1 << 16;

/// A turn that one partition at a time has.
pub struct Turn(Word64);

impl Default for Turn {
    fn default() -> Self {
        Self::new()
    }
}

impl Turn {
    /// Nobody's.
    #[must_use]
    pub const fn new() -> Self {
        Self(Word64::new(0))
    }

    /// Takes the turn for a partition that is about to be entered on this core, and has `mark` put
    /// the mark in place; unless another one has it and has not written yet, which `is_written`
    /// tells. `mark` is told whether nobody else had it: only then is no other Linux at work there, and
    /// all but the mark may be written too. Else whoever had it has done so.
    pub fn take(
        &self,
        partition: usize,
        is_written: impl FnOnce() -> bool,
        mark: impl FnOnce(bool),
    ) -> bool {
        let before = self.0.load();
        let own = holder(partition);
        let is_alone = matches!(before & HOLDER, holder if holder == 0 || holder == own);
        // Without the mark in place its absence says nothing.
        let is_over = is_alone || before & MARKED != 0 && is_written();
        let held = (before & !(TURN - 1)).wrapping_add(TURN) | own;
        if !is_over || !self.0.replace(before, held) {
            return false;
        }
        mark(is_alone);
        // Nobody else makes a step from here: what it would need is the mark.
        self.0.replace(held, held | MARKED)
    }

    /// The partition has come back, or was not entered. By its boot core, or whoever sees to it that
    /// nothing launches it.
    pub fn release(&self, partition: usize) {
        let before = self.0.load();
        if before & HOLDER == holder(partition) {
            self.0.replace(before, before & !(TURN - 1));
        }
    }
}

const fn holder(partition: usize) -> u64 {
    (partition as u64 + 1) & HOLDER
}

#[cfg(test)]
mod tests {
    use super::Turn;
    use core::cell::Cell;

    /// Memory with or without the mark.
    struct Chunk(Cell<bool>);

    impl Chunk {
        fn take(&self, turn: &Turn, partition: usize) -> bool {
            turn.take(partition, || !self.0.get(), |_| self.0.set(true))
        }
    }

    #[test]
    fn the_next_waits_until_the_mark_is_gone() {
        let (turn, chunk) = (Turn::new(), Chunk(Cell::new(false)));
        assert!(chunk.take(&turn, 3));
        assert!(!chunk.take(&turn, 4));
        chunk.0.set(false); // its Linux writes
        assert!(chunk.take(&turn, 4));
        assert!(chunk.0.get());
        assert!(!chunk.take(&turn, 3));
    }

    #[test]
    fn who_came_back_holds_nobody_up() {
        let (turn, chunk) = (Turn::new(), Chunk(Cell::new(false)));
        assert!(chunk.take(&turn, 0));
        turn.release(1);
        assert!(!chunk.take(&turn, 1), "not its own to release");
        turn.release(0);
        assert!(chunk.take(&turn, 1));
        // Launched again without a word: its core was reset.
        assert!(chunk.take(&turn, 1));
        assert!(!chunk.take(&turn, 0));
    }

    #[test]
    fn two_at_once_get_one_turn() {
        let (turn, chunk) = (Turn::new(), Chunk(Cell::new(false)));
        assert!(chunk.take(&turn, 0));
        chunk.0.set(false);
        // While one looks whether it is written, another one takes the turn.
        let first = turn.take(
            1,
            || {
                assert!(chunk.take(&turn, 2));
                true
            },
            |_| unreachable!(),
        );
        assert!(!first);
        // Between the step and the mark there is no mark, and nobody else's turn.
        turn.release(2);
        assert!(turn.take(5, || false, |_| assert!(!turn.take(6, || true, |_| ()))));
        assert!(!turn.take(6, || false, |_| ()));
    }

    #[test]
    fn only_who_takes_it_from_nobody_may_clear() {
        let turn = Turn::new();
        let alone = |partition| {
            let mut told = None;
            turn.take(partition, || true, |is_alone| told = Some(is_alone));
            told
        };
        assert_eq!(alone(0), Some(true));
        assert_eq!(alone(0), Some(true), "its own core was reset");
        // The other's Linux has only just overwritten the mark.
        assert_eq!(alone(1), Some(false));
        turn.release(1);
        assert_eq!(alone(2), Some(true));
        // One that was reset before it had cleared all of it is not taken over from.
        turn.release(2);
        let cleared = turn.take(3, || true, |_| assert_eq!(alone(4), None));
        assert!(cleared);
    }
}
