//! A set of cores, by value.

use crate::life::MOST_CORES;

/// Words of one.
pub(crate) const WORDS: usize = MOST_CORES.div_ceil(64);

/// Indices of cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CoreSet(pub(crate) [u64; WORDS]);

impl CoreSet {
    pub(crate) fn is_empty(self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

impl FromIterator<usize> for CoreSet {
    /// What has no room is left out.
    fn from_iter<I: IntoIterator<Item = usize>>(cores: I) -> Self {
        let mut set = Self::default();
        for core in cores {
            if let Some(word) = set.0.get_mut(core / 64) {
                *word |= 1 << (core % 64);
            }
        }
        set
    }
}

impl IntoIterator for CoreSet {
    type Item = usize;
    type IntoIter = Ascending;

    fn into_iter(self) -> Ascending {
        Ascending {
            left: self,
            word: 0,
        }
    }
}

/// The cores of a set.
#[derive(Clone)]
pub(crate) struct Ascending {
    left: CoreSet,
    word: usize,
}

impl Iterator for Ascending {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let bits = self.left.0.get_mut(self.word)?;
            if *bits != 0 {
                let bit = bits.trailing_zeros() as usize;
                *bits &= *bits - 1;
                return Some(self.word * 64 + bit);
            }
            self.word += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_what_was_put_into_it() {
        let cores = [0, 1, 63, 64, 500, MOST_CORES - 1];
        let set: CoreSet = cores.into_iter().rev().collect();
        assert!(set.into_iter().eq(cores) && !set.is_empty());
        assert!(CoreSet::from_iter([WORDS * 64]).is_empty());
    }
}
