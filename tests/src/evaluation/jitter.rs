//! How late a partition's timer is beside another that does something, as a table and as histograms.

use std::fmt::Write;

use super::Results;
use super::plot::{begin, escaped};
use super::results::Jitter;

pub(super) fn table(cases: &[Jitter]) -> String {
    let mut out =
        "\n| timer of | beside | ticks | lost | p50 us | p99 us | p99.9 us | latest us |\n\
         |---|---|---|---|---|---|---|---|\n"
            .to_string();
    for case in cases {
        let ([ticks, lost], [middle, high, higher, latest]) = (case.ticks, case.late_us);
        // Writing into a string never fails.
        let _ = writeln!(
            out,
            "| {} | {} | {ticks} | {lost} | {middle} | {high} | {higher} | {latest} |",
            case.kernel, case.other
        );
    }
    out
}

/// Pixels: a row, the names' column, the plot, the values' column.
const ROW: f64 = 18.0;
const NAMES: f64 = 330.0;
const PLOT: f64 = 400.0;
const VALUES: f64 = 60.0;

/// A row for each case, its histogram: the darker the more, by the logarithm of how many; a mark where one in a thousand
/// is later; controls in grey. The axis is a logarithm, from half a microsecond on, where those below one stand, too.
pub(super) fn plot(results: &Results, cases: &[Jitter]) -> String {
    let mut kernels: Vec<&str> = cases.iter().map(|case| case.kernel.as_str()).collect();
    kernels.dedup();
    let rows = cases.len() + kernels.len() + 2;
    // A few dozen.
    let height = f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) * ROW;
    let mut out = begin(results, NAMES + PLOT + VALUES, height);
    let latest = cases
        .iter()
        .map(|case| case.late_us[3])
        .fold(10.0, f64::max);
    // To the end of the last that is not empty.
    let doublings = latest.log2().floor() + 2.0;
    let x = |us: f64| NAMES + PLOT * (us.max(0.5).log2() + 1.0) / doublings;
    let mut y = 0.0;
    let mut kernel = "";
    for case in cases {
        if case.kernel != kernel {
            kernel = &case.kernel;
            y += ROW;
            let _ = writeln!(
                out,
                "<text x=\"4\" y=\"{:.0}\" font-weight=\"bold\">timer of {}</text>",
                y - 5.0,
                escaped(kernel)
            );
        }
        y += ROW;
        out += &bar(case, y, x);
    }
    let mut us = 1.0;
    while us <= latest {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{us} us</text>",
            x(us),
            height - 5.0
        );
        us *= 10.0;
    }
    out + "</svg>\n"
}

fn bar(case: &Jitter, bottom: f64, x: impl Fn(f64) -> f64) -> String {
    let [.., high, latest] = case.late_us;
    let colour = match case.is_control {
        true => "#777",
        false => "#1b6ca8",
    };
    let mut out = format!(
        "<text x=\"4\" y=\"{:.0}\">{}</text>\n",
        bottom - 5.0,
        escaped(&case.other)
    );
    let all: f64 = case.histogram.iter().sum();
    let mut from = 0.5;
    for count in &case.histogram {
        if *count > 0.0 {
            let dark = 0.15 + 0.85 * (count + 1.0).ln() / (all + 1.0).ln();
            // Writing into a string never fails.
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.0}\" width=\"{:.1}\" height=\"{:.0}\" fill=\"{colour}\" fill-opacity=\"{dark:.2}\"/>",
                x(from),
                bottom - ROW + 2.0,
                x(from * 2.0) - x(from),
                ROW - 4.0
            );
        }
        from *= 2.0;
    }
    let _ = writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.0}\" width=\"2\" height=\"{ROW:.0}\" fill=\"#b03a2e\"/>\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{latest}</text>",
        x(high),
        bottom - ROW,
        NAMES + PLOT + VALUES - 4.0,
        bottom - 5.0
    );
    out
}
