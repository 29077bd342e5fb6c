//! The same load twice at once: on two cores of one big Linux, and in two partitions with a core each. Beside
//! them one of it in the big Linux, whose other core idles; and, if asked for, two virtual machines of that one.

use std::time::Duration;

use bulkhead_tests::Kernel;
use bulkhead_tests::evaluation::contention::{Contention, Load};
use bulkhead_tests::qemu::Running;
use bulkhead_tests::tool;

use super::Size;
use super::answer::{Answer, answers};
use super::guests::Guests;
use super::machines::{Bench, COM, Part, Side};
use super::pairs::{COMS, in_both, parts};
use super::patience;
use crate::host;

/// For both lines to be typed before both begin.
const AHEAD: &str = "1";
/// How often it is tried, on a host that may take longer.
const ATTEMPTS: usize = 5;
/// Each lasts so much of the seconds of a work: they are many, and a second of virtual time is a long one.
const SHARE: f64 = 0.25;

/// Its name, and what `work` calls it.
struct Kind {
    name: &'static str,
    words: &'static str,
    is_control: bool,
    /// In the big Linux it is one process with a thread on each core.
    has_threads: bool,
    /// What `work` says as operations a second.
    rate: fn(f64) -> f64,
}

const fn kind(name: &'static str, words: &'static str) -> Kind {
    Kind {
        name,
        words,
        is_control: false,
        has_threads: false,
        rate: |rate| rate,
    }
}

const KINDS: [Kind; 9] = [
    // All others are corrected by this one.
    Kind {
        is_control: true,
        rate: |millions| millions * 1e6,
        ..kind("CPU loop", "cpu")
    },
    Kind {
        is_control: true,
        rate: |nanoseconds| 1e9 / nanoseconds,
        ..kind("null system call", "syscall")
    },
    kind("create and unlink in one directory", "unlink"),
    kind("map, touch, unmap: two processes", "map 1"),
    Kind {
        has_threads: true,
        ..kind("map, touch, unmap: two threads", "map 1")
    },
    kind("write faults on one file", "fault"),
    kind("fork, exit, wait", "fork"),
    kind("pipe to oneself", "pipe"),
    kind("UDP to oneself", "udp"),
];

/// What `$ONLY` may have a part of.
pub(crate) fn names() -> Vec<String> {
    KINDS.iter().map(|kind| kind.name.to_string()).collect()
}

pub(crate) fn measure(kernel: Kernel, size: &Size) -> Contention {
    let mut kinds: Vec<&Kind> = KINDS.iter().collect();
    let is_asked_for = |kind: &&Kind| tool::is_asked_for(&size.only, kind.name);
    let first = kinds.remove(0);
    kinds.retain(is_asked_for);
    kinds.insert(0, first);
    let bare = |part| Part {
        devices: "",
        ..part
    };
    let parts = parts().into_iter().map(bare).collect();
    let bench = Bench::new("bench_contention", kernel, parts, None, size.clock);
    let mut contention = Contention {
        kernel: kernel.release(),
        loads: kinds
            .iter()
            .map(|kind| Load {
                name: kind.name.to_string(),
                is_control: kind.is_control,
                ..Load::default()
            })
            .collect(),
    };
    for run in 1..=size.runs {
        // First, since it is what most likely fails.
        if size.has_guests {
            let mut guests = Guests::boot(kernel, &bench.initrd);
            for (kind, load) in kinds.iter().zip(&mut contention.loads) {
                load.guests.push(in_guests(&mut guests, kind, size));
            }
            let (took, clock) = (guests.machine.age().as_secs(), &guests.clock);
            println!(
                "{} contention, run {run}, KVM guests: {took} s, their clock is {clock}",
                contention.kernel
            );
        }
        for side in Side::BOTH {
            let load_before = host::load();
            let mut machine = bench.boot(side);
            for com in side_ports(side) {
                machine.linux(*com, "ip link set lo up");
            }
            for (kind, load) in kinds.iter().zip(&mut contention.loads) {
                match side {
                    Side::Partition => load.partitions.push(both(&mut machine, side, kind, size)),
                    Side::Alone => {
                        load.alone.extend(alone(&mut machine, kind, size));
                        load.big.push(both(&mut machine, side, kind, size));
                    }
                }
            }
            let took = machine.age().as_secs();
            println!(
                "{} contention, run {run}, {side:?}: {took} s, load before {load_before}",
                contention.kernel
            );
        }
    }
    print(&contention);
    contention
}

fn side_ports(side: Side) -> &'static [usize] {
    match side {
        Side::Partition => &COMS,
        Side::Alone => &COMS[..1],
    }
}

fn alone(machine: &mut Running, kind: &Kind, size: &Size) -> Vec<f64> {
    let (words, seconds) = (kind.words, seconds(size));
    let line = format!("taskset 1 work {words} {seconds}");
    let output = machine.linux_within(COM, &line, limit(size));
    rates(machine, kind, 1, &output)
}

/// By both at once.
fn both(machine: &mut Running, side: Side, kind: &Kind, size: &Size) -> Vec<f64> {
    let (words, seconds) = (kind.words, seconds(size));
    if kind.has_threads && side == Side::Alone {
        let output = machine.linux_within(COM, &format!("work map 2 {seconds}"), limit(size));
        return rates(machine, kind, 1, &output);
    }
    for _ in 0..ATTEMPTS {
        let line = format!("work at {} {words} {seconds}", soon(machine));
        let output = match side {
            // Each on a core of its own, as the partitions are.
            Side::Alone => {
                let one = |core: u8| format!("taskset {core} {line} >/tmp/{core}");
                let lines = format!("{} & {}; wait; cat /tmp/1 /tmp/2", one(1), one(2));
                machine.linux_within(COM, &lines, limit(size))
            }
            Side::Partition => in_both(machine, &[line.clone(), line], limit(size)),
        };
        if !output.contains("too late") {
            return rates(machine, kind, 2, &output);
        }
    }
    machine.fail(&format!("{}: typed too late", kind.name))
}

/// By both at once.
fn in_guests(guests: &mut Guests, kind: &Kind, size: &Size) -> Vec<f64> {
    let words = format!("{} {}", kind.words, seconds(size));
    for _ in 0..ATTEMPTS {
        let output = guests.both(&words);
        if !output.contains("too late") {
            return rates(&guests.machine, kind, 2, &output);
        }
    }
    let name = kind.name;
    guests.machine.fail(&format!("{name}: typed too late"))
}

/// When to begin.
fn soon(machine: &mut Running) -> String {
    let output = machine.linux(COM, &format!("work soon {AHEAD}"));
    match answers(&output).as_slice() {
        [Answer { value, .. }] => format!("{value:.0}"),
        _ => machine.fail(&format!("no time: {output:?}")),
    }
}

fn rates(machine: &Running, kind: &Kind, count: usize, output: &str) -> Vec<f64> {
    let answers = answers(output);
    if answers.len() != count {
        machine.fail(&format!(
            "{}: {count} values were wanted:\n{output}",
            kind.name
        ));
    }
    let rates = answers.iter().map(|answer| (kind.rate)(answer.value));
    rates.collect()
}

fn seconds(size: &Size) -> f64 {
    size.seconds as f64 * SHARE
}

fn limit(size: &Size) -> Duration {
    patience(size.clock) + Duration::from_secs(size.seconds as u64)
}

fn print(contention: &Contention) {
    let heading = contention.columns();
    let heading = heading.iter().map(|column| column.to_uppercase());
    let rows = [heading.collect()].into_iter().chain(contention.rows());
    let guests = match contention.has_guests() {
        true => ", and in two KVM guests of it",
        false => "",
    };
    println!(
        "\nThe same load twice at once, {}, in one big Linux with two cores and in two partitions{guests}.\n{}  {}\n",
        contention.kernel,
        tool::table(&rows.collect::<Vec<_>>()),
        contention.correction()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_short_enough_for_its_echo() {
        for kind in &KINDS {
            let line = format!("work at {} {} 10.25", u64::MAX >> 16, kind.words);
            assert!(line.len() < 60, "{line}");
        }
    }

    #[test]
    fn what_work_says_is_a_rate() {
        let rate = |name: &str, said| {
            let kind = KINDS.iter().find(|kind| kind.name == name).unwrap();
            (kind.rate)(said)
        };
        assert!((rate("CPU loop", 41.5) - 41.5e6).abs() < 1.0);
        assert!((rate("null system call", 500.0) - 2e6).abs() < 1.0);
        assert!((rate("fork, exit, wait", 7.0) - 7.0).abs() < 1e-9);
    }
}
