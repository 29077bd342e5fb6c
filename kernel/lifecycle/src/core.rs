//! What each core is doing, and how one is called back.

use crate::sync::Word64;

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

/// What is said of a core at one moment. Word: state 0-7, the partition that it was lost from plus one
/// 8-15, and above how often something was said: so who looked before the last word can't overwrite it.
#[derive(Clone, Copy)]
pub(crate) struct Said(u64);

impl Said {
    const LOST_FROM: u32 = 8;
    const COUNT: u32 = 16;

    pub(crate) const fn state(self) -> CoreState {
        CoreState::from_number((self.0 & 0xff) as u32)
    }

    const fn lost_from(self) -> Option<usize> {
        ((self.0 >> Self::LOST_FROM & 0xff) as usize).checked_sub(1)
    }

    const fn then(self, state: CoreState) -> Self {
        let lost_from = self.0 & 0xff << Self::LOST_FROM;
        let count = (self.0 >> Self::COUNT).wrapping_add(1) << Self::COUNT;
        Self(count | lost_from | state as u64)
    }

    const fn lost(self, partition: usize) -> Self {
        let Self(next) = self.then(CoreState::Lost);
        Self(next & !(0xff << Self::LOST_FROM) | (partition as u64 + 1) << Self::LOST_FROM)
    }
}

/// One core's words.
pub(crate) struct Core {
    said: Word64,
    summons: Word64,
    answer: Word64,
}

impl Core {
    pub(crate) const fn new() -> Self {
        Self {
            said: Word64::new(0),
            summons: Word64::new(0),
            answer: Word64::new(0),
        }
    }

    pub(crate) fn look(&self) -> Said {
        Said(self.said.load())
    }

    /// `false` if somebody has said anything since then.
    fn say(&self, from: Said, to: Said) -> bool {
        self.said.replace(from.0, to.0)
    }

    pub(crate) fn state(&self) -> CoreState {
        self.look().state()
    }

    /// It was said to run a Linux that was never entered.
    pub(crate) fn stay(&self) {
        let said = self.look();
        if said.state() == CoreState::Running {
            self.say(said, said.then(CoreState::Parked));
        }
    }

    pub(crate) fn set_state(&self, state: CoreState) {
        loop {
            let said = self.look();
            if self.say(said, said.then(state)) {
                return;
            }
        }
    }

    /// It did not come back from that partition; unless anything was said of it since `seen`: it has
    /// come, or is in another run already. (If it comes later, it sees what is said of it, and
    /// [takes it back](Self::regain).)
    pub(crate) fn lose(&self, seen: Said, partition: usize) -> bool {
        self.say(seen, seen.lost(partition))
    }

    /// It is here, whatever was said of it.
    pub(crate) fn regain(&self) {
        let said = self.look();
        if said.state() == CoreState::Lost {
            self.say(said, said.then(CoreState::Parked));
        }
    }

    /// The same, and who has found it lost before comes too late from here on. It may be another run's
    /// already.
    pub(crate) fn confirm(&self) {
        loop {
            let said = self.look();
            let state = match said.state() {
                CoreState::Lost => CoreState::Parked,
                state => state,
            };
            if self.say(said, said.then(state)) {
                return;
            }
        }
    }

    /// Whether it was lost from that partition, and is.
    pub(crate) fn is_lost_from(&self, partition: usize) -> bool {
        let said = self.look();
        said.state() == CoreState::Lost && said.lost_from() == Some(partition)
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
        for partition in [2, 0, 0xfe] {
            assert!(core.lose(core.look(), partition));
            assert!(core.is_lost_from(partition) && !core.is_lost_from(1));
            core.regain();
            assert!(!core.is_lost_from(partition) && core.state() == CoreState::Parked);
        }
    }

    #[test]
    fn who_looked_before_the_last_word_does_not_lose_it() {
        let words: [fn(&Core); 4] = [
            |core| core.set_state(CoreState::Parked),
            |core| {
                core.set_state(CoreState::Parked);
                core.set_state(CoreState::Running);
            },
            |core| {
                assert!(core.lose(core.look(), 1));
                core.regain();
            },
            Core::confirm,
        ];
        for say in words {
            let core = Core::new();
            core.set_state(CoreState::Running);
            let seen = core.look();
            say(&core);
            let state = core.state();
            assert!(!core.lose(seen, 2) && core.state() == state);
            assert!(core.lose(core.look(), 2));
        }
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
