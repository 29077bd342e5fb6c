//! What the host withheld from a core of an emulated machine: time in which it could have run, and did not.
//!
//! QEMU gives each core a thread, and what they have in common, timers above all, its first one. On a host
//! that is busy these are ready to run and not run for their share of the time, and now and then for
//! seconds (seen with Linux 6.18, two processors and a load of six: 2.1 s); and a host that is itself a guest
//! may be stopped whole. All of it looks like a Linux that stands still, and is none: a core that halts, or that
//! is not let go on by what is tested here, does not wait for a processor. Its thread sleeps or runs.
//!
//! So it is looked, fifty times a second, who is ready to run and has not run since. Linux itself counts how
//! long each waits, but tells it when the wait is over; both are used.
//!
//! **It excuses too much rather than too little**, since what it is for must hold on any host. A core that spins
//! where it should not is excused for the share of the time that its thread waits; a pause of the tested, for one of
//! the host's that fell into the same look ([`Withheld::of`]'s `read`, and [`SLACK`] on each side). So a test by it
//! sees a neighbour that stands still for seconds, and the tests in virtual time, in which the host has no part,
//! see the rest.
//!
//! Source: Linux `Documentation/filesystems/proc.rst` (`stat`: state, and steal), `Documentation/scheduler/
//! sched-stats.rst` (`schedstat`: time on a processor, and waiting for one).

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::path::Path;
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
/// How exactly it is sought within that.
const STEP: Duration = Duration::from_millis(50);

/// A thread, as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    is_ready: bool,
    /// On a processor, and waiting for one, since it began.
    ran: Duration,
    waited: Duration,
}

impl Seen {
    /// From a thread's `stat` and `schedstat`.
    fn parse(stat: &str, schedstat: &str) -> Option<Self> {
        let (_, behind) = stat.rsplit_once(") ")?;
        let mut times = schedstat.split_ascii_whitespace().map(str::parse);
        let mut time = || times.next()?.ok().map(Duration::from_nanos);
        Some(Self {
            is_ready: behind.starts_with('R'),
            ran: time()?,
            waited: time()?,
        })
    }

    /// What was withheld since an earlier look, so long ago.
    fn lost(&self, earlier: &Self, ago: Duration) -> Duration {
        let lost = if self.is_ready && earlier.is_ready {
            // All the time, but for that when it ran.
            ago.saturating_sub(self.ran.saturating_sub(earlier.ran))
        } else {
            self.waited.saturating_sub(earlier.waited)
        };
        lost.min(ago)
    }
}

/// All that is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Look {
    /// Has the timers.
    first: Seen,
    cores: BTreeMap<u32, Seen>,
    /// From each of the host's processors, by what is under the host.
    stolen: Vec<Duration>,
}

impl Look {
    /// The most that a core can have lost since: it waited, or slept while its timer waited, or its processor
    /// was not there.
    fn lost(&self, earlier: &Self, ago: Duration) -> Duration {
        let cores = self.cores.iter().filter_map(|(number, now)| {
            let before = earlier.cores.get(number)?;
            Some(now.lost(before, ago))
        });
        let stolen = self.stolen.iter().zip(&earlier.stolen);
        let stolen = stolen.map(|(now, before)| now.saturating_sub(*before));
        let first = self.first.lost(&earlier.first, ago);
        let all = first + cores.max().unwrap_or_default() + stolen.max().unwrap_or_default();
        all.min(ago)
    }
}

/// What was withheld between looks.
#[derive(Debug)]
struct Course {
    looked: Instant,
    last: Look,
    /// From when to when, and how much; the first one first.
    lost: Vec<(Instant, Instant, Duration)>,
}

impl Course {
    fn new(begin: Instant, first: Look) -> Self {
        Self {
            looked: begin,
            last: first,
            lost: Vec::new(),
        }
    }

    fn look(&mut self, now: Instant, look: Look) {
        let lost = look.lost(&self.last, now.saturating_duration_since(self.looked));
        if !lost.is_zero() {
            self.lost.push((self.looked, now, lost));
        }
        (self.looked, self.last) = (now, look);
    }

    /// How much in that `length` that ended then.
    fn within(&self, length: Duration, end: Instant) -> Duration {
        let begin = end.checked_sub(length).unwrap_or(end);
        let from = self.lost.partition_point(|(_, until, _)| *until <= begin);
        let lost = self
            .lost
            .iter()
            .skip(from)
            .take_while(|(at, _, _)| *at < end);
        lost.map(|(at, until, lost)| {
            let both = until.min(&end).saturating_duration_since(*at.max(&begin));
            both.min(*lost)
        })
        .sum()
    }

    /// The most in any `length` that ended between these two.
    fn most(&self, length: Duration, earliest: Instant, latest: Instant) -> Duration {
        let ends = std::iter::successors(Some(earliest), |end| end.checked_add(STEP));
        let ends = ends.take_while(|end| *end < latest).chain([latest]);
        ends.map(|end| self.within(length, end))
            .max()
            .unwrap_or_default()
    }
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

/// Has a Linux's shell read the same into `$n`. The 1 in front keeps what begins with 0 from being octal.
pub const CLOCK: &str = "read u x </proc/uptime; n=$((${u%.*}*100+1${u#*.}-100))";

/// Looks at a machine's threads, from now until it is dropped.
pub struct Withheld {
    process: u32,
    cores: Vec<u32>,
    course: Arc<Mutex<Course>>,
    is_over: Arc<AtomicBool>,
    looker: Option<JoinHandle<()>>,
}

impl Withheld {
    /// At those of these cores, and at that which has the timers. Where QEMU has no thread for each core
    /// (virtual time), it is that one alone; where the host does not count, nothing is ever withheld.
    #[must_use]
    pub fn watch(machine: &Running, cores: &[u32]) -> Self {
        let (process, cores) = (machine.process(), cores.to_vec());
        let course = Arc::new(Mutex::new(Course::new(
            Instant::now(),
            seen(process, &cores),
        )));
        let is_over = Arc::new(AtomicBool::new(false));
        let look = {
            let (cores, course, over) = (cores.clone(), Arc::clone(&course), Arc::clone(&is_over));
            move || {
                while !over.load(Ordering::Relaxed) {
                    look(&course, process, &cores);
                    std::thread::sleep(INTERVAL);
                }
            }
        };
        Self {
            process,
            cores,
            course,
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
        let earliest = earliest.checked_sub(SLACK).unwrap_or(earliest);
        // Whoever looks may not have come to it yet.
        look(&self.course, self.process, &self.cores);
        let most = self.course.lock().map_or(Duration::ZERO, |course| {
            course.most(hundredths(gap.length), earliest, latest + SLACK)
        });
        u64::try_from(most.as_millis() / 10).unwrap_or(gap.length)
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

/// Looks once.
fn look(course: &Mutex<Course>, process: u32, cores: &[u32]) {
    // Under the lock, so that one look's time is not before another's threads.
    if let Ok(mut course) = course.lock() {
        let seen = seen(process, cores);
        course.look(Instant::now(), seen);
    }
}

/// A process' first thread, and those of these cores: QEMU names them `CPU 3/TCG`, `CPU 3/KVM`.
fn seen(process: u32, cores: &[u32]) -> Look {
    let text = |path: &Path| read_to_string(path).unwrap_or_default();
    let thread =
        |path: &Path| Seen::parse(&text(&path.join("stat")), &text(&path.join("schedstat")));
    let core = |name: &str| {
        let core = name.strip_prefix("CPU ")?.split_once('/')?.0.parse().ok();
        core.filter(|core| cores.contains(core))
    };
    let folder = format!("/proc/{process}/task");
    let first = thread(&Path::new(&folder).join(process.to_string()));
    let threads = std::fs::read_dir(folder).into_iter().flatten().flatten();
    Look {
        first: first.unwrap_or_default(),
        cores: threads
            .filter_map(|entry| {
                let core = core(&text(&entry.path().join("comm")))?;
                Some((core, thread(&entry.path())?))
            })
            .collect(),
        stolen: stolen(&text(Path::new("/proc/stat"))),
    }
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
        let times = "2136438476 940036100 293\n";
        let ready = Seen {
            is_ready: true,
            ran: Duration::from_nanos(2_136_438_476),
            waited: Duration::from_nanos(940_036_100),
        };
        assert_eq!(
            Seen::parse("17051 (CPU) 3/TCG) R 1 2 3 4", times),
            Some(ready)
        );
        let sleeping = Seen::parse("1 (x) S 1", "7 8 9").expect("it is sound");
        assert!(!sleeping.is_ready);
        assert_eq!(Seen::parse("1 (x) R 1", "7"), None);
        assert_eq!(Seen::parse("", times), None);
        let stat = "cpu  9 9 9 9 9 9 9 99 0 0\ncpu0 1 2 3 4 5 6 7 25 0 0\ncpu1 1 2 3 4 5 6 7 26 0 0\nintr 8\n";
        assert_eq!(stolen(stat), [250 * MS, 260 * MS]);
        assert_eq!(stolen("cpu0 1 2"), [Duration::ZERO]);
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

    /// A state, and what it had run and waited, in milliseconds.
    fn thread(state: char, ran: u32, waited: u32) -> Seen {
        Seen {
            is_ready: state == 'R',
            ran: MS * ran,
            waited: MS * waited,
        }
    }

    #[test]
    fn who_is_ready_and_does_not_run_is_withheld_from() {
        let lost = |now: Seen, before: Seen| now.lost(&before, 20 * MS);
        // All the time, though Linux does not tell yet; then with its share.
        assert_eq!(lost(thread('R', 7, 0), thread('R', 7, 0)), 20 * MS);
        assert_eq!(lost(thread('R', 12, 900), thread('R', 7, 0)), 15 * MS);
        // It slept in between: what Linux tells, but for what is told late.
        assert_eq!(lost(thread('S', 9, 6), thread('R', 7, 3)), 3 * MS);
        assert_eq!(lost(thread('S', 9, 900), thread('R', 7, 3)), 20 * MS);
        assert_eq!(lost(thread('S', 9, 3), thread('S', 7, 3)), Duration::ZERO);
        assert_eq!(lost(thread('R', 27, 3), thread('R', 7, 3)), Duration::ZERO);
    }

    #[test]
    fn a_core_loses_by_itself_its_timer_and_its_processor() {
        let look = |first, cores: &[Seen], stolen: u32| Look {
            first,
            cores: (0..).zip(cores.iter().copied()).collect(),
            stolen: vec![Duration::ZERO, MS * stolen],
        };
        let asleep = thread('S', 1, 1);
        let before = look(asleep, &[asleep, asleep], 50);
        let by = |first: u32, core: u32, stolen: u32| {
            let now = look(
                thread('S', 1, 1 + first),
                &[asleep, thread('S', 1, 1 + core)],
                50 + stolen,
            );
            now.lost(&before, 100 * MS)
        };
        assert_eq!(by(0, 0, 0), Duration::ZERO);
        assert_eq!(by(30, 0, 0), 30 * MS);
        assert_eq!(by(0, 40, 0), 40 * MS);
        assert_eq!(by(0, 0, 10), 10 * MS);
        assert_eq!(by(30, 40, 10), 80 * MS);
        assert_eq!(by(60, 70, 0), 100 * MS);
    }

    #[test]
    fn what_was_withheld_then_is_seen_and_nothing_else() {
        let origin = Instant::now();
        let at = |ms: u32| origin + MS * ms;
        let alone = |seen| Look {
            first: seen,
            ..Look::default()
        };
        let mut course = Course::new(origin, alone(thread('S', 0, 0)));
        // From 200 to 400 it waits all the time, from 600 to 800 half of it.
        for nth in 1..=50_u32 {
            let ms = nth * 20;
            let seen = match ms {
                201..=400 => thread('R', 0, 0),
                601..=800 => thread('S', 0, 200 + (ms - 600) / 2),
                ..=600 => thread('S', 0, 0),
                _ => thread('S', 0, 300),
            };
            course.look(at(ms), alone(seen));
        }
        let within = |length, end| course.most(MS * length, at(end), at(end));
        assert_eq!(within(200, 420), 180 * MS);
        assert_eq!(within(100, 320), 100 * MS);
        assert_eq!(within(100, 720), 50 * MS);
        assert_eq!(within(1000, 1000), 180 * MS + 20 * MS + 90 * MS);
        // Whenever in between it ended.
        assert_eq!(course.most(100 * MS, at(100), at(900)), 100 * MS);
        assert_eq!(within(150, 200), Duration::ZERO);
        assert_eq!(within(150, 1000), Duration::ZERO);
        assert_eq!(within(150, 5000), Duration::ZERO);
    }

    /// More threads than processors, all busy: Linux itself says that they waited.
    #[test]
    fn the_host_is_asked() {
        let own = || {
            Seen::parse(
                "1 (x) S 1",
                &read_to_string("/proc/thread-self/schedstat").ok()?,
            )
        };
        if own().is_none() {
            return println!("skipped: this host does not count how long a thread waits");
        }
        let end = Instant::now() + 300 * MS;
        let busy = move || {
            while Instant::now() < end {}
            own().map(|seen| seen.waited)
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..3 * processors)
            .map(|_| std::thread::spawn(busy))
            .collect();
        let waited = threads.into_iter().filter_map(|thread| thread.join().ok()?);
        assert!(waited.max() > Some(50 * MS));
        let first = seen(std::process::id(), &[]);
        assert!(
            first.cores.is_empty() && !first.stolen.is_empty(),
            "{first:?}"
        );
    }
}
