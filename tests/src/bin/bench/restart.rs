//! Restarts: `reboot -f` of a Linux in a partition, and of the same Linux in a machine of its own,
//! which its firmware then starts anew.

use std::time::Instant;

use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, answers, tool};

use crate::launch::{Bench, MEMORY};

/// All restarts of one kernel.
pub(crate) struct Restarts {
    pub(crate) release: String,
    /// Seconds from the end of the line `reboot -f` to the first line of the next `/init`.
    pub(crate) bulkhead: Vec<f64>,
    /// The same in a machine that QEMU starts by itself: a reset, the BIOS, the kernel.
    pub(crate) reset: Vec<f64>,
    /// Milliseconds from the doorbell to the kernel's entry in each of Bulkhead's.
    pub(crate) copies: Vec<f64>,
}

impl Bench {
    /// First all of Bulkhead's, then all resets, one machine at a time.
    pub(crate) fn restarts(&self, kernel: Kernel, runs: usize) -> Restarts {
        let mut machine = self.boot();
        let cmdline = self.define(&mut machine, kernel);
        machine.com(1).skip();
        machine.com(1).send("start one\r");
        machine.wait_for_demo(2);
        let bulkhead: Vec<f64> = (0..runs).map(|_| restart(&mut machine)).collect();
        let mut copies = answers::launch_ms(&machine.command("log"), "one");
        // Without the start's. The log is a ring: of many runs only the last are in it.
        copies.drain(..copies.len().saturating_sub(runs));
        drop(machine);

        let mut machine = self.direct(kernel, &cmdline).resets().start();
        tool::watch(&machine);
        machine.wait_for_demo(2);
        let reset: Vec<f64> = (0..runs).map(|_| restart(&mut machine)).collect();
        println!(
            "{} restarts, Bulkhead: {}; machine reset: {}",
            kernel.release(),
            seconds(&bulkhead),
            seconds(&reset)
        );
        Restarts {
            release: kernel.release(),
            bulkhead,
            reset,
            copies,
        }
    }

    /// The machine with the partition's Linux and nothing else.
    pub(crate) fn direct(&self, kernel: Kernel, cmdline: &str) -> Machine {
        let folder = self.iso.with_file_name("direct");
        Machine::without_bulkhead(&folder, &kernel.image(), &self.initrd, cmdline)
            .cores(&self.cores.to_string())
            .memory(MEMORY)
    }
}

/// Restarts the Linux on COM2 by its own shell.
fn restart(machine: &mut Running) -> f64 {
    machine.com(2).skip();
    machine.com(2).send("reboot -f");
    machine.wait_for(2, "reboot -f");
    let start = Instant::now();
    machine.com(2).send("\r");
    machine.wait_for(2, "BULKHEAD-DEMO begin");
    let seconds = start.elapsed().as_secs_f64();
    machine.wait_for(2, "BULKHEAD-DEMO end");
    machine.wait_for(2, "# ");
    seconds
}

fn seconds(values: &[f64]) -> String {
    let texts: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
    texts.join(" ")
}
