//! `build/bench.json`: everything, with every single value.

use std::fmt::Write;

use bulkhead_tests::answers::LaunchTime;
use bulkhead_tests::evaluation::contention::Contention;
use bulkhead_tests::source::Count;
use bulkhead_tests::values::Values;

use crate::boot::Boots;
use crate::counted::Counted;
use crate::dump::Dump;
use crate::host::Host;
use crate::inside::Inside;
use crate::isolation::{self, Isolation};
use crate::launch::{Launch, Launches, MEASURES, MEMORY};
use crate::launching::Launching;
use crate::links::Links;
use crate::neighbour::Case;
use crate::print::{numbers, resident_bytes};
use crate::restart::{Restart, Restarts};
use crate::scale::Scale;
use crate::work::{Better, Compared, Size, Work};

/// What was measured; what was not asked for is not there.
pub(crate) struct Results<'a> {
    pub(crate) boots: Option<&'a [Boots]>,
    pub(crate) scale: Option<&'a [Scale]>,
    pub(crate) counted: Option<&'a [Counted]>,
    pub(crate) inside: Option<&'a Inside>,
    pub(crate) dump: Option<&'a Dump>,
    pub(crate) links: Option<&'a [Links]>,
    pub(crate) isolation: Option<&'a Isolation>,
    pub(crate) work: Option<&'a [Work]>,
    pub(crate) contention: Option<&'a [Contention]>,
    pub(crate) launching: Option<&'a Launching>,
}

pub(crate) fn write(
    host: &Host,
    size: &Size,
    results: &Results<'_>,
    code: &[(&str, Count)],
) -> String {
    let Results {
        boots,
        scale,
        counted,
        inside,
        dump,
        links,
        isolation,
        work,
        contention,
        launching,
    } = *results;
    let code = code.iter().map(|(folder, count)| {
        let fields = numbers(count).map(|(name, number)| (name, number.to_string()));
        (*folder, object(fields))
    });
    let host = object([
        ("processor", text(&host.processor)),
        ("processors", host.processors.to_string()),
        ("load_before", text(&host.load)),
        ("qemu", text(&host.qemu)),
        ("accelerator", text(&host.accelerator)),
    ]);
    let mut fields = vec![
        ("version", "11".to_string()),
        ("host", host),
        ("runs", size.runs.to_string()),
        ("cores", size.cores.to_string()),
        ("memory", text(MEMORY)),
        ("clock", text(size.clock.name())),
    ];
    if let Some(boots) = boots {
        let machines = boots.iter().map(|boots| {
            let ms = boots.ms.iter().map(f64::to_string);
            object([
                ("cores", boots.cores.to_string()),
                ("hand_over_to_prompt_ms", array(ms)),
            ])
        });
        fields.push(("boots", array(machines)));
    }
    if let Some(scale) = scale {
        fields.push(("scale", array(scale.iter().map(scaled))));
    }
    if let Some(counted) = counted {
        fields.push(("counted", array(counted.iter().map(self::counted))));
    }
    if let Some(inside) = inside {
        let ms = |values: &[f64]| array(values.iter().map(f64::to_string));
        fields.push((
            "inside",
            object([
                ("list_ms", ms(&inside.list)),
                ("version_ms", ms(&inside.nothing)),
            ]),
        ));
    }
    if let Some(dump) = dump {
        fields.push(("dump", dumped(dump)));
    }
    if let Some(links) = links {
        fields.push(("links", array(links.iter().map(linked))));
    }
    if let Some(isolation) = isolation {
        fields.push(("isolation", isolation::json(isolation)));
    }
    if work.is_some() || contention.is_some() {
        fields.push(("work_seconds", size.seconds.to_string()));
    }
    if let Some(contention) = contention {
        fields.push(("contention", array(contention.iter().map(contended))));
    }
    if let Some(work) = work {
        fields.push(("work", array(work.iter().map(worked))));
    }
    if let Some(launching) = launching {
        fields.extend([
            ("launches", array(launching.launches.iter().map(launches))),
            ("restarts", array(launching.restarts.iter().map(restart))),
            ("neighbour", array(launching.neighbour.iter().map(case))),
        ]);
        if let Some(Launches { resident, .. }) = launching.launches.first() {
            let regions = resident
                .iter()
                .map(|(what, bytes)| (what.as_str(), bytes.to_string()));
            fields.extend([
                ("resident_bytes", resident_bytes(resident).to_string()),
                ("resident", object(regions)),
            ]);
        }
    }
    fields.push(("code", object(code)));
    let mut json = object(fields);
    json.push('\n');
    json
}

/// MB/s.
fn dumped(dump: &Dump) -> String {
    let speeds = |values: &[f64]| array(values.iter().copied().map(number));
    object([
        ("memory_bytes", dump.ram.to_string()),
        ("written_bytes", dump.written.to_string()),
        ("disk_mb_per_second", speeds(&dump.disk)),
        ("tmpfs_mb_per_second", speeds(&dump.memory)),
        ("dd_mb_per_second", speeds(&dump.dd)),
    ])
}

/// Mbit/s and microseconds of each run.
fn linked(links: &Links) -> String {
    let ways = links.ways.iter().map(|taken| {
        object([
            ("by", text(taken.way.name())),
            ("mbit_per_second", numbers_of(taken.mbits.iter().copied())),
            (
                "round_trip_us",
                numbers_of(taken.round_trip_us.iter().copied()),
            ),
        ])
    });
    object([("kernel", text(&links.release)), ("ways", array(ways))])
}

/// One machine with so many partitions.
fn scaled(scale: &Scale) -> String {
    let [wide, narrow, shared] = scale.low.map(|count| count.to_string());
    object([
        ("partitions", scale.partitions.to_string()),
        ("hand_over_to_prompt_ms", number(scale.prompt_ms)),
        ("resident_bytes", scale.resident.to_string()),
        ("heap_bytes", scale.heap.to_string()),
        ("low_64k", wide),
        ("low_32k", narrow),
        ("low_shared", shared),
        (
            "start_to_second_launch_s",
            numbers_of(scale.boots.iter().copied()),
        ),
    ])
}

/// One machine with so many partitions, in virtual time.
fn counted(counted: &Counted) -> String {
    let launches = counted.launches.iter();
    object([
        ("partitions", counted.partitions.to_string()),
        ("hand_over_to_prompt_ms", number(counted.prompt_ms)),
        ("resident_bytes", counted.resident.to_string()),
        ("heap_bytes", counted.heap.to_string()),
        ("boot_s", number(counted.boot_s)),
        (
            "doorbell_to_entry_ms",
            numbers_of(launches.clone().map(|launch| launch.entry_ms)),
        ),
        ("copy_ms", numbers_of(launches.map(|launch| launch.copy_ms))),
    ])
}

/// One kernel's work: of one partition, and of two at once.
fn worked(work: &Work) -> String {
    object([
        ("kernel", text(&work.release)),
        ("one", array(work.one.iter().map(compared))),
        ("two_at_once", array(work.two.iter().map(compared))),
    ])
}

/// One kernel's loads: operations a second, in the runs' order.
fn contended(contention: &Contention) -> String {
    let pairs = |values: &[Vec<f64>]| {
        let each = values.iter().map(|both| numbers_of(both.iter().copied()));
        array(each)
    };
    let loads = contention.loads.iter().map(|load| {
        let guests = (!load.guests.is_empty()).then(|| ("kvm_guests", pairs(&load.guests)));
        let fields = [
            ("name", text(&load.name)),
            ("is_control", load.is_control.to_string()),
            ("alone", numbers_of(load.alone.iter().copied())),
            ("big_linux", pairs(&load.big)),
            ("partitions", pairs(&load.partitions)),
        ];
        object(fields.into_iter().chain(guests))
    });
    object([
        ("kernel", text(&contention.kernel)),
        ("loads", array(loads)),
    ])
}

/// A figure with its every value, in the runs' order.
fn compared(compared: &Compared) -> String {
    let better = match compared.figure.better {
        Better::More => "more",
        Better::Less => "less",
        Better::Neither => "neither",
    };
    object([
        ("name", text(&compared.figure.name)),
        ("unit", text(compared.figure.unit)),
        ("better", text(better)),
        ("partition", numbers_of(compared.partition.iter().copied())),
        ("alone", numbers_of(compared.alone.iter().copied())),
        ("ratio_of_speeds", number(compared.ratio())),
    ])
}

fn launches(result: &Launches) -> String {
    let each = |launches: &[Launch]| {
        object(MEASURES.map(|measure| {
            let values = launches.iter().map(measure.of);
            (measure.key, numbers_of(values))
        }))
    };
    let ratios = MEASURES.map(|measure| {
        let median = |launches: &[Launch]| Values::of(launches.iter().map(measure.of)).median;
        let ratio = median(&result.bulkhead) / median(&result.direct);
        (measure.key, number(ratio))
    });
    let [first, first_copy] = times(&result.first);
    let [again, again_copy] = times(&result.again);
    object([
        ("kernel", text(&result.release)),
        ("cmdline", text(&result.cmdline)),
        ("bulkhead", each(&result.bulkhead)),
        ("qemu_alone", each(&result.direct)),
        ("ratio_of_medians", object(ratios)),
        ("doorbell_to_entry_ms", first),
        ("copy_ms", first_copy),
        ("doorbell_to_entry_again_ms", again),
        ("copy_again_ms", again_copy),
    ])
}

fn restart(result: &Restarts) -> String {
    let way = |restarts: &[Restart]| {
        object([
            ("to_init_s", numbers_of(restarts.iter().map(|r| r.whole))),
            (
                "entry_to_init_s",
                numbers_of(restarts.iter().filter_map(|r| r.from_entry)),
            ),
        ])
    };
    let [entry, copy] = times(&result.launches);
    object([
        ("kernel", text(&result.release)),
        ("partition", way(&result.partition)),
        ("kexec", way(&result.kexec)),
        ("machine_reset_bios", way(&result.reset_bios)),
        ("machine_reset_uefi", way(&result.reset_uefi)),
        ("doorbell_to_entry_ms", entry),
        ("copy_ms", copy),
        (
            "ratio_of_medians",
            object(result.ratios().iter().map(|r| (r.key, number(r.value)))),
        ),
    ])
}

/// Milliseconds from the doorbell to the entry, and of copying.
fn times(times: &[LaunchTime]) -> [String; 2] {
    [
        numbers_of(times.iter().map(|time| time.entry_ms)),
        numbers_of(times.iter().map(|time| time.copy_ms)),
    ]
}

fn case(case: &Case) -> String {
    object([
        ("kernel", text(&case.release)),
        ("other", text(&case.name)),
        ("is_control", case.is_control.to_string()),
        ("accelerator", text(&case.accelerator)),
        ("ticks", case.ticks.count.to_string()),
        ("lost", case.ticks.lost.to_string()),
        ("max_us", case.ticks.max_us.to_string()),
        ("p999_us", case.ticks.p999_us.to_string()),
        ("p99_us", case.ticks.p99_us.to_string()),
        ("p50_us", case.ticks.p50_us.to_string()),
        (
            "histogram",
            array(case.ticks.histogram.iter().map(ToString::to_string)),
        ),
    ])
}

pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let fields: Vec<String> = fields
        .into_iter()
        .map(|(name, value)| format!("{}: {value}", text(name)))
        .collect();
    format!("{{{}}}", fields.join(", "))
}

pub(crate) fn array(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

pub(crate) fn numbers_of(values: impl Iterator<Item = f64>) -> String {
    array(values.map(number))
}

/// JSON knows neither infinity nor "not a number".
pub(crate) fn number(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.4}")
    } else {
        "null".to_string()
    }
}

pub(crate) fn text(value: &str) -> String {
    let mut out = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            // Writing into a string never fails.
            c if c < ' ' => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Figure;

    #[test]
    fn a_figure_has_every_value_and_its_ratio() {
        let figure = Compared {
            figure: Figure::time("a \"call\"", "ns"),
            partition: vec![2.0, 4.0],
            alone: vec![6.0, f64::NAN],
        };
        let json = compared(&figure);
        assert!(json.starts_with(r#"{"name": "a \"call\"", "unit": "ns", "better": "less""#));
        assert!(json.contains(r#""partition": [2.0000, 4.0000], "alone": [6.0000, null]"#));
    }
}
