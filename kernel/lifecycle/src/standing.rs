//! How one request of a partition stands, in one word.

use crate::{Outcome, Verb};

/// A request, as it stands. The word: kind 60-63, verb 56-59, outcome 48-55, target
/// 32-47, which definition of the target or generation of its end 0-31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Answered, or nothing was asked.
    Answered(Outcome),
    /// Left for the shell.
    Passed {
        verb: Verb,
        /// Of a line, by which claim it lies on the desk.
        target: usize,
        /// Which definition has the target's number ([`crate::Slot::definition`]); of a line, the asker's.
        definition: u32,
    },
    /// The shell is about it.
    Taken,
    /// The target is ending.
    Ending { target: usize, generation: u32 },
    /// Somebody is about to make it another's; how often that was taken over from one who was reset.
    Changing { turn: u32 },
    /// The target is asked to end.
    Ordered { target: usize, generation: u32 },
}

pub(crate) const KIND: u32 = 60;
/// The kind of a request that is left for the shell.
pub(crate) const PASSED: u64 = 1;

impl Standing {
    /// Of a line that is left for the shell, by which claim it lies on the desk.
    pub(crate) const fn line(self) -> Option<usize> {
        match self {
            Self::Passed {
                verb: Verb::Do,
                target,
                ..
            } => Some(target),
            _ => None,
        }
    }

    pub(crate) fn encode(self) -> u64 {
        match self {
            Self::Answered(outcome) => (outcome as u64) << 48,
            Self::Passed {
                verb,
                target,
                definition,
            } => {
                let verb = (verb as u64) << 56;
                PASSED << KIND | verb | (target as u64 & 0xffff) << 32 | u64::from(definition)
            }
            Self::Taken => 2 << KIND,
            Self::Ending { target, generation } => {
                3 << KIND | (target as u64 & 0xffff) << 32 | u64::from(generation)
            }
            Self::Changing { turn } => 4 << KIND | u64::from(turn),
            Self::Ordered { target, generation } => {
                5 << KIND | (target as u64 & 0xffff) << 32 | u64::from(generation)
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "each part is cut out of the word"
    )]
    pub(crate) fn decode(word: u64) -> Self {
        let target = (word >> 32) as usize & 0xffff;
        let number = (word >> 56) as u8 & 0xf;
        let verb = Verb::ALL.into_iter().find(|verb| *verb as u8 == number);
        match (word >> KIND, verb) {
            (PASSED, Some(verb)) => Self::Passed {
                verb,
                target,
                definition: word as u32,
            },
            (2, _) => Self::Taken,
            (3, _) => Self::Ending {
                target,
                generation: word as u32,
            },
            (4, _) => Self::Changing { turn: word as u32 },
            (5, _) => Self::Ordered {
                target,
                generation: word as u32,
            },
            _ => {
                let number = (word >> 48) as u8;
                let outcome = Outcome::ALL.into_iter().find(|o| *o as u8 == number);
                Self::Answered(outcome.unwrap_or(Outcome::None))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_holds_what_was_put_into_it() {
        let mut all = [Standing::Taken, Standing::Changing { turn: 3 }].to_vec();
        all.extend(Outcome::ALL.map(Standing::Answered));
        all.extend(Verb::ALL.map(|verb| Standing::Passed {
            verb,
            target: 63,
            definition: u32::MAX,
        }));
        all.push(Standing::Ending {
            target: 63,
            generation: u32::MAX,
        });
        all.push(Standing::Ordered {
            target: 63,
            generation: 7,
        });
        for standing in all {
            assert_eq!(Standing::decode(standing.encode()), standing);
        }
    }
}
