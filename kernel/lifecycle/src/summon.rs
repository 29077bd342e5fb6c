//! Calling cores out of whatever they run, by INIT and a start-up IPI.
//!
//! Who does not answer is led out by an interrupt before it is called once more ([`crate::lead`]).
//!
//! Source: Intel SDM Vol. 3A, "MP Initialization Protocol Algorithm".

use crate::core::Core;
use crate::hardware::{Hardware, wait};
use crate::life::Life;
use crate::set::CoreSet;
use crate::slot::Slot;
use crate::token::Held;
use crate::{CoreState, Lifecycle};

/// After a start-up IPI, before a second one, in microseconds.
const STARTUP_US: u64 = 200;
/// How often a core is called before it is taken for lost: a core of the same Linux that is not yet
/// stopped can reset it behind our back.
pub(crate) const MOST_CALLS: u32 = 5;
/// How long it has to answer to all calls but the last, in microseconds.
const SHORT_ANSWER_US: u64 = 100_000;
/// How long a core may take to answer to its start-up IPI, in microseconds.
pub(crate) const ANSWER_US: u64 = 2_000_000;
/// How long the machine's boot processor may take to the interrupt that a Linux in good health
/// takes, in microseconds.
const ASKED_US: u64 = 50_000;
/// How long a Linux may take that was entered by kexec, from its entry to its first call: until then
/// a non-maskable interrupt may find no handler, and would reset the machine.
const UNPACKED_US: u64 = 10_000_000;
/// How long a Linux may take from a non-maskable interrupt to its ResetSystem, if it gets it: it
/// panics, waits a second (`panic=1`) and resets.
const FORCED_US: u64 = 8_000_000;
/// How long the boot processor may take to see that the launch it is at was called off.
const CALLED_OFF_US: u64 = 2_000_000;

/// What is done to get the boot processor back: one thing after the other, each with its time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Ring,
    Ask,
    Force,
}

/// What `calls` is the number of; `None` when all was tried.
fn boot_step(
    slot: &Slot,
    core: &Core,
    life: Life,
    is_first: bool,
    calls: u32,
) -> Option<(Step, u64)> {
    let is_in_linux = core.state() == CoreState::Running && slot.is_inside();
    let steps: &[(Step, u64)] = if !is_in_linux {
        // It is in Bulkhead's code, and looks.
        &[(Step::Ring, CALLED_OFF_US)]
    } else if is_first {
        &[(Step::Force, FORCED_US)]
    } else if life.next == crate::life::Next::Policy {
        // Its own Linux has just called: what is known of it is true.
        &[(Step::Ask, ASKED_US), (Step::Force, FORCED_US)]
    } else {
        &[
            (Step::Ask, ASKED_US),
            (Step::Ask, UNPACKED_US),
            (Step::Force, FORCED_US),
        ]
    };
    steps.get(calls as usize).copied()
}

/// A call of cores.
struct Call {
    /// Whose they are, and the step by which that ends: once it has made another, this is none any
    /// more. `None` at boot.
    of: Option<(usize, Life)>,
    inits: CoreSet,
    startups: CoreSet,
    /// Whether they are to work on the end, not only to park.
    is_to_end: bool,
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    fn each(&self, set: CoreSet) -> impl Iterator<Item = (usize, &Core)> + Clone {
        set.into_iter()
            .filter_map(|index| Some((index, self.core(index)?)))
    }

    /// Calls all of these cores of the partition, and waits for them. The boot processor and this
    /// core are not among them.
    pub(crate) fn summon_all(
        &self,
        hw: &impl Hardware,
        partition: usize,
        life: Life,
        mut missing: CoreSet,
    ) {
        for call in 1..=MOST_CALLS {
            let all_came = || self.each(missing).all(|(_, core)| core.has_come());
            let call_of = Call {
                of: Some((partition, life)),
                inits: missing,
                startups: missing,
                is_to_end: false,
            };
            self.lead_out(hw, (partition, life), missing, call);
            if missing.is_empty() || !self.reset(hw, &call_of) {
                return;
            }
            let us = if call < MOST_CALLS {
                SHORT_ANSWER_US
            } else {
                ANSWER_US
            };
            if wait(hw, us, all_came) {
                return;
            }
            let late = self.each(missing).filter(|(_, core)| !core.has_come());
            missing = late.map(|(index, _)| index).collect();
        }
        for index in missing {
            self.lose(hw, partition, life, index, false);
        }
    }

    /// Starts the cores with the first `count` numbers for the first time, all but this one; each
    /// parks. One that does not answer stays [`CoreState::Absent`].
    pub fn bring_up(&self, hw: &impl Hardware, count: usize) {
        let others: CoreSet = (0..count.min(C)).filter(|core| *core != hw.me()).collect();
        let call = Call {
            of: None,
            inits: others,
            startups: others,
            is_to_end: false,
        };
        if !others.is_empty() && self.reset(hw, &call) {
            let cores = self.each(others);
            let all_came = || cores.clone().all(|(_, core)| core.has_come());
            let _ = wait(hw, ANSWER_US, all_came);
        }
    }

    /// Takes the token for something that is done to a Linux; `None` if its partition has made another step
    /// since then.
    ///
    /// Who concludes an end takes it, too. So a core that stands still here, with a plan that is replaced
    /// once the partition is at rest, does nothing to its next run; what follows waits for it, as
    /// long as a holder may take.
    pub(crate) fn hold_token(
        &self,
        hw: &impl Hardware,
        of: Option<(usize, Life)>,
    ) -> Option<Held<'_>> {
        let held = self.token.take(hw);
        let has_gone_on =
            |(partition, life)| self.slot(partition).is_none_or(|slot| slot.life() != life);
        if of.is_some_and(has_gone_on) {
            held.release();
            return None;
        }
        Some(held)
    }

    /// INITs, then start-up IPIs, as one piece of work. `false` if somebody else has taken that up
    /// meanwhile.
    fn reset(&self, hw: &impl Hardware, call: &Call) -> bool {
        let Some(held) = self.hold_token(hw, call.of) else {
            return false;
        };
        for index in call.inits {
            if held.is_held() {
                hw.init(index);
            }
        }
        let _ = wait(hw, hw.init_delay_us(), || false);
        let generation = call.of.map_or(0, |(_, life)| life.generation);
        let to_end = call
            .of
            .filter(|_| call.is_to_end)
            .map(|(partition, _)| partition);
        for (_, core) in self.each(call.startups) {
            core.summon(to_end, generation);
        }
        let is_missing = |core: &Core| !core.has_come();
        for round in 0..2 {
            for (index, core) in self.each(call.startups) {
                // The first in any case: what it parked by was not this call.
                let is_due = round == 0 || is_missing(core);
                if is_due && held.is_held() {
                    hw.startup(index);
                }
            }
            let all_came = || !self.each(call.startups).any(|(_, core)| is_missing(core));
            if wait(hw, STARTUP_US, all_came) {
                break;
            }
        }
        held.release();
        true
    }

    /// Sees to it that the worker of an end works: another core of that partition, wherever it is.
    /// It was called `calls` times before. Returns at once.
    pub(crate) fn kick(&self, hw: &impl Hardware, partition: usize, life: Life, calls: u32) {
        let Some((slot, index)) = self.slot(partition).zip(life.worker) else {
            return;
        };
        let answer_us = if calls + 1 < MOST_CALLS {
            SHORT_ANSWER_US
        } else {
            ANSWER_US
        };
        slot.work.allow(life, hw.now() + hw.ticks(answer_us));
        let Some(core) = self.core(index).filter(|_| index != hw.me()) else {
            return; // it sees that it is the worker as soon as it has nothing else to do
        };
        let is_first = hw.boot_processor_first(partition);
        if hw.is_boot_processor(index) {
            if let Some((step, us)) = boot_step(slot, core, life, is_first, calls) {
                slot.work.allow(life, hw.now() + hw.ticks(us));
                // What is asked of the next run would end that.
                if self.do_step(hw, step, (partition, life), index) {
                    slot.work.set_calls(life, calls + 1);
                }
            }
            return;
        }
        // The others are stopped with it, so that none of them resets it behind our back; unless the
        // boot processor's own Linux has to bring it, and looks in vain for cores that are gone.
        let is_spared = is_first && slot.members().any(|core| hw.is_boot_processor(core));
        let is_stopped = |member: &usize| {
            *member == index || !is_spared && *member != hw.me() && !hw.is_boot_processor(*member)
        };
        let call = Call {
            of: Some((partition, life)),
            inits: slot.members().filter(is_stopped).collect(),
            startups: core::iter::once(index).collect(),
            is_to_end: true,
        };
        self.lead_out(hw, (partition, life), call.startups, calls + 1);
        // Its time was given before: by now the worker may have given itself more.
        if self.reset(hw, &call) {
            slot.work.set_calls(life, calls + 1);
        }
    }

    /// Whether everything was tried to make the worker work, by `calls` calls.
    pub(crate) fn is_beyond_reach(
        &self,
        hw: &impl Hardware,
        partition: usize,
        slot: &Slot,
        life: Life,
        calls: u32,
    ) -> bool {
        let worker = life
            .worker
            .and_then(|index| Some((index, self.core(index)?)));
        match worker {
            Some((index, core)) if hw.is_boot_processor(index) => {
                let is_first = hw.boot_processor_first(partition);
                boot_step(slot, core, life, is_first, calls).is_none()
            }
            _ => calls >= MOST_CALLS,
        }
    }

    /// Fetches the boot processor out of the partition's Linux and waits until it has parked.
    pub(crate) fn fetch_boot_processor(
        &self,
        hw: &impl Hardware,
        partition: usize,
        index: usize,
        life: Life,
    ) {
        let Some((slot, core)) = self.slot(partition).zip(self.core(index)) else {
            return;
        };
        let came = || core.state() == CoreState::Parked;
        let is_first = hw.boot_processor_first(partition);
        for tries in 0.. {
            if came() || slot.life() != life {
                return;
            }
            let Some((step, us)) = boot_step(slot, core, life, is_first, tries) else {
                break;
            };
            if !self.do_step(hw, step, (partition, life), index) || wait(hw, us, came) {
                return;
            }
        }
        self.lose(hw, partition, life, index, false);
    }

    /// `false` if its partition has gone on meanwhile.
    fn do_step(&self, hw: &impl Hardware, step: Step, of: (usize, Life), core: usize) -> bool {
        let Some(held) = self.hold_token(hw, Some(of)) else {
            return false;
        };
        match step {
            Step::Ring => hw.doorbell(core),
            Step::Ask => hw.ask(of.0, core),
            Step::Force => hw.force(of.0, core),
        }
        held.release();
        true
    }
}
