//! Work that was left by a core that was reset: taken up again.

use crate::ending::KICK_US;
use crate::hardware::Hardware;
use crate::life::{Life, Phase};
use crate::slot::Slot;
use crate::{CoreState, Kind, Lifecycle};

/// A worker that came and stopped, several times in a row, is given up.
const MOST_TRIES: u32 = 4;
/// How long a parked boot core may leave a launch undone, in microseconds, before its doorbell is
/// rung again.
const RING_US: u64 = 100_000;

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Looks for work that nobody does any more, and sees to it. Any core calls this whenever it is
    /// in Bulkhead's code anyway; it returns at once.
    pub fn tend(&self, hw: &impl Hardware) {
        self.tend_after(hw, None);
    }

    /// The same; the cores of `ended` have just been reset, so what they began is abandoned.
    pub(crate) fn tend_after(&self, hw: &impl Hardware, ended: Option<&Slot>) {
        for (partition, slot) in self.slots.iter().enumerate() {
            let word = slot.word();
            if Life::is_held_of(word) {
                self.end_hold_if_over(hw, partition);
            }
            if Life::phase_of(word) == Phase::Idle {
                continue;
            }
            let life = Life::decode(word);
            match life.phase {
                Phase::Idle => {}
                Phase::Running => self.tend_run(hw, partition, slot, life),
                Phase::Ending => self.tend_end(hw, partition, slot, life, ended),
                Phase::Launching | Phase::Waiting => self.tend_launch(hw, slot, life),
            }
        }
    }

    /// Rings a doorbell anew that somebody was about to ring.
    fn tend_launch(&self, hw: &impl Hardware, slot: &Slot, life: Life) {
        let begun = if life.phase == Phase::Waiting {
            slot.due()
        } else {
            slot.rung()
        };
        let index = slot.boot_core();
        // Who was about to launch it here when the shell came back was reset before it called that off.
        let is_shells = index == hw.me() && self.core_state(index) == CoreState::Bulkhead;
        if is_shells && life.phase == Phase::Launching && life.kicker != Some(index) {
            slot.advance(life, life.step(Phase::Idle));
            return;
        }
        let is_parked = self
            .core(index)
            .is_some_and(|core| core.state() == CoreState::Parked);
        if is_parked && index != hw.me() && hw.now() > begun.saturating_add(hw.ticks(RING_US)) {
            slot.set_rung(hw.now());
            hw.doorbell(index);
        }
    }

    fn tend_end(
        &self,
        hw: &impl Hardware,
        partition: usize,
        slot: &Slot,
        life: Life,
        ended: Option<&Slot>,
    ) {
        let has_come = self.has_come(hw, partition, life);
        let is_theirs = |slot: &Slot| life.kicker.is_some_and(|core| slot.has_core(core));
        let is_abandoned = !has_come && ended.is_some_and(is_theirs);
        if !is_abandoned && !slot.work.is_late(life, hw.now(), hw.ticks(KICK_US)) {
            return;
        }
        let calls = slot.work.calls(life);
        let is_given_up = if has_come {
            calls >= MOST_TRIES
        } else {
            !is_abandoned && self.is_beyond_reach(hw, partition, slot, life, calls)
        };
        if let Some(index) = life.worker.filter(|_| is_given_up) {
            // Before the step, so that none is without it: what follows may be the end.
            self.lose(hw, partition, life, index, has_come);
        }
        self.take_over(hw, partition, slot, life, is_given_up, calls);
    }

    /// Says that a core did not come back for that end, or (`has_stopped`) that it came and did not go
    /// on. Nothing is said if it is here, or if the end has gone on meanwhile without this core: what
    /// the other does then is of another run.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer cores")]
    pub(crate) fn lose(
        &self,
        hw: &impl Hardware,
        partition: usize,
        life: Life,
        index: usize,
        has_stopped: bool,
    ) {
        let Some((slot, core)) = self.slot(partition).zip(self.core(index)) else {
            return;
        };
        // Before the checks, so that they hold for the word.
        let seen = core.look();
        let is_here = if hw.is_boot_processor(index) {
            seen.state() == CoreState::Parked
        } else {
            core.has_come()
        };
        if (has_stopped || !is_here) && slot.life() == life && core.lose(seen, partition) {
            self.post(Kind::CoreLost, partition, index as u32);
        }
    }

    /// Another worker, or the same one again.
    fn take_over(
        &self,
        hw: &impl Hardware,
        partition: usize,
        slot: &Slot,
        life: Life,
        is_given_up: bool,
        calls: u32,
    ) {
        let me = hw.me();
        let (worker, calls) = if slot.has_core(me) && self.core_state(me) != CoreState::Bulkhead {
            (Some(me), 0)
        } else if is_given_up {
            (self.candidate(hw, partition, slot, life.worker), 0)
        } else {
            (life.worker, calls)
        };
        let taken = Life {
            worker,
            kicker: Some(me),
            generation: life.generation.wrapping_add(1),
            ..life
        };
        if !slot.advance(life, taken) {
            return;
        }
        if worker.is_some() {
            self.kick(hw, partition, taken, calls);
        } else {
            // None of its cores came back.
            self.conclude(hw, partition, slot, taken);
        }
    }

    /// Whether the worker of that end has come for it.
    pub(crate) fn has_come(&self, hw: &impl Hardware, partition: usize, life: Life) -> bool {
        let Some((index, core)) = life
            .worker
            .and_then(|index| Some((index, self.core(index)?)))
        else {
            return false;
        };
        if hw.is_boot_processor(index) {
            return core.state() == CoreState::Parked;
        }
        let answer = core.answer();
        life.kicker == Some(index)
            || answer.partition == Some(partition) && answer.generation == life.generation
    }
}
