//! The agent: a program inside of a partition's Linux that says that it lives, and learns that this Linux
//! is to end.
//!
//! It says so by writing to the variable `Agent`, about once a second. What it is asked for is a step of the
//! partition's life, so that an end by its own Linux at the same moment is one of the two, and not both. By when that
//! must have been done is a word of its record: whoever looks ([`Lifecycle::tend`]) goes on from there, by force.
//!
//! Nothing that it says is more than a sign of life; what it says of any other partition, it can't say.

use core::fmt;

use crate::ending::Refusal;
use crate::hardware::Hardware;
use crate::life::{Life, Next, Phase};
use crate::slot::Slot;
use crate::sync::{Word32, Word64};
use crate::{End, Kind, Lifecycle};

/// Without one of its own, what it is asked for has so many seconds.
pub const STOP_SECONDS: u32 = 60;
/// Most that it can have.
pub const MOST_STOP_SECONDS: u32 = 3600;
/// An agent of which nothing was heard for so many seconds is not asked for anything.
pub const MUTE_SECONDS: u32 = 15;
/// After the interrupt by which a silent Linux may say why, until its cores are taken, in seconds.
const GRACE_SECONDS: u32 = 10;
/// Longest message, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 16;

const SECOND_US: u64 = 1_000_000;

/// What a Linux that runs is about to do, because somebody wants it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Order {
    /// It ends, and stays ended.
    Stop = 1,
    /// It ends, and is launched again.
    Restart = 2,
    /// It was silent for too long: it fails, unless it is heard again.
    Fail = 3,
}

impl Order {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Stop, Self::Restart, Self::Fail];

    /// What is asked of the agent; nothing of one that is not heard.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Fail => "fail",
        }
    }
}

/// What is known of a partition's agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Milliseconds since it was last heard in this run; `None`: it was not, or said that it leaves.
    pub heard_ms: Option<u64>,
    /// What is wanted.
    pub order: Option<Order>,
    /// Milliseconds until that is done by force.
    pub left_ms: u64,
}

impl Agent {
    /// Whether it would hear what it is asked for.
    #[must_use]
    pub fn hears(&self) -> bool {
        let most = u64::from(MUTE_SECONDS) * 1000;
        self.heard_ms.is_some_and(|ms| ms <= most) && self.order != Some(Order::Fail)
    }

    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.order, self.heard_ms) {
            (Some(Order::Stop), _) => "stopping",
            (Some(Order::Restart), _) => "restarting",
            (Some(Order::Fail), _) => "silent",
            (None, None) => "no",
            (None, Some(_)) if self.hears() => "yes",
            (None, Some(_)) => "silent",
        }
    }
}

/// What the writer of a message is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was heard.
    Yes,
    /// It is no message.
    Malformed,
    /// A beat of which no hello was heard before.
    Stranger,
    /// Its partition does not run.
    NotRunning,
}

/// What is kept of it.
pub(crate) struct Record {
    /// The tick of the last beat; 0: none in this run.
    beat: Word64,
    /// Seconds; 0: its silence means nothing.
    watchdog: Word32,
    /// How long its last order has, in seconds, below the generation of the step that gave it.
    limit: Word64,
    /// Why the last message was refused.
    refused: Word32,
}

impl Record {
    pub(crate) const fn new() -> Self {
        Self {
            beat: Word64::new(0),
            watchdog: Word32::new(0),
            limit: Word64::new(0),
            refused: Word32::new(0),
        }
    }

    /// Nothing is known of the next definition's.
    pub(crate) fn retire(&self) {
        self.forget();
        self.watchdog.store(0);
        self.limit.store(0);
    }

    /// Nobody was heard yet in this run.
    pub(crate) fn forget(&self) {
        self.beat.store(0);
        self.refused.store(0);
    }

    fn refuse(&self, why: Heard) -> Heard {
        self.refused.store(why as u32);
        why
    }

    pub(crate) fn watchdog(&self) -> u32 {
        self.watchdog.peek()
    }

    pub(crate) fn set_watchdog(&self, seconds: u32) {
        self.watchdog.store(seconds);
    }

    fn seconds(&self, life: Life) -> u32 {
        if life.order == Some(Order::Fail) {
            return GRACE_SECONDS;
        }
        let word = self.limit.load();
        let of_it = (word >> 32 == u64::from(life.generation)).then_some(word & 0xffff_ffff);
        of_it
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(STOP_SECONDS)
    }

    fn set_seconds(&self, life: Life, seconds: u32) {
        self.limit
            .store(u64::from(life.generation) << 32 | u64::from(seconds));
    }
}

fn seconds_us(seconds: u32) -> u64 {
    u64::from(seconds) * SECOND_US
}

impl Life {
    /// The same run, of which that is wanted.
    fn ordered(self, order: Option<Order>) -> Self {
        Self {
            order,
            ..self.step(Phase::Running)
        }
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Its agent says something.
    pub fn hear(&self, hw: &impl Hardware, partition: usize, message: &str) -> Heard {
        let Some(slot) = self.slot(partition) else {
            return Heard::NotRunning;
        };
        if slot.phase() != Phase::Running {
            return Heard::NotRunning;
        }
        let before = slot.agent.beat.load();
        let word = message.trim_end_matches('\0').trim_ascii();
        let now = match word {
            // One that was told to leave, and still runs, is not taken for a new one.
            "beat" if before == 0 => return slot.agent.refuse(Heard::Stranger),
            "hello" | "beat" => hw.now().max(1),
            "bye" => 0,
            _ => return slot.agent.refuse(Heard::Malformed),
        };
        slot.agent.refused.store(0);
        slot.agent.beat.store(now);
        if (before == 0) != (now == 0) {
            let kind = if now == 0 {
                Kind::AgentLeft
            } else {
                Kind::AgentCame
            };
            self.post(kind, partition, 0);
        }
        // Whoever is heard has not failed.
        let life = slot.life();
        let is_back = life.phase == Phase::Running && life.order == Some(Order::Fail);
        if is_back && slot.advance(life, life.ordered(None)) {
            self.post(Kind::HeardAgain, partition, 0);
        }
        Heard::Yes
    }

    /// What it reads: `none`, `stop within=SECONDS`, or what is wrong with its last message.
    pub(crate) fn tell_agent(
        &self,
        hw: &impl Hardware,
        partition: usize,
        out: &mut impl fmt::Write,
    ) -> fmt::Result {
        let Some(slot) = self.slot(partition) else {
            return Ok(());
        };
        let agent = self.agent(hw, partition);
        let left = (agent.left_ms + 500) / 1000;
        match agent.order {
            Some(order @ (Order::Stop | Order::Restart)) => {
                writeln!(out, "{} within={left}", order.word())
            }
            _ if slot.agent.refused.load() == Heard::Malformed as u32 => {
                writeln!(out, "error: not a message (accepted: hello, beat, bye)")
            }
            _ if slot.agent.refused.load() != 0 => {
                writeln!(out, "error: no hello was heard before it")
            }
            _ => writeln!(out, "none"),
        }
    }

    /// What is known of its agent.
    pub fn agent(&self, hw: &impl Hardware, partition: usize) -> Agent {
        let Some(slot) = self.slot(partition) else {
            return Agent::default();
        };
        let life = slot.life();
        let beat = slot.agent.beat.load();
        if life.phase != Phase::Running {
            return Agent::default();
        }
        let now = hw.now();
        let ms = hw.ticks(1000).max(1);
        let left = life.order.and_then(|_| slot.work.until(life));
        Agent {
            heard_ms: (beat != 0).then(|| now.saturating_sub(beat) / ms),
            order: life.order,
            left_ms: left.map_or(0, |until| until.saturating_sub(now) / ms),
        }
    }

    /// After how many seconds of silence it fails; 0: never.
    pub fn watchdog_seconds(&self, partition: usize) -> u32 {
        self.slot(partition).map_or(0, |slot| slot.agent.watchdog())
    }

    /// Asks a Linux by its agent to end itself: what is asked for a second time has the new limit. One that only waits
    /// for its next launch is ended at once.
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
                Phase::Launching | Phase::Running if !self.agent(hw, partition).hears() => {
                    return Err(Refusal::NoAgent);
                }
                Phase::Launching | Phase::Running => {}
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
            for core in slot.members().filter(|core| *core != hw.me()) {
                hw.startle(core);
            }
        }
    }
}
