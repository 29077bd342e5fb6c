//! Several runs in short.

/// What a table tells of them.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    /// The smallest.
    pub smallest: f64,
    /// The one in the middle, or between both of these.
    pub median: f64,
    /// What one in a hundred is above.
    pub p99: f64,
    /// The largest.
    pub largest: f64,
}

impl Values {
    /// # Panics
    /// Without at least one run.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        // The nearest rank: of up to 100 runs the largest.
        let rank = (values.len() * 99).div_ceil(100);
        let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
        Self {
            smallest: values[0],
            median: f64::midpoint(values[low], values[high]),
            p99: values[rank - 1],
            largest: values[values.len() - 1],
        }
    }

    /// How far apart the runs lie, as a part of their median.
    #[must_use]
    pub fn spread(&self) -> f64 {
        // Of nothing, always, there is no part.
        match self.largest - self.smallest {
            0.0 => 0.0,
            far => far / self.median,
        }
    }

    /// Median and 99th percentile, as two cells of a table.
    #[must_use]
    pub fn cells(&self, digits: usize) -> [String; 2] {
        [self.median, self.p99].map(|value| format!("{value:.digits$}"))
    }
}

/// Fewest runs of a side of which [`by_chance`] says anything.
const ENOUGH: usize = 4;
/// Most of both sides: in so many ways they can be shared out.
const MOST: usize = 20;

/// How often one side's runs would lie as far above or below the other's as these do, or farther, if it were by chance alone
/// which runs are whose: the part of all ways to share them out (Wilcoxon's rank-sum test, exact). `None` of too few runs,
/// or too many.
#[must_use]
pub fn by_chance(one: &[f64], other: &[f64]) -> Option<f64> {
    let all: Vec<f64> = one.iter().chain(other).copied().collect();
    if one.len().min(other.len()) < ENOUGH || all.len() > MOST {
        return None;
    }
    // Twice each run's place in the order of all, so that those that are alike share theirs in whole numbers.
    let place = |run: &f64| {
        let (below, alike) = (
            all.iter().filter(|other| *other < run).count(),
            all.iter().filter(|other| *other == run).count(),
        );
        2 * below + alike
    };
    let places: Vec<usize> = all.iter().map(place).collect();
    // What the places of as many come to on average is this part of all.
    let middle = places.iter().sum::<usize>() * one.len();
    let apart = |ways: u32| {
        let taken = places
            .iter()
            .enumerate()
            .filter(|(run, _)| ways >> run & 1 == 1);
        let sum: usize = taken.map(|(_, place)| place).sum();
        (sum * all.len()).abs_diff(middle)
    };
    let seen = apart((1 << one.len()) - 1);
    let ways = (0..1_u32 << all.len()).filter(|ways| ways.count_ones() as usize == one.len());
    let (mut count, mut as_far) = (0.0, 0.0);
    for ways in ways {
        count += 1.0;
        as_far += f64::from(u8::from(apart(ways) >= seen));
    }
    Some(as_far / count)
}

#[cfg(test)]
mod tests {
    use super::by_chance;

    #[test]
    fn sides_that_do_not_overlap_are_rarely_so_by_chance() {
        let chance = |one: &[f64], other: &[f64]| by_chance(one, other).unwrap();
        // Of 252 ways these two: the one seen, and the same with the sides changed.
        let low = [1.0, 2.0, 3.0, 4.0, 5.0];
        let far = chance(&low, &[11.0, 12.0, 13.0, 14.0, 15.0]);
        assert!((far - 2.0 / 252.0).abs() < 1e-9, "{far}");
        let same = chance(&low, &low);
        assert!((same - 1.0).abs() < 1e-9, "{same}");
        // As tables of the test have it: a sum of places of 18 or less, or of 37 or more, of five among ten.
        let known = chance(&[1.0, 2.0, 3.0, 5.0, 7.0], &[4.0, 6.0, 8.0, 9.0, 10.0]);
        assert!((known - 2.0 * 7.0 / 252.0).abs() < 1e-9, "{known}");
        assert_eq!(by_chance(&low[2..], &low), None);
        assert_eq!(by_chance(&[1.0; 10], &[4.0; 11]), None);
    }
}
