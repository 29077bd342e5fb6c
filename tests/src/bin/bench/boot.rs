//! From the loader's hand-over to the prompt, by Bulkhead's own clock, on machines of more and more
//! cores: there is no boot script, nothing is started.

use bulkhead_tests::answers;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;

/// What machines there are.
const CORES: [&str; 4] = ["4", "8", "16", "32"];

/// One machine.
pub(crate) struct Boots {
    pub(crate) cores: &'static str,
    /// Milliseconds of each run.
    pub(crate) ms: Vec<f64>,
}

/// The machines take turns.
pub(crate) fn measure(runs: usize) -> Vec<Boots> {
    let iso = Iso::new("bench_boot").make();
    let mut machines = CORES.map(|cores| Boots {
        cores,
        ms: Vec::new(),
    });
    for run in 1..=runs {
        for boots in &mut machines {
            let mut machine = Machine::new(&iso, "run")
                .cores(boots.cores)
                .memory("1G")
                .start();
            machine.wait_for_prompt();
            let log = machine.command("log");
            let ms = answers::boot_ms(&log)
                .unwrap_or_else(|| machine.fail(&format!("no time in the log:\n{log}")));
            println!("boot, run {run}, {} cores: {ms:.1} ms", boots.cores);
            boots.ms.push(ms);
        }
    }
    println!();
    machines.into()
}
