//! The agent: a program inside of a partition's Linux that says that it lives, and learns that this Linux
//! is to end.
//!
//! It says so by writing to the variable `Agent`, about once a second. What it is asked for is a step of the
//! partition's life, so that an end by its own Linux at the same moment is one of the two, and not both. By when that
//! must have been done is a word of its record: whoever looks ([`Lifecycle::tend`]) goes on from there, by force.
//!
//! Nothing that it says is more than a sign of life; what it says of any other partition, it can't say.

use core::fmt;

use crate::hardware::Hardware;
use crate::life::Phase;
use crate::{Kind, Lifecycle};

mod order;
mod record;

pub(crate) use record::Record;

/// Without one of its own, what it is asked for has so many seconds.
pub const STOP_SECONDS: u32 = 60;
/// Most that it can have.
pub const MOST_STOP_SECONDS: u32 = 3600;
/// An agent of which nothing was heard for so many seconds is not asked for anything.
pub const MUTE_SECONDS: u32 = 15;
/// After the interrupt by which a silent Linux may say why, until its cores are taken, in seconds.
const GRACE_SECONDS: u32 = 10;
/// An agent is there.
const HELLO: &str = "hello";
/// One is there that gives a terminal.
const HELLO_TERMINAL: &str = "hello terminal";
/// Longest message, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 16;

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

    /// Whether its Linux can be asked to end itself: it hears, or was asked and is about it, when it has taken leave.
    #[must_use]
    pub fn can_be_asked(&self) -> bool {
        self.hears() || matches!(self.order, Some(Order::Stop | Order::Restart))
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
            HELLO | HELLO_TERMINAL | "beat" => hw.now().max(1),
            "bye" => 0,
            _ => return slot.agent.refuse(Heard::Malformed),
        };
        slot.agent.refused.store(0);
        if word != "beat" {
            slot.agent.set_terminal(word == HELLO_TERMINAL);
            self.await_agent_of(partition);
        }
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

    /// What it reads: `none`, `stop within=SECONDS`, or what is wrong with its last message; then `console` if
    /// somebody is attached to the partition's.
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
                writeln!(
                    out,
                    "error: not a message (accepted: hello [terminal], beat, bye)"
                )
            }
            _ if slot.agent.refused.load() != 0 => {
                writeln!(out, "error: no hello was heard before it")
            }
            _ => writeln!(out, "none"),
        }?;
        match self.console_of(hw, partition) {
            Some(_) if slot.agent.has_terminal() => writeln!(out, "console"),
            _ => Ok(()),
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
}
