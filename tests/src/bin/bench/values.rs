//! Several runs in short.

pub(crate) struct Values {
    pub(crate) smallest: f64,
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) largest: f64,
}

impl Values {
    /// Of at least one run.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
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
    pub(crate) fn spread(&self) -> f64 {
        (self.largest - self.smallest) / self.median
    }

    /// Median and 99th percentile, as two cells of a table.
    pub(crate) fn cells(&self, digits: usize) -> [String; 2] {
        [self.median, self.p99].map(|value| format!("{value:.digits$}"))
    }
}
