//! Numbers in sentences, which `make evaluation` does not write: each is what the results come to.

mod restarts;
mod scale;
mod timers;

use serde_json::Value;

use super::results;
use super::table::median;
use super::{Measured, Results};
use crate::root;
use crate::torture::{self, Mode};

const PAGE: &str = "docs/evaluation/README.md";

/// A file of the evaluation's folder.
fn read(name: &str) -> String {
    let path = root().join("docs/evaluation").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(name: &str) -> Value {
    serde_json::from_str(&read(name)).expect("it is JSON")
}

fn all() -> Vec<Results> {
    results::all(&root().join("docs/evaluation")).expect("they are read")
}

/// As one line, however it was broken.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The page up to what one looks into first, as one line.
fn first_table() -> String {
    let text = read("README.md");
    let (first, _) = text.split_once("## How to read it").expect("a first table");
    line(first)
}

/// With that many digits behind the point, halves up, as who writes does.
fn digits(value: f64, digits: usize) -> String {
    format!("{:.digits$}", value + 1e-9)
}

/// As who writes has it.
fn word(count: usize) -> &'static str {
    const WORDS: [&str; 13] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve",
    ];
    WORDS.get(count).expect("a word for it")
}

fn has(place: &str, text: &str, wanted: &[String]) {
    for wanted in wanted {
        assert!(
            text.contains(wanted),
            "{place} has no {wanted:?}, to which the results come"
        );
    }
}

/// A core's work, with Bulkhead's own core parked or at its prompt: the smallest ratio, the median and the largest, and on
/// which kernels, and of these on how many cores.
fn core_work(is_halted: bool) -> ([f64; 3], Vec<(String, u64)>) {
    let (mut ratios, mut on) = (Vec::new(), Vec::new());
    for one in all().iter().filter(|one| one.is_halted == is_halted) {
        let Measured::Work(kernels) = &one.measured else {
            continue;
        };
        for work in kernels {
            // Else it is of devices.
            if work.figures.iter().any(|figure| figure.name == "CPU loop") {
                ratios.extend(work.figures.iter().map(|figure| figure.ratio));
                on.push((work.kernel.clone(), one.cores.expect("a number of cores")));
            }
        }
    }
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    ([least, median(&ratios), most], on)
}

/// What root of a partition does in torture: how many cases were run, and those that hurt others in each mode.
fn tortured() -> (usize, [usize; 2]) {
    let results = torture::Results::parse(&read("torture.json")).expect("it is torture's");
    let mut cases = torture::all();
    cases.retain(|case| !case.is_by_monitor());
    let counts = Mode::ALL.map(|mode| results.counts(&cases, mode));
    let [first, _] = counts.map(|count| count[..3].iter().sum());
    (first, counts.map(|count| count[2]))
}

#[test]
fn the_readme_has_what_was_measured() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let (first, _) = text.split_once("## Ten minutes").expect("a first screen");
    let ([_, core, _], _) = core_work(false);
    let (cases, [bare, _]) = tortured();
    let wanted = [
        format!(
            "a core's work at {} % of the same Linux alone",
            digits(core * 100.0, 1)
        ),
        format!(
            "a restart in {} s, {} ms of it the launch",
            digits(restarts::to_init("partition"), 1),
            digits(restarts::launch("doorbell_to_entry_ms"), 1)
        ),
        format!("root hurts others in {bare} of {cases} ways, *bare*"),
    ];
    has("README.md", &line(first), &wanted);
}

#[test]
fn the_first_table_has_what_was_measured() {
    let ([least, _, most], on) = core_work(true);
    let ([_, at_prompt, _], _) = core_work(false);
    let (cases, [bare, dma]) = tortured();
    let wanted = [
        format!(
            "{} to {} of it, on {} combinations of kernel and cores, with Bulkhead's own core parked",
            digits(least, 3),
            digits(most, 3),
            word(on.len())
        ),
        format!("{} with it at its prompt", digits(at_prompt, 3)),
        format!(
            "{} s to `/init`, of which {} ms are the launch",
            digits(restarts::to_init("partition"), 2),
            digits(restarts::launch("doorbell_to_entry_ms"), 1)
        ),
        format!(
            "{} s by QEMU's BIOS",
            digits(restarts::to_init("machine_reset_bios"), 2)
        ),
        format!(
            "{} by UEFI",
            digits(restarts::to_init("machine_reset_uefi"), 2)
        ),
        format!("nothing bends up to {}", scale::most_partitions()),
        scale::most_of_all()[0].clone(),
        format!("in `bare` {bare} of {cases} things root did hurt others, in `dma` {dma}"),
    ];
    has(PAGE, &first_table(), &wanted);
}

/// Three versions, each with a kernel for clouds and one for all else, on one core and on two.
const COMBINATIONS: usize = 12;

#[test]
fn a_cores_work_is_on_as_many_combinations_as_are_told_of() {
    let (_, on) = core_work(true);
    for (number, one) in on.iter().enumerate() {
        assert!(!on[..number].contains(one), "{one:?} is there twice");
    }
    let missing = COMBINATIONS - on.len();
    let text = line(&read("README.md"));
    let says = |missing| {
        let wanted = format!("{} of {} combinations", word(missing), word(COMBINATIONS));
        text.contains(&wanted)
    };
    for count in 1..COMBINATIONS {
        assert_eq!(
            says(count),
            count == missing,
            "{count} combinations missing"
        );
    }
}
