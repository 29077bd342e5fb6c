//! The same two loads in one big Linux and in two partitions: what was measured, and what it comes to.

use std::fmt::Write;

use serde_json::Value;

use super::check::{Fields, are, are_above_zero, are_different, numbers};
use super::plot::Bars;
use super::table::{WANTED, apart, median};
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
    /// In each of two KVM guests of the big Linux; empty if that was not asked for.
    pub guests: Vec<Vec<f64>>,
}

impl Load {
    fn sums(values: &[Vec<f64>]) -> Vec<f64> {
        values.iter().map(|both| both.iter().sum()).collect()
    }

    /// Both in the big Linux by one alone, and both in partitions and in guests by both in the big Linux.
    fn ratios(&self) -> [f64; 3] {
        let big = median(&Self::sums(&self.big));
        [
            big / median(&self.alone),
            median(&Self::sums(&self.partitions)) / big,
            match self.guests.is_empty() {
                true => 1.0,
                false => median(&Self::sums(&self.guests)) / big,
            },
        ]
    }

    fn parse(value: &Value, runs: usize) -> Result<Self, String> {
        let fields = Fields(value);
        // Of threads only their sum is known.
        let pairs = |key: &str| {
            let all: Option<Vec<_>> = fields.list(key)?.iter().map(numbers).collect();
            let all = all.filter(|all| all.iter().all(|both| both.len() <= 2));
            let all = all.ok_or_else(|| format!("\"{key}\" is not of one or two rates each"))?;
            are(key, all.len(), runs)?;
            are_above_zero(key, &all.concat())?;
            Ok::<_, String>(all)
        };
        let load = Self {
            name: fields.text("name")?,
            is_control: fields.flag("is_control")?,
            alone: fields.of_runs_above_zero("alone", runs)?,
            big: pairs("big_linux")?,
            partitions: pairs("partitions")?,
            guests: match value["kvm_guests"] {
                Value::Null => Vec::new(),
                _ => pairs("kvm_guests")?,
            },
        };
        Ok(load)
    }
}

/// The slower one's rate by the other's, in the run in which it is least; of threads only their sum is
/// known.
fn evenness(pairs: &[Vec<f64>]) -> Option<f64> {
    let of = |both: &Vec<f64>| match both[..] {
        [one, other] => Some(one.min(other) / one.max(other)),
        _ => None,
    };
    pairs
        .iter()
        .map(of)
        .try_fold(1.0, |least: f64, one| Some(least.min(one?)))
}

/// The columns that there always are.
const COLUMNS: [&str; 10] = [
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
/// Those that come with KVM guests.
const GUEST_COLUMNS: [&str; 4] = [
    "both, KVM guests",
    "spread",
    "slower by faster",
    "KVM guests by big Linux",
];

impl Contention {
    pub(super) fn parse(value: &Value, runs: usize) -> Result<Self, String> {
        let fields = Fields(value);
        let load = |value: &Value| {
            let name = value["name"].as_str().unwrap_or("a load without a name");
            Load::parse(value, runs).map_err(|why| format!("{name}: {why}"))
        };
        let loads: Result<Vec<Load>, String> = fields.list("loads")?.iter().map(load).collect();
        let loads = loads?;
        are_different(loads.iter().map(|load| load.name.as_str()))?;
        let with = loads.iter().filter(|load| !load.guests.is_empty()).count();
        if !loads.first().is_some_and(|first| first.is_control) {
            return Err("the first load is no control".to_string());
        }
        if with != 0 && with != loads.len() {
            return Err(format!(
                "\"kvm_guests\" are of {with} of {} loads",
                loads.len()
            ));
        }
        Ok(Self {
            kernel: fields.text("kernel")?,
            loads,
        })
    }

    /// Whether the loads were done in KVM guests, too.
    #[must_use]
    pub fn has_guests(&self) -> bool {
        self.loads.iter().all(|load| !load.guests.is_empty())
    }

    /// All ratios of each load by those of the first, which are what the cores' turns and Bulkhead's
    /// own core make of a load that knows no other.
    fn corrected(&self) -> impl Iterator<Item = (&Load, [f64; 3])> {
        let base = self.base();
        self.loads.iter().map(move |load| {
            let [big, partitions, guests] = load.ratios();
            let ratios = [big / base[0], partitions / base[1], guests / base[2]];
            (load, ratios)
        })
    }

    /// The first load's ratios.
    fn base(&self) -> [f64; 3] {
        self.loads.first().map_or([1.0; 3], Load::ratios)
    }

    /// The columns of [`Self::rows`].
    #[must_use]
    pub fn columns(&self) -> Vec<&'static str> {
        let guests = match self.has_guests() {
            true => &GUEST_COLUMNS[..],
            false => &[],
        };
        [&COLUMNS[..], guests].concat()
    }

    /// A row of [`Self::columns`] for each load.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<String>> {
        let rows = self.corrected().map(|(load, ratios)| {
            let rate = |values: &[f64]| [short(median(values)), apart(values)];
            let even =
                |pairs| evenness(pairs).map_or_else(String::new, |least| format!("{least:.3}"));
            let ratio = |ratio: f64| match load.is_control && !WANTED.contains(&ratio) {
                true => format!("{ratio:.4}, **moved**"),
                false => format!("{ratio:.4}"),
            };
            let name = match load.is_control {
                true => format!("control: {}", load.name),
                false => load.name.clone(),
            };
            let mut row = vec![name];
            row.extend(rate(&load.alone));
            row.extend(rate(&Load::sums(&load.big)));
            row.push(even(&load.big));
            row.extend(rate(&Load::sums(&load.partitions)));
            row.extend([ratio(ratios[0]), ratio(ratios[1])]);
            if self.has_guests() {
                row.extend(rate(&Load::sums(&load.guests)));
                row.extend([even(&load.guests), ratio(ratios[2])]);
            }
            row
        });
        rows.collect()
    }

    /// What stands below the table.
    #[must_use]
    pub fn correction(&self) -> String {
        let [big, partitions, guests] = self.base();
        match self.has_guests() {
            true => format!(
                "The ratios are by those of the first row, which are {big:.4}, {partitions:.4} and {guests:.4}."
            ),
            false => format!(
                "Both ratios are by those of the first row, which are {big:.4} and {partitions:.4}."
            ),
        }
    }

    /// For the plot: both in partitions beside both in the big Linux; then both in its guests.
    pub(super) fn bars(&self) -> Vec<Bars> {
        let of = |which: usize| {
            let all = self.corrected();
            all.map(|(load, ratios)| (load.name.clone(), ratios[which]))
                .collect()
        };
        let mut groups = vec![Bars {
            title: self.kernel.clone(),
            bars: of(1),
        }];
        if self.has_guests() {
            groups.push(Bars {
                title: format!("{}, KVM guests", self.kernel),
                bars: of(2),
            });
        }
        groups
    }
}

pub(super) fn table(all: &[Contention]) -> String {
    let mut out = String::new();
    for contention in all {
        // Writing into a string never fails.
        let _ = writeln!(
            out,
            "\n| {}, {} |\n{}|",
            contention.kernel,
            contention.columns().join(" | "),
            "|---".repeat(contention.columns().len())
        );
        for row in contention.rows() {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
        let _ = writeln!(out, "\n{}", contention.correction());
    }
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
            guests: Vec::new(),
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
        let bars = contention.bars();
        assert!((bars[0].bars[2].1 - 2.0).abs() < 1e-9);
        assert_eq!(bars.len(), 1);
    }

    #[test]
    fn guests_have_columns_if_they_were_asked_for() {
        let with = |load: Load, guests: [f64; 2]| Load {
            guests: vec![guests.to_vec()],
            ..load
        };
        let contention = Contention {
            kernel: "6.1".to_string(),
            loads: vec![
                with(
                    load("loop", 100.0, &[50.0, 40.0], [40.0, 41.0]),
                    [36.0, 45.0],
                ),
                with(
                    load("unlink", 100.0, &[40.0, 40.0], [36.0, 36.0]),
                    [18.0, 18.0],
                ),
            ],
        };
        let rows = contention.rows();
        assert_eq!(contention.columns().len(), rows[0].len());
        assert_eq!(rows[0][10..], ["81.00", "one run", "0.800", "1.0000"]);
        // 36 of 80, and 81 of 90.
        assert_eq!(rows[1][10..], ["36.00", "one run", "1.000", "0.5000"]);
        assert!(contention.correction().ends_with("0.9000 and 0.9000."));
        let bars = contention.bars();
        assert_eq!(bars[1].title, "6.1, KVM guests");
        assert!((bars[1].bars[1].1 - 0.5).abs() < 1e-9);
    }

    #[test]
    fn half_a_load_is_none() {
        let json = r#"{"kernel": "6.1", "loads": [{"name": "loop", "is_control": true,
            "alone": [3.0], "big_linux": [[1.0, 2.0]], "partitions": [[1.0, 2.0]]}]}"#;
        let parse = |text: &str| Contention::parse(&serde_json::from_str(text).unwrap(), 1);
        let whole = parse(json).unwrap();
        assert_eq!(whole.loads[0].big, [[1.0, 2.0]]);
        for (word, other, wanted) in [
            ("[[1.0, 2.0]]", "[]", "loop: \"big_linux\""),
            (
                "[[1.0, 2.0]]",
                "[[1.0, 2.0], [1.0, 2.0]]",
                "has 2 of 1 runs",
            ),
            ("[[1.0, 2.0]]", "[[1.0, 2.0, 3.0]]", "one or two"),
            ("[3.0]", "[]", "loop: \"alone\""),
            ("[3.0]", "[-3.0]", "loop: \"alone\""),
            ("[3.0]", "[0.0]", "more than 0"),
            ("true", "1", "loop: \"is_control\""),
            ("true", "false", "the first load is no control"),
            ("alone", "a", "loop: \"alone\" is missing"),
        ] {
            let why = parse(&json.replace(word, other)).expect_err(word);
            assert!(why.contains(wanted), "{why}");
        }
        assert!(!whole.has_guests());
        let guests =
            |text| parse(&json.replace("[3.0]", &format!("[3.0], \"kvm_guests\": {text}")));
        assert_eq!(
            guests("[[1.0, 2.0]]").unwrap().loads[0].guests,
            [[1.0, 2.0]]
        );
        assert!(guests("[]").is_err());
    }
}
