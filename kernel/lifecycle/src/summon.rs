//! Calling cores out of whatever they run, by INIT and a start-up IPI.
//!
//! Source: Intel SDM Vol. 3A, "MP Initialization Protocol Algorithm".

use crate::hardware::{Hardware, wait};
use crate::life::Life;
use crate::slot::Slot;
use crate::{CoreState, Kind, Lifecycle};

/// After a start-up IPI, before a second one, in microseconds.
const STARTUP_US: u64 = 200;
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

/// What `tries` is the number of; `None` when all was tried.
fn boot_step(slot: &Slot, life: Life, is_first: bool, tries: u32) -> Option<(Step, u64)> {
    let steps: &[(Step, u64)] = if !slot.is_inside() {
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
    steps.get(tries as usize).copied()
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Calls every core of `targets` that is not this one and not the boot processor, and waits
    /// for them; `partition` is whose they are.
    pub(crate) fn summon_all(
        &self,
        hw: &impl Hardware,
        partition: usize,
        targets: impl Iterator<Item = usize> + Clone,
    ) {
        let targets = targets.filter_map(|index| Some((index, self.core(index)?)));
        if targets.clone().next().is_none() {
            return;
        }
        let all_came = || {
            let mut cores = targets.clone();
            cores.all(|(_, core)| core.answer() == core.summons())
        };
        self.reset(hw, targets.clone(), None, 0, all_came);
        if !wait(hw, ANSWER_US, all_came) {
            for (index, core) in targets.clone() {
                if core.answer() != core.summons() {
                    core.lose(partition);
                    self.post(Kind::CoreLost, partition, index as u32);
                }
            }
        }
    }

    /// Starts the cores with the first `count` numbers for the first time, all but this one; each
    /// parks. One that does not answer stays [`CoreState::Absent`].
    pub fn bring_up(&self, hw: &impl Hardware, count: usize) {
        let others = (0..count).filter(|index| *index != hw.me());
        let targets = others.filter_map(|index| Some((index, self.core(index)?)));
        if targets.clone().next().is_none() {
            return;
        }
        let all_came = || {
            let mut cores = targets.clone();
            cores.all(|(_, core)| core.answer() == core.summons())
        };
        self.reset(hw, targets.clone(), None, 0, all_came);
        let _ = wait(hw, ANSWER_US, all_came);
    }

    /// INIT, then start-up IPIs, to each of `targets`, as one piece of work.
    fn reset<'a>(
        &self,
        hw: &impl Hardware,
        targets: impl Iterator<Item = (usize, &'a crate::core::Core)> + Clone,
        partition: Option<usize>,
        generation: u32,
        all_came: impl Fn() -> bool,
    ) {
        let held = self.token.take(hw);
        for (index, _) in targets.clone() {
            if held.is_held() {
                hw.init(index);
            }
        }
        let _ = wait(hw, hw.init_delay_us(), || false);
        for (_, core) in targets.clone() {
            core.summon(partition, generation);
        }
        for round in 0..2 {
            for (index, core) in targets.clone() {
                let is_missing = round == 0 || core.answer() != core.summons();
                if is_missing && held.is_held() {
                    hw.startup(index);
                }
            }
            if wait(hw, STARTUP_US, &all_came) {
                break;
            }
        }
    }

    /// Sees to it that the worker of an end works: another core of that partition, wherever it is.
    /// Returns at once.
    pub(crate) fn kick(&self, hw: &impl Hardware, partition: usize, life: Life) {
        let Some((slot, index)) = self.slot(partition).zip(life.worker) else {
            return;
        };
        let Some(core) = self.core(index).filter(|_| index != hw.me()) else {
            return; // it sees that it is the worker as soon as it has nothing else to do
        };
        let tries = slot.tries();
        slot.set_tries(tries.saturating_add(1));
        if !hw.is_boot_processor(index) {
            slot.set_deadline(hw.now() + hw.ticks(ANSWER_US));
            let target = core::iter::once((index, core));
            let came = || core.answer() == core.summons();
            self.reset(hw, target, Some(partition), life.generation, came);
            return;
        }
        let is_first = hw.boot_processor_first(partition);
        if let Some((step, us)) = boot_step(slot, life, is_first, tries) {
            slot.set_deadline(hw.now() + hw.ticks(us));
            do_step(hw, step, partition, index);
        }
    }

    /// Whether everything was tried to make the worker work.
    pub(crate) fn is_beyond_reach(
        &self,
        hw: &impl Hardware,
        partition: usize,
        slot: &Slot,
        life: Life,
    ) -> bool {
        let is_boot = life.worker.is_some_and(|core| hw.is_boot_processor(core));
        if is_boot {
            let is_first = hw.boot_processor_first(partition);
            boot_step(slot, life, is_first, slot.tries()).is_none()
        } else {
            slot.tries() > 0
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
            if came() {
                return;
            }
            let Some((step, us)) = boot_step(slot, life, is_first, tries) else {
                break;
            };
            do_step(hw, step, partition, index);
            if wait(hw, us, came) {
                return;
            }
        }
        core.lose(partition);
        self.post(Kind::CoreLost, partition, index as u32);
    }
}

fn do_step(hw: &impl Hardware, step: Step, partition: usize, core: usize) {
    match step {
        Step::Ring => hw.doorbell(core),
        Step::Ask => hw.ask_boot_processor(partition),
        Step::Force => hw.force_boot_processor(partition),
    }
}
