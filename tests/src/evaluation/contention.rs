//! The same two loads in one big Linux and in two partitions: what was measured, and what it comes to.

use std::fmt::Write;

use serde_json::Value;

use super::results::numbers;
use super::table::{WANTED, median, spread};
use super::{Figure, Results};
use crate::tool::short;

/// All loads on one kernel.
#[derive(Debug)]
pub struct Contention {
    /// Its release.
    pub kernel: String,
    /// The first is what all the others are corrected by.
    pub loads: Vec<Load>,
}

/// What is done. Rates are operations a second, of every run.
#[derive(Debug, Default)]
pub struct Load {
    /// What it is called.
    pub name: String,
    /// Whether it meets nothing of another core's in one kernel either.
    pub is_control: bool,
    /// By one process in the big Linux, whose other core idles.
    pub alone: Vec<f64>,
    /// By each of two on their own cores there; or by both threads of one.
    pub big: Vec<Vec<f64>>,
    /// In each of two partitions.
    pub partitions: Vec<Vec<f64>>,
}

impl Load {
    fn sums(values: &[Vec<f64>]) -> Vec<f64> {
        values.iter().map(|both| both.iter().sum()).collect()
    }

    /// Both in the big Linux by one alone, and both in partitions by both in the big Linux.
    fn ratios(&self) -> [f64; 2] {
        let big = median(&Self::sums(&self.big));
        [
            big / median(&self.alone),
            median(&Self::sums(&self.partitions)) / big,
        ]
    }

    /// In the big Linux the slower one's rate by the other's, in the run in which it is least; of
    /// threads only their sum is known.
    fn evenness(&self) -> Option<f64> {
        let of = |both: &Vec<f64>| match both[..] {
            [one, other] => Some(one.min(other) / one.max(other)),
            _ => None,
        };
        self.big
            .iter()
            .map(of)
            .try_fold(1.0, |least: f64, one| Some(least.min(one?)))
    }

    fn parse(value: &Value) -> Option<Self> {
        let pairs = |key: &str| {
            let all: Option<Vec<_>> = value[key].as_array()?.iter().map(numbers).collect();
            all.filter(|all| !all.is_empty())
        };
        Some(Self {
            name: value["name"].as_str()?.to_string(),
            is_control: value["is_control"].as_bool()?,
            alone: numbers(&value["alone"])?,
            big: pairs("big_linux")?,
            partitions: pairs("partitions")?,
        })
    }
}

/// The columns of [`Contention::rows`].
pub const COLUMNS: [&str; 10] = [
    "load",
    "alone, 1/s",
    "spread",
    "both, big Linux",
    "spread",
    "slower by faster",
    "both, partitions",
    "spread",
    "big Linux by alone",
    "partitions by big Linux",
];

impl Contention {
    pub(super) fn parse(value: &Value) -> Option<Self> {
        let loads: Option<Vec<Load>> = value["loads"].as_array()?.iter().map(Load::parse).collect();
        Some(Self {
            kernel: value["kernel"].as_str()?.to_string(),
            loads: loads.filter(|loads| !loads.is_empty())?,
        })
    }

    /// Both ratios of each load by those of the first, which are what the cores' turns and Bulkhead's
    /// own core make of a load that knows no other.
    fn corrected(&self) -> impl Iterator<Item = (&Load, [f64; 2])> {
        let base = self.base();
        self.loads.iter().map(move |load| {
            let [big, partitions] = load.ratios();
            (load, [big / base[0], partitions / base[1]])
        })
    }

    /// The first load's ratios.
    fn base(&self) -> [f64; 2] {
        self.loads.first().map_or([1.0; 2], Load::ratios)
    }

    /// A row of [`COLUMNS`] for each load.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; COLUMNS.len()]> {
        let rows = self.corrected().map(|(load, ratios)| {
            let rate = |values: &[f64]| {
                let spread = spread(values) * 100.0;
                [short(median(values)), format!("{spread:.2} %")]
            };
            let [alone, alone_spread] = rate(&load.alone);
            let [big, big_spread] = rate(&Load::sums(&load.big));
            let [partitions, partitions_spread] = rate(&Load::sums(&load.partitions));
            let ratio = |ratio: f64| match load.is_control && !WANTED.contains(&ratio) {
                true => format!("{ratio:.4}, **moved**"),
                false => format!("{ratio:.4}"),
            };
            let name = match load.is_control {
                true => format!("control: {}", load.name),
                false => load.name.clone(),
            };
            let evenness = load.evenness();
            [
                name,
                alone,
                alone_spread,
                big,
                big_spread,
                evenness.map_or_else(String::new, |least| format!("{least:.3}")),
                partitions,
                partitions_spread,
                ratio(ratios[0]),
                ratio(ratios[1]),
            ]
        });
        rows.collect()
    }

    /// What stands below the table.
    #[must_use]
    pub fn correction(&self) -> String {
        let [big, partitions] = self.base();
        format!(
            "Both ratios are by those of the first row, which are {big:.4} and {partitions:.4}."
        )
    }

    /// For the plot: both in partitions beside both in the big Linux.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let figure = |(load, [_, ratio]): (&Load, [f64; 2])| Figure {
            name: load.name.clone(),
            unit: "1/s".to_string(),
            is_open: false,
            partition: Load::sums(&load.partitions),
            alone: Load::sums(&load.big),
            ratio,
        };
        self.corrected().map(figure).collect()
    }
}

pub(super) fn table(results: &Results) -> String {
    let mut out = format!("\n{}; {}.\n", results.machine, results.asked);
    for contention in &results.contention {
        // Writing into a string never fails.
        let _ = writeln!(
            out,
            "\n| {}, {} |\n{}|",
            contention.kernel,
            COLUMNS.join(" | "),
            "|---".repeat(COLUMNS.len())
        );
        for row in contention.rows() {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
        let _ = writeln!(out, "\n{}", contention.correction());
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, alone: f64, big: &[f64], partitions: [f64; 2]) -> Load {
        Load {
            name: name.to_string(),
            is_control: name != "unlink",
            alone: vec![alone],
            big: vec![big.to_vec()],
            partitions: vec![partitions.to_vec()],
        }
    }

    #[test]
    fn a_load_is_corrected_by_the_first() {
        let contention = Contention {
            kernel: "6.1".to_string(),
            loads: vec![
                load("loop", 100.0, &[50.0, 40.0], [40.0, 41.0]),
                load("call", 100.0, &[60.0, 40.0], [45.0, 45.0]),
                load("unlink", 100.0, &[45.0], [40.5, 40.5]),
            ],
        };
        let rows = contention.rows();
        // 90 of 100, and 81 of 90.
        assert_eq!(rows[0][8..], ["1.0000", "1.0000"]);
        assert_eq!(rows[1][8..], ["1.1111, **moved**", "1.0000"]);
        assert_eq!(rows[2][8..], ["0.5000", "2.0000"]);
        assert_eq!(rows[0][5], "0.800");
        assert_eq!(rows[2][5], "", "of threads there is a sum only");
        assert!(contention.correction().contains("0.9000 and 0.9000"));
        let figures = contention.figures();
        assert!((figures[2].ratio - 2.0).abs() < 1e-9, "{figures:?}");
    }

    #[test]
    fn half_a_load_is_none() {
        let json = r#"{"kernel": "6.1", "loads": [{"name": "loop", "is_control": true,
            "alone": [3.0], "big_linux": [[1.0, 2.0]], "partitions": [[1.0, 2.0]]}]}"#;
        let parse = |text: &str| Contention::parse(&serde_json::from_str(text).unwrap());
        let whole = parse(json).unwrap();
        assert_eq!(whole.loads[0].big, [[1.0, 2.0]]);
        for (word, other) in [
            ("[[1.0, 2.0]]", "[]"),
            ("[3.0]", "[]"),
            ("true", "1"),
            ("alone", "a"),
        ] {
            assert!(parse(&json.replace(word, other)).is_none(), "{word}");
        }
    }
}
