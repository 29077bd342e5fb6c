//! What each core is doing, and how one is called back.

use crate::sync::{Word32, Word64};

/// What a core is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CoreState {
    /// Did not answer when it was started.
    Absent = 0,
    /// Waits for a doorbell in Bulkhead's code.
    Parked = 1,
    /// Belongs to a running partition.
    Running = 2,
    /// Runs Bulkhead's shell.
    Bulkhead = 3,
    /// Took an exception in Bulkhead's code, or did not come back.
    Lost = 4,
}

impl CoreState {
    const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Parked,
            2 => Self::Running,
            3 => Self::Bulkhead,
            4 => Self::Lost,
            _ => Self::Absent,
        }
    }

    /// As the shell shows it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Absent => "silent",
            Self::Parked => "parked",
            Self::Running => "running",
            Self::Bulkhead => "bulkhead",
            Self::Lost => "lost",
        }
    }
}

/// What a core is called for, and which call it was. A core that arrives by a start-up IPI repeats
/// it as its answer. So its caller knows that it has come *by that call*: a core may park by itself
/// a moment before its INIT arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summons {
    /// The partition whose end it is to work on; `None` if it is only to park.
    pub(crate) partition: Option<usize>,
    /// The low bits of the generation of that end.
    pub(crate) generation: u32,
    /// Which call.
    pub(crate) number: u16,
}

impl Summons {
    const fn encode(self) -> u64 {
        let partition = match self.partition {
            Some(partition) => partition as u64 + 1,
            None => 0,
        };
        partition << 48 | (self.number as u64) << 32 | self.generation as u64
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "each part is cut out of the word"
    )]
    fn decode(word: u64) -> Self {
        Self {
            partition: ((word >> 48) as usize).checked_sub(1),
            generation: word as u32,
            number: (word >> 32) as u16,
        }
    }
}

/// One core's words.
pub(crate) struct Core {
    state: Word32,
    summons: Word64,
    answer: Word64,
    /// The partition that it was lost from, plus one.
    lost_from: Word32,
}

impl Core {
    pub(crate) const fn new() -> Self {
        Self {
            state: Word32::new(0),
            summons: Word64::new(0),
            answer: Word64::new(0),
            lost_from: Word32::new(0),
        }
    }

    pub(crate) fn state(&self) -> CoreState {
        CoreState::from_number(self.state.load())
    }

    /// It was said to run a Linux that was never entered.
    pub(crate) fn stay(&self) {
        let running = CoreState::Running as u32;
        self.state.replace(running, CoreState::Parked as u32);
    }

    pub(crate) fn set_state(&self, state: CoreState) {
        self.state.store(state as u32);
    }

    /// It did not come back from that partition, by its last call. Whether that is so: it may have
    /// come at this very moment. (If it comes after the look here, it sees what is said of it, and
    /// [takes it back](Self::regain).)
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer partitions"
    )]
    pub(crate) fn lose(&self, partition: usize) -> bool {
        self.lost_from.store(partition as u32 + 1);
        self.set_state(CoreState::Lost);
        let has_come = self.has_come();
        if has_come {
            self.set_state(CoreState::Parked);
        }
        !has_come
    }

    /// It came, more than once, and did not go on.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer partitions"
    )]
    pub(crate) fn give_up(&self, partition: usize) {
        self.lost_from.store(partition as u32 + 1);
        self.set_state(CoreState::Lost);
    }

    /// The same as [`lose`](Self::lose) of one that parks without being called.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer partitions"
    )]
    pub(crate) fn lose_unless_parked(&self, partition: usize) -> bool {
        self.lost_from.store(partition as u32 + 1);
        let before = self.state.load();
        before != CoreState::Parked as u32 && self.state.replace(before, CoreState::Lost as u32)
    }

    /// It is here, whatever was said of it.
    pub(crate) fn regain(&self) {
        if self.state() == CoreState::Lost {
            self.set_state(CoreState::Parked);
        }
    }

    /// The partition that it was lost from, while it is.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer partitions"
    )]
    pub(crate) fn is_lost_from(&self, partition: usize) -> bool {
        self.state() == CoreState::Lost && self.lost_from.load() == partition as u32 + 1
    }

    /// Writes what it is called for: after its INIT, so that only who is started then answers, and
    /// before its start-up IPI.
    pub(crate) fn summon(&self, partition: Option<usize>, generation: u32) -> Summons {
        let before = Summons::decode(self.summons.load());
        let summons = Summons {
            partition,
            generation,
            number: before.number.wrapping_add(1),
        };
        self.summons.store(summons.encode());
        summons
    }

    /// What it was last called for.
    pub(crate) fn summons(&self) -> Summons {
        Summons::decode(self.summons.load())
    }

    /// The core itself says that it has come by a start-up IPI. By that alone: one that parks by
    /// itself a moment before its INIT arrives must still get its start-up IPI.
    pub(crate) fn arrive(&self) {
        let summons = self.summons.load();
        self.answer.store(summons);
    }

    /// The last call that it came by.
    pub(crate) fn answer(&self) -> Summons {
        Summons::decode(self.answer.load())
    }

    /// Whether the core has come since it was last summoned.
    pub(crate) fn has_come(&self) -> bool {
        self.answer() == self.summons()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_to_one_call_alone() {
        let core = Core::new();
        let first = core.summon(Some(3), 7);
        assert_ne!(core.answer(), first, "it has not come yet");
        core.arrive();
        assert_eq!(core.answer(), first);
        let second = core.summon(Some(3), 7);
        assert_ne!(core.answer(), second);
        let third = core.summon(None, u32::MAX);
        core.arrive();
        assert_eq!(core.answer(), third);
        assert_eq!(third.partition, None);
    }

    #[test]
    fn a_core_is_lost_from_one_partition_until_it_parks() {
        let core = Core::new();
        core.summon(None, 0);
        assert!(core.lose(2));
        assert!(core.is_lost_from(2) && !core.is_lost_from(1));
        core.regain();
        assert!(!core.is_lost_from(2));
        assert!(!core.lose_unless_parked(2), "it parks");
        core.set_state(CoreState::Running);
        assert!(core.lose_unless_parked(2));
    }

    #[test]
    fn one_that_came_at_the_last_moment_is_not_lost() {
        let core = Core::new();
        core.summon(None, 0);
        core.arrive();
        assert!(!core.lose(2) && core.state() == CoreState::Parked);
    }

    #[test]
    fn there_are_as_many_cores_as_were_entered_and_no_more_than_there_may_be() {
        let life = crate::Lifecycle::<1, 4>::new();
        life.set_core_state(0, CoreState::Parked);
        assert_eq!(life.core_state(0), CoreState::Absent, "none yet");
        life.enter_cores(9);
        for core in 0..5 {
            life.set_core_state(core, CoreState::Parked);
        }
        assert_eq!(life.core_state(3), CoreState::Parked);
        assert_eq!(life.core_state(4), CoreState::Absent, "four at most");
        life.enter_cores(2);
        assert_eq!(life.core_state(3), CoreState::Parked, "once for all");
    }
}
