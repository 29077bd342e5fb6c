//! Carrying a request out, or passing it to the shell.
//!
//! While the shell runs, a request is passed to it: it knows the definitions, and checks as it does
//! for the operator. Without it, the asking core makes the step in the other's record and wakes its
//! core; the rest is done there. Either way the answer is read back later, and there is exactly one.

use crate::hardware::Hardware;
use crate::life::{Next, Phase};
use crate::request::Request;
use crate::slot::Slot;
use crate::{Lifecycle, Outcome, Verb};

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

const KIND: u32 = 60;
/// The kind of a request that is left for the shell.
const PASSED: u64 = 1;

impl Standing {
    fn encode(self) -> u64 {
        match self {
            Self::Answered(outcome) => (outcome as u64) << 48,
            Self::Passed { verb, target } => {
                PASSED << KIND | (verb as u64) << 56 | (target as u64 & 0xffff) << 32
            }
            Self::Taken => 2 << KIND,
            Self::Ending { target, generation } => {
                3 << KIND | (target as u64 & 0xffff) << 32 | u64::from(generation)
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "each part is cut out of the word"
    )]
    fn decode(word: u64) -> Self {
        let target = (word >> 32) as usize & 0xffff;
        let number = (word >> 56) as u8 & 0xf;
        let verb = Verb::ALL.into_iter().find(|verb| *verb as u8 == number);
        match (word >> KIND, verb) {
            (PASSED, Some(verb)) => Self::Passed { verb, target },
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
        // Another core of this Linux may ask at the same moment, and have the place of the answer: what
        // stands there is not looked up for this one.
        let is_kept = stand(slot, before, after);
        match after {
            Standing::Answered(outcome) => outcome,
            Standing::Ending { .. } => Outcome::Ending,
            Standing::Passed { verb, target } if is_kept => {
                self.pass(hw, caller, slot, verb, target)
            }
            Standing::Passed { .. } | Standing::Taken => Outcome::Unanswered,
        }
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
                Verb::Kill if is_idle && !self.can_call_back(hw, &self.slots[target]) => {
                    answered(Outcome::WrongState)
                }
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
        self.passed.store(1);
        // Taken back in such a way that it is answered if this core is reset at this point.
        let left = Standing::Answered(Outcome::ShellLeft);
        if !self.shell_runs() && stand(slot, passed, left) {
            let after = self.carry_out(hw, verb, target);
            stand(slot, left, after);
        }
        self.outcome(hw, caller)
    }

    /// Carries a request out without the shell.
    fn carry_out(&self, hw: &impl Hardware, verb: Verb, target: usize) -> Standing {
        let slot = &self.slots[target];
        let is_idle = slot.phase() == Phase::Idle;
        let is_short = self.can_call_back(hw, slot);
        let begun = match verb {
            Verb::Restart if is_idle && is_short && slot.is_planned() => {
                self.end_by_force(hw, target, Next::Launch)
            }
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
            Standing::Passed { .. } | Standing::Taken if self.shell_runs() => Outcome::Passed,
            Standing::Passed { .. } | Standing::Taken => {
                // It was passed a moment after the shell looked for the last time, by a core that
                // was reset before it saw that.
                stand(slot, standing, Standing::Answered(Outcome::ShellLeft));
                Outcome::ShellLeft
            }
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

    /// Whether a request was passed to the shell since this was asked last. One is not told of whose
    /// caller was reset at that very moment: it is found by looking at all now and then.
    pub fn was_asked(&self) -> bool {
        // Before the requests are looked at, so that one that comes meanwhile is told of.
        self.passed.load() != 0 && self.passed.replace(1, 0)
    }

    /// The next request that was passed to the shell: who asks, for what, of whom. It is to be
    /// [answered](Self::answer).
    pub fn next_request(&self) -> Option<(usize, Verb, usize)> {
        self.slots.iter().enumerate().find_map(|(caller, slot)| {
            let word = slot.request().load();
            // Most are not: this is asked of all a thousand times a second.
            if word >> KIND != PASSED {
                return None;
            }
            let passed = Standing::decode(word);
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
