//! What `make bench` has written.

use std::path::Path;

use serde_json::Value;

use super::contention::{self, Contention};
use super::metadata::Metadata;
use super::plot::{self, Bars};
use super::restart::{self, Restarts};
use super::{jitter, parts, scale, table};
use crate::source;

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
    /// Of each Linux, where that was asked for.
    pub cores: Option<u64>,
    /// Whether Bulkhead's own core was parked.
    pub is_halted: bool,
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

impl Results {
    /// # Errors
    /// What is not as `make bench` writes it.
    pub fn parse(name: &str, json: &str) -> Result<Self, String> {
        let read = || {
            let value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
            let (part, all) = parts::find(&value)?;
            let metadata = Metadata::read(name, part, &value, &source::today())?;
            Ok(Self {
                name: name.to_string(),
                measured: (part.read)(all, metadata.runs)?,
                machine: metadata.machine,
                asked: metadata.asked,
                cores: metadata.cores,
                is_halted: metadata.is_halted,
            })
        };
        read().map_err(|why: String| format!("{name}.json: {why}"))
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
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("{name}.json: {error}"))?;
        Results::parse(&name, &text)
    };
    paths.iter().map(read).collect()
}
