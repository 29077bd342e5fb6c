//! What a partition with the control right can ask for, and what it is told.

use core::fmt;

use crate::ending::Refusal;
use crate::places::DO;
use crate::{LaunchError, MOST_STOP_SECONDS};

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verb {
    /// Launch it.
    Start = 1,
    /// Take its cores back.
    Kill = 2,
    /// Both, in that order.
    Restart = 3,
    /// Wake Bulkhead's own core, which parks.
    Shell = 4,
    /// Do a line, as its operator would type it.
    Do = 5,
    /// Keep it as it is, for its RAM to be read.
    Hold = 6,
    /// Go on with that.
    Keep = 7,
    /// Its RAM was read.
    Dumped = 8,
    /// It was not, and it is not held any more.
    Release = 9,
    /// Have its Linux end itself.
    Stop = 10,
    /// Be attached to its console.
    Attach = 11,
}

/// How a request stands, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// Nothing was asked yet.
    None = 0,
    /// Done.
    Done = 1,
    /// The shell has it.
    Passed = 2,
    /// The partition has not `control=yes`.
    Denied = 3,
    /// Not one of the requests.
    Malformed = 4,
    /// There is no such partition.
    Unknown = 5,
    /// Its state does not allow it.
    WrongState = 6,
    /// A partition can't do it to itself.
    Itself = 7,
    /// A core did not come back.
    CoreLost = 8,
    /// Its Linux has just been entered on the machine's boot processor.
    TooEarly = 9,
    /// Its cores are being taken back.
    Ending = 10,
    /// The one before is not done yet.
    Unanswered = 11,
    /// The shell refused it, and said why on its console.
    Refused = 12,
    /// The shell left before it came to it.
    ShellLeft = 13,
    /// Its right is limited to others.
    NotGranted = 14,
    /// All places of its requests are taken.
    Full = 15,
    /// Only the shell can do it, and it is not there.
    NoShell = 16,
    /// Somebody else's line is before it.
    LineBusy = 17,
    /// The shell refused it, and says why.
    Said = 18,
    /// Another partition, or another request, holds it.
    Held = 19,
    /// It is not held so, or not any more.
    NotHeld = 20,
    /// Its RAM is not that of its last run, or nobody knows where all of it is.
    NothingLeft = 21,
    /// Its agent was asked.
    Ordered = 22,
    /// No agent is heard in it.
    NoAgent = 23,
    /// None is heard that gives a terminal.
    NoTerminal = 24,
    /// Somebody is at its console already.
    Attached = 25,
    /// All consoles are in use.
    NoConsole = 26,
}

impl Outcome {
    pub(crate) const ALL: [Self; 27] = [
        Self::None,
        Self::Done,
        Self::Passed,
        Self::Denied,
        Self::Malformed,
        Self::Unknown,
        Self::WrongState,
        Self::Itself,
        Self::CoreLost,
        Self::TooEarly,
        Self::Ending,
        Self::Unanswered,
        Self::Refused,
        Self::ShellLeft,
        Self::NotGranted,
        Self::Full,
        Self::NoShell,
        Self::LineBusy,
        Self::Said,
        Self::Held,
        Self::NotHeld,
        Self::NothingLeft,
        Self::Ordered,
        Self::NoAgent,
        Self::NoTerminal,
        Self::Attached,
        Self::NoConsole,
    ];

    /// Whether it is still open.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Passed | Self::Ending | Self::Ordered)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none: nothing was asked",
            Self::Done => "ok",
            Self::Passed => "busy: passed to Bulkhead's shell",
            Self::Ending => "busy: its cores are being taken back",
            Self::Denied => "error: this partition has not control=yes",
            Self::Malformed => {
                "error: not a request (accepted: start, stop, kill, restart, hold, attach NAME; keep, dumped, release NAME ID; shell)"
            }
            Self::Unknown => "error: there is no such partition",
            Self::WrongState => "error: its state does not allow it",
            Self::Itself => "error: a partition can't do this to itself",
            Self::CoreLost => "error: a core did not come back",
            Self::TooEarly => return write!(f, "error: {}", Refusal::TooEarly),
            Self::Unanswered => "error: the request before is not done yet",
            Self::Refused => "error: Bulkhead's shell refused it, and said why on its console",
            Self::ShellLeft => "error: Bulkhead's shell left before it came to it; ask again",
            Self::NotGranted => "error: this partition's control= names others only",
            Self::Full => "error: all answers are kept for others; try again",
            Self::NoShell => "error: only Bulkhead's shell does that, and it is away",
            Self::LineBusy => "error: another line is before it; try again",
            Self::Said => "error: refused; Output says why",
            Self::Held => "error: its memory is held for a dump",
            Self::NotHeld => "error: it is not held, or not since then",
            Self::NothingLeft => "error: its memory is not that of a run any more",
            Self::Ordered => "busy: it was asked to end",
            Self::NoAgent => "error: no agent is heard in it (accepted: its own poweroff, kill NAME)",
            Self::NoTerminal => {
                "error: no agent is heard in it that gives a terminal (accepted: log NAME)"
            }
            Self::Attached => "error: somebody is at its console already",
            Self::NoConsole => "error: all four consoles are in use",
        })
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotLive | Refusal::Ending => Self::WrongState,
            Refusal::TooEarly => Self::TooEarly,
            Refusal::Held => Self::Held,
            Refusal::NoAgent => Self::NoAgent,
        }
    }
}

impl From<LaunchError> for Outcome {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Unknown => Self::Unknown,
            LaunchError::Live | LaunchError::Unplanned | LaunchError::NotParked(_) => {
                Self::WrongState
            }
            LaunchError::Held => Self::Held,
        }
    }
}

/// A request, parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) verb: Verb,
    pub(crate) target: &'a str,
    /// Of the hold that it is about.
    pub(crate) number: Option<u32>,
    /// Seconds that its Linux has to end; 0: none, its cores are taken at once.
    pub(crate) seconds: Option<u32>,
}

impl Verb {
    pub(crate) const ALL: [Self; 11] = [
        Self::Start,
        Self::Kill,
        Self::Restart,
        Self::Shell,
        Self::Do,
        Self::Hold,
        Self::Keep,
        Self::Dumped,
        Self::Release,
        Self::Stop,
        Self::Attach,
    ];

    /// How it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::Shell => "shell",
            Self::Do => DO,
            Self::Hold => "hold",
            Self::Keep => "keep",
            Self::Dumped => "dumped",
            Self::Release => "release",
            Self::Stop => "stop",
            Self::Attach => "attach",
        }
    }

    /// Whether it is about a hold.
    pub(crate) const fn is_of_hold(self) -> bool {
        matches!(self, Self::Hold | Self::Keep | Self::Dumped | Self::Release)
    }
}

impl<'a> Request<'a> {
    /// Reads `start NAME` and the like; white space and an ending NUL or newline don't matter.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.trim_end_matches('\0').split_ascii_whitespace();
        let word = words.next()?;
        let is_it = |verb: &Verb| verb.word() == word && *verb != Verb::Do;
        let verb = Verb::ALL.into_iter().find(is_it)?;
        let target = if verb == Verb::Shell {
            ""
        } else {
            words.next()?
        };
        let number = match verb {
            Verb::Keep | Verb::Dumped | Verb::Release => Some(words.next()?.parse().ok()?),
            _ => None,
        };
        let seconds = match (verb, words.next()) {
            (_, None) => None,
            (Verb::Stop | Verb::Restart, Some(word)) => Some(seconds(verb, word)?),
            _ => return None,
        };
        let request = Self {
            verb,
            target,
            number,
            seconds,
        };
        words.next().is_none().then_some(request)
    }
}

/// How long its Linux has to end; a restart may be one by force, which is `0`.
fn seconds(verb: Verb, word: &str) -> Option<u32> {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u32 = word.parse().ok().filter(|_| is_number)?;
    let is_meant = seconds != 0 || verb == Verb::Restart;
    (is_meant && seconds <= MOST_STOP_SECONDS).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let read = |text| Request::parse(text).map(|r| (r.verb, r.target));
        let limit = |text| Request::parse(text).map(|r| (r.verb, r.seconds));
        assert_eq!(limit("stop one"), Some((Verb::Stop, None)));
        assert_eq!(limit("stop one 3600"), Some((Verb::Stop, Some(3600))));
        assert_eq!(limit("restart one 0\n"), Some((Verb::Restart, Some(0))));
        assert_eq!(read("start one\n\0"), Some((Verb::Start, "one")));
        assert_eq!(read("  restart\tone "), Some((Verb::Restart, "one")));
        assert_eq!(read("shell"), Some((Verb::Shell, "")));
        assert_eq!(read("hold one"), Some((Verb::Hold, "one")));
        let number = |text| Request::parse(text)?.number;
        assert_eq!(number("keep one 7\n"), Some(7));
        assert_eq!(number("dumped one 4294967295"), Some(u32::MAX));
        for text in [
            "",
            "start",
            "kill a b",
            "shell now",
            "Start one",
            "do one",
            "keep one",
            "release one -1",
            "dumped one 4294967296",
            "hold one 1",
            "stop one 0",
            "stop one 3601",
            "stop one +1",
            "stop one 1 2",
            "start one 1",
            "restart one now",
            "\0",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
