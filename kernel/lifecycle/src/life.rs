//! The word in which the whole life of a partition stands, so that one compare-and-swap is one step
//! of it: of two cores that end a partition at once, or a core and the shell, exactly one succeeds,
//! and a core that is reset leaves either the state before its step or the one after it.

use bulkhead_model::RESTART_LIMIT;

use crate::{End, Order, State};

/// What the cores of a partition are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// No core runs it.
    Idle = 0,
    /// Its boot core applies the plan.
    Launching = 1,
    /// Its Linux runs.
    Running = 2,
    /// The worker, one of its own cores, takes the others back.
    Ending = 3,
    /// It ended, and its boot core waits to launch it again.
    Waiting = 4,
}

/// What follows when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Next {
    /// Nothing.
    Stay = 0,
    /// A launch.
    Launch = 1,
    /// What its policy says.
    Policy = 2,
}

/// The word, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) phase: Phase,
    /// While ending: what follows.
    pub(crate) next: Next,
    /// While its Linux runs: what is wanted of it.
    pub(crate) order: Option<Order>,
    /// How it ends, or last ended.
    pub(crate) end: Option<End>,
    /// While ending: the core of its own that does the work.
    pub(crate) worker: Option<usize>,
    /// While ending: the core that saw to it that the worker works. If that one is reset before
    /// the worker has come, whoever reset it does it instead.
    pub(crate) kicker: Option<usize>,
    /// Failures in a row, up to [`Life::MOST_FAILURES`]
    /// ([`row_after`](bulkhead_model::RestartPolicy::row_after)).
    pub(crate) failures: u8,
    /// It has a plan, so that it can be launched without the shell. It changes only at rest: a launch
    /// and the shell, which withdraws the plan, are steps of the same word, and one of them fails.
    pub(crate) is_planned: bool,
    /// The lowest bit of the number of its runs, which so changes in the step that begins one
    /// ([`Slot::runs`](crate::slot::Slot::runs)).
    pub(crate) is_odd_run: bool,
    /// Grows with each step, so that an old word is never taken for a new one.
    pub(crate) generation: u32,
}

const PHASE: u32 = 0; // 3 bits, with what follows while ending
const ODD_RUN: u32 = 3; // 1 bit
const END: u32 = 5; // 3 bits
const FAILURES: u32 = 8; // 3 bits
const PLANNED: u32 = 11; // 1 bit
const WORKER: u32 = 12; // 10 bits; while its Linux runs, when there is none, the order
const KICKER: u32 = 22; // 10 bits
const GENERATION: u32 = 32;

/// Ending, where it does not stay ended.
const ENDING_TO_LAUNCH: u64 = 5;
const ENDING_BY_POLICY: u64 = 6;

/// Most cores that have room in the word.
pub(crate) const MOST_CORES: usize = (1 << 10) - 1;

const _: () = assert!(Life::MOST_FAILURES as u32 > RESTART_LIMIT);

impl Life {
    /// Failures beyond this number are not counted: no policy asks for more.
    pub(crate) const MOST_FAILURES: u8 = 7;

    /// The count as it is kept.
    #[expect(clippy::cast_possible_truncation, reason = "it is at most a byte")]
    pub(crate) const fn counted(failures: u32) -> u8 {
        if failures < Self::MOST_FAILURES as u32 {
            failures as u8
        } else {
            Self::MOST_FAILURES
        }
    }

    /// The word.
    pub(crate) const fn encode(self) -> u64 {
        let end = match self.end {
            Some(end) => end as u64,
            None => 0,
        };
        let phase = match (self.phase, self.next) {
            (Phase::Ending, Next::Launch) => ENDING_TO_LAUNCH,
            (Phase::Ending, Next::Policy) => ENDING_BY_POLICY,
            (phase, _) => phase as u64,
        };
        phase << PHASE
            | (self.is_odd_run as u64) << ODD_RUN
            | end << END
            | (self.failures as u64 & 7) << FAILURES
            | (self.is_planned as u64) << PLANNED
            | match (self.phase, self.order) {
                (Phase::Running, Some(order)) => order as u64,
                (Phase::Running, None) => 0,
                _ => number(self.worker),
            } << WORKER
            | number(self.kicker) << KICKER
            | (self.generation as u64) << GENERATION
    }

    /// The phase alone: the shell's core looks at all partitions a thousand times a second.
    pub(crate) const fn phase_of(word: u64) -> Phase {
        match (word >> PHASE) & 7 {
            1 => Phase::Launching,
            2 => Phase::Running,
            3 | ENDING_TO_LAUNCH | ENDING_BY_POLICY => Phase::Ending,
            4 => Phase::Waiting,
            _ => Phase::Idle,
        }
    }

    /// The reverse of [`encode`](Self::encode).
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`bits` leaves as many as fit"
    )]
    pub(crate) fn decode(word: u64) -> Self {
        let bits = |from: u32, count: u32| (word >> from) & ((1 << count) - 1);
        let is_running = Self::phase_of(word) == Phase::Running;
        let order = bits(WORKER, 10) as u8;
        let order = Order::ALL.into_iter().find(|one| *one as u8 == order);
        Self {
            phase: Self::phase_of(word),
            order: order.filter(|_| is_running),
            next: match bits(PHASE, 3) {
                ENDING_TO_LAUNCH => Next::Launch,
                ENDING_BY_POLICY => Next::Policy,
                _ => Next::Stay,
            },
            end: End::from_number(bits(END, 3) as u8),
            failures: bits(FAILURES, 3) as u8,
            is_planned: bits(PLANNED, 1) != 0,
            is_odd_run: bits(ODD_RUN, 1) != 0,
            worker: index(bits(WORKER, 10)).filter(|_| !is_running),
            kicker: index(bits(KICKER, 10)),
            generation: bits(GENERATION, 32) as u32,
        }
    }

    /// The next step, in another phase.
    pub(crate) const fn step(self, phase: Phase) -> Self {
        Self {
            phase,
            next: Next::Stay,
            order: None,
            worker: None,
            kicker: None,
            generation: self.generation.wrapping_add(1),
            ..self
        }
    }

    /// The state that it shows, if it was ever launched or not.
    pub(crate) const fn state(self, was_launched: bool) -> State {
        match (self.phase, self.end) {
            (Phase::Launching, _) => State::Launching,
            (Phase::Running, _) => State::Running,
            (Phase::Ending, _) => State::Ending,
            (Phase::Waiting, _) => State::Waiting,
            (Phase::Idle, Some(End::Failed | End::Silent)) => State::Failed,
            // Its policy would have launched it again, and gave up.
            (Phase::Idle, Some(_)) if self.failures as u32 > RESTART_LIMIT => State::Failed,
            (Phase::Idle, Some(_)) => State::Stopped,
            (Phase::Idle, None) if was_launched => State::Stopped,
            (Phase::Idle, None) => State::Defined,
        }
    }
}

const fn number(index: Option<usize>) -> u64 {
    match index {
        Some(index) => index as u64 + 1,
        None => 0,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it has 10 bits")]
fn index(number: u64) -> Option<usize> {
    (number as usize).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_holds_what_was_put_into_it() {
        for phase in [
            Phase::Idle,
            Phase::Launching,
            Phase::Running,
            Phase::Ending,
            Phase::Waiting,
        ] {
            let nexts: &[Next] = match phase {
                Phase::Ending => &[Next::Stay, Next::Launch, Next::Policy],
                _ => &[Next::Stay],
            };
            let is_running = phase == Phase::Running;
            let orders = [
                Some(Order::Stop),
                None,
                Some(Order::Restart),
                Some(Order::Fail),
            ];
            for &next in nexts {
                for (end, order) in End::ALL
                    .into_iter()
                    .map(Some)
                    .chain([None])
                    .zip(orders.into_iter().cycle())
                {
                    for core in [None, Some(0), Some(1), Some(MOST_CORES - 1)] {
                        let life = Life {
                            phase,
                            next,
                            order: order.filter(|_| is_running),
                            end,
                            worker: core.filter(|_| !is_running),
                            kicker: core,
                            failures: Life::MOST_FAILURES,
                            is_planned: core.is_some(),
                            is_odd_run: core.is_none(),
                            generation: u32::MAX,
                        };
                        assert_eq!(Life::decode(life.encode()), life);
                    }
                }
            }
        }
    }

    #[test]
    fn any_word_is_some_life() {
        assert_eq!(Life::decode(0).phase, Phase::Idle);
        let _ = Life::decode(u64::MAX);
    }
}
