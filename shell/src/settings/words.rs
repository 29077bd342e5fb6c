//! Values that are one of a few words, or a number.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_model::{Com, Isolation, MAX_CONTROLLED, RestartPolicy, Right, WATCHDOG_SECONDS};

use crate::error::did_you_mean;
use crate::sentence::Cut;
use crate::values;

pub(super) fn console(value: &str) -> Result<Option<Com>, String> {
    // What is printed is read in memory in any case: without a port there is nothing else.
    if ["", "mem", "none"].contains(&value) {
        return Ok(None);
    }
    Com::from_name(value).map(Some).ok_or_else(|| {
        let tty = Com::ALL
            .into_iter()
            .find(|com| value == format!("ttyS{}", com.tty_index()));
        let hint = match tty {
            Some(com) => format!(", did you mean \"{}\"?", com.name()),
            None => did_you_mean(value, Com::ALL.map(Com::name)),
        };
        let value = Cut(value);
        format!("\"{value}\" is not a console{hint} (accepted: mem, com1, com2, com3, com4, none)")
    })
}

pub(super) fn node(value: &str) -> Result<Option<usize>, String> {
    if value.is_empty() || value == "none" {
        return Ok(None);
    }
    let number = values::number(value).and_then(|number| usize::try_from(number).ok());
    let refused = || {
        format!(
            "\"{}\" is not a node (accepted: 0, 1, ..., none)",
            Cut(value)
        )
    };
    number.map(Some).ok_or_else(refused)
}

pub(super) fn watchdog(value: &str) -> Result<Option<u32>, String> {
    if value.is_empty() || value == "none" {
        return Ok(None);
    }
    let seconds = values::number(value).filter(|seconds| WATCHDOG_SECONDS.contains(seconds));
    let (least, most) = (WATCHDOG_SECONDS.start(), WATCHDOG_SECONDS.end());
    let refused = || {
        let value = Cut(value);
        format!("\"{value}\" is no number of seconds (accepted: {least} to {most}, none)")
    };
    seconds.map(Some).ok_or_else(refused)
}

pub(super) fn restart(value: &str) -> Result<RestartPolicy, String> {
    let names = RestartPolicy::ALL.map(RestartPolicy::name);
    one_of(
        RestartPolicy::from_name(value),
        value,
        "a restart policy",
        &names,
    )
}

/// How what is meant where nothing is said is written.
const DEFAULT: &str = "default";

pub(crate) fn isolation(value: &str) -> Result<Option<Isolation>, String> {
    if value == DEFAULT {
        return Ok(None);
    }
    let names = [Isolation::Bare.name(), Isolation::Dma.name(), DEFAULT];
    one_of(Isolation::from_name(value), value, "an isolation", &names).map(Some)
}

/// What a word of a few means, which says `what`.
fn one_of<T>(found: Option<T>, value: &str, what: &str, names: &[&str]) -> Result<T, String> {
    found.ok_or_else(|| {
        let hint = did_you_mean(value, names.iter().copied());
        let (value, names) = (Cut(value), names.join(", "));
        format!("\"{value}\" is not {what}{hint} (accepted: {names})")
    })
}

pub(super) fn yes_or_no(value: &str) -> Result<bool, String> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!(
            "\"{}\" is neither yes nor no (accepted: yes, no)",
            Cut(value)
        )),
    }
}

pub(super) fn right(value: &str) -> Result<Right, String> {
    match value {
        "yes" => return Ok(Right::All),
        "no" | "" => return Ok(Right::No),
        // Meant as these two, not as names.
        "true" | "false" | "on" | "off" => {
            let accepted = "(accepted: yes, no, names of partitions)";
            return Err(format!("\"{value}\" is neither yes nor no {accepted}"));
        }
        _ => {}
    }
    let names: Vec<String> = value.split(',').map(String::from).collect();
    let accepted = "(accepted: yes, no, names of partitions)";
    for name in &names {
        let is_word = name == "yes" || name == "no";
        if is_word || names.iter().filter(|other| *other == name).count() > 1 {
            let why = if is_word {
                "stands alone"
            } else {
                "is named twice"
            };
            return Err(format!("\"{}\" {why} {accepted}", Cut(name)));
        }
        bulkhead_model::check_name(name)
            .map_err(|error| format!("\"{}\" {error} {accepted}", Cut(name)))?;
    }
    if names.len() > MAX_CONTROLLED {
        return Err(format!("at most {MAX_CONTROLLED} partitions can be named"));
    }
    Ok(Right::Only(names))
}
