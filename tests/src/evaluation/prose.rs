//! Numbers in sentences, which `make evaluation` does not write: each is what the results come to.

use serde_json::Value;

use super::table::median;
use super::{Measured, results};
use crate::root;
use crate::torture::{self, Mode};

/// A file of the evaluation's folder.
fn read(name: &str) -> String {
    let path = root().join("docs/evaluation").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// As one line, however it was broken.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// With that many digits behind the point, halves up, as who writes does.
fn digits(value: f64, digits: usize) -> String {
    format!("{:.digits$}", value + 1e-9)
}

/// Ratios of the results that `which` takes, by name: the smallest, the median, the largest, and of how many results.
fn ratios(which: impl Fn(&str) -> bool) -> ([f64; 3], usize) {
    let all = results::all(&root().join("docs/evaluation")).expect("they are read");
    let mut ratios = Vec::new();
    let mut count = 0;
    for one in all.iter().filter(|one| which(&one.name)) {
        let Measured::Work(kernels) = &one.measured else {
            continue;
        };
        count += 1;
        let figures = kernels.iter().flat_map(|kernel| &kernel.figures);
        ratios.extend(figures.map(|figure| figure.ratio));
    }
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    ([least, median(&ratios), most], count)
}

/// The median of some runs in the restarts' file.
fn restart(way: impl Fn(&Value) -> &Value) -> f64 {
    let value: Value = serde_json::from_str(&read("restart-6.1.json")).expect("it is JSON");
    let runs = way(&value["restarts"][0]).as_array().expect("runs");
    median(&runs.iter().filter_map(Value::as_f64).collect::<Vec<_>>())
}

fn to_init(way: &str) -> f64 {
    restart(|row| &row[way]["to_init_s"])
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

/// Whether these results are a core's work, with Bulkhead's own core parked.
fn is_parked(name: &str) -> bool {
    let is_other = name == "work-6.1-core" || name.ends_with("-devices");
    name.starts_with("work-") && !is_other
}

fn has(place: &str, text: &str, wanted: &[String]) {
    for wanted in wanted {
        assert!(
            text.contains(wanted),
            "{place} has no {wanted:?}, to which the results come"
        );
    }
}

#[test]
fn the_readme_has_what_was_measured() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let (first, _) = text.split_once("## Ten minutes").expect("a first screen");
    let ([_, core, _], _) = ratios(|name| name == "work-6.1-core");
    let (cases, [bare, _]) = tortured();
    let wanted = [
        format!(
            "a core's work at {} % of the same Linux alone",
            digits(core * 100.0, 1)
        ),
        format!(
            "a restart in {} s, {} ms of it Bulkhead's",
            digits(to_init("partition"), 1),
            digits(restart(|row| &row["doorbell_to_entry_ms"]), 1)
        ),
        format!("root hurts others in {bare} of {cases} ways, *bare*"),
    ];
    has("README.md", &line(first), &wanted);
}

#[test]
fn the_first_table_has_what_was_measured() {
    let text = read("README.md");
    let (first, _) = text.split_once("## How to read it").expect("a first table");
    let ([least, _, most], count) = ratios(is_parked);
    assert_eq!(count, 9, "the first table says nine combinations");
    let ([_, at_prompt, _], _) = ratios(|name| name == "work-6.1-core");
    let (cases, [bare, dma]) = tortured();
    let scale: Value = serde_json::from_str(&read("scale.json")).expect("it is JSON");
    let machines = scale["counted"].as_array().expect("machines");
    let most_partitions = machines.iter().filter_map(|one| one["partitions"].as_u64());
    let wanted = [
        format!("{} to {} of it, on nine", digits(least, 3), digits(most, 3)),
        format!("{} with it at its prompt", digits(at_prompt, 3)),
        format!(
            "{} s to `/init`, of which {} ms are Bulkhead's",
            digits(to_init("partition"), 2),
            digits(restart(|row| &row["doorbell_to_entry_ms"]), 1)
        ),
        format!(
            "{} s by QEMU's BIOS",
            digits(to_init("machine_reset_bios"), 2)
        ),
        format!("{} by UEFI", digits(to_init("machine_reset_uefi"), 2)),
        format!("up to {}", most_partitions.max().expect("one")),
        format!("in `bare` {bare} of {cases} things root did hurt others, in `dma` {dma}"),
    ];
    has("docs/evaluation/README.md", &line(first), &wanted);
}

/// Both tables of timers, by the kernel whose timer it is: periods lost, and by how much the latest tick beside something is
/// later than that of all controls.
#[test]
fn the_first_table_has_how_late_a_timer_was() {
    let text = read("README.md");
    let (first, _) = text.split_once("## How to read it").expect("a first table");
    let all = results::all(&root().join("docs/evaluation")).expect("they are read");
    let mut cases = Vec::new();
    for one in all {
        if let Measured::Jitter(own) = one.measured {
            cases.push((one.name, own));
        }
    }
    let is_lost =
        |(_, own): &(String, Vec<results::Jitter>)| own.iter().any(|case| case.ticks[1] > 0);
    let says_none = line(first).contains("no period of a millisecond was lost");
    assert_eq!(says_none, !cases.iter().any(is_lost), "periods lost");
    let own = |wanted: &str| {
        let found = cases.iter().find(|(name, _)| name == wanted);
        &found.unwrap_or_else(|| panic!("no {wanted}.json")).1
    };
    // Of one kernel, since each has controls of its own.
    let later = |own: &[results::Jitter], kernel: &str| {
        let latest = |is_control| {
            let own = own
                .iter()
                .filter(|case| case.kernel == kernel && case.is_control == is_control);
            own.map(|case| case.late_us[3]).fold(0.0, f64::max)
        };
        latest(false) - latest(true)
    };
    let ends = own("timer-ends");
    let is_later = ends.iter().any(|case| later(ends, &case.kernel) > 0.0);
    let says_none =
        line(first).contains("beside ways to end no tick is later than in the controls");
    assert_eq!(says_none, !is_later, "ticks later than in the controls");
    let loads = own("timer-loads-6.1");
    let later_us = later(loads, &loads[0].kernel);
    let later = digits(later_us / 1000.0, 2);
    let wanted = format!("that panics again and again the latest is {later} ms later");
    has("docs/evaluation/README.md", &line(first), &[wanted]);
    let requirements = std::fs::read_to_string(root().join("docs/requirements.md"));
    let wanted = format!(
        "the latest tick at most {} us later than in the controls",
        digits(later_us, 0)
    );
    let requirements = requirements.expect("it is there");
    has("docs/requirements.md", &requirements, &[wanted]);
}
