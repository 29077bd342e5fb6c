//! The parts of the benchmark that can be shown, and how each is read.

use serde_json::Value;

use super::check::{self, Fields, are_different};
use super::contention::Contention;
use super::restart::Restarts;
use super::results::{Figure, Jitter, Measured, Scale, Work};
use super::table::median;

/// What a file may be of.
pub(super) struct Part {
    /// What `make bench` calls it.
    pub(super) key: &'static str,
    /// What may be asked for, and changes it; of the rest it has numbers of its own, or none.
    pub(super) goes_by: &'static [&'static str],
    /// All of it, so many runs of each side.
    pub(super) read: fn(&[Value], usize) -> Result<Measured, String>,
}

const PARTS: [Part; 5] = [
    Part {
        key: "work",
        goes_by: &["runs", "cores", "memory", "work_seconds", "halted"],
        read: |all, runs| {
            let all = each(all, |one| work(one, runs))?;
            are_different(all.iter().map(|one| one.kernel.as_str()))?;
            Ok(Measured::Work(all))
        },
    },
    Part {
        key: "counted",
        goes_by: &[],
        read: |all, _| {
            let all = each(all, machine)?;
            match all.is_sorted_by(|one, next| one.partitions < next.partitions) {
                true => Ok(Measured::Scale(all)),
                false => Err("\"partitions\" are not more and more".to_string()),
            }
        },
    },
    Part {
        key: "neighbour",
        goes_by: &[],
        read: |all, _| cases(all).map(Measured::Jitter),
    },
    Part {
        key: "contention",
        goes_by: &["runs", "work_seconds"],
        read: |all, runs| {
            let all = each(all, |one| Contention::parse(one, runs))?;
            are_different(all.iter().map(|one| one.kernel.as_str()))?;
            Ok(Measured::Contention(all))
        },
    },
    Part {
        key: "restarts",
        goes_by: &["runs", "cores", "memory"],
        read: |all, runs| {
            let read = each(all, |one| Restarts::parse(one, runs))?;
            are_different(all.iter().filter_map(|one| one["kernel"].as_str()))?;
            Ok(Measured::Restarts(read))
        },
    },
];

/// The part that a file is of, and all of it.
pub(super) fn find(value: &Value) -> Result<(&'static Part, &[Value]), String> {
    let found = PARTS
        .iter()
        .filter_map(|part| match value[part.key].as_array() {
            Some(all) if !all.is_empty() => Some((part, all.as_slice())),
            _ => None,
        });
    match found.collect::<Vec<_>>()[..] {
        [one] => Ok(one),
        _ => Err(format!(
            "one of {} is accepted, with something in it",
            PARTS.map(|part| part.key).join(", ")
        )),
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

/// Each way to end once, each control before and after, at least one of each kernel.
fn cases(all: &[Value]) -> Result<Vec<Jitter>, String> {
    let cases = each(all, case)?;
    for (number, case) in cases.iter().enumerate() {
        let Jitter { kernel, other, .. } = case;
        let is_same = |before: &&Jitter| before.kernel == *kernel && before.other == *other;
        let before = cases[..number].iter().filter(is_same).count();
        let (most, word) = match case.is_control {
            true => (2, "twice"),
            false => (1, "once"),
        };
        if before == most {
            return Err(format!("{kernel}, {other}: {word} is accepted"));
        }
        if all[..number].contains(&all[number]) {
            return Err(format!(
                "{kernel}, {other}: the same numbers twice; those of two runs are accepted"
            ));
        }
        let is_its = |control: &&Jitter| control.is_control && control.kernel == *kernel;
        if !cases.iter().any(|case| is_its(&case)) {
            return Err(format!("there is no control of {kernel}"));
        }
    }
    Ok(cases)
}

/// More milliseconds than thirty years have.
const MOST: u64 = 1_000_000_000_000;

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
    let histogram = histogram.filter(|all| all.len() <= 64 && all.iter().all(|one| *one < MOST));
    let histogram = histogram.ok_or_else(|| {
        format!("\"histogram\" is not of 64 numbers at most, each of less than {MOST} ticks")
    })?;
    let ticks = fields.count("ticks")?;
    let lost = fields.count("lost")?;
    check::ticks(ticks, late_us, &histogram)?;
    check::lost(lost, late_us[3], &histogram)?;
    Ok(Jitter {
        kernel: fields.text("kernel")?,
        other,
        is_control,
        ticks: [ticks, lost],
        // Less than a day's.
        late_us: late_us.map(|us| us as f64),
        histogram: histogram.into_iter().map(|count| count as f64).collect(),
    })
}

/// As many as Bulkhead knows.
const MOST_PARTITIONS: u64 = 64;

fn machine(value: &Value) -> Result<Scale, String> {
    let fields = Fields(value);
    let number = |key: &str| fields.above_zero(key);
    let partitions = fields.within("partitions", 1..=MOST_PARTITIONS)?;
    let launches = check::launches(fields)?;
    let boot_s = number("boot_s")?;
    if let Some([entry, _]) = launches.iter().find(|[ms, _]| *ms > boot_s * 1000.0) {
        return Err(format!("a boot of {boot_s} s has a launch of {entry} ms"));
    }
    let (resident, heap) = (number("resident_bytes")?, number("heap_bytes")?);
    if heap > resident {
        return Err("\"heap_bytes\" are more than \"resident_bytes\"".to_string());
    }
    Ok(Scale {
        partitions: partitions as f64,
        prompt_ms: number("hand_over_to_prompt_ms")?,
        resident,
        heap,
        boot_s,
        launches,
        list_ms: number("list_ms")?,
    })
}

fn figure(value: &Value, runs: usize) -> Result<Figure, String> {
    let fields = Fields(value);
    let better = fields.text("better")?;
    // What should be the same on both sides may be nothing: no interrupts.
    let side = |key: &str| match better.as_str() {
        "neither" => fields.of_runs(key, runs),
        _ => fields.of_runs_above_zero(key, runs),
    };
    let (partition, alone) = (side("partition")?, side("alone")?);
    let (above, below) = match better.as_str() {
        "less" => (&alone, &partition),
        "more" | "neither" => (&partition, &alone),
        _ => {
            return Err(format!(
                "\"better\" is {better:?}: \"less\", \"more\" or \"neither\" is accepted"
            ));
        }
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
