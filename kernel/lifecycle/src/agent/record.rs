//! What is kept of an agent, in words that any core may read.

use super::{GRACE_SECONDS, Heard, Order, STOP_SECONDS};
use crate::life::Life;
use crate::sync::{Word32, Word64};

/// What is kept of it.
pub(crate) struct Record {
    /// The tick of the last beat; 0: none in this run.
    pub(super) beat: Word64,
    /// Seconds; 0: its silence means nothing.
    watchdog: Word32,
    /// How long its last order has, in seconds, below the generation of the step that gave it.
    limit: Word64,
    /// Why the last message was refused.
    pub(super) refused: Word32,
    /// Not 0: it gives a terminal to who is attached to the partition's console.
    terminal: Word32,
}

impl Record {
    pub(crate) const fn new() -> Self {
        Self {
            beat: Word64::new(0),
            watchdog: Word32::new(0),
            limit: Word64::new(0),
            refused: Word32::new(0),
            terminal: Word32::new(0),
        }
    }

    /// Nothing is known of the next definition's.
    pub(crate) fn retire(&self) {
        self.forget();
        self.watchdog.store(0);
        self.limit.store(0);
    }

    /// Nobody was heard yet in this run.
    pub(crate) fn forget(&self) {
        self.beat.store(0);
        self.refused.store(0);
        self.terminal.store(0);
    }

    pub(crate) fn has_terminal(&self) -> bool {
        self.terminal.load() != 0
    }

    pub(super) fn set_terminal(&self, is_there: bool) {
        self.terminal.store(u32::from(is_there));
    }

    pub(super) fn refuse(&self, why: Heard) -> Heard {
        self.refused.store(why as u32);
        why
    }

    pub(crate) fn watchdog(&self) -> u32 {
        self.watchdog.peek()
    }

    pub(crate) fn set_watchdog(&self, seconds: u32) {
        self.watchdog.store(seconds);
    }

    pub(super) fn seconds(&self, life: Life) -> u32 {
        if life.order == Some(Order::Fail) {
            return GRACE_SECONDS;
        }
        let word = self.limit.load();
        let of_it = (word >> 32 == u64::from(life.generation)).then_some(word & 0xffff_ffff);
        of_it
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(STOP_SECONDS)
    }

    pub(super) fn set_seconds(&self, life: Life, seconds: u32) {
        self.limit
            .store(u64::from(life.generation) << 32 | u64::from(seconds));
    }
}
