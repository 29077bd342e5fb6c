//! What was passed to the shell: taken and answered, by its core.

use crate::ask::asker;
use crate::places::{Asker, Place};
use crate::standing::{KIND, PASSED, Standing};
use crate::{Lifecycle, Outcome, Verb};

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Whether a request was passed to the shell since this was asked last. One is not told of whose
    /// caller was reset at that very moment: it is found by looking at all now and then.
    pub fn was_asked(&self) -> bool {
        // Before the requests are looked at, so that one that comes meanwhile is told of.
        self.passed.load() != 0 && self.passed.replace(1, 0)
    }

    /// The next request that was passed to the shell, but for lines: who asks, for what, of whom. It is
    /// to be [answered](Self::answer).
    pub fn next_request(&self) -> Option<(Asker, Verb, usize)> {
        self.take_passed(|_, passed| passed.line().is_none())
    }

    /// Takes one that was passed by such an asker.
    pub(crate) fn take_passed(
        &self,
        is_meant: impl Fn(Asker, Standing) -> bool,
    ) -> Option<(Asker, Verb, usize)> {
        self.slots.iter().enumerate().find_map(|(caller, slot)| {
            let mut places = slot.places().iter().enumerate();
            places.find_map(|(index, place)| {
                // Most are not.
                if place.word() >> KIND != PASSED {
                    return None;
                }
                let (asker, passed) = (asker(caller, index), place.standing());
                is_meant(asker, passed).then(|| self.take(place, asker, passed))?
            })
        })
    }

    /// Takes that one, as it stands.
    pub(crate) fn take(
        &self,
        place: &Place,
        asker: Asker,
        passed: Standing,
    ) -> Option<(Asker, Verb, usize)> {
        let Standing::Passed { verb, target, .. } = passed else {
            return None;
        };
        if !place.stand(passed, Standing::Taken) {
            return None;
        }
        // This core alone gives numbers to others.
        if !self.is_meant(asker, passed) {
            self.answer(asker, Outcome::Unknown);
            return None;
        }
        Some((asker, verb, target))
    }

    /// Answers a request that the shell took.
    pub fn answer(&self, asker: Asker, outcome: Outcome) {
        let slot = self.slot(asker.partition);
        if let Some(place) = slot.and_then(|slot| slot.places().get(asker.place)) {
            place.stand(Standing::Taken, Standing::Answered(outcome));
        }
    }

    /// Nobody will come to what is still passed.
    pub(crate) fn refuse_passed(&self) {
        while let Some((asker, ..)) = self.take_passed(|_, _| true) {
            self.answer(asker, Outcome::ShellLeft);
        }
        // One that the shell was about when it panicked.
        for (partition, slot) in self.slots.iter().enumerate() {
            for place in 0..slot.places().len() {
                self.answer(asker(partition, place), Outcome::ShellLeft);
            }
        }
    }
}
