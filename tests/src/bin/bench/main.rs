//! `make bench`: how long Bulkhead itself takes to its prompt; the same, and more, with one partition to
//! thirty-two; what `bulkheadctl list` takes from inside; how fast a dead Linux's RAM
//! is dumped; what goes through a link, beside virtio-net; what an IOMMU around devices costs; what a Linux gets done in a partition,
//! side by side with the same Linux by itself on the same devices; what two loads get done in two
//! partitions and in one big Linux; how long a launch takes, side by
//! side with the same Linux started by QEMU itself; how long its images are copied; how long a
//! restart takes, side by side with kexec and with a machine reset; how late a neighbour's timer is
//! meanwhile; what stays resident; how much code there is.
//!
//! Prints tables and writes `build/bench.json`. It reports and does not judge: it fails only if a
//! run breaks. `$WHAT` chooses one of these: `boot`, `scale`, `inside`, `dump`, `links`, `isolation`, `work`, `contention`, `launch`, `restart`, `neighbour`, or
//! `all`. `$N` is the number of runs of each kind (5), `$CORES` that of each Linux's cores (1);
//! `$WORK` that of seconds of each work (2), `$KERNEL` the only kernel to do it on, `$ONLY` what is in the names of what is
//! done, `$CLOCK` whose time it is; `$TICKS` that of seconds of each of the neighbour's controls (10). `$KVM`
//! adds KVM guests to contention. `--check` looks through these alone.
//!
//! Both sides have the same kernel, initial RAM disk, cores, RAM, accelerator and host, and take
//! turns; at launches the same command line too (the partition's, to the letter). Times of launches
//! are this program's: when a line arrives on a serial port. Figures of work are the guest's.

mod agent;
mod asked;
mod boot;
mod counted;
mod dump;
mod host;
mod inside;
mod isolation;
mod json;
mod launch;
mod launching;
mod links;
mod loads;
mod measured;
mod neighbour;
mod print;
mod restart;
mod scale;
mod work;

use std::process::ExitCode;

use bulkhead_tests::qemu::{accelerator, has_kvm, virtual_time};
use bulkhead_tests::{build_folder, root, source, tool};

use crate::asked::Asked;
use crate::host::Host;
use crate::launch::MEMORY;
use crate::measured::Measured;
use crate::work::Clock;

fn main() -> ExitCode {
    tool::exit_on_failure("bench");
    let variable = |name: &str| std::env::var(name).ok();
    let asked = match Asked::read(variable, has_kvm()) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("bench: error: {why}");
            return ExitCode::FAILURE;
        }
    };
    // Before make has built what it takes.
    if std::env::args().any(|word| word == "--check") {
        return ExitCode::SUCCESS;
    }
    let size = &asked.size;
    let host = Host::ask(&match json::clock(&asked) {
        Clock::Host => accelerator().to_vec(),
        // As the machines of each are started.
        Clock::Virtual => virtual_time(asked.has("work") || asked.has("contention")),
    });
    println!("{}", host.line());
    if asked.goes_by("N") {
        println!("{} runs of each kind, taking turns", size.runs);
    }
    if asked.goes_by("CORES") {
        println!("{} core(s), {MEMORY} for each Linux", size.cores);
    }
    println!();
    let measured = Measured::of(&asked);
    let code = ["kernel", "shell"].map(|folder| (folder, source::count(&root().join(folder))));
    measured.print();
    print::code(&code);
    let text = json::text(&host, &asked, &measured, &code);
    std::fs::write(build_folder().join("bench.json"), text)
        .expect("build/bench.json can be written");
    println!("\nbuild/bench.json has every single value.");
    ExitCode::SUCCESS
}
