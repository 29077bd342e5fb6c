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
        self.take_passed(|_| true, false)
    }

    /// Takes one that was passed by such an asker, among the lines or among all others.
    pub(crate) fn take_passed(
        &self,
        is_meant: impl Fn(Asker) -> bool,
        is_line: bool,
    ) -> Option<(Asker, Verb, usize)> {
        self.slots.iter().enumerate().find_map(|(caller, slot)| {
            let mut places = slot.places().iter().enumerate();
            places.find_map(|(index, place)| {
                // Most are not.
                let is_passed = place.word() >> KIND == PASSED;
                let asker = asker(caller, index);
                (is_passed && is_meant(asker)).then(|| self.take(place, asker, is_line))?
            })
        })
    }

    /// Takes that one.
    pub(crate) fn take(
        &self,
        place: &Place,
        asker: Asker,
        is_line: bool,
    ) -> Option<(Asker, Verb, usize)> {
        let passed = place.standing();
        let Standing::Passed { verb, target, .. } = passed else {
            return None;
        };
        if (verb == Verb::Do) != is_line || !place.stand(passed, Standing::Taken) {
            return None;
        }
        // This core alone gives numbers to others.
        if !self.is_meant(passed) {
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

    fn take_any(&self) -> Option<(Asker, Verb, usize)> {
        let any = |is_line| self.take_passed(|_| true, is_line);
        any(false).or_else(|| any(true))
    }

    /// Nobody will come to what is still passed.
    pub(crate) fn refuse_passed(&self) {
        while let Some((asker, _, _)) = self.take_any() {
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
