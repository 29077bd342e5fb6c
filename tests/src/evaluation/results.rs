//! What `make bench` has written.

use std::path::Path;

use serde_json::Value;

use super::check::{self, Fields, are_different};
use super::contention::{self, Contention};
use super::plot::{self, Bars};
use super::restart::{self, Restarts};
use super::table::{self, median};
use super::{jitter, scale};

/// What is none of the benchmark's.
pub(super) const TORTURE: &str = "torture.json";

/// One run of the benchmark.
#[derive(Debug)]
pub struct Results {
    /// The file's, without its end.
    pub name: String,
    /// What it ran on, in a line.
    pub machine: String,
    /// How it was asked for, in a line.
    pub asked: String,
    /// What was measured.
    pub measured: Measured,
}

/// What a file is of: one part of the benchmark, with something in it.
#[derive(Debug)]
pub enum Measured {
    /// A partition's work beside the same Linux alone, of each kernel.
    Work(Vec<Work>),
    /// Machines with more and more partitions.
    Scale(Vec<Scale>),
    /// A timer beside what another partition does.
    Jitter(Vec<Jitter>),
    /// Two loads in one Linux and in two, of each kernel.
    Contention(Vec<Contention>),
    /// Restarts of each kernel.
    Restarts(Vec<Restarts>),
}

/// One kernel's rows of work.
#[derive(Debug)]
pub struct Work {
    /// Its release.
    pub kernel: String,
    /// Of one partition.
    pub figures: Vec<Figure>,
}

/// How late a timer was while something else was done.
#[derive(Debug)]
pub struct Jitter {
    /// The kernel whose timer it is.
    pub kernel: String,
    /// What the other one did.
    pub other: String,
    /// Whether nothing was done to the other one.
    pub is_control: bool,
    /// Ticks, and periods without one.
    pub ticks: [u64; 2],
    /// Microseconds late: the median, what one in a hundred and one in a thousand was later than, the latest.
    pub late_us: [f64; 4],
    /// How many were less than one, two, four, and so on, microseconds late, and not less than the number before.
    pub histogram: Vec<f64>,
}

/// One machine with so many partitions, in virtual time.
#[derive(Debug)]
pub struct Scale {
    /// How many.
    pub partitions: f64,
    /// Milliseconds from the loader's hand-over to the prompt.
    pub prompt_ms: f64,
    /// Bytes that stay resident.
    pub resident: f64,
    /// Bytes of the heap in use.
    pub heap: f64,
    /// Seconds for each partition's boot, of all at once.
    pub boot_s: f64,
    /// Milliseconds from the doorbell to the kernel's entry, and of these copying: each launch.
    pub launches: Vec<[f64; 2]>,
    /// Milliseconds of the shell's `list`.
    pub list_ms: f64,
}

/// A row of work, both sides.
#[derive(Debug)]
pub struct Figure {
    /// What was done.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Whether nothing is wanted of it.
    pub is_open: bool,
    /// Every run.
    pub partition: Vec<f64>,
    /// Every run of the control.
    pub alone: Vec<f64>,
    /// The partition's speed by the control's.
    pub ratio: f64,
}

/// What `make bench` calls what can be shown, and how each is read: all of it, so many runs of each side.
type Reader = fn(&[Value], usize) -> Result<Measured, String>;
const PARTS: [(&str, Reader); 5] = [
    ("work", |all, runs| {
        let all = each(all, |one| work(one, runs))?;
        are_different(all.iter().map(|one| one.kernel.as_str()))?;
        Ok(Measured::Work(all))
    }),
    ("counted", |all, _| {
        let all = each(all, machine)?;
        match all.is_sorted_by(|one, next| one.partitions < next.partitions) {
            true => Ok(Measured::Scale(all)),
            false => Err("\"partitions\" are not more and more".to_string()),
        }
    }),
    ("neighbour", |all, _| {
        let all = each(all, case)?;
        let mut controls = all.iter().filter(|case| case.is_control);
        let without = all.iter().find(|case| {
            let mut controls = controls.clone();
            !controls.any(|control| control.kernel == case.kernel)
        });
        match (without, controls.next()) {
            (None, Some(_)) => Ok(Measured::Jitter(all)),
            (case, _) => Err(format!(
                "there is no control of {}",
                case.map_or("any", |case| &case.kernel)
            )),
        }
    }),
    ("contention", |all, runs| {
        let all = each(all, |one| Contention::parse(one, runs))?;
        Ok(Measured::Contention(all))
    }),
    ("restarts", |all, runs| {
        let all = each(all, |one| Restarts::parse(one, runs))?;
        Ok(Measured::Restarts(all))
    }),
];

impl Results {
    /// # Errors
    /// What is not as `make bench` writes it.
    pub fn parse(name: &str, json: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(json).map_err(|error| format!("{name}: {error}"))?;
        let word = |value: &Value, key: &str| match &value[key] {
            Value::Null => Err(format!("{name}: {key:?} is missing")),
            Value::String(text) => Ok(text.clone()),
            other => Ok(other.to_string()),
        };
        let parts = PARTS
            .iter()
            .filter_map(|(key, read)| match value[*key].as_array() {
                Some(all) if !all.is_empty() => Some((all, read)),
                _ => None,
            });
        let parts: Vec<_> = parts.collect();
        let [(all, read)] = parts.as_slice() else {
            return Err(format!(
                "{name}: one of {} is accepted, with something in it",
                PARTS.map(|(key, _)| key).join(", ")
            ));
        };
        // Some have none, and do not ask.
        let runs = value["runs"].as_u64().unwrap_or(0);
        let runs = usize::try_from(runs).unwrap_or(usize::MAX);
        let measured = read(all, runs).map_err(|why| format!("{name}: {why}"))?;
        // Some have machines of their own kinds, and say so.
        let host = &value["host"];
        let mut accelerators: Vec<&str> = all
            .iter()
            .filter_map(|one| one["accelerator"].as_str())
            .collect();
        accelerators.sort_unstable();
        accelerators.dedup();
        let accelerator = match accelerators.is_empty() {
            true => word(host, "accelerator")?,
            false => accelerators.join(" and "),
        };
        let time = match accelerator.contains("-icount") {
            true => "virtual time",
            false => "the host's time",
        };
        Ok(Self {
            name: name.to_string(),
            machine: format!(
                "QEMU {} ({accelerator}) on {} x {}, load {} before{}",
                word(host, "qemu")?,
                word(host, "processors")?,
                word(host, "processor")?,
                word(host, "load_before")?,
                of(host),
            ),
            asked: match measured {
                Measured::Work(_) => format!(
                    "{} run(s) of each side, {} core(s), {} of RAM, {} s of each work, {time}{}",
                    word(&value, "runs")?,
                    word(&value, "cores")?,
                    word(&value, "memory")?,
                    word(&value, "work_seconds")?,
                    match value["halted"] == true {
                        true => ", Bulkhead's own core parked",
                        false => "",
                    },
                ),
                Measured::Contention(_) => format!(
                    "{} run(s) of each side, {}/4 s of each load, {time}",
                    word(&value, "runs")?,
                    word(&value, "work_seconds")?,
                ),
                Measured::Restarts(_) => format!(
                    "{} run(s) of each, {} core(s), {} of RAM, {time}",
                    word(&value, "runs")?,
                    word(&value, "cores")?,
                    word(&value, "memory")?,
                ),
                Measured::Scale(_) | Measured::Jitter(_) => time.to_string(),
            },
            measured,
        })
    }

    /// Drawn.
    #[must_use]
    pub fn plot(&self) -> String {
        match &self.measured {
            Measured::Work(all) => {
                plot::ratios(self, &all.iter().map(Work::bars).collect::<Vec<_>>())
            }
            Measured::Contention(all) => plot::ratios(
                self,
                &all.iter().flat_map(Contention::bars).collect::<Vec<_>>(),
            ),
            Measured::Scale(all) => scale::plot(self, all),
            Measured::Jitter(all) => jitter::plot(self, all),
            Measured::Restarts(all) => restart::plot(self, all),
        }
    }

    /// As a table of Markdown, below what it ran on.
    #[must_use]
    pub fn table(&self) -> String {
        let table = match &self.measured {
            Measured::Work(all) => table::of(all),
            Measured::Contention(all) => contention::table(all),
            Measured::Scale(all) => scale::table(all),
            Measured::Jitter(all) => jitter::table(all),
            Measured::Restarts(all) => restart::table(all),
        };
        format!("\n{}; {}.\n{table}\n", self.machine, self.asked)
    }
}

impl Work {
    /// For the plot.
    fn bars(&self) -> Bars {
        let shown = self.figures.iter().filter(|figure| !figure.is_open);
        Bars {
            title: self.kernel.clone(),
            bars: shown
                .map(|figure| (figure.name.clone(), figure.ratio))
                .collect(),
        }
    }
}

/// Of which Bulkhead, and when; earlier versions of the benchmark do not say.
fn of(host: &Value) -> String {
    match (host["commit"].as_str(), host["date"].as_str()) {
        (Some(commit), Some(date)) => format!(", {commit} on {date}"),
        _ => String::new(),
    }
}

/// What is wrong with one says with which.
fn each<T>(all: &[Value], read: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<T>, String> {
    let one = |(number, value): (usize, &Value)| {
        read(value).map_err(|why| {
            let names = ["kernel", "name", "other", "partitions"].map(|key| match &value[key] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => format!("{key} {other}"),
            });
            let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
            match names.is_empty() {
                true => format!("number {}: {why}", number + 1),
                false => format!("{}: {why}", names.join(", ")),
            }
        })
    };
    all.iter().enumerate().map(one).collect()
}

fn work(value: &Value, runs: usize) -> Result<Work, String> {
    let fields = Fields(value);
    let read = |all: &[Value]| each(all, |row| figure(row, runs));
    // Not shown, but it has to hold as well.
    if let Some(all) = value["two_at_once"].as_array() {
        read(all).map_err(|why| format!("two at once: {why}"))?;
    }
    let figures = read(fields.list("one")?)?;
    are_different(figures.iter().map(|figure| figure.name.as_str()))?;
    Ok(Work {
        kernel: fields.text("kernel")?,
        figures,
    })
}

fn case(value: &Value) -> Result<Jitter, String> {
    let fields = Fields(value);
    let (other, is_control) = (fields.text("other")?, fields.flag("is_control")?);
    if other.starts_with("control: ") != is_control {
        return Err(format!("\"is_control\" is {is_control}"));
    }
    let late_us = ["p50_us", "p99_us", "p999_us", "max_us"].map(|key| fields.count(key));
    let [middle, high, higher, latest] = late_us;
    let late_us = [middle?, high?, higher?, latest?];
    let histogram: Option<Vec<u64>> = fields
        .list("histogram")?
        .iter()
        .map(Value::as_u64)
        .collect();
    let histogram = histogram.ok_or("\"histogram\" has what is no number of ticks")?;
    let ticks = fields.count("ticks")?;
    check::ticks(ticks, late_us, &histogram)?;
    Ok(Jitter {
        kernel: fields.text("kernel")?,
        other,
        is_control,
        ticks: [ticks, fields.count("lost")?],
        // Less than a day's.
        late_us: late_us.map(|us| us as f64),
        histogram: histogram.into_iter().map(|count| count as f64).collect(),
    })
}

fn machine(value: &Value) -> Result<Scale, String> {
    let fields = Fields(value);
    let number = |key: &str| fields.number(key);
    let partitions = fields.count("partitions")?;
    if partitions == 0 {
        return Err("\"partitions\" are none".to_string());
    }
    let launches = check::launches(fields)?;
    let (resident, heap) = (number("resident_bytes")?, number("heap_bytes")?);
    if heap > resident {
        return Err("\"heap_bytes\" are more than \"resident_bytes\"".to_string());
    }
    Ok(Scale {
        partitions: partitions as f64,
        prompt_ms: number("hand_over_to_prompt_ms")?,
        resident,
        heap,
        boot_s: number("boot_s")?,
        launches,
        list_ms: number("list_ms")?,
    })
}

fn figure(value: &Value, runs: usize) -> Result<Figure, String> {
    let fields = Fields(value);
    let partition = fields.of_runs("partition", runs)?;
    let alone = fields.of_runs("alone", runs)?;
    let better = fields.text("better")?;
    let (above, below) = match better.as_str() {
        "less" => (&alone, &partition),
        "more" | "neither" => (&partition, &alone),
        _ => return Err(format!("\"better\" is {better:?}")),
    };
    let ratio = median(above) / median(below);
    if ratio.is_infinite() {
        return Err("something by nothing is no ratio".to_string());
    }
    fields.is_about("ratio_of_speeds", ratio, check::within(above, below))?;
    Ok(Figure {
        name: fields.text("name")?,
        unit: fields.text("unit")?,
        is_open: better == "neither",
        partition,
        alone,
        // Nothing on both sides is as much.
        ratio: if ratio.is_nan() { 1.0 } else { ratio },
    })
}

/// Of every `.json` in a folder, by name.
pub(super) fn all(folder: &Path) -> Result<Vec<Results>, String> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.retain(|path| !path.ends_with(TORTURE));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        Results::parse(&name, &text)
    };
    paths.iter().map(read).collect()
}
