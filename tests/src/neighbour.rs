//! A neighbour that counts while the other partition is put through something.
//!
//! Its counter looks at its own clock (`/proc/uptime`, which goes on while its core does not run) at
//! each count, and keeps every gap between two that is longer than tolerated. So a pause is seen however
//! long ago it was, and whoever looks when. What the host itself withheld from its core meanwhile
//! ([`Withheld`]) is no pause of it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::iso::Iso;
use crate::qemu::{Running, has_kvm};
use crate::withheld::{CLOCK, Gap, Withheld, uptime};
use crate::{Kernel, demo_initrd};

/// How a counter of some interval has to count, by its own clock, in hundredths of a second.
///
/// Under emulation the host may have two cores for the machine's five, and builds beside it; each count
/// takes two processes. Seen with two cores at a load of 15: 20 to 50 ms a count beside the interval, and
/// gaps of 1.1 and 1.7 s while another Linux spun on all its cores, most of which the host had withheld;
/// 0.3 s else. So this can't tell a microsecond's lateness (that is for [`crate::ticks`] to see, in virtual
/// time), but a neighbour that is stopped for the two seconds that a core takes to be given up, or that
/// counts at another's pleasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tolerance {
    /// Longest gap between two counts.
    gap: u64,
    /// What a count may take on the average, beside its interval.
    cost: u64,
}

/// What Linux says when something is wrong, as `grep -iE` knows it. Some is also said of what is right while it
/// boots, so it is for what was said since. That a timer's interrupt took long is not among them: an emulator's
/// core that the host lets wait says that, too.
pub(crate) const COMPLAINTS: &str = "rcu.*stall|unexpected|spurious|[^l]oops|lockup|BUG:|nmi received|no irq handler\
    |nobody cared|disabling irq|apic error|clocksource.*unstable|tsc unstable|tsc adjust|hardware error|mce:|machine check\
    |memory failure|WARNING:|call trace|general protection|divide error|invalid opcode|segfault|bad page|corrupt\
    |fs error|i/o error|out of memory|aer:|blocked for more";

const WITH_KVM: Tolerance = Tolerance { gap: 50, cost: 5 };
const EMULATED: Tolerance = Tolerance { gap: 150, cost: 25 };

fn tolerance() -> Tolerance {
    if has_kvm() { WITH_KVM } else { EMULATED }
}

/// A look at the counter. Times are hundredths of a second of the Linux's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    count: u64,
    /// The longest time between two counts.
    longest: u64,
    /// When it counted last.
    counted: u64,
    /// When this was read.
    now: u64,
    /// All that were too long, the first one first.
    gaps: Vec<Gap>,
}

impl Look {
    /// From `COUNT LONGEST COUNTED`, a line of `/proc/uptime`, and a line `ENDED LENGTH` for each gap.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut words = lines.next()?.split_ascii_whitespace();
        let mut number = || words.next()?.parse().ok();
        let (count, longest, counted) = (number()?, number()?, number()?);
        let now = uptime(lines.next()?)?;
        Some(Self {
            count,
            longest,
            counted,
            now,
            gaps: lines.map(Gap::parse).collect::<Option<_>>()?,
        })
    }

    /// What is wrong with it, `first` having been an earlier one. `withheld` is the most that the host
    /// withheld in a gap.
    fn fault(
        &self,
        first: &Self,
        interval: u64,
        tolerance: Tolerance,
        withheld: impl Fn(Gap) -> u64,
    ) -> Option<String> {
        let most = interval + tolerance.gap;
        if self.count < first.count || self.now < first.now {
            return Some("it went back".to_string());
        }
        let silence = Gap {
            ended: self.now,
            length: self.now.saturating_sub(self.counted),
        };
        for gap in self.gaps.iter().chain([&silence]) {
            if gap.length <= most {
                continue;
            }
            let host = withheld(*gap);
            if gap.length.saturating_sub(host) > most {
                return Some(format!(
                    "it stood still for {} ms, of which the host withheld {} ms, more than {} ms",
                    gap.length * 10,
                    host * 10,
                    most * 10
                ));
            }
        }
        // Up to the last count: what came after it is bounded above.
        let passed = self.counted.saturating_sub(first.counted);
        let least = passed / (interval + tolerance.cost);
        let counted = self.count - first.count;
        if counted >= least {
            return None;
        }
        let host = withheld(Gap {
            ended: self.counted,
            length: passed,
        });
        let least = passed.saturating_sub(host) / (interval + tolerance.cost);
        (counted < least).then(|| {
            format!(
                "it counted {counted} times in {} ms, of which the host withheld {} ms: less than {least} times",
                passed * 10,
                host * 10
            )
        })
    }
}

/// A Linux on a port, whose counter must never stand still.
pub struct Neighbour {
    com: usize,
    /// Hundredths of a second.
    interval: u64,
    host: Withheld,
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
        let interval = u64::from(ms).div_ceil(10);
        let most = interval + tolerance().gap;
        let cores = machine.linux(com, "grep ^apicid /proc/cpuinfo | cut -d : -f 2");
        let cores: Vec<u32> = cores
            .split_ascii_whitespace()
            .filter_map(|core| core.parse().ok())
            .collect();
        let host = Withheld::watch(machine, &cores);
        machine.linux(
            com,
            &format!(
                "dmesg > /tmp/said; {CLOCK}; echo 0 0 $n > /tmp/counter; : > /tmp/gaps; (i=0; m=0; l=$n; while :; do {CLOCK}; i=$((i+1)); [ $((n-l)) -le $m ] || m=$((n-l)); \
                 [ $((n-l)) -le {most} ] || echo $n $((n-l)) >> /tmp/gaps; l=$n; \
                 echo $i $m $n > /tmp/c.new; mv /tmp/c.new /tmp/counter; usleep {us}; done) & true"
            ),
        );
        let first = look(machine, com);
        let mut neighbour = Self {
            com,
            interval,
            host,
            last: first.clone(),
            first,
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
        Duration::from_millis(self.last.longest * 10)
    }

    /// It has counted as time passed since it was started, has never stood still, and goes on now: it
    /// counts twice more.
    ///
    /// # Panics
    /// If it did not, or does not.
    pub fn runs_on(&mut self, machine: &mut Running, after: &str) {
        // Nothing bounds this but the look itself: one that is silent for too long is at fault there.
        let begin = self.see(machine, after);
        while self.last.count < begin + 2 {
            std::thread::sleep(Duration::from_millis(self.interval * 10));
            self.see(machine, after);
        }
    }

    /// The count, if nothing is wrong.
    fn see(&mut self, machine: &mut Running, after: &str) -> u64 {
        let begin = Instant::now();
        let look = look(machine, self.com);
        let end = Instant::now();
        let withheld = |gap| self.host.of(gap, look.now, [begin, end]);
        let fault = look.fault(&self.first, self.interval, tolerance(), withheld);
        if let Some(fault) = fault {
            self.fail(machine, after, &format!("{fault}: {look:?}"));
        }
        self.last = look;
        self.last.count
    }

    fn fail(&self, machine: &Running, after: &str, why: &str) -> ! {
        let Self { first, last, .. } = self;
        machine.fail(&format!(
            "after {after:?} the neighbour: {why}; first {first:?}, before {last:?}"
        ))
    }

    /// Its kernel complained of nothing since it is watched.
    ///
    /// # Panics
    /// If it did.
    pub fn noticed_nothing(&self, machine: &mut Running) {
        let complaints = machine.linux(
            self.com,
            &format!("dmesg | diff /tmp/said - | grep '^+' | grep -iE '{COMPLAINTS}' | head -5"),
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
        let longest = self.longest_gap().as_millis();
        let excused = match self.last.gaps.len() {
            0 => String::new(),
            count => format!("; {count} times as the host withheld it"),
        };
        println!(
            "neighbour: {counts} counts in {seconds:.1} s, never more than {longest} ms apart{excused}"
        );
    }
}

fn look(machine: &mut Running, com: usize) -> Look {
    let text = machine.linux(com, "cat /tmp/counter /proc/uptime /tmp/gaps");
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
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    const EVERY_10_MS: u64 = 1;
    const MOST: u64 = EVERY_10_MS + EMULATED.gap;
    const LEAST: u64 = 10_000 / (EVERY_10_MS + EMULATED.cost);

    /// Of 100 s, the last count being 20 ms ago.
    fn look(count: u64, gaps: &[u64]) -> Look {
        Look {
            count,
            longest: gaps.iter().copied().max().unwrap_or(20),
            counted: 11_000,
            now: 11_002,
            gaps: gaps
                .iter()
                .map(|length| Gap {
                    ended: 5000,
                    length: *length,
                })
                .collect(),
        }
    }

    fn first() -> Look {
        Look {
            count: 10,
            longest: 0,
            counted: 1000,
            now: 1000,
            gaps: Vec::new(),
        }
    }

    fn fault(look: &Look, withheld: u64) -> Option<String> {
        look.fault(&first(), EVERY_10_MS, EMULATED, |_| withheld)
    }

    #[test]
    fn a_look_is_read() {
        let mut wanted = look(12, &[]);
        assert_eq!(
            Look::parse("12 20 11000\n110.02 80.00\n").as_ref(),
            Some(&wanted)
        );
        let gap = |ended, length| Gap { ended, length };
        wanted.gaps = vec![gap(2000, 165), gap(3000, 170)];
        let text = "12 20 11000\n110.02 80.00\n2000 165\n3000 170\n";
        assert_eq!(Look::parse(text), Some(wanted));
        for wrong in [
            "12 20\n110.02 80.00\n",
            "12 20 11000\n110.02 80.00\n20x 165",
            "",
        ] {
            assert_eq!(Look::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn who_counts_as_time_passes_is_right() {
        for now in [
            look(10 + LEAST, &[]),
            look(10_000, &[]),
            look(10 + LEAST, &[MOST]),
        ] {
            assert_eq!(fault(&now, 0), None, "{now:?}");
        }
    }

    #[test]
    fn who_does_not_is_found_out() {
        for (now, why) in [
            // Larger than before, and far too small.
            (look(11, &[]), "it counted 1 times"),
            (look(10 + LEAST - 1, &[]), "it counted"),
            // A pause that is long over.
            (look(10_000, &[MOST + 1]), "it stood still"),
            // One that is not.
            (
                Look {
                    now: 11_001 + MOST,
                    ..look(10_000, &[])
                },
                "it stood still",
            ),
            (look(9, &[]), "it went back"),
        ] {
            let fault = fault(&now, 0);
            assert!(
                fault.as_deref().is_some_and(|fault| fault.starts_with(why)),
                "{now:?}: {fault:?}"
            );
        }
    }

    /// What the host withheld is taken off, and no more: a short pause does not hide a long one.
    #[test]
    fn the_hosts_part_of_a_pause_is_not_the_neighbours() {
        let now = look(10_000, &[MOST + 40]);
        assert!(fault(&now, 39).is_some());
        assert_eq!(fault(&now, 40), None);
        let two = look(10_000, &[MOST + 40, MOST + 41]);
        assert!(fault(&two, 40).is_some());
        let slow = look(10 + LEAST - 1, &[]);
        assert_eq!(fault(&slow, EVERY_10_MS + EMULATED.cost), None);
    }

    #[test]
    fn what_a_kernel_complains_of_is_found() {
        let found = |line: &str| {
            let mut grep = Command::new("grep")
                .args(["-ciE", COMPLAINTS])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .expect("there is grep");
            let input = grep.stdin.take().expect("it is piped");
            writeln!(&input, "{line}").expect("it reads");
            drop(input);
            grep.wait().expect("it ends").success()
        };
        for line in [
            "+[   51.1] mce: [Hardware Error]: Machine check events logged",
            "+[   51.1] Memory failure: 0xe800: Recovered",
            "+[    9.0] WARNING: CPU: 0 PID: 1 at kernel/time/tick.c:1 f+0x1/0x2",
            "+[    9.0] traps: sh[1] general protection fault ip:1 sp:2 error:0",
            "+[    9.0] sh[1]: segfault at 0 ip 1 sp 2 error 4",
            "+[    9.0] Uhhuh. NMI received for unknown reason 21 on CPU 0.",
            "+[    9.0] __common_interrupt: 0.85 No irq handler for vector",
            "+[    9.0] rcu: INFO: rcu_preempt self-detected stall on CPU",
            "+[    9.0] EXT4-fs error (device vda): ext4_lookup",
            "+[    9.0] Buffer I/O error on dev vda, logical block 0",
            "+[    9.0] irq 9: nobody cared (try booting with the \"irqpoll\" option)",
            "+[    9.0] Disabling IRQ #9",
            "+[    9.0] APIC error on CPU0: 00(40)",
            "+[    9.0] tsc: Marking TSC unstable due to check_tsc_sync_source failed",
            "+[    9.0] [Firmware Bug]: TSC ADJUST differs within socket(s)",
            "+[    9.0] traps: sh[1] trap divide error ip:1 sp:2 error:0",
            "+[    9.0] traps: sh[1] trap invalid opcode ip:1 sp:2 error:0",
            "+[    9.0] Out of memory: Killed process 1 (sh)",
            "+[    9.0] pcieport 0000:00:02.0: AER: Uncorrected (Fatal) error received",
            "+[    9.0] Call Trace:",
        ] {
            assert!(found(line), "{line}");
        }
        for line in [
            "+[    9.0] random: crng init done",
            "+[    9.0] loops_per_jiffy",
            "+[    9.0] hrtimer: interrupt took 4567890 ns",
        ] {
            assert!(!found(line), "{line}");
        }
    }
}
