//! Launching: who may, and what the boot core does.

use core::fmt;

use crate::ending::KICK_US;
use crate::hardware::Hardware;
use crate::life::{Life, Phase};
use crate::slot::Slot;
use crate::{CoreState, Kind, Lifecycle, Refusal};

/// What a core in Bulkhead's code has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Launch that partition ([`Lifecycle::launch`]).
    Launch(usize),
    /// Do the work of that partition's end ([`Lifecycle::finish`]).
    End(usize),
    /// Look again in a moment.
    Look,
    /// Run the shell.
    Shell,
    /// Nothing, until the doorbell is rung.
    Rest,
}

/// Why a partition is not launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchError {
    /// There is none of that number.
    Unknown,
    /// It is live.
    Live,
    /// It has no plan.
    Unplanned,
    /// A core of it is not parked; its index.
    NotParked(usize),
    /// Another partition reads its RAM.
    Held,
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such partition"),
            Self::Live => f.write_str("its cores have not come back yet"),
            Self::Unplanned => f.write_str("no plan was made for it"),
            Self::Held => Refusal::Held.fmt(f),
            Self::NotParked(index) => write!(f, "core number {index} of the machine is not parked"),
        }
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Whether a partition could be launched now; on `own`, which need not be parked.
    ///
    /// # Errors
    /// [`LaunchError`] says why not.
    pub fn check_launch(&self, partition: usize, own: Option<usize>) -> Result<(), LaunchError> {
        let slot = self.slot(partition).ok_or(LaunchError::Unknown)?;
        if slot.phase() != Phase::Idle {
            return Err(LaunchError::Live);
        }
        if slot.life().holder.is_some() {
            return Err(LaunchError::Held);
        }
        let is_parked = |index: &usize| {
            self.core(*index)
                .is_some_and(|core| core.state() == CoreState::Parked)
        };
        match slot
            .members()
            .find(|index| Some(*index) != own && !is_parked(index))
        {
            Some(index) => Err(LaunchError::NotParked(index)),
            None => Ok(()),
        }
    }

    /// Begins the launch of a partition that has a plan: its boot core carries it out. Its row of
    /// failures is over, because somebody wants it.
    ///
    /// # Errors
    /// [`LaunchError`] says why it is not.
    pub fn start(&self, hw: &impl Hardware, partition: usize) -> Result<(), LaunchError> {
        self.start_on(hw, partition, None)
    }

    /// The same on this core, which leaves the shell for it: [`duty`](Self::duty) has it next.
    ///
    /// # Errors
    /// [`LaunchError`] says why it is not.
    pub fn start_here(&self, hw: &impl Hardware, partition: usize) -> Result<(), LaunchError> {
        self.start_on(hw, partition, Some(hw.me()))
    }

    fn start_on(
        &self,
        hw: &impl Hardware,
        partition: usize,
        own: Option<usize>,
    ) -> Result<(), LaunchError> {
        let slot = self.slot(partition).ok_or(LaunchError::Unknown)?;
        self.end_hold_if_over(hw, partition);
        // Before the checks, so that they hold for the step.
        let life = slot.life();
        self.check_launch(partition, own)?;
        if !life.is_planned {
            return Err(LaunchError::Unplanned);
        }
        let next = Life {
            failures: 0,
            kicker: own,
            ..life.step(Phase::Launching)
        };
        slot.set_rung(hw.now());
        if life.phase != Phase::Idle || !slot.advance(life, next) {
            return Err(LaunchError::Live);
        }
        let boot_core = slot.boot_core();
        // The shell may come back to its core at this moment: then it looks for this step after it
        // has said so, and one of the two sees the other.
        let is_shells = || self.core_state(boot_core) == CoreState::Bulkhead;
        if own.is_none() && is_shells() {
            let called_off = next.step(Phase::Idle);
            // The shell may have done it for this core.
            if slot.advance(next, called_off) || slot.life() == called_off {
                return Err(LaunchError::NotParked(boot_core));
            }
        }
        if boot_core != hw.me() {
            hw.doorbell(boot_core);
        }
        Ok(())
    }

    /// What this core has to do. It is in Bulkhead's code, with interrupts off.
    pub fn duty(&self, hw: &impl Hardware) -> Duty {
        let me = hw.me();
        if let Some(core) = self.core(me) {
            core.regain();
        }
        let mut is_needed = false;
        for (partition, slot) in self.slots.iter().enumerate() {
            // A core that waits for its turn comes by often: most are done with here.
            let word = slot.word();
            if Life::phase_of(word) == Phase::Idle {
                continue;
            }
            let life = Life::decode(word);
            match life.phase {
                Phase::Ending if life.worker == Some(me) => {
                    return if self.may_work(hw, partition, slot, life) {
                        Duty::End(partition)
                    } else {
                        Duty::Look
                    };
                }
                Phase::Launching if slot.boot_core() == me => {
                    return if self.has_turn(hw, partition, slot) {
                        Duty::Launch(partition)
                    } else {
                        Duty::Look
                    };
                }
                Phase::Waiting if life.holder.is_some() && slot.boot_core() == me => {
                    self.end_hold_if_over(hw, partition);
                    return Duty::Look;
                }
                Phase::Waiting if slot.boot_core() == me => {
                    let is_due = hw.now() >= slot.due();
                    let is_begun = is_due && slot.advance(life, life.step(Phase::Launching));
                    return if is_begun && self.has_turn(hw, partition, slot) {
                        Duty::Launch(partition)
                    } else {
                        Duty::Look
                    };
                }
                // It is not free yet, though others do the work.
                _ => is_needed |= slot.has_core(me),
            }
        }
        if hw.is_boot_processor(me) && !is_needed && self.seat.is_to_come_back() {
            return self.claim_for_shell(me);
        }
        Duty::Rest
    }

    /// From here on nothing can be launched on this core; unless it was begun a moment ago.
    fn claim_for_shell(&self, me: usize) -> Duty {
        self.set_core_state(me, CoreState::Bulkhead);
        let is_live = |slot: &&Slot| slot.phase() != Phase::Idle;
        let mut live = self.slots.iter().filter(is_live);
        if live.any(|slot| slot.has_core(me)) {
            self.set_core_state(me, CoreState::Parked);
            return Duty::Look;
        }
        Duty::Shell
    }

    /// Whether this core, the worker of an end, may begin: one that is about to be reset for it
    /// waits for that, or for the time by which it should have been. One that is still here after a
    /// call does not hear INIT, as in VMX operation: it goes to work without, or those that call
    /// would go on from one such core to the next.
    fn may_work(&self, hw: &impl Hardware, partition: usize, slot: &Slot, life: Life) -> bool {
        if self.has_come(hw, partition, life) || hw.is_boot_processor(hw.me()) {
            return true;
        }
        let own = Life {
            kicker: Some(hw.me()),
            generation: life.generation.wrapping_add(1),
            ..life
        };
        let was_called = slot.work.calls(life) > 0;
        let is_late = || slot.work.is_late(life, hw.now(), hw.ticks(KICK_US));
        if !was_called && !is_late() {
            return false;
        }
        // Whoever calls it at this moment does so before the step, or sees it.
        let held = self.token.take(hw);
        let is_own = slot.advance(life, own);
        held.release();
        is_own
    }

    /// Launches a partition on this core, its boot core, with interrupts off: up to its Linux, if
    /// the answer is `true`. Else the launch was called off, and this core looks what its duty is.
    pub fn launch(&self, hw: &impl Hardware, partition: usize) -> bool {
        let Some((slot, own)) = self.slot(partition).zip(self.core(hw.me())) else {
            return false;
        };
        let life = slot.life();
        if life.phase != Phase::Launching {
            return false; // killed before it began
        }
        slot.set_inside(false);
        own.set_state(CoreState::Running);
        slot.empty_places();
        slot.agent.forget();
        self.free_desk_of(partition);
        self.free_consoles_of(partition);
        self.await_agent_of(partition);
        self.end_holds_of(partition);
        // From here on its memory is not what it was.
        slot.count_attempt();
        let is_first = !slot.is_cleared();
        hw.set_up(partition, is_first);
        if is_first {
            hw.clear(partition);
        }
        slot.set_copied(hw.place(partition));
        // Not before: where images go nothing was cleared, since they overwrite it.
        slot.set_cleared();
        slot.ram.set_own();
        if !self.begin_turn(hw, partition, slot) {
            own.set_state(CoreState::Parked);
            return false;
        }
        for index in slot.members().filter(|index| *index != hw.me()) {
            if let Some(core) = self.core(index) {
                core.set_state(CoreState::Running);
            }
        }
        hw.hand_over(partition);
        slot.set_entered(hw.now());
        slot.set_inside(true);
        let run = slot.runs(life).saturating_add(1);
        slot.set_runs(run);
        let running = Life {
            is_odd_run: run & 1 != 0,
            ..life.step(Phase::Running)
        };
        if !slot.advance(life, running) {
            self.stay(hw, slot);
            own.set_state(CoreState::Parked);
            return false;
        }
        self.post(Kind::Launched, partition, run);
        true
    }

    /// A launch on this core was called off: its other cores never left Bulkhead's code. One that its
    /// end has taken back since then, or lost, stays as that says.
    fn stay(&self, hw: &impl Hardware, slot: &Slot) {
        slot.set_inside(false);
        for index in slot.members().filter(|index| *index != hw.me()) {
            if let Some(core) = self.core(index) {
                core.stay();
            }
        }
        hw.keep();
    }
}
