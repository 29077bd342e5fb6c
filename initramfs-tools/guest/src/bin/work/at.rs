//! A moment that two Linuxes of one machine agree on, whatever their own clocks say: its processors
//! have their time-stamp counters in step.

use std::hint::spin_loop;
use std::io;
use std::thread::sleep;
use std::time::Duration;

/// How long a thread sleeps before it looks again.
const STEP: Duration = Duration::from_millis(1);

fn now() -> u64 {
    // SAFETY: every processor that this program is made for has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// What the counter says after that time, about.
pub(crate) fn soon(time: Duration) -> u64 {
    let before = now();
    sleep(STEP);
    let after = now();
    let steps = u64::try_from(time.as_millis() / STEP.as_millis()).unwrap_or(u64::MAX);
    after.saturating_add((after - before).saturating_mul(steps))
}

/// Comes back when the counter says that. Fails if it is more already.
pub(crate) fn wait(ticks: u64) -> io::Result<()> {
    let before = now();
    if before > ticks {
        return Err(io::Error::other(format!("{} too late", before - ticks)));
    }
    sleep(STEP);
    // A sleep may take longer than it should: the last two are not slept.
    let step = now() - before;
    while now() + 2 * step < ticks {
        sleep(STEP);
    }
    while now() < ticks {
        spin_loop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_before_its_time_or_after() {
        let ticks = soon(Duration::from_millis(20));
        assert!(now() < ticks);
        wait(ticks).unwrap();
        assert!(now() >= ticks);
        let late = wait(ticks).unwrap_err().to_string();
        assert!(late.ends_with("too late"), "{late}");
    }
}
