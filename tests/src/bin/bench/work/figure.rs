//! One figure of both sides, and what their runs come to.

use bulkhead_tests::values::Values;

/// What is wanted of every ratio.
pub(crate) const WANTED: f64 = 0.98;

/// Which of two values is the faster machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
    /// It should be the same.
    Neither,
}

/// What one number is.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
}

impl Figure {
    /// A rate.
    pub(crate) fn rate(name: impl Into<String>, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            unit,
            better: Better::More,
        }
    }

    /// Something that both sides should have alike.
    pub(crate) fn same(name: impl Into<String>, unit: &'static str) -> Self {
        Self {
            better: Better::Neither,
            ..Self::rate(name, unit)
        }
    }

    /// A time that something takes.
    pub(crate) fn time(name: impl Into<String>, unit: &'static str) -> Self {
        Self {
            better: Better::Less,
            ..Self::rate(name, unit)
        }
    }
}

/// A figure's values in every run, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    pub(crate) figure: Figure,
    pub(crate) partition: Vec<f64>,
    /// The control's.
    pub(crate) alone: Vec<f64>,
}

/// How a ratio stands to what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is wanted of it.
    Open,
    Met,
    /// Below, but the partition's median is one that the control had too.
    InSpread,
    Below,
}

impl Compared {
    pub(crate) const fn new(figure: Figure) -> Self {
        Self {
            figure,
            partition: Vec::new(),
            alone: Vec::new(),
        }
    }

    pub(crate) fn partition(&self) -> Values {
        Values::of(self.partition.iter().copied())
    }

    pub(crate) fn alone(&self) -> Values {
        Values::of(self.alone.iter().copied())
    }

    /// The partition's speed by the control's, of their medians: more than 1 is faster.
    pub(crate) fn ratio(&self) -> f64 {
        let (partition, alone) = (self.partition().median, self.alone().median);
        match self.figure.better {
            Better::More | Better::Neither => partition / alone,
            Better::Less => alone / partition,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let (partition, alone) = (self.partition(), self.alone());
        let is_as_good_as_one = match self.figure.better {
            Better::More => partition.median >= alone.smallest,
            Better::Less => partition.median <= alone.largest,
            Better::Neither => return Verdict::Open,
        };
        match self.ratio() {
            ratio if ratio >= WANTED => Verdict::Met,
            _ if is_as_good_as_one => Verdict::InSpread,
            _ => Verdict::Below,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(better: Better, partition: &[f64], alone: &[f64]) -> Compared {
        let figure = Figure {
            better,
            ..Figure::rate("x", "1/s")
        };
        Compared {
            partition: partition.to_vec(),
            alone: alone.to_vec(),
            ..Compared::new(figure)
        }
    }

    #[test]
    fn more_than_one_is_faster_whatever_is_better() {
        let rate = compared(Better::More, &[200.0, 210.0, 190.0], &[100.0, 90.0, 110.0]);
        assert_eq!((rate.ratio(), rate.verdict()), (2.0, Verdict::Met));
        let time = compared(Better::Less, &[200.0, 210.0, 190.0], &[100.0, 90.0, 110.0]);
        assert_eq!((time.ratio(), time.verdict()), (0.5, Verdict::Below));
    }

    #[test]
    fn below_is_told_from_the_spread_of_the_control() {
        let rate = |median| compared(Better::More, &[median], &[90.0, 100.0, 101.0]).verdict();
        assert_eq!(rate(98.0), Verdict::Met);
        assert_eq!(rate(97.0), Verdict::InSpread);
        assert_eq!(rate(89.0), Verdict::Below);
        let time = |median| compared(Better::Less, &[median], &[99.0, 100.0, 110.0]).verdict();
        assert_eq!(time(102.0), Verdict::Met);
        assert_eq!(time(109.0), Verdict::InSpread);
        assert_eq!(time(111.0), Verdict::Below);
        let same = compared(Better::Neither, &[50.0], &[100.0]);
        assert_eq!((same.ratio(), same.verdict()), (0.5, Verdict::Open));
    }
}
