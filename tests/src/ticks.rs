//! How late a Linux's timer is while something else happens: `ticks` runs on it, which wakes every
//! millisecond.

use crate::qemu::Running;

/// What `ticks` said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// How often it woke.
    pub count: u64,
    /// Periods that passed without.
    pub lost: u64,
    /// The latest, in microseconds.
    pub max_us: u64,
    /// That of a thousand only one was later than, in microseconds.
    pub p999_us: u64,
    /// That of a hundred only one was later than, in microseconds.
    pub p99_us: u64,
    /// The median, in microseconds.
    pub p50_us: u64,
    /// How many were so late: less than a microsecond, from one to less than two, from two to less than four, and so on.
    pub histogram: [u64; BUCKETS],
}

/// From a microsecond on to the last power of two that `ticks` tells apart, 0.13 s, and those below.
pub const BUCKETS: usize = 19;

/// So many seconds at the beginning and at the end are not looked at: `ticks` is started and ended by
/// a line on its own console, which takes less than [`CONSOLE`] seconds of them.
const MARGIN: usize = 3;
const CONSOLE: usize = 1;

/// Watches the Linux on serial port `com` from before `action` until after it. The margins are spent
/// by the one on port `other`, which has a shell before and after.
///
/// # Panics
/// If `ticks` does not say how it went.
pub fn watch<T>(
    machine: &mut Running,
    com: usize,
    other: usize,
    action: impl FnOnce(&mut Running) -> T,
) -> (Ticks, T) {
    // Until it is told to stop, so that all of it is seen however long it takes.
    machine.linux(
        com,
        &format!(
            "cat /proc/uptime >/tmp/begin; ticks 1000000 {MARGIN} >/tmp/ticks & echo $! >/tmp/pid; sleep {CONSOLE}"
        ),
    );
    let pause = format!("sleep {MARGIN}");
    machine.linux(other, &pause);
    let result = action(machine);
    machine.linux(other, &pause);
    let said = machine.linux(
        com,
        &format!(
            "sleep {CONSOLE}; kill $(cat /tmp/pid); wait; cat /proc/uptime /tmp/begin /tmp/ticks"
        ),
    );
    let Some(ticks) = parse(&said) else {
        machine.fail(&format!("{said:?} is not what ticks says"));
    };
    // One for each millisecond that passed, woken in it or lost.
    let passed = passed_ms(&said);
    let periods = ticks.count + ticks.lost;
    if !passed.is_some_and(|passed| is_complete(periods, passed)) {
        machine.fail(&format!("{periods} periods in {passed:?} ms: {said}"));
    }
    (ticks, result)
}

/// From two lines of `/proc/uptime`, the later one first.
fn passed_ms(text: &str) -> Option<u64> {
    let mut times = text.lines().filter_map(|line| {
        let (seconds, rest) = line.trim().split_once('.')?;
        let (hundredths, _) = rest.split_once(' ')?;
        Some(seconds.parse::<u64>().ok()? * 1000 + hundredths.parse::<u64>().ok()? * 10)
    });
    let (end, begin) = (times.next()?, times.next()?);
    end.checked_sub(begin)
}

/// Whether so many periods are what passed between the margins. The clock is read before `ticks` is
/// started and after it has ended: up to a tenth, and what that takes, may be missing.
fn is_complete(periods: u64, passed_ms: u64) -> bool {
    let margins = 2 * MARGIN as u64 * 1000;
    let within = passed_ms.saturating_sub(margins);
    // Those that one late tick lost may be of the margins.
    periods <= within + 500 && periods + within / 10 + 500 >= within
}

fn parse(text: &str) -> Option<Ticks> {
    let line = text.lines().find_map(|line| {
        let at = line.find("TICKS count=")?;
        line.get(at..)
    })?;
    let value = |key: &str| {
        let mut words = line.split_ascii_whitespace();
        let text = words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))?;
        text.parse().ok()
    };
    Some(Ticks {
        count: value("count")?,
        lost: value("lost")?,
        max_us: value("max_us")?,
        p999_us: value("p999_us")?,
        p99_us: value("p99_us")?,
        p50_us: value("p50_us")?,
        histogram: histogram(text)?,
    })
}

/// All its lines; `None` if one is none of it.
fn histogram(text: &str) -> Option<[u64; BUCKETS]> {
    let mut buckets = [0; BUCKETS];
    let lines = text
        .lines()
        .filter_map(|line| Some(line.split_once("TICKS-HISTOGRAM from_us=")?.1));
    for line in lines {
        let (from, count) = line.trim().split_once(" count=")?;
        let from: u64 = from.parse().ok()?;
        let at = (u64::BITS - from.leading_zeros()) as usize;
        *buckets.get_mut(at)? = count.parse().ok()?;
    }
    Some(buckets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ticks_says() {
        let text = "[1]+ Done\nTICKS count=19990 lost=10 max_us=1200 p999_us=900 p99_us=80 p50_us=70\r\n\
                    TICKS-HISTOGRAM from_us=0 count=3\r\nTICKS-HISTOGRAM from_us=64 count=19986\r\n\
                    TICKS-HISTOGRAM from_us=1024 count=1\r\n";
        let mut histogram = [0; BUCKETS];
        (histogram[0], histogram[7], histogram[11]) = (3, 19986, 1);
        let wanted = Ticks {
            count: 19990,
            lost: 10,
            max_us: 1200,
            p999_us: 900,
            p99_us: 80,
            p50_us: 70,
            histogram,
        };
        assert_eq!(parse(text), Some(wanted));
        assert_eq!(parse("TICKS count=1"), None);
        let cut = text.replace("count=19986", "count=1998x");
        assert_eq!(parse(&cut), None);
        assert_eq!(parse(&text.replace("=1024", "=1048576")), None);
    }

    #[test]
    fn periods_are_compared_with_time() {
        let text = "[1]+ Done\n36.50 30.11\n10.00 9.00\nTICKS count=1\n";
        assert_eq!(passed_ms(text), Some(26_500));
        assert_eq!(passed_ms("36.50 30.11\n"), None);
        // 20.5 s lie between the margins.
        for (periods, is) in [
            (20_500, true),
            (18_000, true),
            (17_900, false),
            (1000, false),
        ] {
            assert_eq!(is_complete(periods, 26_500), is, "{periods}");
        }
        assert!(!is_complete(21_001, 26_500));
    }
}
