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
    /// tells.
    pub fn take(
        &self,
        partition: usize,
        is_written: impl FnOnce() -> bool,
        mark: impl FnOnce(),
    ) -> bool {
        let before = self.0.load();
        let own = holder(partition);
        let is_over = match before & HOLDER {
            0 => true,
            other if other == own => true,
            // Without the mark in place its absence says nothing.
            _ => before & MARKED != 0 && is_written(),
        };
        let held = (before & !(TURN - 1)).wrapping_add(TURN) | own;
        if !is_over || !self.0.replace(before, held) {
            return false;
        }
        mark();
        // Nobody else makes a step from here: what it would need is the mark.
        self.0.replace(held, held | MARKED)
    }

    /// The partition has come back, or was not entered. By its boot core only.
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
            turn.take(partition, || !self.0.get(), || self.0.set(true))
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
            || unreachable!(),
        );
        assert!(!first);
        // Between the step and the mark there is no mark, and nobody else's turn.
        turn.release(2);
        assert!(turn.take(5, || false, || assert!(!turn.take(6, || true, || ()))));
        assert!(!turn.take(6, || false, || ()));
    }
}
