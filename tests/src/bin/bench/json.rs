//! `build/bench.json`: everything, with every single value.

mod metadata;

use bulkhead_tests::answers::LaunchTime;
use bulkhead_tests::evaluation::contention::Contention;
use bulkhead_tests::source::Count;
use bulkhead_tests::values::Values;
use serde_json::{Map, Value, json};

use crate::asked::Asked;
use crate::boot::Boots;
use crate::counted::Counted;
use crate::dump::Dump;
use crate::host::Host;
use crate::inside::Inside;
use crate::isolation;
use crate::launch::{Launch, Launches, MEASURES};
use crate::links::Links;
use crate::measured::Measured;
use crate::neighbour::Case;
use crate::print::{numbers, resident_bytes};
use crate::restart::{Restart, Restarts};
use crate::scale::Scale;
use crate::work::{Better, Clock, Compared, Work};

pub(crate) use metadata::clock;

/// Raised with each change of what a field is or means.
const VERSION: &str = "14";

/// The whole file. What was not asked for is not in it.
pub(crate) fn text(
    host: &Host,
    asked: &Asked,
    measured: &Measured,
    code: &[(&str, Count)],
) -> String {
    let code = code.iter().map(|(folder, count)| {
        let fields = numbers(count).map(|(name, number)| (name, json!(number)));
        (*folder, object(fields))
    });
    let always = [
        ("version", json!(VERSION)),
        ("host", self::host(host)),
        ("code", object(code)),
    ];
    let Measured {
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
    } = measured;
    let asked_for = [
        ("boots", boots.as_deref().map(|all| each(all, boot))),
        ("scale", scale.as_deref().map(|all| each(all, scaled))),
        (
            "counted",
            counted.as_deref().map(|all| each(all, self::counted)),
        ),
        ("inside", inside.as_ref().map(self::inside)),
        ("dump", dump.as_ref().map(dumped)),
        ("links", links.as_deref().map(|all| each(all, linked))),
        ("isolation", isolation.as_ref().map(isolation::json)),
        (
            "contention",
            contention.as_deref().map(|all| each(all, contended)),
        ),
        ("work", work.as_deref().map(|all| each(all, worked))),
    ];
    let mut fields = Vec::from(always);
    fields.extend(metadata::fields(asked));
    fields.extend(
        asked_for
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    if let Some(launching) = launching {
        let parts = [
            ("launch", "launches", each(&launching.launches, launches)),
            ("restart", "restarts", each(&launching.restarts, restart)),
            ("neighbour", "neighbour", each(&launching.neighbour, case)),
        ];
        let parts = parts.into_iter().filter(|(part, ..)| asked.has(part));
        fields.extend(parts.map(|(_, key, values)| (key, values)));
        if let Some(Launches { resident, .. }) = launching.launches.first() {
            let regions = resident
                .iter()
                .map(|(what, bytes)| (what.as_str(), json!(bytes)));
            fields.extend([
                ("resident_bytes", json!(resident_bytes(resident))),
                ("resident", object(regions)),
            ]);
        }
    }
    format!("{}\n", object(fields))
}

fn host(host: &Host) -> Value {
    json!({
        "processor": host.processor,
        "processors": host.processors,
        "load_before": host.load,
        "qemu": host.qemu,
        "accelerator": host.accelerator,
        "commit": host.commit,
        "date": host.date,
    })
}

fn boot(boots: &Boots) -> Value {
    json!({"cores": boots.cores, "hand_over_to_prompt_ms": boots.ms})
}

fn inside(inside: &Inside) -> Value {
    let clock = Clock::Virtual.name();
    json!({"clock": clock, "list_ms": inside.list, "version_ms": inside.nothing})
}

/// MB/s.
fn dumped(dump: &Dump) -> Value {
    json!({
        "memory_bytes": dump.ram,
        "written_bytes": dump.written,
        "disk_mb_per_second": rounded(&dump.disk),
        "tmpfs_mb_per_second": rounded(&dump.memory),
        "dd_mb_per_second": rounded(&dump.dd),
    })
}

/// Mbit/s and microseconds of each run.
fn linked(links: &Links) -> Value {
    let ways = each(&links.ways, |taken| {
        json!({
            "by": taken.way.name(),
            "mbit_per_second": rounded(&taken.mbits),
            "round_trip_us": rounded(&taken.round_trip_us),
        })
    });
    json!({"kernel": links.release, "ways": ways})
}

/// One machine with so many partitions.
fn scaled(scale: &Scale) -> Value {
    let [wide, narrow, shared] = scale.low;
    json!({
        "partitions": scale.partitions,
        "hand_over_to_prompt_ms": number(scale.prompt_ms),
        "resident_bytes": scale.resident,
        "heap_bytes": scale.heap,
        "low_64k": wide,
        "low_32k": narrow,
        "low_shared": shared,
        "start_to_second_launch_s": rounded(&scale.boots),
    })
}

/// One machine with so many partitions, in virtual time.
fn counted(counted: &Counted) -> Value {
    let [entry, copy] = times(&counted.launches);
    json!({
        "partitions": counted.partitions,
        "hand_over_to_prompt_ms": number(counted.prompt_ms),
        "resident_bytes": counted.resident,
        "heap_bytes": counted.heap,
        "boot_s": number(counted.boot_s),
        "doorbell_to_entry_ms": entry,
        "copy_ms": copy,
        "list_ms": number(counted.list_ms),
    })
}

/// One kernel's work: of one partition, and of two at once.
fn worked(work: &Work) -> Value {
    json!({
        "kernel": work.release,
        "one": each(&work.one, compared),
        "two_at_once": each(&work.two, compared),
    })
}

/// One kernel's loads: operations a second, in the runs' order.
fn contended(contention: &Contention) -> Value {
    let pairs = |values: &[Vec<f64>]| each(values, |both| rounded(both));
    let loads = each(&contention.loads, |load| {
        let mut fields = vec![
            ("name", json!(load.name)),
            ("is_control", json!(load.is_control)),
            ("alone", rounded(&load.alone)),
            ("big_linux", pairs(&load.big)),
            ("partitions", pairs(&load.partitions)),
        ];
        if !load.guests.is_empty() {
            fields.push(("kvm_guests", pairs(&load.guests)));
        }
        object(fields)
    });
    json!({"kernel": contention.kernel, "loads": loads})
}

/// A figure with its every value, in the runs' order.
fn compared(compared: &Compared) -> Value {
    let better = match compared.figure.better {
        Better::More => "more",
        Better::Less => "less",
        Better::Neither => "neither",
    };
    json!({
        "name": compared.figure.name,
        "unit": compared.figure.unit,
        "better": better,
        "partition": rounded(&compared.partition),
        "alone": rounded(&compared.alone),
        "ratio_of_speeds": number(compared.ratio()),
    })
}

fn launches(result: &Launches) -> Value {
    let values = |launches: &[Launch], of: fn(&Launch) -> f64| -> Vec<f64> {
        launches.iter().map(of).collect()
    };
    let measures = |launches: &[Launch]| {
        object(MEASURES.map(|measure| (measure.key, rounded(&values(launches, measure.of)))))
    };
    let ratios = MEASURES.map(|measure| {
        let median = |launches| Values::of(values(launches, measure.of).into_iter()).median;
        let ratio = median(&result.bulkhead) / median(&result.direct);
        (measure.key, number(ratio))
    });
    let [first, first_copy] = times(&result.first);
    let [again, again_copy] = times(&result.again);
    json!({
        "kernel": result.release,
        "cmdline": result.cmdline,
        "bulkhead": measures(&result.bulkhead),
        "qemu_alone": measures(&result.direct),
        "ratio_of_medians": object(ratios),
        "doorbell_to_entry_ms": first,
        "copy_ms": first_copy,
        "doorbell_to_entry_again_ms": again,
        "copy_again_ms": again_copy,
    })
}

fn restart(result: &Restarts) -> Value {
    let way = |restarts: &[Restart]| {
        let whole: Vec<f64> = restarts.iter().map(|r| r.whole).collect();
        let from_entry: Vec<f64> = restarts.iter().filter_map(|r| r.from_entry).collect();
        json!({"to_init_s": rounded(&whole), "entry_to_init_s": rounded(&from_entry)})
    };
    let [entry, copy] = times(&result.launches);
    let ratios = result.ratios();
    json!({
        "kernel": result.release,
        "partition": way(&result.partition),
        "kexec": way(&result.kexec),
        "machine_reset_bios": way(&result.reset_bios),
        "machine_reset_uefi": way(&result.reset_uefi),
        "doorbell_to_entry_ms": entry,
        "copy_ms": copy,
        "ratio_of_medians": object(ratios.iter().map(|ratio| (ratio.key, number(ratio.value)))),
    })
}

fn case(case: &Case) -> Value {
    let clock = match case.accelerator.contains("-icount") {
        true => Clock::Virtual,
        false => Clock::Host,
    };
    json!({
        "kernel": case.release,
        "other": case.name,
        "is_control": case.is_control,
        "clock": clock.name(),
        "accelerator": case.accelerator,
        "ticks": case.ticks.count,
        "lost": case.ticks.lost,
        "max_us": case.ticks.max_us,
        "p999_us": case.ticks.p999_us,
        "p99_us": case.ticks.p99_us,
        "p50_us": case.ticks.p50_us,
        "histogram": case.ticks.histogram,
    })
}

/// Milliseconds from the doorbell to the entry, and of copying.
fn times(times: &[LaunchTime]) -> [Value; 2] {
    let values = |of: fn(&LaunchTime) -> f64| -> Vec<f64> { times.iter().map(of).collect() };
    [values(|time| time.entry_ms), values(|time| time.copy_ms)].map(|all| rounded(&all))
}

pub(crate) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (name.to_string(), value))
        .collect::<Map<_, _>>()
        .into()
}

pub(crate) fn each<T>(all: &[T], of: impl Fn(&T) -> Value) -> Value {
    all.iter().map(of).collect()
}

pub(crate) fn rounded(values: &[f64]) -> Value {
    each(values, |value| number(*value))
}

/// Four digits behind the point. JSON knows neither infinity nor "not a number": they are `null`.
pub(crate) fn number(value: f64) -> Value {
    json!((value * 10_000.0).round() / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Figure;

    #[test]
    fn a_figure_has_every_value_and_its_ratio() {
        let figure = Compared {
            figure: Figure::time("a \"call\"", "ns"),
            partition: vec![2.0, 4.000_04],
            alone: vec![6.0, f64::NAN],
        };
        let json = compared(&figure).to_string();
        assert!(json.contains(r#""name":"a \"call\"""#), "{json}");
        assert!(json.contains(r#""better":"less""#), "{json}");
        assert!(json.contains(r#""partition":[2.0,4.0]"#), "{json}");
        assert!(json.contains(r#""alone":[6.0,null]"#), "{json}");
    }
}
