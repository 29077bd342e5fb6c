//! A neighbour that counts while the other partition is put through something.

use std::time::{Duration, Instant};

use crate::qemu::Running;

/// Within this it counts: ten times the longest interval in use, for a host that is busy. How late a
/// neighbour is at most, is for [`crate::ticks`] to see.
const SOON: Duration = Duration::from_secs(2);

/// A Linux on a port, whose counter must never stand still.
pub struct Neighbour {
    com: usize,
    last: u64,
}

impl Neighbour {
    /// Starts its counter: a shell loop that writes a number every 10 ms.
    ///
    /// # Panics
    /// If it does not count.
    pub fn watch(machine: &mut Running, com: usize) -> Self {
        Self::watch_every(machine, com, 10)
    }

    /// Starts its counter, which writes a number after so many milliseconds: each one takes the
    /// host two processes' worth of emulation.
    ///
    /// # Panics
    /// If it does not count.
    pub fn watch_every(machine: &mut Running, com: usize, ms: u32) -> Self {
        let us = ms * 1000;
        machine.linux(
            com,
            &format!(
                "echo 0 > /tmp/counter; (i=0; while :; do i=$((i+1)); echo $i > /tmp/c.new; mv /tmp/c.new /tmp/counter; usleep {us}; done) & true"
            ),
        );
        let mut neighbour = Self { com, last: 0 };
        neighbour.counts(machine, "its start");
        neighbour
    }

    /// The count at the last look.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    fn counter(&self, machine: &mut Running) -> u64 {
        let text = machine.linux(self.com, "cat /tmp/counter");
        let last = text.lines().last().unwrap_or("").trim().to_string();
        last.parse()
            .unwrap_or_else(|_| machine.fail(&format!("{text:?} is not a counter")))
    }

    /// Its counter went on since the last look, and goes on now.
    ///
    /// # Panics
    /// If it did not.
    pub fn runs_on(&mut self, machine: &mut Running, after: &str) {
        for _ in 0..2 {
            self.counts(machine, after);
        }
    }

    /// It has counted since the last look, or does so soon: the look may have been a moment ago.
    fn counts(&mut self, machine: &mut Running, after: &str) {
        let end = Instant::now() + SOON;
        loop {
            let counter = self.counter(machine);
            if counter > self.last {
                self.last = counter;
                return;
            }
            let is_late = Instant::now() > end;
            if is_late || counter < self.last {
                let last = self.last;
                machine.fail(&format!(
                    "after {after:?} the neighbour stood still: {last}, {counter}"
                ));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Its kernel complained of nothing. ("loops_per_jiffy" is no oops.)
    ///
    /// # Panics
    /// If it did.
    pub fn noticed_nothing(&self, machine: &mut Running) {
        let complaints = machine.linux(
            self.com,
            "dmesg | grep -iE 'rcu.*stall|unexpected|spurious|[^l]oops|lockup|BUG:|unknown nmi' | head -5",
        );
        if !complaints.is_empty() {
            machine.fail(&format!("the neighbour noticed something: {complaints}"));
        }
    }
}
