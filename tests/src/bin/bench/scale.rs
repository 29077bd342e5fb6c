//! One partition and more, up to thirty-two at once: the way to the prompt with so many definitions, what
//! stays resident, and how long one takes to boot beside all that run.

use std::time::{Duration, Instant};

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, REBOOT_ONCE, answers, demo_initrd};

use crate::print::resident_bytes;

/// How many partitions, each with one core.
const PARTITIONS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// What low memory there may be, as `show` says it.
const LOW: [&str; 3] = ["64K", "32K", "32K, shared, no kexec"];
/// A boot beside so many takes its time where few cores emulate many.
const LIMIT: Duration = Duration::from_secs(120);

/// One machine, with a core more than partitions.
pub(crate) struct Scale {
    pub(crate) partitions: usize,
    /// Milliseconds from the loader's hand-over to the prompt, with all defined.
    pub(crate) prompt_ms: f64,
    /// What stays resident without images, in bytes.
    pub(crate) resident: u64,
    /// Bytes of the heap in use, with all running.
    pub(crate) heap: u64,
    /// Seconds of each partition, one after the other, from `start` to the second launch, for which its
    /// init asks.
    pub(crate) boots: Vec<f64>,
    /// How many have 64 KiB of low memory, 32, and a share of 32.
    pub(crate) low: [usize; 3],
}

/// Each machine once.
pub(crate) fn measure() -> Vec<Scale> {
    let all = PARTITIONS.map(|partitions| {
        let scale = machine(partitions);
        println!(
            "scale, {partitions} partitions: prompt {:.1} ms, resident {} bytes",
            scale.prompt_ms, scale.resident
        );
        scale
    });
    println!();
    all.into()
}

/// A machine with a core more than partitions, that kernel in each, whose policy of restarts is that and whose init
/// runs that, and their names. The boot script goes on with `then`.
pub(crate) fn defined(
    name: &str,
    kernel: Kernel,
    partitions: usize,
    [restart, run]: [&str; 2],
    then: &str,
) -> (Vec<String>, Machine) {
    let names: Vec<String> = (1..=partitions)
        .map(|number| format!("p{number}"))
        .collect();
    let define = |(number, name): (usize, &String)| {
        format!(
            "define {name} cores={} memory=100M kernel=linux initrd=demo restart={restart} \
             cmdline=\"bulkhead.name={name} quiet bulkhead.run={run}\"\n",
            number + 1
        )
    };
    let script: String = names.iter().enumerate().map(define).collect();
    let script = script + then;
    let iso = Iso::new(&format!("{name}_{partitions}"))
        .image("linux", kernel.image())
        .image("demo", demo_initrd())
        .script(&script)
        .make();
    // The older board has more RAM below 4 GiB; what is not there lies above.
    let machine = Machine::new(&iso, "run").without_ecam();
    let cores = (partitions + 1).to_string();
    (names, machine.cores(&cores).memory("8G"))
}

fn machine(partitions: usize) -> Scale {
    let (names, machine) = defined(
        "bench_scale",
        Kernel::Debian612Cloud,
        partitions,
        ["always", REBOOT_ONCE],
        "",
    );
    let mut machine = machine.start();
    machine.wait_for_prompt();
    let log = machine.command("log");
    let prompt_ms = answers::boot_ms(&log)
        .unwrap_or_else(|| machine.fail(&format!("no time in the log:\n{log}")));
    let resident = answers::resident(&answers::memory(&machine.command("memory")));
    let mut low = [0; 3];
    for name in &names {
        let show = machine.command(&format!("show {name}"));
        let what = answers::shown_low(&show).unwrap_or_default();
        let kind = LOW.iter().position(|kind| *kind == what);
        let kind = kind.unwrap_or_else(|| machine.fail(&format!("{name}: {what}:\n{show}")));
        low[kind] += 1;
    }
    let mut boots = Vec::new();
    for name in &names {
        machine.com(1).skip();
        let began = Instant::now();
        machine.expect(&format!("start {name}"), &[]);
        machine.wait_for_within(1, &format!("* {name}: launched run=2"), LIMIT);
        boots.push(began.elapsed().as_secs_f64());
    }
    let log = machine.command("log");
    let heap = answers::heap_bytes(&log)
        .unwrap_or_else(|| machine.fail(&format!("no heap in the log:\n{log}")));
    Scale {
        partitions,
        prompt_ms,
        resident: resident_bytes(&resident),
        heap,
        boots,
        low,
    }
}
