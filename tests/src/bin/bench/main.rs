//! `make bench`: how long Bulkhead itself takes to its prompt; what a Linux gets done in a partition, side by side with the same Linux by itself
//! on the same devices; how long a launch takes, side by side with the same Linux started by QEMU
//! itself; how long its images are copied; how long a restart takes, side by side with kexec and
//! with a machine reset; how late a neighbour's timer is meanwhile; what stays resident; how much
//! code there is.
//!
//! Prints tables and writes `build/bench.json`. It reports and does not judge: it fails only if a
//! run breaks. `$WHAT` chooses: `boot`, `work`, `launch` or `all`. `$N` is the number of runs of each kind
//! (5), `$CORES` that of each Linux's cores (1); `$WORK` that of seconds of each work (2), and
//! `$KERNEL` the only kernel to do it on; `$TICKS` that of seconds of each of the neighbour's cases
//! (20).
//!
//! Both sides have the same kernel, initial RAM disk, cores, RAM, accelerator and host, and take
//! turns; at launches the same command line too (the partition's, to the letter). Times of launches
//! are this program's: when a line arrives on a serial port. Figures of work are the guest's.

mod boot;
mod host;
mod json;
mod launch;
mod launching;
mod neighbour;
mod print;
mod restart;
mod values;
mod work;

use std::process::ExitCode;

use bulkhead_tests::{Kernel, build_folder, root, source, tool};

use crate::host::Host;
use crate::json::Results;
use crate::launch::MEMORY;
use crate::launching::Launching;
use crate::work::Size;

fn main() -> ExitCode {
    tool::exit_on_failure("bench");
    let [has_boots, has_work, has_launches] = match text("WHAT").as_deref() {
        None | Some("all") => [true, true, true],
        Some("boot") => [true, false, false],
        Some("work") => [false, true, false],
        Some("launch") => [false, false, true],
        Some(other) => panic!("WHAT=\"{other}\": all, boot, work or launch is accepted"),
    };
    let size = Size {
        runs: variable("N", 5),
        cores: variable("CORES", 1),
        seconds: variable("WORK", 2),
        only: text("ONLY").unwrap_or_default(),
    };
    let kernels = kernels();
    let ticks = variable("TICKS", 20);
    let host = Host::ask();
    println!("{}", host.line());
    println!(
        "{} runs of each kind, taking turns; {} core(s), {MEMORY} for each Linux\n",
        size.runs, size.cores
    );

    let boots = has_boots.then(|| boot::measure(size.runs));
    let work = has_work.then(|| {
        let results = kernels.iter().map(|kernel| work::work(*kernel, &size));
        results.collect::<Vec<_>>()
    });
    let launching = has_launches.then(|| Launching::measure(size.runs, size.cores, ticks));
    let code = ["kernel", "shell"].map(|folder| (folder, source::count(&root().join(folder))));

    if let Some(boots) = &boots {
        print::boots(boots);
    }
    if let Some(launching) = &launching {
        launching.print();
    }
    print::code(&code);
    let results = Results {
        boots: boots.as_deref(),
        work: work.as_deref(),
        launching: launching.as_ref(),
    };
    let json = json::write(&host, &size, &results, &code);
    std::fs::write(build_folder().join("bench.json"), json)
        .expect("build/bench.json can be written");
    println!("\nbuild/bench.json has every single value.");
    ExitCode::SUCCESS
}

/// Those to work on: with drivers.
fn kernels() -> Vec<Kernel> {
    let all = [Kernel::Debian61, Kernel::Debian612];
    match text("KERNEL") {
        None => all.into(),
        Some(name) => match all.into_iter().find(|kernel| kernel.name() == name) {
            Some(kernel) => vec![kernel],
            None => panic!(
                "KERNEL=\"{name}\": {} is accepted",
                all.map(Kernel::name).join(" or ")
            ),
        },
    }
}

/// A number from the environment.
fn variable(name: &str, default: usize) -> usize {
    match text(name) {
        None => default,
        Some(text) => match text.parse() {
            Ok(number) if number > 0 => number,
            _ => panic!("{name}=\"{text}\": a number from 1 on is accepted"),
        },
    }
}

/// A text from the environment; an empty one is none.
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
