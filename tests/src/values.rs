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
