//! The end of a run: by its own Linux, or by force.

use core::fmt;

use bulkhead_model::Decision;

use crate::hardware::Hardware;
use crate::hold::DUMP_MS;
use crate::life::{Life, Next, Phase};
use crate::slot::Slot;
use crate::{CoreState, End, Kind, Lifecycle, Order};

/// Until a worker is called, in microseconds: who does that needs far less.
pub(crate) const KICK_US: u64 = 50_000;
/// For taking all cores back, and for silencing all devices, in microseconds: with the longest
/// times that each of them has, and some more.
const WORK_US: u64 = 60_000_000;

/// Why a partition is not ended by force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No core runs it.
    NotLive,
    /// It is ending already.
    Ending,
    /// Its Linux has just been entered on the machine's boot processor.
    TooEarly,
    /// It was to be launched again, and another partition reads its RAM.
    Held,
    /// No agent in it is heard.
    NoAgent,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLive => "it does not run",
            Self::Ending => "it is ending already",
            Self::TooEarly => "it has only begun to boot; try again",
            Self::Held => "its memory is held for a dump (accepted: kill takes it from its holder)",
            Self::NoAgent => "no agent is heard in it",
        })
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// This core was started by a start-up IPI for Bulkhead's trampoline, and parks.
    pub fn started(&self, hw: &impl Hardware) {
        if let Some(core) = self.core(hw.me()) {
            core.set_state(CoreState::Parked);
            core.arrive();
        }
    }

    /// This core has come into Bulkhead's code in another way, and parks.
    pub fn parked(&self, hw: &impl Hardware) {
        if let Some(core) = self.core(hw.me()) {
            core.set_state(CoreState::Parked);
        }
    }

    /// The Linux of `partition` has ended itself on this core, one of its own.
    pub fn ended(&self, hw: &impl Hardware, partition: usize, end: End) {
        let Some(slot) = self.slot(partition) else {
            return;
        };
        // Until it is ended, or somebody else ends it, and calls this core: what is wanted of it may change.
        loop {
            let life = slot.life();
            if life.phase != Phase::Running {
                break;
            }
            let (next, end) = match (life.order, end) {
                (None, end) => (Next::Policy, end),
                (Some(Order::Stop), end) => (Next::Stay, end),
                (Some(Order::Restart), end) => (Next::Launch, end),
                // What it says then is its last word.
                (Some(Order::Fail), End::Failed) => (Next::Policy, End::Silent),
                (Some(Order::Fail), end) => (Next::Policy, end),
            };
            let ending = Life {
                next,
                end: Some(end),
                worker: Some(hw.me()),
                kicker: Some(hw.me()),
                ..life.step(Phase::Ending)
            };
            if slot.advance(life, ending) {
                slot.work.allow(ending, hw.now() + hw.ticks(WORK_US));
                break;
            }
        }
        self.parked(hw);
    }

    /// The partition whose running Linux this core belongs to.
    pub fn owner(&self, hw: &impl Hardware) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.phase() == Phase::Running && slot.has_core(hw.me()))
    }

    /// Begins to end a partition by force; it stays ended.
    ///
    /// # Errors
    /// [`Refusal`] says why it is not.
    pub fn kill(&self, hw: &impl Hardware, partition: usize) -> Result<(), Refusal> {
        self.end_by_force(hw, partition, Next::Stay).map(drop)
    }

    /// The same, and then it is launched again by the plan that it has.
    ///
    /// # Errors
    /// [`Refusal`] says why it is not.
    pub fn restart(&self, hw: &impl Hardware, partition: usize) -> Result<(), Refusal> {
        self.end_by_force(hw, partition, Next::Launch).map(drop)
    }

    /// The generation of the end that it began.
    pub(crate) fn end_by_force(
        &self,
        hw: &impl Hardware,
        partition: usize,
        next: Next,
    ) -> Result<u32, Refusal> {
        self.end_from(hw, partition, None, next, End::Killed)
    }

    /// The same in that way; if `from` is one, from that step of its life and no other.
    pub(crate) fn end_from(
        &self,
        hw: &impl Hardware,
        partition: usize,
        from: Option<Life>,
        next: Next,
        end: End,
    ) -> Result<u32, Refusal> {
        let slot = self.slot(partition).ok_or(Refusal::NotLive)?;
        loop {
            self.end_hold_if_over(hw, partition);
            let life = slot.life();
            if from.is_some_and(|from| from != life) {
                return Err(Refusal::Ending);
            }
            if life.holder.is_some() && next == Next::Launch {
                return Err(Refusal::Held);
            }
            if self.take_from_holder(partition, slot, life) {
                return Ok(life.generation.wrapping_add(1));
            }
            match life.phase {
                // A core that it lost may answer by now. Its RAM stays held: it is live again.
                Phase::Idle
                    if self.can_call_back(hw, slot)
                        && (next != Next::Launch || life.is_planned) => {}
                Phase::Idle => return Err(Refusal::NotLive),
                Phase::Ending => return Err(Refusal::Ending),
                Phase::Running if hw.is_too_early(partition) => return Err(Refusal::TooEarly),
                Phase::Launching | Phase::Running | Phase::Waiting => {}
            }
            let worker = if matches!(life.phase, Phase::Running | Phase::Idle) {
                self.candidate(hw, partition, slot, None)
            } else {
                Some(slot.boot_core())
            };
            let ending = Life {
                next,
                end: Some(end),
                worker,
                kicker: Some(hw.me()),
                ..life.step(Phase::Ending)
            };
            if slot.advance(life, ending) {
                self.kick(hw, partition, ending, 0);
                return Ok(ending.generation);
            }
        }
    }

    /// Does the worker's work on this core, to the end. All of it can be done anew if this core is
    /// reset meanwhile.
    pub fn finish(&self, hw: &impl Hardware, partition: usize) {
        let Some(slot) = self.slot(partition) else {
            return;
        };
        let life = slot.life();
        if life.phase != Phase::Ending || life.worker != Some(hw.me()) {
            return;
        }
        // Somebody has taken the end over since this core looked what its duty is, and is about to
        // call it: it looks once more.
        if !self.has_come(hw, partition, life) && !hw.is_boot_processor(hw.me()) {
            return;
        }
        slot.work.allow(life, hw.now() + hw.ticks(WORK_US));
        self.take_back(hw, partition, slot, life);
        if !self.conclude(hw, partition, slot, life) {
            return; // it looks once more
        }
        if let Some(own) = self.core(hw.me()) {
            own.confirm();
        }
        // What its cores were doing for others is now this core's to do.
        self.tend_after(hw, Some(slot));
    }

    /// Takes every other core of the partition out of its old kernel and parks it.
    fn take_back(&self, hw: &impl Hardware, partition: usize, slot: &Slot, life: Life) {
        let me = hw.me();
        let boot = slot
            .members()
            .find(|core| *core != me && hw.is_boot_processor(*core))
            .filter(|core| match self.core_state(*core) {
                // The partition was at rest, and only what it had lost is called back.
                CoreState::Bulkhead => false,
                CoreState::Lost => slot.is_inside(),
                _ => true,
            });
        // The machine's boot processor last, so that no other core runs that Linux when the way
        // out is made for it. Without one its Linux has to bring it, and looks in vain for cores
        // that are gone.
        let is_first = hw.boot_processor_first(partition);
        if let Some(index) = boot.filter(|_| is_first) {
            self.fetch_boot_processor(hw, partition, index, life);
        }
        let others = slot
            .members()
            .filter(|core| *core != me && !hw.is_boot_processor(*core))
            .collect();
        self.summon_all(hw, partition, life, others);
        if let Some(index) = boot.filter(|_| !is_first) {
            self.fetch_boot_processor(hw, partition, index, life);
        }
    }

    /// Silences the devices, and makes the step to what follows. If a core did not come back nothing
    /// may follow: it may still run the old kernel, in memory that a launch would write. `false` if
    /// somebody else has taken the end over.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a delay is 16 s at most, and there are fewer cores"
    )]
    pub(crate) fn conclude(
        &self,
        hw: &impl Hardware,
        partition: usize,
        slot: &Slot,
        life: Life,
    ) -> bool {
        // A worker whose end was taken over did not go on to the last of its cores: nothing is known of
        // who still runs that Linux, or the next one.
        if slot.life() != life {
            return false;
        }
        slot.work.allow(life, hw.now() + hw.ticks(WORK_US));
        // One that was at rest, and whose lost cores were called, may have no plan: its devices are
        // silent since its end.
        if life.is_planned {
            hw.silence(partition);
        }
        let (mut next, mut delay_ms, has_given_up) = self.decide(hw, partition, slot, life);
        // However one ends that somebody wanted to end, it is none: then nothing waits.
        let is_failure = life.end.is_some_and(End::is_failure);
        next.awaits_dump = next.phase == Phase::Waiting && is_failure && slot.wants_dump();
        if next.awaits_dump {
            delay_ms = DUMP_MS;
        }
        slot.set_due(hw.now() + hw.ticks(delay_ms * 1000));
        slot.set_rung(hw.now());
        slot.set_inside(false);
        // From here on its memory may be written, and its plan replaced: not before who is about to
        // do something to the Linux that has ended ([`Lifecycle::hold_token`]).
        let held = self.token.take(hw);
        let is_concluded = slot.advance(life, next);
        held.release();
        if !is_concluded {
            return false; // somebody took it for abandoned
        }
        if let Some(end) = life.end {
            self.post(Kind::Ended(end), partition, slot.runs(life));
            if has_given_up {
                self.post(Kind::GaveUp(end), partition, u32::from(next.failures));
            }
        }
        let boot_core = slot.boot_core();
        match next.phase {
            Phase::Waiting if next.awaits_dump => {
                self.post(Kind::AwaitsDump, partition, delay_ms as u32);
            }
            Phase::Waiting => self.post(Kind::Restarting, partition, delay_ms as u32),
            Phase::Idle if life.end.is_some_and(|end| end != End::Killed) => {
                self.post(Kind::Parked, partition, boot_core as u32);
            }
            _ => {}
        }
        // It has to launch, or may go back to the shell.
        if boot_core != hw.me() {
            hw.doorbell(boot_core);
        }
        true
    }

    pub(crate) fn has_lost(&self, partition: usize, slot: &Slot) -> bool {
        let is_lost = |index| {
            self.core(index)
                .is_some_and(|core| core.is_lost_from(partition))
        };
        slot.members().any(is_lost)
    }

    /// What follows, after how many milliseconds, and whether the policy gave up.
    fn decide(
        &self,
        hw: &impl Hardware,
        partition: usize,
        slot: &Slot,
        life: Life,
    ) -> (Life, u64, bool) {
        let uptime_ms = hw.now().saturating_sub(slot.entered()) / hw.ticks(1000).max(1);
        let policy = slot.policy();
        let before = u32::from(life.failures);
        // What somebody wants is no failure, and ends the row of them.
        let failures = match (life.next, life.end) {
            (Next::Policy, Some(end)) => policy.row_after(end, before, uptime_ms),
            _ => 0,
        };
        let decision = match (life.next, life.end) {
            (Next::Policy, Some(end)) => policy.after(end, failures),
            (Next::Launch, _) => Decision::Restart { delay_ms: 0 },
            _ => Decision::Stay,
        };
        let (phase, delay_ms, has_given_up) = match decision {
            _ if self.has_lost(partition, slot) => (Phase::Idle, 0, false),
            Decision::Restart { .. } if life.next == Next::Launch => (Phase::Launching, 0, false),
            Decision::Restart { delay_ms } => (Phase::Waiting, delay_ms, false),
            Decision::Stay => (Phase::Idle, 0, false),
            Decision::GiveUp => (Phase::Idle, 0, true),
        };
        let next = Life {
            failures: Life::counted(failures),
            ..life.step(phase)
        };
        (next, delay_ms, has_given_up)
    }
}
