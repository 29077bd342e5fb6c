//! When two values of a key mean the same.

use std::collections::BTreeSet;
use std::fmt::Write;

use bulkhead_model::RestartPolicy;

/// A value such that two which mean the same are equal.
pub(super) fn meaning(key: &str, value: &str) -> String {
    match (key, value) {
        ("cores", list) => {
            let mut cores = BTreeSet::new();
            for item in list.split(',') {
                let (first, last) = item.split_once('-').unwrap_or((item, item));
                match (number(first), number(last)) {
                    // More than any machine has is no list to be counted through.
                    (Some(first), Some(last)) if last.saturating_sub(first) < 4096 => {
                        cores.extend(first..=last);
                    }
                    _ => return list.to_string(),
                }
            }
            format!("{cores:?}")
        }
        ("memory", list) => {
            let mut out = String::new();
            for item in list.split(',') {
                let (size, at) = item.split_once('@').unwrap_or((item, ""));
                let _ = match (bytes(size), number(at)) {
                    (Some(size), Some(at)) => write!(out, "{size}@{at},"),
                    (Some(size), None) if at.is_empty() => write!(out, "{size},"),
                    _ => write!(out, "{item},"),
                };
            }
            out
        }
        ("console" | "node", "") => String::from("none"),
        ("devices", list) => {
            let items: BTreeSet<String> = list.split(',').map(device).collect();
            format!("{items:?}")
        }
        (_, value) => value.to_string(),
    }
}

/// `00:1f.2` is short for `0000:00:1f.2`.
fn device(name: &str) -> String {
    let is_short = name.matches(':').count() == 1 && name.contains('.');
    if is_short {
        format!("0000:{name}")
    } else {
        name.to_string()
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" | "k" => 10,
        "M" | "m" => 20,
        "G" | "g" => 30,
        "T" | "t" => 40,
        _ => return None,
    };
    number(digits)?.checked_mul(1 << shift)
}

/// What a key is where it is not given.
pub(super) fn absent(key: &str) -> String {
    match key {
        "isolation" => String::from("default"),
        "restart" => RestartPolicy::default().name().to_string(),
        "control" | "dump" => String::from("no"),
        "console" | "node" => String::from("none"),
        _ => String::new(),
    }
}
