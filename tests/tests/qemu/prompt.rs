//! How long it takes to the prompt, by Bulkhead's own clock, which is QEMU's virtual time here: the host's
//! load does not count.

use bulkhead_tests::answers;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use libtest_mimic::Trial;

use crate::{long_story, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("prompt::of_4_cores", || of_cores("4", 150.0)),
        // A core more costs less than a millisecond.
        long_story("prompt::of_255_cores", || {
            of_cores("255,maxcpus=255,sockets=1,cores=255", 400.0);
        }),
    ]
}

/// The heap's peak until the prompt, which is a core's description for each.
const MOST_HEAP: u64 = 96 << 10;

/// Without a boot script: from the loader's hand-over on, `most_ms` at most.
fn of_cores(cores: &str, most_ms: f64) {
    let (number, _) = cores.split_once(',').unwrap_or((cores, ""));
    let iso = Iso::new(&format!("prompt_{number}")).script("").make();
    let mut machine = Machine::new(&iso, "run")
        .cores(cores)
        .memory("2G")
        .virtual_time()
        .start();
    machine.wait_for_prompt();
    let log = machine.command("log");
    let ms = answers::boot_ms(&log)
        .unwrap_or_else(|| machine.fail(&format!("no time in the log:\n{log}")));
    println!("{number} cores: {ms} ms to the prompt\n{log}");
    assert!(ms <= most_ms, "{ms} ms:\n{log}");
    let peak = log.split_once("in use, at most ").map(|(_, after)| after);
    let peak = peak.and_then(|after| after.split(' ').next()?.parse().ok());
    let peak: u64 = peak.unwrap_or_else(|| machine.fail(&format!("no heap in the log:\n{log}")));
    assert!(peak <= MOST_HEAP, "{peak} bytes of heap:\n{log}");
    let cores = machine.command("cores");
    let parked = cores.matches("parked").count();
    assert_eq!(format!("{}", parked + 1), number, "{cores}");
}
