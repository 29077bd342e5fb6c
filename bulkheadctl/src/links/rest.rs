//! What a side does while there is nothing to do.
//!
//! For a moment it looks again and again, which is what the other side's answer takes. Then it sleeps,
//! and looks up by itself from time to time, the longer nothing happens the less often.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, Timespec, poll};

/// How long it looks again and again.
const AWAKE: Duration = Duration::from_micros(50);
/// The first and the longest sleep.
const FIRST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(1);
/// Where interrupts come: the other side may have ended, which nobody rings for.
const RUNG: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Rest {
    idle_since: Option<Instant>,
    next: Duration,
}

impl Rest {
    pub(super) const fn new() -> Self {
        Self {
            idle_since: None,
            next: FIRST,
        }
    }

    /// Something was done.
    pub(super) const fn busy(&mut self) {
        self.idle_since = None;
        self.next = FIRST;
    }

    /// Nothing was: whether it is time to sleep.
    pub(super) fn is_tired(&mut self) -> bool {
        let since = *self.idle_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= AWAKE {
            return true;
        }
        std::hint::spin_loop();
        false
    }

    /// Sleeps until one of the files can be read, or for a while: a long one if it is rung for whatever
    /// comes.
    pub(super) fn sleep(&mut self, files: &mut [PollFd<'_>], is_rung: bool) {
        let time = if is_rung { RUNG } else { self.next };
        let time = Timespec {
            tv_sec: time.as_secs().cast_signed(),
            tv_nsec: i64::from(time.subsec_nanos()),
        };
        // What is wrong with a file its reader finds.
        let _ = poll(files, Some(&time));
        self.next = (self.next * 2).min(LONGEST);
    }
}
