//! Whose time is right: the machine's real-time clock's or Bulkhead's own.
//!
//! Every stock Linux reads the clock's ports as it boots, and any may write them: the one that has the
//! device `rtc` because it was given it, and one whose NTP client has found the time (every 11
//! minutes). What is wrong there, the next Linux boots with.

/// What was found in the clock's registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Seconds since 1970.
    Time(i64),
    /// The same registers twice, and they are no time.
    NoTime,
    /// It was left standing: as while its time is being set, but for longer than that takes.
    Stopped,
    /// Nothing: there is no clock, or it did not hold still. That says nothing of its time.
    Unreadable,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is to be done.
    Leave,
    /// Bulkhead's own time becomes the clock's, in seconds since 1970.
    Adopt(i64),
    /// The clock is set to Bulkhead's own time.
    PutBack,
    /// The same, and it is let go.
    LetGo,
}

/// No clock is right that says less: 1 January 2026, in seconds since 1970. One without a battery
/// begins long before.
pub const EARLIEST: i64 = 1_767_225_600;
/// By how many seconds a clock that nobody owns may differ from what boot or its last owner said and be
/// right: a day. That is more than a
/// local time in place of UTC, or what the counter's rate is off by in a year, and less than a mistaken
/// date. It does not depend on how long the machine has run.
pub const MOST: u64 = 24 * 3600;
/// So many seconds are within what reading a clock of whole seconds gives.
const NOTHING: u64 = 2;

/// Bulkhead's own time, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ours {
    /// As it is now.
    pub now: i64,
    /// What it would be if nobody but an owner had set the clock since boot. From this a clock that nobody
    /// owns may differ by [`MOST`]: from `now` it could be led away, a day at each launch.
    pub trusted: i64,
}

/// Judges what the clock said while Bulkhead's own time was `ours` (`None` for none). While a partition that
/// has the device `rtc` runs (`is_owned`), the clock is that partition's, and is never put back.
#[must_use]
pub fn judge(reading: Reading, ours: Option<Ours>, is_owned: bool) -> Verdict {
    let ours = ours.filter(|ours| is_owned || ours.now >= EARLIEST);
    let Some(Ours { now, trusted }) = ours else {
        return match reading {
            Reading::Time(time) if is_owned || time >= EARLIEST => Verdict::Adopt(time),
            _ => Verdict::Leave,
        };
    };
    match reading {
        Reading::Time(time) if time.abs_diff(now) <= NOTHING => Verdict::Leave,
        Reading::Time(time) if is_owned => Verdict::Adopt(time),
        Reading::Time(time) if time >= EARLIEST && time.abs_diff(trusted) <= MOST => {
            Verdict::Adopt(time)
        }
        Reading::NoTime | Reading::Stopped if is_owned => Verdict::Leave,
        Reading::Stopped => Verdict::LetGo,
        Reading::Unreadable => Verdict::Leave,
        Reading::Time(_) | Reading::NoTime => Verdict::PutBack,
    }
}
