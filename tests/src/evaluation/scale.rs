//! What more and more partitions cost, as a table and as lines.

use std::fmt::Write;

use super::Results;
use super::plot::{begin, escaped};
use super::results::Scale;
use super::table::median;

/// Of a row: its name, unit, and value.
type Row = (&'static str, &'static str, fn(&Scale) -> f64);

const ROWS: [Row; 7] = [
    ("to the prompt", "ms", |scale| scale.prompt_ms),
    ("boot and power-off, of each, all at once", "s", |scale| {
        scale.boot_s
    }),
    ("doorbell to entry, the others stopped", "ms", |scale| {
        entry(scale, 0)
    }),
    ("of it copying the images", "ms", |scale| entry(scale, 1)),
    ("resident, without images", "KiB", |scale| {
        scale.resident / 1024.0
    }),
    ("heap in use", "KiB", |scale| scale.heap / 1024.0),
    ("`list` at the shell", "ms", |scale| scale.list_ms),
];

fn entry(scale: &Scale, which: usize) -> f64 {
    let values: Vec<f64> = scale.launches.iter().map(|launch| launch[which]).collect();
    median(&values)
}

/// A column for each machine.
pub(super) fn table(machines: &[Scale]) -> String {
    let mut out = "\n| partitions | unit |".to_string();
    for machine in machines {
        let _ = write!(out, " {} |", machine.partitions);
    }
    out += "\n|---|---|";
    out += &"---|".repeat(machines.len());
    out.push('\n');
    for (name, unit, value) in ROWS {
        let _ = write!(out, "| {name} | {unit} |");
        for machine in machines {
            let _ = write!(out, " {} |", crate::tool::short(value(machine)));
        }
        out.push('\n');
    }
    out
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 50.0;
/// For the names, to the right of the lines.
const RIGHT: f64 = 250.0;
const EDGE: f64 = 30.0;
const COLOURS: [&str; 7] = [
    "#1b6ca8", "#2a6f2a", "#b03a2e", "#d98880", "#6c3483", "#7f8c8d", "#b7950b",
];

/// Each row by its value with the fewest partitions; both axes are logarithms, so that what grows with their
/// number is a slope of one, and a bend is a bend.
pub(super) fn plot(results: &Results, machines: &[Scale]) -> String {
    let mut out = begin(results, WIDTH, HEIGHT);
    let Some(first) = machines.first() else {
        return out + "</svg>\n";
    };
    let most = machines.iter().map(|scale| scale.partitions);
    let most = most.fold(2.0, f64::max);
    let times = |value: fn(&Scale) -> f64, scale: &Scale| value(scale) / value(first).max(1e-9);
    let all = ROWS
        .iter()
        .flat_map(|(_, _, value)| machines.iter().map(|scale| times(*value, scale)));
    let top = all.fold(2.0, f64::max);
    let x = |partitions: f64| LEFT + (WIDTH - LEFT - RIGHT) * partitions.log2() / most.log2();
    let y = |times: f64| HEIGHT - EDGE - (HEIGHT - 2.0 * EDGE) * times.max(0.5).log2() / top.log2();
    for scale in machines {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(scale.partitions),
            HEIGHT - 8.0,
            scale.partitions
        );
    }
    let mut step = 1.0;
    while step <= top {
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{1}\" y1=\"{0:.1}\" y2=\"{0:.1}\" stroke=\"#ddd\"/>\
             <text x=\"4\" y=\"{0:.1}\">{step} x</text>",
            y(step),
            WIDTH - RIGHT
        );
        step *= 2.0;
    }
    for ((number, (name, _, value)), colour) in ROWS.iter().enumerate().zip(COLOURS) {
        let points: Vec<String> = machines
            .iter()
            .map(|scale| format!("{:.1},{:.1}", x(scale.partitions), y(times(*value, scale))))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            WIDTH - RIGHT + 10.0,
            EDGE + 18.0 * number as f64,
            escaped(name)
        );
    }
    out + "</svg>\n"
}
