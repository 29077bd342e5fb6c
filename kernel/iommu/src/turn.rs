//! One core at a time at the units.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::Physical;

/// How long another core may have its turn, in microseconds; after that it is taken to be gone.
const TURN_US: u64 = 200_000;

/// Whether a core is at the units: 1, else 0. Cores of any partition write it; one that was reset
/// meanwhile leaves it, and is waited for once.
#[derive(Debug)]
pub(crate) struct Turn(AtomicU32);

impl Turn {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Does something while no other core does.
    pub(crate) fn with<T>(&self, hw: &impl Physical, act: impl FnOnce() -> T) -> T {
        let take = || {
            let taken = self
                .0
                .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire);
            taken.is_ok()
        };
        let _ = hw.within(TURN_US, take);
        let done = act();
        self.0.store(0, Ordering::Release);
        done
    }
}
