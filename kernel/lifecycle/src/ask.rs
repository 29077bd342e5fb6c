//! Carrying a request out, or passing it to the shell.
//!
//! While the shell runs, a request is passed to it: it knows the definitions, and checks as it does
//! for the operator. Without it, the asking core makes the step in the other's record and wakes its
//! core; the rest is done there. Either way the answer is read back later, and there is exactly one.

use crate::desk::LINE_BYTES;
use crate::hardware::Hardware;
use crate::life::{Next, Phase};
use crate::places::{Asker, KEPT, Place, SEEN, line_of, split_token};
use crate::request::Request;
use crate::slot::Slot;
use crate::standing::Standing;
use crate::variables::PLAIN_BYTES;
use crate::{Lifecycle, Order, Outcome, STOP_SECONDS, Verb};

/// The place of requests without a token.
const PLAIN: usize = 0;

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// A partition asks for something: what it is told at once. What is still open then, it reads
    /// by [`outcome`](Self::outcome), or, if it gave a token, by [`answers`](Self::answers).
    pub fn ask(&self, hw: &impl Hardware, caller: usize, text: Option<&str>) -> Outcome {
        let Some(slot) = self.slot(caller) else {
            return Outcome::Denied;
        };
        match text {
            Some(text) if text.starts_with('#') => {
                let Some((token, words)) = split_token(text) else {
                    return Outcome::Malformed;
                };
                if words.trim_end_matches('\0').trim_ascii() == SEEN {
                    return self.seen(caller, slot, token);
                }
                match slot.claim_place(hw, token) {
                    Ok(place) => self.ask_at(hw, slot, asker(caller, place), Some(words)),
                    Err(outcome) => outcome,
                }
            }
            _ if self.outcome(hw, caller).is_open() => Outcome::Unanswered,
            text => {
                let text = text.filter(|text| text.len() <= PLAIN_BYTES);
                self.ask_at(hw, slot, asker(caller, PLAIN), text)
            }
        }
    }

    /// The asker has seen the answer, and what the shell said.
    fn seen(&self, caller: usize, slot: &Slot, token: u64) -> Outcome {
        let Some(number) = slot.place_of(token) else {
            return Outcome::Done;
        };
        let answered = slot.places()[number].standing();
        // Once it was answered, and while the place is its own: not what is asked from there next.
        let claim = self.desk.claim();
        let outcome = slot.seen(number, answered);
        if outcome == Outcome::Done && claim.asker() == Some(asker(caller, number)) {
            self.desk.give_up(claim);
        }
        outcome
    }

    fn ask_at(&self, hw: &impl Hardware, slot: &Slot, me: Asker, text: Option<&str>) -> Outcome {
        let Some(place) = slot.places().get(me.place) else {
            return Outcome::Denied;
        };
        let before = place.standing();
        let after = self.standing_after(hw, me, slot, text);
        // Another core of this Linux may ask at the same moment, and have the place of the answer: what
        // stands there is not looked up for this one.
        let is_kept = place.stand(before, after);
        match after {
            Standing::Answered(outcome) => outcome,
            Standing::Ending { .. } => Outcome::Ending,
            Standing::Ordered { .. } => Outcome::Ordered,
            Standing::Passed { .. } if is_kept => self.pass(hw, me, place, after),
            Standing::Passed { .. } | Standing::Taken | Standing::Changing { .. } => {
                Outcome::Unanswered
            }
        }
    }

    /// A line that the shell is to do.
    fn line_passed(
        &self,
        hw: &impl Hardware,
        me: Asker,
        slot: &Slot,
        (from, line): (u32, &str),
    ) -> Standing {
        let answered = Standing::Answered;
        let mut words = line.split_ascii_whitespace();
        let (verb, name) = (words.next(), words.next());
        let tells = matches!(verb, Some("show" | "log" | "check"));
        if slot.is_limited() && !(tells && name.is_some_and(|name| slot.may_ask_for(name))) {
            return answered(Outcome::NotGranted);
        }
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if me.place == PLAIN || line.len() > LINE_BYTES || !line.bytes().all(is_printable) {
            return answered(Outcome::Malformed);
        }
        if !self.shell_runs() {
            return answered(Outcome::NoShell);
        }
        let claim = self.claim_desk(hw, me);
        let Some(claim) = claim.filter(|claim| self.desk.put_line(*claim, from, line)) else {
            return answered(Outcome::LineBusy);
        };
        Standing::Passed {
            verb: Verb::Do,
            target: claim.line(),
            definition: slot.definition(),
        }
    }

    /// Carries a request out, or says that it is the shell's.
    fn standing_after(
        &self,
        hw: &impl Hardware,
        me: Asker,
        slot: &Slot,
        text: Option<&str>,
    ) -> Standing {
        let answered = Standing::Answered;
        if !slot.has_control() {
            return answered(Outcome::Denied);
        }
        if let Some(line) = text.and_then(line_of) {
            return self.line_passed(hw, me, slot, line);
        }
        let Some(request) = text.and_then(Request::parse) else {
            return answered(Outcome::Malformed);
        };
        if !slot.may_ask_for(request.target) {
            return answered(Outcome::NotGranted);
        }
        if request.verb == Verb::Shell {
            let is_woken = !self.shell_runs() && self.want_shell(hw);
            return answered(if is_woken {
                Outcome::Done
            } else {
                Outcome::WrongState
            });
        }
        let Some((target, definition)) = self.named(request.target) else {
            return answered(Outcome::Unknown);
        };
        if target == me.partition {
            return answered(Outcome::Itself);
        }
        if request.verb.is_of_hold() {
            let of = (target, definition);
            return answered(self.ask_of_hold(hw, me.partition, request.verb, of, request.number));
        }
        if request.verb == Verb::Attach {
            let attached = self.attach_to(hw, Some(me.partition), (target, definition));
            return answered(attached.map_or_else(|why| why, |_| Outcome::Done));
        }
        if let Some(ordered) = self.ordered(hw, &request, (target, definition)) {
            return ordered;
        }
        if self.shell_runs() {
            let is_idle = self.slots[target].phase() == Phase::Idle;
            let is_held = self.slots[target].life().holder.is_some();
            return match request.verb {
                Verb::Start | Verb::Restart if is_held => answered(Outcome::Held),
                Verb::Start if !is_idle => answered(Outcome::WrongState),
                Verb::Kill
                    if is_idle && !is_held && !self.can_call_back(hw, &self.slots[target]) =>
                {
                    answered(Outcome::WrongState)
                }
                verb => Standing::Passed {
                    verb,
                    target,
                    definition,
                },
            };
        }
        self.carry_out(hw, request.verb, target)
    }

    /// The partition of that name, and which definition that is.
    fn named(&self, name: &str) -> Option<(usize, u32)> {
        self.slots.iter().enumerate().find_map(|(number, slot)| {
            // Before the name, so that it is that name's.
            let definition = slot.definition();
            let is_it = slot.is_defined() && slot.name().as_str() == name;
            is_it.then_some((number, definition))
        })
    }

    /// Has the Linux end itself, where that was meant and somebody in it hears; for a restart that is done by
    /// force, `None`.
    fn ordered(
        &self,
        hw: &impl Hardware,
        request: &Request<'_>,
        of: (usize, u32),
    ) -> Option<Standing> {
        let target = of.0;
        let order = match request.verb {
            Verb::Stop => Order::Stop,
            Verb::Restart
                if request.seconds != Some(0) && self.agent(hw, target).can_be_asked() =>
            {
                Order::Restart
            }
            _ => return None,
        };
        let seconds = request.seconds.unwrap_or(STOP_SECONDS);
        let ordered = self.order_step(hw, of, order, seconds);
        Some(ordered.map_or_else(
            |refusal| Standing::Answered(refusal.into()),
            |generation| Standing::Ordered { target, generation },
        ))
    }

    /// The shell has it; unless it left at this very moment, and did not see it.
    fn pass(&self, hw: &impl Hardware, me: Asker, place: &Place, passed: Standing) -> Outcome {
        self.passed.store(1);
        // Taken back in such a way that it is answered if this core is reset at this point.
        let left = Standing::Answered(Outcome::ShellLeft);
        if !self.shell_runs()
            && place.stand(passed, left)
            && let Standing::Passed { verb, target, .. } = passed
            && verb != Verb::Do
        {
            let after = if self.is_meant(me, passed) {
                self.carry_out(hw, verb, target)
            } else {
                Standing::Answered(Outcome::Unknown)
            };
            place.stand(left, after);
        }
        self.outcome_at(me)
    }

    /// Whether what was passed is of the partition that has the number now; a line, of its asker.
    pub(crate) fn is_meant(&self, me: Asker, passed: Standing) -> bool {
        let Standing::Passed {
            target, definition, ..
        } = passed
        else {
            return false;
        };
        let of = passed.line().map_or(target, |_| me.partition);
        self.slot(of)
            .is_some_and(|slot| slot.definition() == definition)
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
            Verb::Start
            | Verb::Shell
            | Verb::Do
            | Verb::Stop
            | Verb::Attach
            | Verb::Hold
            | Verb::Keep
            | Verb::Dumped
            | Verb::Release => return Standing::Answered(Outcome::WrongState),
        };
        match begun {
            Ok(generation) => Standing::Ending { target, generation },
            Err(refusal) => Standing::Answered(refusal.into()),
        }
    }

    /// How the partition's last request without a token stands.
    pub fn outcome(&self, hw: &impl Hardware, caller: usize) -> Outcome {
        self.tend(hw);
        self.outcome_at(asker(caller, PLAIN))
    }

    /// How the partition's requests with tokens stand.
    pub fn answers(
        &self,
        hw: &impl Hardware,
        caller: usize,
    ) -> impl Iterator<Item = (u64, Outcome)> {
        self.tend(hw);
        (1..=KEPT).filter_map(move |place| self.answer_at(caller, place))
    }

    /// The request with a token in that place, from 1 on, and how it stands.
    pub(crate) fn answer_at(&self, caller: usize, place: usize) -> Option<(u64, Outcome)> {
        let place = self.slot(caller)?.places().get(place)?;
        let (token, standing) = place.tokened()?;
        Some((token, self.outcome_of(place, standing)))
    }

    fn outcome_at(&self, me: Asker) -> Outcome {
        let place = self
            .slot(me.partition)
            .and_then(|slot| slot.places().get(me.place));
        let Some(place) = place else {
            return Outcome::None;
        };
        self.outcome_of(place, place.standing())
    }

    fn outcome_of(&self, place: &Place, standing: Standing) -> Outcome {
        match standing {
            Standing::Answered(outcome) => outcome,
            Standing::Passed { .. } | Standing::Taken if self.shell_runs() => Outcome::Passed,
            Standing::Passed { .. } | Standing::Taken => {
                // It was passed a moment after the shell looked for the last time, by a core that
                // was reset before it saw that.
                place.stand(standing, Standing::Answered(Outcome::ShellLeft));
                Outcome::ShellLeft
            }
            Standing::Ending { target, generation } => {
                let life = self.slots[target].life();
                // Another worker may have taken the work up: each does so by one step.
                let steps = life.generation.wrapping_sub(generation);
                if life.phase == Phase::Ending && steps < u32::MAX / 2 {
                    return Outcome::Ending;
                }
                self.end_answered(place, standing, target)
            }
            Standing::Ordered { target, generation } => {
                let life = self.slots[target].life();
                let steps = life.generation.wrapping_sub(generation);
                let is_open = match life.phase {
                    // Another limit may have been set.
                    Phase::Running => matches!(life.order, Some(Order::Stop | Order::Restart)),
                    Phase::Ending => true,
                    _ => false,
                };
                if is_open && steps < u32::MAX / 2 {
                    return Outcome::Ordered;
                }
                self.end_answered(place, standing, target)
            }
            Standing::Changing { .. } => Outcome::None,
        }
    }

    /// Its end is over.
    fn end_answered(&self, place: &Place, standing: Standing, target: usize) -> Outcome {
        let outcome = if self.has_lost(target, &self.slots[target]) {
            Outcome::CoreLost
        } else {
            Outcome::Done
        };
        place.stand(standing, Standing::Answered(outcome));
        outcome
    }
}

pub(crate) const fn asker(partition: usize, place: usize) -> Asker {
    Asker { partition, place }
}
