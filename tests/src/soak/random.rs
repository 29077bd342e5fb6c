//! Chance that can be had again.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to choose by.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("it is small")
    }

    /// One of them; there is at least one.
    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// All of them in a random order (Fisher and Yates).
    pub(super) fn shuffle<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        let mut deck = all.to_vec();
        for last in (1..deck.len()).rev() {
            deck.swap(last, self.below(last + 1));
        }
        deck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_chooses_the_same_again() {
        let all = [1, 2, 3, 4, 5, 6, 7, 8];
        let (mut one, mut two) = (Random(3), Random(3));
        let deck = one.shuffle(&all);
        assert_eq!(deck, two.shuffle(&all));
        assert_ne!(deck, all);
        let mut sorted = deck;
        sorted.sort_unstable();
        assert_eq!(sorted, all);
        assert_eq!(one.one_of(&all), two.one_of(&all));
    }
}
