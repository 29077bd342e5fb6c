//! What `make bench` has written.

use std::path::Path;

use serde_json::Value;

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

/// What `make bench` calls what can be shown, and how each is read: all of it, or what is not whole.
type Reader = fn(&[Value]) -> Result<Measured, &'static str>;
const PARTS: [(&str, Reader); 5] = [
    ("work", |all| {
        each(all, work)
            .map(Measured::Work)
            .ok_or("a figure of work")
    }),
    ("counted", |all| {
        each(all, machine)
            .map(Measured::Scale)
            .ok_or("a machine of scale")
    }),
    ("neighbour", |all| {
        each(all, case)
            .map(Measured::Jitter)
            .ok_or("a neighbour's case")
    }),
    ("contention", |all| {
        each(all, Contention::parse)
            .map(Measured::Contention)
            .ok_or("a load of contention")
    }),
    ("restarts", |all| {
        each(all, Restarts::parse)
            .map(Measured::Restarts)
            .ok_or("a restart")
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
        let measured = read(all).map_err(|what| format!("{name}: {what} is not whole"))?;
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

fn each<T>(all: &[Value], read: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    all.iter().map(read).collect()
}

fn work(value: &Value) -> Option<Work> {
    Some(Work {
        kernel: value["kernel"].as_str()?.to_string(),
        figures: each(value["one"].as_array()?, figure)?,
    })
}

fn case(value: &Value) -> Option<Jitter> {
    let number = |key: &str| number(&value[key]);
    let count = |key: &str| value[key].as_u64();
    let word = |key: &str| Some(value[key].as_str()?.to_string());
    Some(Jitter {
        kernel: word("kernel")?,
        other: word("other")?,
        is_control: value["is_control"].as_bool()?,
        ticks: [count("ticks")?, count("lost")?],
        late_us: [
            number("p50_us")?,
            number("p99_us")?,
            number("p999_us")?,
            number("max_us")?,
        ],
        histogram: numbers(&value["histogram"])?,
    })
}

fn machine(value: &Value) -> Option<Scale> {
    let number = |key: &str| number(&value[key]);
    let entry = numbers(&value["doorbell_to_entry_ms"])?;
    let copy = numbers(&value["copy_ms"])?;
    if entry.len() != copy.len() {
        return None;
    }
    let launches = entry.into_iter().zip(copy);
    Some(Scale {
        partitions: number("partitions").filter(|count| *count >= 1.0)?,
        prompt_ms: number("hand_over_to_prompt_ms")?,
        resident: number("resident_bytes")?,
        heap: number("heap_bytes")?,
        boot_s: number("boot_s")?,
        launches: launches.map(|(entry, copy)| [entry, copy]).collect(),
        list_ms: number("list_ms")?,
    })
}

/// Nothing that is measured is less than nothing, or more than a number can be drawn.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| (0.0..1e15).contains(number))
}

/// One at least.
pub(super) fn numbers(value: &Value) -> Option<Vec<f64>> {
    let all: Option<Vec<f64>> = value.as_array()?.iter().map(number).collect();
    all.filter(|all| !all.is_empty())
}

fn figure(value: &Value) -> Option<Figure> {
    let [partition, alone] = [&value["partition"], &value["alone"]].map(numbers);
    let (partition, alone) = (partition?, alone?);
    let (own, other) = (median(&partition), median(&alone));
    let ratio = match value["better"].as_str()? {
        "less" => other / own,
        "more" | "neither" => own / other,
        _ => return None,
    };
    Some(Figure {
        name: value["name"].as_str()?.to_string(),
        unit: value["unit"].as_str()?.to_string(),
        is_open: value["better"] == "neither",
        partition,
        alone,
        // Nothing on both sides is as much.
        ratio: if own == other { 1.0 } else { ratio },
    })
    .filter(|figure| figure.ratio.is_finite())
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
