//! What the host withheld from an emulated machine: time in which it could have run, and did not.
//!
//! QEMU gives each core a thread, and what they have in common, timers and devices, another one. On a host
//! that is busy one of these may have to wait for a processor for a second and more at a stretch, though
//! all that run are to have their share; and whoever waits for it, or for a lock that it has, stands still
//! as long. A host that is itself a guest may be stopped whole. Both look like a Linux that stands still, and
//! Linux counts both: the first for each thread (Linux `Documentation/scheduler/sched-stats.rst`,
//! `/proc/<pid>/schedstat`), the second for each processor (`Documentation/filesystems/proc.rst`, `steal` of
//! `/proc/stat`).
//!
//! Only long stretches are taken for it: who shares a processor with others waits a few milliseconds again
//! and again, and is slow, but does not stand still. A core that halts, or that is not let go on by what is
//! tested here, waits for no processor: its thread sleeps or runs.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::qemu::Running;

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(20);
/// So long at a stretch is more than a share of the processor.
const STRETCH: Duration = Duration::from_millis(100);
/// The unit of `/proc/stat`: `USER_HZ` is 100 on x86.
const TICK: Duration = Duration::from_millis(10);
/// By how much a time of the guest, told as one of the host's, may be wrong.
const SLACK: Duration = Duration::from_millis(500);

/// What was withheld since each thread, or the host, began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Account {
    /// From threads, by their numbers, the looker's own among them.
    by_threads: BTreeMap<u32, Duration>,
    /// From each of the host's processors, by what is under the host.
    by_hypervisor: Vec<Duration>,
}

impl Account {
    /// The longest that one of the threads waited since, if that is a stretch, and the most that a processor
    /// was not there.
    fn since(&self, earlier: &Self) -> Duration {
        let threads = self.by_threads.iter().map(|(thread, now)| {
            let before = earlier.by_threads.get(thread);
            before.map_or(Duration::ZERO, |before| now.saturating_sub(*before))
        });
        let processors = self.by_hypervisor.iter().zip(&earlier.by_hypervisor);
        let stolen = processors.map(|(now, before)| now.saturating_sub(*before));
        let waited = threads.max().filter(|waited| *waited >= STRETCH);
        waited.unwrap_or_default() + stolen.max().unwrap_or_default()
    }
}

/// Between two looks, so much of it was withheld.
#[derive(Clone, Copy, Debug)]
struct Stall {
    begin: Instant,
    end: Instant,
    lost: Duration,
}

/// The most that was withheld in any `length` that ended between these two; no more than `length`.
fn most(stalls: &[Stall], length: Duration, earliest: Instant, latest: Instant) -> Duration {
    let begin = earliest.checked_sub(length).unwrap_or(earliest);
    let within = stalls.iter().map(|stall| {
        let both = stall
            .end
            .min(latest)
            .checked_duration_since(stall.begin.max(begin));
        stall.lost.min(both.unwrap_or_default())
    });
    within.sum::<Duration>().min(length)
}

/// A time in which a Linux did not do what it does all the time, in hundredths of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// By that Linux's own clock (`/proc/uptime`).
    pub ended: u64,
    /// How long it was.
    pub length: u64,
}

impl Gap {
    /// From a line `ENDED LENGTH`.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (ended, length) = line.trim().split_once(' ')?;
        Some(Self {
            ended: ended.parse().ok()?,
            length: length.parse().ok()?,
        })
    }
}

/// Of a line of `/proc/uptime`, hundredths of a second.
#[must_use]
pub fn uptime(line: &str) -> Option<u64> {
    let (seconds, hundredths) = line.split_ascii_whitespace().next()?.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 100 + hundredths.parse::<u64>().ok()?)
}

/// Looks at a machine's threads, from now until it is dropped.
pub struct Withheld {
    stalls: Arc<Mutex<Vec<Stall>>>,
    is_over: Arc<AtomicBool>,
    looker: Option<JoinHandle<()>>,
}

impl Withheld {
    /// From that machine. Where the host does not count, nothing is ever seen to be withheld.
    #[must_use]
    pub fn watch(machine: &Running) -> Self {
        let process = machine.process();
        let stalls = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (write, over) = (Arc::clone(&stalls), Arc::clone(&is_over));
        let look = move || {
            let (mut begin, mut before) = (Instant::now(), account(process));
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(INTERVAL);
                let (end, now) = (Instant::now(), account(process));
                let lost = now.since(&before);
                if !lost.is_zero()
                    && let Ok(mut stalls) = write.lock()
                {
                    stalls.push(Stall { begin, end, lost });
                }
                (begin, before) = (end, now);
            }
        };
        Self {
            stalls,
            is_over,
            looker: Some(std::thread::spawn(look)),
        }
    }

    /// The most that was withheld in a gap, in hundredths of a second; no more than its length. The Linux's
    /// clock was at `now` some time between the two of `read`.
    #[must_use]
    pub fn of(&self, gap: Gap, now: u64, read: [Instant; 2]) -> u64 {
        let hundredths = |count: u64| Duration::from_millis(count * 10);
        let before = hundredths(now.saturating_sub(gap.ended));
        let [earliest, latest] = read.map(|time| time.checked_sub(before).unwrap_or(time));
        let most = self.most(hundredths(gap.length), earliest, latest);
        u64::try_from(most.as_millis() / 10).unwrap_or(gap.length)
    }

    /// The most that was withheld in any `length` that ended between these two, which may each be half a
    /// second wrong; no more than `length`.
    fn most(&self, length: Duration, earliest: Instant, latest: Instant) -> Duration {
        let earliest = earliest.checked_sub(SLACK).unwrap_or(earliest);
        let stalls = self.stalls.lock();
        stalls.map_or(Duration::ZERO, |stalls| {
            most(&stalls, length, earliest, latest + SLACK)
        })
    }
}

impl Drop for Withheld {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(looker) = self.looker.take() {
            // It has nothing that could panic but a full memory.
            let _ = looker.join();
        }
    }
}

/// Of all threads of that process, and of this one.
fn account(process: u32) -> Account {
    let text = |path: &std::path::Path| read_to_string(path).unwrap_or_default();
    let folder = std::fs::read_dir(format!("/proc/{process}/task"));
    let threads = folder.into_iter().flatten().flatten();
    let mut by_threads: BTreeMap<u32, Duration> = threads
        .filter_map(|thread| {
            let number = thread.file_name().to_str()?.parse().ok()?;
            Some((number, waited(&text(&thread.path().join("schedstat")))))
        })
        .collect();
    // No thread has this number.
    by_threads.insert(0, waited(&text("/proc/thread-self/schedstat".as_ref())));
    Account {
        by_threads,
        by_hypervisor: stolen(&text("/proc/stat".as_ref())),
    }
}

/// Of `RAN WAITED TIMES`, in nanoseconds.
fn waited(schedstat: &str) -> Duration {
    let word = schedstat.split_ascii_whitespace().nth(1);
    let waited = word.and_then(|word| word.parse().ok());
    Duration::from_nanos(waited.unwrap_or(0))
}

/// Of each processor's line: `cpu0 USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …`.
fn stolen(stat: &str) -> Vec<Duration> {
    let lines = stat.lines().filter_map(|line| line.strip_prefix("cpu"));
    let each = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    each.map(|line| {
        let steal = line.split_ascii_whitespace().nth(8);
        TICK * steal.and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn linux_own_words_are_read() {
        assert_eq!(
            waited("2136438476 940036100 293\n"),
            Duration::from_nanos(940_036_100)
        );
        assert_eq!(waited(""), Duration::ZERO);
        let stat = "cpu  9 9 9 9 9 9 9 99 0 0\ncpu0 1 2 3 4 5 6 7 25 0 0\ncpu1 1 2 3 4 5 6 7 26 0 0\nintr 8\n";
        assert_eq!(stolen(stat), [250 * MS, 260 * MS]);
        assert_eq!(stolen("cpu0 1 2"), [Duration::ZERO]);
    }

    fn account_of(threads: &[(u32, u32)], processors: &[u32]) -> Account {
        let threads = threads.iter().map(|(thread, ms)| (*thread, MS * *ms));
        Account {
            by_threads: threads.collect(),
            by_hypervisor: processors.iter().map(|ms| MS * *ms).collect(),
        }
    }

    #[test]
    fn who_has_his_share_is_not_withheld_from() {
        let before = account_of(&[(0, 10), (7, 1000), (8, 0)], &[50, 60]);
        let share = account_of(&[(0, 10), (7, 1099), (8, 20)], &[50, 60]);
        assert_eq!(share.since(&before), Duration::ZERO);
        let long = account_of(&[(0, 10), (7, 1100), (8, 20)], &[50, 60]);
        assert_eq!(long.since(&before), 100 * MS);
        // The looker's own counts as any other; one that was not there before does not.
        let own = account_of(&[(0, 910), (7, 1500), (9, 5000)], &[50, 60]);
        assert_eq!(own.since(&before), 900 * MS);
        // A processor that was not there, for however short.
        let stolen = account_of(&[(0, 10), (7, 1100)], &[60, 90]);
        assert_eq!(stolen.since(&before), 130 * MS);
    }

    #[test]
    fn a_guests_words_are_read() {
        let gap = |ended, length| Some(Gap { ended, length });
        assert_eq!(Gap::parse("4567 165\r"), gap(4567, 165));
        assert_eq!(Gap::parse("4567"), None);
        assert_eq!(Gap::parse("45 x"), None);
        assert_eq!(uptime("45.69 80.00\r"), Some(4569));
        assert_eq!(uptime("45 80.00"), None);
        assert_eq!(uptime(""), None);
    }

    #[test]
    fn what_was_withheld_then_is_seen_and_nothing_else() {
        let origin = Instant::now();
        let at = |ms: u32| origin + MS * ms;
        let stall = |begin, end, lost| Stall {
            begin: at(begin),
            end: at(end),
            lost: MS * lost,
        };
        let stalls = [stall(1000, 2000, 900), stall(5000, 5500, 500)];
        assert_eq!(most(&stalls, 3000 * MS, at(4000), at(4000)), 900 * MS);
        // What of it lies in there; no more than that, and no more than all.
        assert_eq!(most(&stalls, 3000 * MS, at(1300), at(1300)), 300 * MS);
        assert_eq!(most(&stalls, 3000 * MS, at(4800), at(4800)), 200 * MS);
        assert_eq!(most(&stalls, 9000 * MS, at(9000), at(9000)), 1400 * MS);
        assert_eq!(most(&stalls, 50 * MS, at(5400), at(5400)), 50 * MS);
        // Whenever in between it ended.
        assert_eq!(most(&stalls, 100 * MS, at(4000), at(5100)), 100 * MS);
        // Before all, behind all, none at all.
        assert_eq!(most(&stalls, 500 * MS, at(900), at(900)), Duration::ZERO);
        assert_eq!(most(&stalls, 500 * MS, at(9000), at(9000)), Duration::ZERO);
        assert_eq!(most(&[], MS, at(0), at(9)), Duration::ZERO);
    }

    /// More threads than processors, all busy: Linux itself says that they waited.
    #[test]
    fn the_host_is_asked() {
        let Ok(own) = read_to_string("/proc/thread-self/schedstat") else {
            return println!("skipped: this host does not count how long a thread waits");
        };
        let end = Instant::now() + 300 * MS;
        let busy = move || {
            while Instant::now() < end {}
            waited(&read_to_string("/proc/thread-self/schedstat").unwrap_or_default())
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..3 * processors)
            .map(|_| std::thread::spawn(busy))
            .collect();
        let waited = threads
            .into_iter()
            .map(|thread| thread.join().expect("it ends"));
        assert!(waited.max() > Some(50 * MS), "{own}");
    }
}
