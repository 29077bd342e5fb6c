//! A run as a plot: ratios, beside what is wanted.

use std::fmt::Write;

use super::Results;
use super::table::WANTED;
pub(super) use crate::svg::escaped;

/// Bars that belong together.
pub(super) struct Bars {
    /// What stands above them.
    pub(super) title: String,
    /// Their names and ratios.
    pub(super) bars: Vec<(String, f64)>,
}

/// Pixels: a row, the names' column, the plot, the values' column.
const ROW: usize = 18;
const NAMES: f64 = 330.0;
const PLOT: f64 = 400.0;
const VALUES: f64 = 60.0;
/// The ratios at the plot's edges; what is beyond is drawn there, and its value says it.
const EDGES: [f64; 2] = [0.8, 1.2];
pub(super) const FONT: &str = "font:12px system-ui,sans-serif";

pub(super) fn ratios(results: &Results, groups: &[Bars]) -> String {
    let rows: usize = groups.iter().map(|group| group.bars.len() + 2).sum();
    let (width, height) = (NAMES + PLOT + VALUES, (rows + 2) * ROW);
    let mut out = begin(results, width, height as f64);
    let (from, to) = (at(*WANTED.start()), at(*WANTED.end()));
    let _ = writeln!(
        out,
        "<rect x=\"{from:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"#cfe8cf\"/>",
        to - from,
        height - ROW
    );
    let mut row = 0;
    for group in groups {
        row += 1;
        let _ = writeln!(
            out,
            "<text x=\"4\" y=\"{}\" font-weight=\"bold\">{}</text>",
            row * ROW - 5,
            escaped(&group.title)
        );
        for (name, ratio) in &group.bars {
            row += 1;
            out += &bar(name, *ratio, row * ROW);
        }
        row += 1;
    }
    for ratio in [0.8, 0.9, 1.0, 1.1, 1.2] {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{ratio}</text>",
            at(ratio),
            height - 5
        );
    }
    out + "</svg>\n"
}

/// A white picture, and what ran where.
pub(super) fn begin(results: &Results, width: f64, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <title>{}</title>\n<desc>{}; {}</desc>\n<style>text{{{FONT}}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escaped(&results.name),
        escaped(&results.machine),
        escaped(&results.asked)
    )
}

/// From 1 to the ratio.
fn bar(name: &str, ratio: f64, bottom: usize) -> String {
    let (one, end) = (at(1.0), at(ratio));
    let colour = match WANTED.contains(&ratio) {
        true => "#2a6f2a",
        false => "#b03a2e",
    };
    format!(
        "<text x=\"4\" y=\"{0}\">{1}</text><rect x=\"{2:.1}\" y=\"{3}\" width=\"{4:.1}\" height=\"{5}\" fill=\"{colour}\"/>\
         <text x=\"{6:.1}\" y=\"{0}\" text-anchor=\"end\">{7:.3}</text>\n",
        bottom - 5,
        escaped(name),
        one.min(end),
        bottom - ROW + 4,
        (one - end).abs().max(1.5),
        ROW - 6,
        NAMES + PLOT + VALUES - 4.0,
        ratio
    )
}

/// Where a ratio is drawn.
fn at(ratio: f64) -> f64 {
    let [low, high] = EDGES;
    NAMES + PLOT * (ratio.clamp(low, high) - low) / (high - low)
}
