//! How much of their time this machine's cores have worked: all but what Linux counts as idle.

use std::fs;
use std::io;
use std::time::Instant;

/// A moment.
pub(crate) struct Busy {
    start: Instant,
    idle: Idle,
}

/// What all cores have idled since they were started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Idle {
    cores: u32,
    nanoseconds: u64,
}

impl Busy {
    /// From now on.
    pub(crate) fn start() -> io::Result<Self> {
        let idle = Idle::now()?;
        let start = Instant::now();
        Ok(Self { start, idle })
    }

    /// Cores that have worked all the time since then: with two cores at most 2.
    pub(crate) fn cores(&self) -> io::Result<f64> {
        let elapsed = self.start.elapsed().as_nanos() as f64;
        let now = Idle::now()?;
        let idle = now.nanoseconds.saturating_sub(self.idle.nanoseconds) as f64;
        Ok(f64::from(now.cores) - idle / elapsed)
    }
}

impl Idle {
    /// `/proc/stat` has it too, but in hundredths of a second.
    fn now() -> io::Result<Self> {
        let path = "/proc/timer_list";
        let text = fs::read_to_string(path)?;
        Self::of(&text).ok_or_else(|| io::Error::other(format!("{path} has no idle_sleeptime")))
    }

    /// Waiting for a disk is counted by itself, and idle too.
    fn of(text: &str) -> Option<Self> {
        let all = |name: &str| {
            text.lines()
                .filter_map(move |line| {
                    let (key, value) = line.trim().strip_prefix('.')?.split_once(':')?;
                    let value = value.trim().strip_suffix(" nsecs")?;
                    (key.trim() == name).then(|| value.parse::<u64>().ok())?
                })
                .collect::<Vec<_>>()
        };
        let (idle, waiting) = (all("idle_sleeptime"), all("iowait_sleeptime"));
        let cores = u32::try_from(idle.len()).ok().filter(|cores| *cores > 0)?;
        Some(Self {
            cores,
            nanoseconds: idle.iter().chain(&waiting).sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_waiting_of_all_cores_are_added() {
        let text = "cpu: 0\n  .idle_entrytime : 7 nsecs\n  .idle_sleeptime : 100 nsecs\n\
                    \x20 .iowait_sleeptime: 20 nsecs\ncpu: 1\n  .idle_sleeptime : 3 nsecs\n\
                    \x20 .iowait_sleeptime: 0 nsecs\n";
        let wanted = Idle {
            cores: 2,
            nanoseconds: 123,
        };
        assert_eq!(Idle::of(text), Some(wanted));
        assert_eq!(Idle::of("Timer List Version: v0.9\n"), None);
    }
}
