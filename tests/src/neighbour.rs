//! A neighbour that counts while the other partition is put through something.
//!
//! Its counter looks at its own clock (`/proc/uptime`, which goes on while its core does not run) at
//! each count, and keeps the longest gap between two. So a pause is seen however long ago it was, and
//! whoever looks when.

use std::path::PathBuf;
use std::time::Duration;

use crate::iso::Iso;
use crate::qemu::{Running, has_kvm};
use crate::{Kernel, demo_initrd};

/// How a counter of some interval has to count, by its own clock, in hundredths of a second.
///
/// With KVM the host gives each core a thread of its own, and what is tolerated is the host's
/// scheduling. Under emulation the host may have two cores for the machine's five, and builds beside
/// it; each count takes two processes. Seen with two cores at a load of 15: 20 to 50 ms a count
/// beside the interval, and a gap of 1.1 s while another Linux spun on all its cores; 0.3 s else. So
/// this can't tell a microsecond's lateness (that is for [`crate::ticks`] to see, in virtual time), but
/// a neighbour that is stopped for the two seconds that a core takes to be given up, or that counts at
/// another's pleasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tolerance {
    /// Longest gap between two counts.
    gap: u64,
    /// What a count may take on the average, beside its interval.
    cost: u64,
}

const WITH_KVM: Tolerance = Tolerance { gap: 50, cost: 5 };
const EMULATED: Tolerance = Tolerance { gap: 150, cost: 25 };

/// A look at the counter. Times are hundredths of a second of the Linux's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    count: u64,
    /// The longest time between two counts.
    gap: u64,
    /// When it counted last.
    counted: u64,
    /// When this was read.
    now: u64,
}

impl Look {
    /// From `COUNT GAP COUNTED`, and a line of `/proc/uptime`.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let mut number = || words.next()?.parse().ok();
        let (count, gap, counted) = (number()?, number()?, number()?);
        let (seconds, hundredths) = words.next()?.split_once('.')?;
        let now = seconds.parse::<u64>().ok()? * 100 + hundredths.parse::<u64>().ok()?;
        Some(Self {
            count,
            gap,
            counted,
            now,
        })
    }

    /// What is wrong with it, `first` having been an earlier one.
    fn fault(&self, first: &Self, interval: u64, tolerance: Tolerance) -> Option<String> {
        let most = interval + tolerance.gap;
        let silent = self.now.saturating_sub(self.counted);
        if self.count < first.count || self.now < first.now {
            return Some("it went back".to_string());
        }
        if self.gap.max(silent) > most {
            return Some(format!(
                "it stood still for {} ms, more than {} ms",
                self.gap.max(silent) * 10,
                most * 10
            ));
        }
        // Up to the last count: what came after it is bounded above.
        let passed = self.counted.saturating_sub(first.counted);
        let least = passed / (interval + tolerance.cost);
        let counted = self.count - first.count;
        (counted < least).then(|| {
            format!(
                "it counted {counted} times in {} ms, less than {least} times",
                passed * 10
            )
        })
    }
}

/// A Linux on a port, whose counter must never stand still.
pub struct Neighbour {
    com: usize,
    /// Hundredths of a second.
    interval: u64,
    first: Look,
    last: Look,
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
        // Hundredths of a second; the 1 in front keeps what begins with 0 from being octal.
        let clock = "read u x </proc/uptime; n=$((${u%.*}*100+1${u#*.}-100))";
        machine.linux(
            com,
            &format!(
                "{clock}; echo 0 0 $n > /tmp/counter; (i=0; m=0; l=$n; while :; do {clock}; i=$((i+1)); [ $((n-l)) -le $m ] || m=$((n-l)); l=$n; \
                 echo $i $m $n > /tmp/c.new; mv /tmp/c.new /tmp/counter; usleep {us}; done) & true"
            ),
        );
        let first = look(machine, com);
        let mut neighbour = Self {
            com,
            interval: u64::from(ms).div_ceil(10),
            first,
            last: first,
        };
        neighbour.runs_on(machine, "its start");
        neighbour
    }

    /// The count at the last look.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last.count
    }

    /// The longest that it ever stood still until the last look, by its own clock.
    #[must_use]
    pub const fn longest_gap(&self) -> Duration {
        Duration::from_millis(self.last.gap * 10)
    }

    /// It has counted as time passed since it was started, has never stood still, and goes on now: it
    /// counts twice more.
    ///
    /// # Panics
    /// If it did not, or does not within twice its interval and what is tolerated.
    pub fn runs_on(&mut self, machine: &mut Running, after: &str) {
        let tolerance = if has_kvm() { WITH_KVM } else { EMULATED };
        let most = 2 * (self.interval + tolerance.gap);
        let begin = self.see(machine, tolerance, after);
        loop {
            std::thread::sleep(Duration::from_millis(self.interval * 10));
            let look = self.see(machine, tolerance, after);
            if look.count >= begin.count + 2 {
                return;
            }
            if look.now > begin.now + most {
                self.fail(
                    machine,
                    after,
                    &format!("no two counts in {} ms", most * 10),
                );
            }
        }
    }

    fn see(&mut self, machine: &mut Running, tolerance: Tolerance, after: &str) -> Look {
        let look = look(machine, self.com);
        let fault = look.fault(&self.first, self.interval, tolerance);
        if let Some(fault) = fault {
            self.fail(machine, after, &format!("{fault}: {look:?}"));
        }
        self.last = look;
        look
    }

    fn fail(&self, machine: &Running, after: &str, why: &str) -> ! {
        let Self { first, last, .. } = self;
        machine.fail(&format!(
            "after {after:?} the neighbour: {why}; first {first:?}, before {last:?}"
        ))
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

impl Drop for Neighbour {
    fn drop(&mut self) {
        let counts = self.last.count - self.first.count;
        let seconds = (self.last.counted - self.first.counted) as f64 / 100.0;
        let gap = self.longest_gap().as_millis();
        println!("neighbour: {counts} counts in {seconds:.1} s, never more than {gap} ms apart");
    }
}

fn look(machine: &mut Running, com: usize) -> Look {
    let text = machine.linux(com, "cat /tmp/counter /proc/uptime");
    Look::parse(&text).unwrap_or_else(|| machine.fail(&format!("{text:?} is not a counter")))
}

/// An ISO whose boot script starts that kernel as `it`, on two cores with COM2 and the right to
/// control, and a witness on a third core with COM3. `files` are in the first one's initrd.
#[must_use]
pub fn beside_a_witness(
    name: &str,
    kernel: Kernel,
    files: Vec<(String, PathBuf)>,
    memory: &str,
) -> Iso {
    Iso::new(name)
        .image("linux", kernel.image())
        .image("initrd", kernel.initrd(files))
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(&format!(
            "define it cores=1,2 memory={memory} kernel=linux initrd=initrd console=com2 control=yes cmdline=\"bulkhead.name=it quiet\"\n\
             define witness cores=3 memory=256M kernel=linux61 initrd=demo console=com3 cmdline=\"bulkhead.name=witness quiet\"\n\
             start it witness\n"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_10_MS: u64 = 1;

    fn look(count: u64, gap: u64, counted: u64, now: u64) -> Look {
        Look {
            count,
            gap,
            counted,
            now,
        }
    }

    #[test]
    fn a_look_is_read() {
        let wanted = look(12, 3, 4567, 4569);
        assert_eq!(Look::parse("12 3 4567\n45.69 80.00\n"), Some(wanted));
        assert_eq!(Look::parse("12 3\n45.69 80.00\n"), None);
        assert_eq!(Look::parse(""), None);
    }

    #[test]
    fn who_counts_as_time_passes_is_right() {
        let first = look(0, 0, 1000, 1000);
        let least = 10_000 / (EVERY_10_MS + EMULATED.cost);
        for (count, gap) in [
            (least, 20),
            (10_000, 1),
            (least, EMULATED.gap + EVERY_10_MS),
        ] {
            let now = look(count, gap, 11_000, 11_002);
            assert_eq!(now.fault(&first, EVERY_10_MS, EMULATED), None, "{now:?}");
        }
    }

    #[test]
    fn who_does_not_is_found_out() {
        let first = look(10, 0, 1000, 1000);
        let most = EVERY_10_MS + EMULATED.gap;
        let least = 10_000 / (EVERY_10_MS + EMULATED.cost);
        for (now, why) in [
            // Larger than before, and far too small.
            (look(11, 20, 11_000, 11_002), "it counted 1 times"),
            (look(10 + least - 1, 20, 11_000, 11_002), "it counted"),
            // A pause that is long over.
            (look(10_000, most + 1, 11_000, 11_002), "it stood still"),
            // One that is not.
            (look(10_000, 1, 11_000, 11_001 + most), "it stood still"),
            (look(9, 1, 11_000, 11_002), "it went back"),
        ] {
            let fault = now.fault(&first, EVERY_10_MS, EMULATED);
            assert!(
                fault.as_deref().is_some_and(|fault| fault.starts_with(why)),
                "{now:?}: {fault:?}"
            );
        }
    }
}
