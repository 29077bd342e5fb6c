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
    /// The median, in microseconds.
    pub p50_us: u64,
}

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
        &format!("ticks 1000000 {MARGIN} >/tmp/ticks & echo $! >/tmp/pid; sleep {CONSOLE}"),
    );
    let pause = format!("sleep {MARGIN}");
    machine.linux(other, &pause);
    let result = action(machine);
    machine.linux(other, &pause);
    let said = machine.linux(
        com,
        &format!("sleep {CONSOLE}; kill $(cat /tmp/pid); wait; cat /tmp/ticks"),
    );
    let Some(ticks) = parse(&said) else {
        machine.fail(&format!("{said:?} is not what ticks says"));
    };
    (ticks, result)
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
        p50_us: value("p50_us")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ticks_says() {
        let text = "[1]+ Done\nTICKS count=19990 lost=10 max_us=1200 p999_us=900 p50_us=70\nTICKS-HISTOGRAM";
        let wanted = Ticks {
            count: 19990,
            lost: 10,
            max_us: 1200,
            p999_us: 900,
            p50_us: 70,
        };
        assert_eq!(parse(text), Some(wanted));
        assert_eq!(parse("TICKS count=1"), None);
    }
}
