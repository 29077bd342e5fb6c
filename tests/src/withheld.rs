//! What the host withheld from a machine's cores: time in which a core could have run, and did not.
//!
//! QEMU gives each core a thread, which may have to wait for one of the host's processors, as those of
//! an emulated machine with more cores than the host have to; and a host that is itself a guest may be
//! stopped whole. Both look like a Linux that stands still, and Linux counts both: the first for each
//! thread (Linux `Documentation/scheduler/sched-stats.rst`, `/proc/<pid>/schedstat`), the second for each
//! processor (`Documentation/filesystems/proc.rst`, `steal` of `/proc/stat`). A core that halts, or that is
//! not let go on by whatever is tested here, waits for no processor: its thread sleeps or runs.

use std::fs::read_to_string;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::qemu::Running;

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(20);
/// The unit of `/proc/stat`: `USER_HZ` is 100 on x86.
const TICK: Duration = Duration::from_millis(10);
/// By how much a time of the guest, told as one of the host's, may be wrong.
const SLACK: Duration = Duration::from_millis(500);

/// What was withheld since the thread, or the host, began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Account {
    /// From each core's thread, by other threads.
    by_threads: Vec<Duration>,
    /// From each of the host's processors, by what is under the host.
    by_hypervisor: Vec<Duration>,
}

impl Account {
    /// The most that any core can have lost since: it ran on one processor or another.
    fn since(&self, earlier: &Self) -> Duration {
        let most = |now: &[Duration], before: &[Duration]| {
            let pairs = now.iter().zip(before);
            pairs.map(|(now, before)| now.saturating_sub(*before)).max()
        };
        let threads = most(&self.by_threads, &earlier.by_threads);
        let hypervisor = most(&self.by_hypervisor, &earlier.by_hypervisor);
        threads.unwrap_or_default() + hypervisor.unwrap_or_default()
    }
}

/// Accounts, the oldest first.
#[derive(Debug, Default)]
struct Course(Vec<(Instant, Account)>);

impl Course {
    /// The most that was withheld in any `length` that ended between these two; no more than `length`.
    fn most(&self, length: Duration, earliest: Instant, latest: Instant) -> Duration {
        let first = self.0.partition_point(|(at, _)| *at < earliest);
        let last = self.0.partition_point(|(at, _)| *at <= latest);
        // The first account that is not too early may be too late: what happened before it was there.
        let ends = self.0.iter().take(last + 1).skip(first);
        let lost = ends.map(|(end, account)| {
            let begin = end.checked_sub(length).unwrap_or(earliest);
            let before = self.0.partition_point(|(at, _)| *at <= begin);
            let (_, earlier) = &self.0[before.saturating_sub(1)];
            account.since(earlier)
        });
        lost.max().unwrap_or_default().min(length)
    }
}

/// Looks at the threads of some of a machine's cores, from now until it is dropped.
pub struct Withheld {
    course: Arc<Mutex<Course>>,
    is_over: Arc<AtomicBool>,
    looker: Option<JoinHandle<()>>,
}

impl Withheld {
    /// From the cores with these numbers. Where QEMU has no thread for each (virtual time), or the host
    /// does not count, nothing is ever seen to be withheld.
    #[must_use]
    pub fn watch(machine: &Running, cores: &[u32]) -> Self {
        let files = threads(machine.process(), cores);
        let course = Arc::new(Mutex::new(Course::default()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (write, end) = (Arc::clone(&course), Arc::clone(&is_over));
        let look = move || {
            while !end.load(Ordering::Relaxed) {
                let account = account(&files);
                if let Ok(mut course) = write.lock() {
                    course.0.push((Instant::now(), account));
                }
                std::thread::sleep(INTERVAL);
            }
        };
        Self {
            course,
            is_over,
            looker: Some(std::thread::spawn(look)),
        }
    }

    /// The most that was withheld in any `length` that ended between these two, which may each be half a
    /// second wrong; no more than `length`.
    #[must_use]
    pub fn most(&self, length: Duration, earliest: Instant, latest: Instant) -> Duration {
        let earliest = earliest.checked_sub(SLACK).unwrap_or(earliest);
        let course = self.course.lock();
        course.map_or(Duration::ZERO, |course| {
            course.most(length, earliest, latest + SLACK)
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

/// The accounts of these cores' threads: QEMU names them `CPU 3/TCG`, `CPU 3/KVM`.
fn threads(process: u32, cores: &[u32]) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(format!("/proc/{process}/task"));
    let threads = folder.into_iter().flatten().flatten();
    let is_wanted = |name: &str| {
        let core = name
            .strip_prefix("CPU ")
            .and_then(|name| name.split_once('/'));
        core.and_then(|(core, _)| core.parse().ok())
            .is_some_and(|core: u32| cores.contains(&core))
    };
    threads
        .map(|thread| thread.path())
        .filter(|path| read_to_string(path.join("comm")).is_ok_and(|name| is_wanted(&name)))
        .map(|path| path.join("schedstat"))
        .collect()
}

fn account(files: &[PathBuf]) -> Account {
    let text = |file: &PathBuf| read_to_string(file).unwrap_or_default();
    Account {
        by_threads: files.iter().map(|file| waited(&text(file))).collect(),
        by_hypervisor: stolen(&read_to_string("/proc/stat").unwrap_or_default()),
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

    /// Every 20 ms; `core` loses those milliseconds in the 20 before each.
    fn course(begin: Instant, core: &[u32], stolen: &[u32]) -> Course {
        let sum = |of: &[u32], until: usize| vec![MS * of[..until].iter().sum::<u32>()];
        let at = |nth: usize| {
            let account = Account {
                by_threads: sum(core, nth),
                by_hypervisor: sum(stolen, nth),
            };
            (
                begin + INTERVAL * u32::try_from(nth).expect("small"),
                account,
            )
        };
        Course((0..=core.len()).map(at).collect())
    }

    #[test]
    fn what_was_withheld_then_is_seen_and_nothing_else() {
        let begin = Instant::now();
        let at = |ms: u32| begin + MS * ms;
        let course = course(begin, &[0, 0, 20, 15, 0, 0, 0, 5], &[0; 8]);
        assert_eq!(course.most(40 * MS, at(80), at(80)), 35 * MS);
        assert_eq!(course.most(40 * MS, at(120), at(120)), Duration::ZERO);
        // Whenever it was in between.
        assert_eq!(course.most(40 * MS, at(40), at(160)), 35 * MS);
        // What lies between two looks counts whole, never more than was asked for.
        assert_eq!(course.most(10 * MS, at(45), at(50)), 10 * MS);
        // Later than all, earlier than all, none at all.
        assert_eq!(course.most(40 * MS, at(900), at(900)), Duration::ZERO);
        assert_eq!(course.most(900 * MS, at(160), at(160)), 40 * MS);
        assert_eq!(Course::default().most(MS, at(0), at(9)), Duration::ZERO);
    }

    #[test]
    fn a_host_that_was_stopped_withholds_from_all() {
        let begin = Instant::now();
        let course = course(begin, &[0, 5, 0], &[0, 10, 0]);
        let end = begin + 60 * MS;
        assert_eq!(course.most(60 * MS, end, end), 15 * MS);
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
