//! How a file was asked for, and on what it ran: all of it as it can be, and no number that its part does not go by.

use serde_json::Value;

use super::check::{Fields, is_day};
use super::name;
use super::parts::Part;

/// More is a slip: what `make bench` accepts.
const MOST: u64 = 1_000_000;
/// As many as QEMU's board has beside Bulkhead's own.
const MOST_CORES: u64 = 254;
/// More than any host has.
const MOST_PROCESSORS: u64 = 65_536;

/// What may be asked for; a part [goes by](Part::goes_by) some of it.
const NUMBERS: [&str; 5] = ["runs", "cores", "memory", "work_seconds", "halted"];

#[derive(Debug)]
pub(super) struct Metadata {
    /// What it ran on, in a line.
    pub(super) machine: String,
    /// How it was asked for, in a line.
    pub(super) asked: String,
    /// None where the part does not go by them.
    pub(super) runs: usize,
    pub(super) cores: Option<u64>,
    pub(super) is_halted: bool,
}

impl Metadata {
    /// Of a whole file with that name, which is of that part.
    pub(super) fn read(
        name: &str,
        part: &Part,
        value: &Value,
        today: &str,
    ) -> Result<Self, String> {
        let rows = value[part.key].as_array().map_or(&[][..], Vec::as_slice);
        let accelerators = accelerators(value, rows)?;
        let fields = Fields(value);
        let time = time(fields, &accelerators)?;
        let mut clocks = rows.iter().filter_map(|row| row.get("clock"));
        if let Some(own) = clocks.find(|own| **own != value["clock"]) {
            return Err(format!(
                "\"clock\" is {own} of one and {} of all: the same is accepted",
                value["clock"]
            ));
        }
        for key in NUMBERS {
            match part.goes_by.contains(&key) {
                true => is_possible(fields, key)?,
                false if value[key].is_null() || value[key] == false => {}
                false => {
                    return Err(format!(
                        "\"{key}\" is {}, and \"{}\" does not go by it: none is accepted",
                        value[key], part.key
                    ));
                }
            }
        }
        let runs = value["runs"].as_u64().unwrap_or(0);
        let read = Self {
            machine: machine(Fields(&value["host"]), &accelerators, today)?,
            asked: asked(part, value, time),
            runs: usize::try_from(runs).unwrap_or(usize::MAX),
            cores: value["cores"].as_u64(),
            is_halted: value["halted"] == true,
        };
        name::check(name, part.key, rows, &read)?;
        Ok(read)
    }
}

/// Whether a number that a part goes by is one that can be asked for.
fn is_possible(fields: Fields, key: &str) -> Result<(), String> {
    match key {
        "cores" => fields.within(key, 1..=MOST_CORES).map(|_| ()),
        "halted" => fields.flag(key).map(|_| ()),
        "memory" => {
            let text = fields.text(key)?;
            let number = text.strip_suffix(['M', 'G']).map(str::parse::<u32>);
            match number {
                Some(Ok(1..)) => Ok(()),
                _ => Err(format!(
                    "\"{key}\" is {text:?}: a size like \"512M\" is accepted"
                )),
            }
        }
        _ => fields.within(key, 1..=MOST).map(|_| ()),
    }
}

/// QEMU's arguments: those of the rows first, each once, where some have machines of their own; and the file's.
fn accelerators(value: &Value, rows: &[Value]) -> Result<Vec<String>, String> {
    let mut all: Vec<String> = Vec::new();
    let own = rows.iter().filter_map(|row| row["accelerator"].as_str());
    for accelerator in own {
        if !all.iter().any(|other| other == accelerator) {
            all.push(accelerator.to_string());
        }
    }
    let of_file = Fields(&value["host"]).text("accelerator")?;
    // The file's is none of theirs, but has the same clock.
    match all
        .iter()
        .find(|own| is_counted(own) != is_counted(&of_file))
    {
        Some(own) => Err(format!(
            "\"accelerator\" is {own:?} of one and {of_file:?} of all: both with -icount is accepted, or neither"
        )),
        None if all.is_empty() => Ok(vec![of_file]),
        None => Ok(all),
    }
}

fn is_counted(accelerator: &str) -> bool {
    accelerator.contains("-icount")
}

/// Whose time it is: what is written, and what the machines were started with.
fn time(fields: Fields, accelerators: &[String]) -> Result<&'static str, String> {
    let clock = fields.text("clock")?;
    for accelerator in accelerators {
        let wanted = match is_counted(accelerator) {
            true => "virtual",
            false => "host",
        };
        if clock != wanted {
            return Err(format!(
                "\"clock\" is {clock:?}, and \"accelerator\" {accelerator:?}: with that \"{wanted}\" is accepted"
            ));
        }
    }
    Ok(match clock.as_str() {
        "virtual" => "virtual time",
        _ => "the host's time",
    })
}

fn machine(host: Fields, accelerators: &[String], today: &str) -> Result<String, String> {
    let load = host.text("load_before")?;
    if !load
        .parse()
        .is_ok_and(|load: f64| (0.0..1e6).contains(&load))
    {
        return Err(format!(
            "\"load_before\" is {load:?}: a number from 0 on is accepted"
        ));
    }
    Ok(format!(
        "QEMU {} ({}) on {} x {}, load {load} before{}",
        host.text("qemu")?,
        accelerators.join(" and "),
        host.within("processors", 1..=MOST_PROCESSORS)?,
        host.text("processor")?,
        of(host, today)?,
    ))
}

/// Of which Bulkhead, and when; earlier versions of the benchmark do not say.
fn of(host: Fields, today: &str) -> Result<String, String> {
    if host.0["date"].is_null() && host.0["commit"].is_null() {
        return Ok(String::new());
    }
    let (commit, date) = (host.text("commit")?, host.text("date")?);
    match is_day(&date) && date.as_str() <= today {
        true => Ok(format!(", {commit} on {date}")),
        false => Err(format!(
            "\"date\" is {date:?}: a day like \"2026-11-30\" until today is accepted"
        )),
    }
}

/// A part's numbers as a sentence has them.
fn asked(part: &Part, value: &Value, time: &str) -> String {
    let side = match part.key {
        "restarts" => "each",
        _ => "each side",
    };
    let mut all = Vec::new();
    for key in part.goes_by {
        let what = match &value[*key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        all.push(match *key {
            "runs" => format!("{what} run(s) of {side}"),
            "cores" => format!("{what} core(s)"),
            "memory" => format!("{what} of RAM"),
            "work_seconds" if part.key == "contention" => format!("{what}/4 s of each load"),
            "work_seconds" => format!("{what} s of each work"),
            _ => continue,
        });
    }
    all.push(time.to_string());
    if value["halted"] == true {
        all.push("Bulkhead's own core parked".to_string());
    }
    all.join(", ")
}
