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
    /// While launching: the shell's core, if it leaves the shell for that. While ending: the core that saw
    /// to it that the worker works. If that one is reset before the worker has come, whoever reset it
    /// does it instead.
    pub(crate) kicker: Option<usize>,
    /// At rest, or while it waits: the partition that reads its RAM, for which it stays as it is.
    pub(crate) holder: Option<usize>,
    /// While it waits: for somebody to read its RAM.
    pub(crate) awaits_dump: bool,
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
const AWAITS_DUMP: u32 = 4; // 1 bit
const END: u32 = 5; // 3 bits
const FAILURES: u32 = 8; // 3 bits
const PLANNED: u32 = 11; // 1 bit
const WORKER: u32 = 12; // 10 bits: while ending; while its Linux runs the order, at rest the holder
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
            | (self.awaits_dump as u64) << AWAITS_DUMP
            | end << END
            | (self.failures as u64 & 7) << FAILURES
            | (self.is_planned as u64) << PLANNED
            | self.worker_word() << WORKER
            | number(self.kicker) << KICKER
            | (self.generation as u64) << GENERATION
    }

    /// What the bits of the worker hold.
    const fn worker_word(self) -> u64 {
        match (self.phase, self.order) {
            (Phase::Idle | Phase::Waiting, _) => number(self.holder),
            (Phase::Running, Some(order)) => order as u64,
            (Phase::Running, None) => 0,
            (Phase::Launching | Phase::Ending, _) => number(self.worker),
        }
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
        let phase = Self::phase_of(word);
        let has_holder = matches!(phase, Phase::Idle | Phase::Waiting);
        let is_running = phase == Phase::Running;
        let shared = bits(WORKER, 10);
        let order = Order::ALL.into_iter().find(|one| *one as u64 == shared);
        Self {
            phase,
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
            worker: index(shared).filter(|_| !has_holder && !is_running),
            holder: index(shared).filter(|_| has_holder),
            awaits_dump: bits(AWAITS_DUMP, 1) != 0,
            kicker: index(bits(KICKER, 10)),
            generation: bits(GENERATION, 32) as u32,
        }
    }

    /// Whether somebody reads its RAM.
    pub(crate) const fn is_held_of(word: u64) -> bool {
        matches!(Self::phase_of(word), Phase::Idle | Phase::Waiting) && word >> WORKER & 0x3ff != 0
    }

    /// The next step, in another phase. Nobody holds it any more.
    pub(crate) const fn step(self, phase: Phase) -> Self {
        Self {
            phase,
            next: Next::Stay,
            order: None,
            worker: None,
            kicker: None,
            holder: None,
            awaits_dump: false,
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
                        let has_holder = matches!(phase, Phase::Idle | Phase::Waiting);
                        let has_worker = !has_holder && !is_running;
                        let life = Life {
                            phase,
                            next,
                            order: order.filter(|_| is_running),
                            end,
                            worker: core.filter(|_| has_worker),
                            holder: core.filter(|_| has_holder),
                            awaits_dump: core.is_some(),
                            kicker: core,
                            failures: Life::MOST_FAILURES,
                            is_planned: core.is_some(),
                            is_odd_run: core.is_none(),
                            generation: u32::MAX,
                        };
                        assert_eq!(Life::decode(life.encode()), life);
                        let is_held = Life::is_held_of(life.encode());
                        assert_eq!(is_held, life.holder.is_some());
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
