//! What is told while looking for devices takes long.

use core::fmt;

use crate::Bus;

/// Longest silence, in milliseconds, as long as one function takes less. Writing to configuration
/// space can be slow: an emulator may build its map of all addresses anew each time.
const SILENCE_MS: u64 = 1000;

/// What was told so far: nothing if looking is done within a second.
#[derive(Debug)]
pub struct Progress {
    /// When something is to be told again, in milliseconds of the caller's clock.
    due: u64,
    is_told: bool,
}

impl Progress {
    /// Looking begins now.
    #[must_use]
    pub const fn new(now_ms: u64) -> Self {
        Self {
            due: now_ms.saturating_add(SILENCE_MS),
            is_told: false,
        }
    }

    /// So many functions were looked at, the last one on that bus. What is to be printed now, without
    /// an end of the line.
    pub fn step(&mut self, now_ms: u64, seen: usize, bus: Bus) -> Option<Step> {
        if now_ms < self.due {
            return None;
        }
        let step = Step {
            is_first: !self.is_told,
            seen,
            bus,
        };
        *self = Self {
            is_told: true,
            ..Self::new(now_ms)
        };
        Some(step)
    }

    /// All were looked at: whether there is a line to be ended.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        self.is_told
    }
}

/// A piece of the line.
#[derive(Debug)]
pub struct Step {
    is_first: bool,
    seen: usize,
    bus: Bus,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = if self.is_first {
            "looking for devices: "
        } else {
            ", "
        };
        write!(f, "{begin}{} (bus {:02x})", self.seen, self.bus.number)
    }
}
