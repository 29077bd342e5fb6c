//! `make bench`: how long a launch takes, side by side with the same Linux started by QEMU itself;
//! how long its images are copied; how long a restart takes, side by side with kexec and with a
//! machine reset; how late a neighbour's timer is meanwhile; what stays resident; how much code
//! there is.
//!
//! Prints tables and writes `build/bench.json`. It reports and does not judge: it fails only if a
//! run breaks. `$N` is the number of runs of each kind (5), `$CORES` that of each Linux's cores (1);
//! `$TICKS` that of seconds of each of the neighbour's cases (20).
//!
//! Both sides have the same kernel, initial RAM disk, command line (the partition's, to the
//! letter), cores, RAM, accelerator and host, and take turns. Times of launches are this program's:
//! when a line arrives on a serial port.

mod host;
mod json;
mod launch;
mod neighbour;
mod print;
mod restart;
mod values;

use std::process::ExitCode;

use bulkhead_tests::{build_folder, root, source, tool};

use crate::host::Host;
use crate::launch::{Bench, KERNELS, Launches, MEMORY};
use crate::restart::Restarts;

fn main() -> ExitCode {
    tool::exit_on_failure("bench");
    let (runs, cores) = (variable("N", 5), variable("CORES", 1));
    let seconds = variable("TICKS", 20);
    let host = Host::ask();
    println!("{}", host.line());
    println!("{runs} runs of each kind, taking turns; {cores} core(s), {MEMORY} for each Linux\n");

    let bench = Bench::new(cores);
    let results: Vec<Launches> = KERNELS
        .iter()
        .map(|kernel| bench.launches(*kernel, runs))
        .collect();
    let restarts: Vec<Restarts> = KERNELS
        .iter()
        .map(|kernel| bench.restarts(*kernel, runs))
        .collect();
    println!();
    let neighbour = neighbour::cases(seconds);
    println!();
    let code = ["kernel", "shell"].map(|folder| (folder, source::count(&root().join(folder))));

    print::launches(&results);
    print::copies(&results, &restarts);
    print::restarts(&restarts);
    print::ratios(&restarts);
    print::neighbour(seconds, &neighbour);
    print::resident(&results[0].resident);
    print::code(&code);
    let json = json::write(&host, runs, cores, &results, &restarts, &neighbour, &code);
    std::fs::write(build_folder().join("bench.json"), json)
        .expect("build/bench.json can be written");
    println!("\nbuild/bench.json has every single value.");
    ExitCode::SUCCESS
}

/// A number from the environment.
fn variable(name: &str, default: usize) -> usize {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => match text.parse() {
            Ok(number) if number > 0 => number,
            _ => panic!("{name}=\"{text}\": a number from 1 on is accepted"),
        },
        _ => default,
    }
}
