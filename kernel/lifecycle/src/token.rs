//! The right to reset cores, which one core has at a time and for a moment only.
//!
//! Two partitions may each ask for the other's end at once. Without an order, each would reset the
//! other between its INIT and its start-up IPI, and both would wait for ever. A core that holds the
//! token is reset by nobody, so what it has begun with an INIT it goes on to the start-up IPI.
//!
//! Whatever else is done to a Linux from outside, by an interrupt or in its memory, is done with it, too, as long as
//! the partition's life is at the step for which it is meant; and an end is concluded with it.
//!
//! Cores are also reset by what no protocol here knows of (a Linux that brings its own cores up
//! anew). A token that is held far longer than its holder needs it is therefore taken over.

use crate::hardware::Hardware;
use crate::sync::Word64;

/// Longest time that a holder needs it, many times over, in microseconds.
const LEASE_US: u64 = 1_000_000;

const HOLDER: u64 = 0x3ff;

/// The token.
pub(crate) struct Token(Word64);

/// Proof of holding it, and for how long it is known to be held.
pub(crate) struct Held<'a> {
    token: &'a Token,
    word: u64,
}

impl Token {
    pub(crate) const fn new() -> Self {
        Self(Word64::new(0))
    }

    /// Waits until this core holds it.
    pub(crate) fn take(&self, hw: &impl Hardware) -> Held<'_> {
        let me = hw.me() as u64 + 1;
        loop {
            let current = self.0.load();
            // The time since it was taken, in the ticks that have room beside the holder's number.
            let now = hw.now() & !HOLDER;
            let age = now.wrapping_sub(current & !HOLDER);
            let is_free = current == 0 || age > hw.ticks(LEASE_US) && age < u64::MAX / 2;
            let word = now | me;
            if is_free && self.0.replace(current, word) {
                return Held { token: self, word };
            }
            hw.relax();
        }
    }
}

impl Held<'_> {
    /// Whether this core still holds it: asked before each IPI.
    pub(crate) fn is_held(&self) -> bool {
        self.token.0.load() == self.word
    }

    /// Gives it back, if it still holds it. Not on drop: a core that is reset drops nothing.
    pub(crate) fn release(self) {
        self.token.0.replace(self.word, 0);
    }
}
