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
//! `$WORK` that of seconds of each work (2), and `$KERNEL` the only kernel to do it on; `$TICKS` that
//! of seconds of each of the neighbour's controls (10). `$KVM` adds KVM guests to contention.
//!
//! Both sides have the same kernel, initial RAM disk, cores, RAM, accelerator and host, and take
//! turns; at launches the same command line too (the partition's, to the letter). Times of launches
//! are this program's: when a line arrives on a serial port. Figures of work are the guest's.

mod agent;
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
mod neighbour;
mod print;
mod restart;
mod scale;
mod values;
mod work;

use std::process::ExitCode;

use bulkhead_tests::qemu::{accelerator, has_kvm, virtual_time};
use bulkhead_tests::{Kernel, build_folder, root, source, tool};

use crate::host::Host;
use crate::json::Results;
use crate::launch::MEMORY;
use crate::launching::{Launching, Parts};
use crate::work::{Clock, Size, contention};

/// What `$WHAT` may be.
const PARTS: [&str; 11] = [
    "boot",
    "scale",
    "inside",
    "dump",
    "links",
    "isolation",
    "work",
    "contention",
    "launch",
    "restart",
    "neighbour",
];
const ALL: &str = "all";

fn main() -> ExitCode {
    tool::exit_on_failure("bench");
    let what = text("WHAT").unwrap_or_else(|| ALL.to_string());
    assert!(
        what == ALL || PARTS.contains(&what.as_str()),
        "WHAT=\"{what}\": {ALL}, {} is accepted",
        PARTS.join(" or ")
    );
    let has = |part: &str| what == ALL || what == part;
    let size = Size {
        runs: variable("N", 5),
        cores: variable("CORES", 1),
        seconds: variable("WORK", 2),
        only: text("ONLY").unwrap_or_default(),
        clock: clock(),
        has_guests: has_guests(&what),
    };
    let kernels = chosen(&work::WITH_DRIVERS, work::USUAL);
    let on_cores = chosen(&work::KERNELS, work::USUAL);
    let seconds = variable("TICKS", 10);
    let host = Host::ask(&match size.clock {
        Clock::Host => accelerator().to_vec(),
        Clock::Virtual => virtual_time(true).to_vec(),
    });
    println!("{}", host.line());
    println!(
        "{} runs of each kind, taking turns; {} core(s), {MEMORY} for each Linux\n",
        size.runs, size.cores
    );

    let boots = has("boot").then(|| boot::measure(size.runs));
    let is_counted = size.clock == Clock::Virtual;
    let counted = (what == "scale" && is_counted).then(|| counted::measure(&size.only));
    let scale = (has("scale") && counted.is_none()).then(scale::measure);
    let inside = has("inside").then(|| inside::measure(size.runs));
    let dump = has("dump").then(|| dump::measure(size.runs));
    let isolation = has("isolation").then(|| isolation::measure(kernels[0], &size));
    if has("inside") {
        agent::measure();
    }
    let links = has("links").then(|| {
        let results = kernels.iter().map(|kernel| links::measure(*kernel, &size));
        results.collect::<Vec<_>>()
    });
    let work = has("work").then(|| {
        let results = on_cores.iter().map(|kernel| work::work(*kernel, &size));
        results.collect::<Vec<_>>()
    });
    let contention = has("contention").then(|| {
        let results = on_cores
            .iter()
            .map(|kernel| contention::measure(*kernel, &size));
        results.collect::<Vec<_>>()
    });
    let parts = Parts {
        launches: has("launch"),
        restarts: has("restart"),
        neighbour: has("neighbour"),
    };
    let launching = parts.any().then(|| {
        Launching::measure(
            parts,
            [&chosen(&launch::KERNELS, launch::KERNELS), &kernels],
            &size,
            seconds,
        )
    });
    let code = ["kernel", "shell"].map(|folder| (folder, source::count(&root().join(folder))));

    if let Some(boots) = &boots {
        print::boots(boots);
    }
    if let Some(scale) = &scale {
        print::scale(scale);
    }
    if let Some(inside) = &inside {
        print::inside(inside);
    }
    if let Some(dump) = &dump {
        print::dump(dump);
    }
    if let Some(links) = &links {
        links.iter().for_each(print::links);
    }
    if let Some(isolation) = &isolation {
        isolation::print(isolation);
    }
    if let Some(launching) = &launching {
        launching.print();
    }
    print::code(&code);
    let results = Results {
        boots: boots.as_deref(),
        scale: scale.as_deref(),
        counted: counted.as_deref(),
        inside: inside.as_ref(),
        dump: dump.as_ref(),
        links: links.as_deref(),
        isolation: isolation.as_ref(),
        work: work.as_deref(),
        contention: contention.as_deref(),
        launching: launching.as_ref(),
    };
    let json = json::write(&host, &size, &results, &code);
    std::fs::write(build_folder().join("bench.json"), json)
        .expect("build/bench.json can be written");
    println!("\nbuild/bench.json has every single value.");
    ExitCode::SUCCESS
}

/// The one that `$KERNEL` names, if it is one of these; all that are measured without a name if not.
fn chosen(possible: &[Kernel], without: [Kernel; 2]) -> Vec<Kernel> {
    let Some(name) = text("KERNEL") else {
        return without.into();
    };
    let names = work::KERNELS.map(Kernel::name);
    assert!(
        names.contains(&name.as_str()),
        "KERNEL=\"{name}\": {} is accepted",
        names.join(" or ")
    );
    match possible.iter().find(|kernel| kernel.name() == name) {
        Some(kernel) => vec![*kernel],
        None => without.into(),
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

/// What `$CLOCK` names.
fn clock() -> Clock {
    match text("CLOCK").as_deref() {
        None | Some("host") => Clock::Host,
        Some("virtual") if has_kvm() => panic!("CLOCK=\"virtual\": not with KVM, only emulated"),
        Some("virtual") => Clock::Virtual,
        Some(other) => panic!("CLOCK=\"{other}\": host or virtual is accepted"),
    }
}

/// Whether `$KVM` asks for KVM guests: in an emulated machine only, by its exact clock. On a host with KVM they
/// would be guests of guests.
fn has_guests(what: &str) -> bool {
    match text("KVM").as_deref() {
        None | Some("0") => false,
        Some("1") if has_kvm() => panic!("KVM=\"1\": not with KVM on this host, only emulated"),
        Some("1") if what != "contention" || clock() != Clock::Virtual => {
            panic!("KVM=\"1\": with WHAT=contention CLOCK=virtual only")
        }
        Some("1") => true,
        Some(other) => panic!("KVM=\"{other}\": 0 or 1 is accepted"),
    }
}

/// A text from the environment; an empty one is none.
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
