//! Work as a table of Markdown.

use std::fmt::Write;

use super::Figure;
use super::results::Work;
use crate::tool::short;
use crate::values::{Values, by_chance};

/// What is wanted of a ratio in virtual time, where it has no noise to hide in.
pub(super) const WANTED: std::ops::RangeInclusive<f64> = 0.99..=1.01;

/// What happens by chance more seldom is taken for none.
const RARE: f64 = 0.05;

pub(super) fn of(all: &[Work]) -> String {
    let mut out = String::new();
    for Work { kernel, figures } in all {
        let _ = write!(
            out,
            "\n| {kernel} | unit | partition | spread | alone | spread | ratio of speeds | |\n\
             |---|---|---|---|---|---|---|---|\n"
        );
        for figure in figures {
            out += &row(figure);
        }
    }
    out
}

fn row(figure: &Figure) -> String {
    let Figure {
        name,
        unit,
        is_open,
        partition,
        alone,
        ratio,
    } = figure;
    let side = |values: &[f64]| format!("{} | {}", short(median(values)), apart(values));
    let verdict = if *is_open || WANTED.contains(ratio) {
        String::new()
    } else {
        match by_chance(partition, alone) {
            Some(part) if part >= RARE => format!("outside; by chance in {:.0} %", part * 100.0),
            _ => "**outside**".to_string(),
        }
    };
    format!(
        "| {name} | {unit} | {} | {} | {ratio:.4} | {verdict} |\n",
        side(partition),
        side(alone)
    )
}

pub(super) fn median(values: &[f64]) -> f64 {
    Values::of(values.iter().copied()).median
}

/// How far apart the runs lie, as a part of their median: in words.
pub(super) fn apart(values: &[f64]) -> String {
    match values {
        [_] => "one run".to_string(),
        _ => {
            let spread = Values::of(values.iter().copied()).spread();
            format!("{:.2} %", spread * 100.0)
        }
    }
}
