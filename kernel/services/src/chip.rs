//! The real-time clock, read and set through its registers while another Linux may be using them.
//!
//! The ports are an index and a window that nobody can reserve: what is read must come twice the same,
//! and nothing is written without having been found wrong three times. The clock is never stopped for
//! that, so that no reset of the core can leave it so; one that somebody else has stopped is let go.

use crate::cmos;
use crate::rtc::{Ours, Reading, Verdict, judge};

/// The clock's registers.
pub trait Registers {
    /// Reads one.
    fn get(&self, which: u8) -> u8;
    /// Writes one of [`cmos::TIME`], [`cmos::STATUS_A`] or [`cmos::STATUS_B`].
    fn set(&self, which: u8, value: u8);
    /// Waits until `done`, as long as an update can take and longer; says whether it came.
    fn wait_for(&self, done: impl FnMut() -> bool) -> bool;
}

/// Waits until the clock does not update its time.
fn wait_for_update(clock: &impl Registers) -> bool {
    clock.wait_for(|| clock.get(cmos::STATUS_A) & cmos::UPDATING == 0)
}

/// Whether the clock goes: nobody is setting it, and its oscillator is divided.
fn goes(clock: &impl Registers) -> bool {
    clock.get(cmos::STATUS_B) & cmos::SETTING == 0
        && clock.get(cmos::STATUS_A) & cmos::DIVIDER <= cmos::DIVIDES
}

/// Whether its battery did not fail.
pub fn is_valid(clock: &impl Registers) -> bool {
    clock.get(cmos::STATUS_D) & cmos::IS_VALID != 0
}

/// What the clock says.
pub fn read(clock: &impl Registers) -> Reading {
    let mut last = None;
    for _ in 0..5 {
        if !wait_for_update(clock) {
            return Reading::Unreadable;
        }
        if !clock.wait_for(|| goes(clock)) {
            return Reading::Stopped;
        }
        let now = (
            cmos::TIME.map(|which| clock.get(which)),
            clock.get(cmos::STATUS_B),
        );
        if last == Some(now) && now.1 & cmos::SETTING == 0 {
            return cmos::decode(now.0, now.1).map_or(Reading::NoTime, Reading::Time);
        }
        last = Some(now);
    }
    Reading::Unreadable
}

fn write(clock: &impl Registers, seconds: i64) {
    let Some(values) = cmos::encode(seconds, clock.get(cmos::STATUS_B)) else {
        return;
    };
    // A write during an update is lost.
    let _ = wait_for_update(clock);
    for (which, value) in cmos::TIME.into_iter().zip(values) {
        clock.set(which, value);
    }
}

/// Lets a clock go that was left standing. Linux reads the time of one as if it went.
fn let_go(clock: &impl Registers) {
    let [a, b] = [cmos::STATUS_A, cmos::STATUS_B].map(|which| clock.get(which));
    clock.set(cmos::STATUS_A, a & !cmos::DIVIDER | cmos::DIVIDES);
    clock.set(cmos::STATUS_B, b & !cmos::SETTING);
}

/// What came of a look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It agrees with Bulkhead's time, as it was or since it was set.
    Agrees,
    /// Bulkhead's time from now on, in seconds since 1970.
    Adopt(i64),
    /// It said something else each time.
    Unclear,
}

/// Makes the clock and Bulkhead's own time, `ours`, agree (see [`judge`]): sets the clock, or gives what is Bulkhead's time from now on.
pub fn agree(clock: &impl Registers, ours: impl Fn() -> Option<Ours>, is_owned: bool) -> Outcome {
    let look = || judge(read(clock), ours(), is_owned);
    // Mostly there is nothing to do, as one look tells. Somebody may be setting it: nothing follows
    // from what is not found three times.
    let first = look();
    if first == Verdict::Leave {
        return Outcome::Agrees;
    }
    match [first, look(), look()] {
        [Verdict::Adopt(_), Verdict::Adopt(_), Verdict::Adopt(time)] => Outcome::Adopt(time),
        [Verdict::PutBack, Verdict::PutBack, Verdict::PutBack]
        | [Verdict::LetGo, Verdict::LetGo, Verdict::LetGo] => {
            if let Some(ours) = ours() {
                write(clock, ours.now);
            }
            if first == Verdict::LetGo {
                let_go(clock);
            }
            Outcome::Agrees
        }
        _ => Outcome::Unclear,
    }
}
