//! What an agent is asked for, and what is done when it does not do it in time.

use super::{GRACE_SECONDS, Order};
use crate::ending::Refusal;
use crate::hardware::Hardware;
use crate::life::{Life, Next, Phase};
use crate::slot::Slot;
use crate::{End, Kind, Lifecycle};

const SECOND_US: u64 = 1_000_000;

fn seconds_us(seconds: u32) -> u64 {
    u64::from(seconds) * SECOND_US
}

impl Life {
    /// The same run, of which that is wanted.
    pub(super) fn ordered(self, order: Option<Order>) -> Self {
        Self {
            order,
            ..self.step(Phase::Running)
        }
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Asks a Linux by its agent to end itself: what is asked for a second time has the new limit, and needs no agent,
    /// which in the middle of an orderly end has taken leave. One that only waits for its next launch is ended at once.
    ///
    /// # Errors
    /// [`Refusal`] says why it is not asked.
    pub fn order(
        &self,
        hw: &impl Hardware,
        partition: usize,
        order: Order,
        seconds: u32,
    ) -> Result<(), Refusal> {
        let definition = self.slot(partition).map_or(0, Slot::definition);
        let of = (partition, definition);
        self.order_step(hw, of, order, seconds).map(drop)
    }

    /// The generation of the step. What was asked of one definition is not asked of the next that has its
    /// number.
    pub(crate) fn order_step(
        &self,
        hw: &impl Hardware,
        (partition, definition): (usize, u32),
        order: Order,
        seconds: u32,
    ) -> Result<u32, Refusal> {
        let slot = self.slot(partition).ok_or(Refusal::NotLive)?;
        loop {
            self.end_hold_if_over(hw, partition);
            let life = slot.life();
            // After its life, which so is of that definition, if it is live.
            if slot.definition() != definition {
                return Err(Refusal::NotLive);
            }
            match life.phase {
                Phase::Idle => return Err(Refusal::NotLive),
                Phase::Waiting if life.holder.is_some() => return Err(Refusal::Held),
                Phase::Ending => return Err(Refusal::Ending),
                Phase::Waiting if order == Order::Restart => {
                    return self.end_by_force(hw, partition, Next::Launch);
                }
                Phase::Waiting => return self.end_by_force(hw, partition, Next::Stay),
                Phase::Launching | Phase::Running => {}
            }
            if !self.agent(hw, partition).can_be_asked() {
                return Err(Refusal::NoAgent);
            }
            let ordered = life.ordered(Some(order));
            slot.agent.set_seconds(ordered, seconds);
            if life.phase == Phase::Running && slot.advance(life, ordered) {
                slot.work
                    .allow(ordered, hw.now() + hw.ticks(seconds_us(seconds)));
                let kind = match order {
                    Order::Restart => Kind::RestartAsked,
                    Order::Stop | Order::Fail => Kind::StopAsked,
                };
                self.post(kind, partition, seconds);
                return Ok(ordered.generation);
            }
        }
    }

    /// Looks after a Linux that runs: whether its agent is silent, and whether what it was asked for is late.
    pub(crate) fn tend_run(&self, hw: &impl Hardware, partition: usize, slot: &Slot, life: Life) {
        let Some(order) = life.order else {
            return self.watch(hw, partition, slot, life);
        };
        let seconds = slot.agent.seconds(life);
        if !slot
            .work
            .is_late(life, hw.now(), hw.ticks(seconds_us(seconds)))
        {
            return;
        }
        let (next, end) = match order {
            Order::Stop => (Next::Stay, End::Killed),
            Order::Restart => (Next::Launch, End::Killed),
            Order::Fail => (Next::Policy, End::Silent),
        };
        let is_done = self.end_from(hw, partition, Some(life), next, end).is_ok();
        if is_done && order != Order::Fail {
            self.post(Kind::TooSlow, partition, seconds);
        }
    }

    fn watch(&self, hw: &impl Hardware, partition: usize, slot: &Slot, life: Life) {
        let seconds = slot.agent.watchdog();
        if seconds == 0 {
            return;
        }
        // Before the clock, which so is never behind it.
        let beat = slot.agent.beat.load();
        let silence = hw.now().saturating_sub(beat);
        if beat == 0 || silence <= hw.ticks(seconds_us(seconds)) {
            return;
        }
        let failing = life.ordered(Some(Order::Fail));
        if slot.advance(life, failing) {
            slot.work
                .allow(failing, hw.now() + hw.ticks(seconds_us(GRACE_SECONDS)));
            self.post(Kind::Silent, partition, seconds);
            // Not the next one, which may have no handler yet.
            if let Some(held) = self.hold_token(hw, Some((partition, failing))) {
                for core in slot.members().filter(|core| *core != hw.me()) {
                    if held.is_held() {
                        hw.startle(core);
                    }
                }
                held.release();
            }
        }
    }
}
