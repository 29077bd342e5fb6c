//! How long each way to a fresh Linux takes, as a table and as bars.

use std::fmt::Write;

use serde_json::Value;

use super::Results;
use super::check::{self, Fields};
use super::plot::{begin, escaped};
use super::table::{apart, median};
use crate::tool::short;

/// One kernel's restarts.
#[derive(Debug)]
pub struct Restarts {
    kernel: String,
    /// Of each of [`WAYS`]: seconds to the next `/init`, each time.
    seconds: [Vec<f64>; WAYS.len()],
    /// Of the partition's, each time: milliseconds from the doorbell to the kernel's entry, and of these copying.
    entry: [Vec<f64>; 2],
}

/// As the JSON calls them, and as the table does. The others are divided by the first.
const WAYS: [(&str, &str); 4] = [
    ("partition", "reboot in a partition"),
    ("kexec", "kexec, the same Linux alone"),
    ("machine_reset_bios", "machine reset, BIOS"),
    ("machine_reset_uefi", "machine reset, UEFI"),
];

impl Restarts {
    pub(super) fn parse(value: &Value, runs: usize) -> Result<Self, String> {
        let seconds = WAYS.map(|(key, _)| {
            let times = Fields(&value[key]).of_runs_above_zero("to_init_s", runs);
            times.map_err(|why| format!("{key}: {why}"))
        });
        let [first, second, third, fourth] = seconds;
        let seconds = [first?, second?, third?, fourth?];
        let fields = Fields(value);
        let launches = check::launches(fields)?;
        check::are("doorbell_to_entry_ms", launches.len(), runs)?;
        for (seconds, [entry, _]) in seconds[0].iter().zip(&launches) {
            if *entry > seconds * 1000.0 {
                return Err(format!(
                    "a restart of {seconds} s has a launch of {entry} ms"
                ));
            }
        }
        let entry = [0, 1].map(|which| launches.iter().map(|launch| launch[which]).collect());
        let [own, kexec, bios, uefi] = seconds.each_ref();
        let written = Fields(&value["ratio_of_medians"]);
        for (key, above, below) in [
            ("partition_to_kexec", own, kexec),
            ("reset_bios_to_partition", bios, own),
            ("reset_uefi_to_partition", uefi, own),
            ("entry_to_copy", &entry[0], &entry[1]),
        ] {
            let ratio = median(above) / median(below);
            written.is_about(key, ratio, check::within(above, below))?;
        }
        Ok(Self {
            kernel: fields.text("kernel")?,
            seconds,
            entry,
        })
    }

    /// A name, the median, and that by the partition's.
    fn rows(&self) -> impl Iterator<Item = (&'static str, &[f64], f64)> {
        let own = median(&self.seconds[0]);
        WAYS.iter()
            .zip(&self.seconds)
            .map(move |((_, name), all)| (*name, all.as_slice(), median(all) / own))
    }
}

pub(super) fn table(all: &[Restarts]) -> String {
    let mut out = String::new();
    // Writing into a string never fails.
    for one in all {
        let _ = write!(
            out,
            "\n| {}, to `/init` | unit | | spread | by the partition's |\n|---|---|---|---|---|\n",
            one.kernel
        );
        for (name, all, by) in one.rows() {
            let _ = writeln!(
                out,
                "| {name} | s | {} | {} | {by:.2} |",
                short(median(all)),
                apart(all)
            );
        }
        let names = [
            "of the partition's, doorbell to the kernel's entry",
            "of it copying the images",
        ];
        for (name, all) in names.into_iter().zip(&one.entry) {
            let _ = writeln!(
                out,
                "| {name} | ms | {} | {} | |",
                short(median(all)),
                apart(all)
            );
        }
    }
    out
}

/// Pixels: a row, the names' column, the plot, the values' column.
const ROW: f64 = 18.0;
const NAMES: f64 = 230.0;
const PLOT: f64 = 400.0;
const VALUES: f64 = 60.0;

/// A bar for each way, its median in seconds.
pub(super) fn plot(results: &Results, all: &[Restarts]) -> String {
    let rows: usize = all.len() * (WAYS.len() + 1);
    let height = f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) * ROW + 8.0;
    let mut out = begin(results, NAMES + PLOT + VALUES, height);
    let medians = all.iter().flat_map(|one| &one.seconds);
    let longest = medians
        .map(|times| median(times))
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut y = 0.0;
    for one in all {
        y += ROW;
        // Writing into a string never fails.
        let _ = writeln!(
            out,
            "<text x=\"4\" y=\"{:.0}\" font-weight=\"bold\">{}</text>",
            y - 5.0,
            escaped(&one.kernel)
        );
        for (number, (name, all, _)) in one.rows().enumerate() {
            y += ROW;
            let colour = if number == 0 { "#1b6ca8" } else { "#999" };
            let _ = writeln!(
                out,
                "<text x=\"4\" y=\"{0:.0}\">{1}</text><rect x=\"{NAMES}\" y=\"{2:.0}\" width=\"{3:.1}\" height=\"12\" fill=\"{colour}\"/>\
                 <text x=\"{4:.0}\" y=\"{0:.0}\" text-anchor=\"end\">{5} s</text>",
                y - 5.0,
                escaped(name),
                y - 15.0,
                PLOT * median(all) / longest,
                NAMES + PLOT + VALUES - 4.0,
                short(median(all))
            );
        }
    }
    out + "</svg>\n"
}
