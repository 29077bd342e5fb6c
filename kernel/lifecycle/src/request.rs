//! What a partition with the control right asks for.
//!
//! While the shell runs, a request is passed to it: it knows the definitions, and checks as it does
//! for the operator. Without it, the asking core makes the step in the other's record and wakes its
//! core; the rest is done there. Either way the answer is read back later, and there is exactly one.

use core::fmt;

use crate::ending::Refusal;
use crate::hardware::Hardware;
use crate::life::{Next, Phase};
use crate::slot::Slot;
use crate::{LaunchError, Lifecycle};

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
}

impl Outcome {
    const ALL: [Self; 14] = [
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
    ];

    /// Whether it is still open.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Passed | Self::Ending)
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
                "error: not a request (accepted: start NAME, kill NAME, restart NAME, shell)"
            }
            Self::Unknown => "error: there is no such partition",
            Self::WrongState => "error: its state does not allow it",
            Self::Itself => "error: a partition can't do this to itself",
            Self::CoreLost => "error: a core did not come back",
            Self::TooEarly => return write!(f, "error: {}", Refusal::TooEarly),
            Self::Unanswered => "error: the request before is not done yet",
            Self::Refused => "error: Bulkhead's shell refused it, and said why on its console",
            Self::ShellLeft => "error: Bulkhead's shell left before it came to it; ask again",
        })
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotLive | Refusal::Ending => Self::WrongState,
            Refusal::TooEarly => Self::TooEarly,
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
        }
    }
}

/// A request, parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    verb: Verb,
    target: &'a str,
}

impl Verb {
    const ALL: [Self; 4] = [Self::Start, Self::Kill, Self::Restart, Self::Shell];

    /// How it is written.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Kill => "kill",
            Self::Restart => "restart",
            Self::Shell => "shell",
        }
    }
}

impl<'a> Request<'a> {
    /// Reads `start NAME` and the like; white space and an ending NUL or newline don't matter.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.trim_end_matches('\0').split_ascii_whitespace();
        let word = words.next()?;
        let verb = Verb::ALL.into_iter().find(|verb| verb.word() == word)?;
        let target = if verb == Verb::Shell {
            ""
        } else {
            words.next()?
        };
        words.next().is_none().then_some(Self { verb, target })
    }
}

/// A partition's own request, as it stands. The word: kind 60-63, verb 56-59, outcome 48-55, target
/// 32-47, generation of the target's end 0-31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Answered, or nothing was asked.
    Answered(Outcome),
    /// Left for the shell.
    Passed { verb: Verb, target: usize },
    /// The shell is about it.
    Taken,
    /// The target is ending.
    Ending { target: usize, generation: u32 },
}

impl Standing {
    fn encode(self) -> u64 {
        match self {
            Self::Answered(outcome) => (outcome as u64) << 48,
            Self::Passed { verb, target } => {
                1 << 60 | (verb as u64) << 56 | (target as u64 & 0xffff) << 32
            }
            Self::Taken => 2 << 60,
            Self::Ending { target, generation } => {
                3 << 60 | (target as u64 & 0xffff) << 32 | u64::from(generation)
            }
        }
    }

    fn decode(word: u64) -> Self {
        let target = (word >> 32) as usize & 0xffff;
        let number = (word >> 56) as u8 & 0xf;
        let verb = Verb::ALL.into_iter().find(|verb| *verb as u8 == number);
        match (word >> 60, verb) {
            (1, Some(verb)) => Self::Passed { verb, target },
            (2, _) => Self::Taken,
            (3, _) => Self::Ending {
                target,
                generation: word as u32,
            },
            _ => {
                let number = (word >> 48) as u8;
                let outcome = Outcome::ALL.into_iter().find(|o| *o as u8 == number);
                Self::Answered(outcome.unwrap_or(Outcome::None))
            }
        }
    }
}

fn standing(slot: &Slot) -> Standing {
    Standing::decode(slot.request().load())
}

fn stand(slot: &Slot, from: Standing, to: Standing) -> bool {
    slot.request().replace(from.encode(), to.encode())
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// A partition asks for something: what it is told at once. What is still open then, it reads
    /// by [`outcome`](Self::outcome).
    pub fn ask(&self, hw: &impl Hardware, caller: usize, text: Option<&str>) -> Outcome {
        let Some(slot) = self.slot(caller) else {
            return Outcome::Denied;
        };
        if self.outcome(hw, caller).is_open() {
            return Outcome::Unanswered;
        }
        let before = standing(slot);
        let after = self.standing_after(hw, caller, slot, text);
        if !stand(slot, before, after) {
            // Another core of this Linux asked at the same moment: it has that one's answer.
            return Outcome::Unanswered;
        }
        if let Standing::Passed { verb, target } = after {
            return self.pass(hw, caller, slot, verb, target);
        }
        self.outcome(hw, caller)
    }

    /// Carries a request out, or says that it is the shell's.
    fn standing_after(
        &self,
        hw: &impl Hardware,
        caller: usize,
        slot: &Slot,
        text: Option<&str>,
    ) -> Standing {
        let answered = Standing::Answered;
        if !slot.has_control() {
            return answered(Outcome::Denied);
        }
        let Some(request) = text.and_then(Request::parse) else {
            return answered(Outcome::Malformed);
        };
        if request.verb == Verb::Shell {
            let is_woken = !self.shell_runs() && self.want_shell(hw);
            return answered(if is_woken {
                Outcome::Done
            } else {
                Outcome::WrongState
            });
        }
        let is_named = |slot: &&Slot| slot.is_defined() && slot.name().as_str() == request.target;
        let Some(target) = self.slots.iter().position(|slot| is_named(&slot)) else {
            return answered(Outcome::Unknown);
        };
        if target == caller {
            return answered(Outcome::Itself);
        }
        if self.shell_runs() {
            let is_idle = self.slots[target].phase() == Phase::Idle;
            return match request.verb {
                Verb::Start if !is_idle => answered(Outcome::WrongState),
                Verb::Kill if is_idle => answered(Outcome::WrongState),
                verb => Standing::Passed { verb, target },
            };
        }
        self.carry_out(hw, request.verb, target)
    }

    /// The shell has it; unless it left at this very moment, and did not see it.
    fn pass(
        &self,
        hw: &impl Hardware,
        caller: usize,
        slot: &Slot,
        verb: Verb,
        target: usize,
    ) -> Outcome {
        let passed = Standing::Passed { verb, target };
        if self.shell_runs() || !stand(slot, passed, Standing::Taken) {
            return self.outcome(hw, caller);
        }
        let after = self.carry_out(hw, verb, target);
        slot.request().store(after.encode());
        self.outcome(hw, caller)
    }

    /// Carries a request out without the shell.
    fn carry_out(&self, hw: &impl Hardware, verb: Verb, target: usize) -> Standing {
        let is_idle = self.slots[target].phase() == Phase::Idle;
        let begun = match verb {
            Verb::Start | Verb::Restart if is_idle => {
                let done = self.start(hw, target);
                return Standing::Answered(done.map_or_else(Outcome::from, |()| Outcome::Done));
            }
            Verb::Kill => self.end_by_force(hw, target, Next::Stay),
            Verb::Restart => self.end_by_force(hw, target, Next::Launch),
            Verb::Start | Verb::Shell => return Standing::Answered(Outcome::WrongState),
        };
        match begun {
            Ok(generation) => Standing::Ending { target, generation },
            Err(refusal) => Standing::Answered(refusal.into()),
        }
    }

    /// How the partition's last request stands.
    pub fn outcome(&self, hw: &impl Hardware, caller: usize) -> Outcome {
        self.tend(hw);
        let Some(slot) = self.slot(caller) else {
            return Outcome::None;
        };
        let standing = standing(slot);
        match standing {
            Standing::Answered(outcome) => outcome,
            Standing::Passed { .. } | Standing::Taken => Outcome::Passed,
            Standing::Ending { target, generation } => {
                let life = self.slots[target].life();
                // Another worker may have taken the work up: each does so by one step.
                let steps = life.generation.wrapping_sub(generation);
                if life.phase == Phase::Ending && steps < u32::MAX / 2 {
                    return Outcome::Ending;
                }
                let outcome = if self.has_lost(target, &self.slots[target]) {
                    Outcome::CoreLost
                } else {
                    Outcome::Done
                };
                stand(slot, standing, Standing::Answered(outcome));
                outcome
            }
        }
    }

    // --- by the shell's core -------------------------------------------------------------------------

    /// The next request that was passed to the shell: who asks, for what, of whom. It is to be
    /// [answered](Self::answer).
    pub fn next_request(&self) -> Option<(usize, Verb, usize)> {
        self.slots.iter().enumerate().find_map(|(caller, slot)| {
            let passed = standing(slot);
            let Standing::Passed { verb, target } = passed else {
                return None;
            };
            stand(slot, passed, Standing::Taken).then_some((caller, verb, target))
        })
    }

    /// Answers a request that the shell took.
    pub fn answer(&self, caller: usize, outcome: Outcome) {
        if let Some(slot) = self.slot(caller) {
            stand(slot, Standing::Taken, Standing::Answered(outcome));
        }
    }

    /// Nobody will come to what is still passed.
    pub(crate) fn refuse_passed(&self) {
        while let Some((caller, _, _)) = self.next_request() {
            self.answer(caller, Outcome::ShellLeft);
        }
        // One that the shell was about when it panicked.
        for caller in 0..P {
            self.answer(caller, Outcome::ShellLeft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let read = |text| Request::parse(text).map(|r| (r.verb, r.target));
        assert_eq!(read("start one\n\0"), Some((Verb::Start, "one")));
        assert_eq!(read("  restart\tone "), Some((Verb::Restart, "one")));
        assert_eq!(read("shell"), Some((Verb::Shell, "")));
        for text in ["", "start", "kill a b", "shell now", "Start one", "\0"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_standing_holds_what_was_put_into_it() {
        let mut all = [Standing::Taken; 2].to_vec();
        all.extend(Outcome::ALL.map(Standing::Answered));
        all.extend(Verb::ALL.map(|verb| Standing::Passed { verb, target: 63 }));
        all.push(Standing::Ending {
            target: 63,
            generation: u32::MAX,
        });
        for standing in all {
            assert_eq!(Standing::decode(standing.encode()), standing);
        }
    }
}
