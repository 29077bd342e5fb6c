//! Two partitions, ended in turns by every way there is, at random: each comes back whole, a third
//! one does not notice, and nothing is used up.
//!
//! The two overlap: while one boots the other is ended, so a launch is always met by somebody's end.
//!
//! And two more: ends by force at random moments of a boot ([`moments()`]); two partitions with control, which act at random on each other and on others, beside
//! the shell and without it ([`contend()`]).

mod contend;
mod judge;
mod look;
mod moments;
mod random;
mod rounds;
mod settle;
mod table;
mod ways;

use std::fmt::Write;
use std::path::PathBuf;

use crate::iso::Iso;
use crate::qemu::{Machine, Running};
use crate::{Kernel, faulty};

pub use contend::{contend, machine_with_bosses};
pub use moments::moments;
pub use rounds::run;
pub use ways::{WAYS, Way, end, end_and_wait};

/// What there is to be ended.
pub struct Partition {
    /// Its name.
    pub name: &'static str,
    /// What it boots.
    pub kernel: Kernel,
    /// Its serial port.
    pub com: usize,
    /// Its cores, the boot core first.
    pub cores: &'static [u32],
    /// Its RAM.
    pub memory: &'static str,
}

/// Both of them.
pub const PARTITIONS: [Partition; 2] = [
    Partition {
        name: "one",
        kernel: Kernel::Debian61Cloud,
        com: 2,
        cores: &[1, 2],
        memory: "320M",
    },
    Partition {
        name: "two",
        kernel: Kernel::Debian612Cloud,
        com: 3,
        cores: &[3],
        memory: "256M",
    },
];

/// Runs beside them in a soak, and is never ended.
const WITNESS: Partition = Partition {
    name: "witness",
    kernel: Kernel::Debian61Cloud,
    com: 4,
    cores: &[4],
    memory: "192M",
};

/// A machine with both partitions, whose initial RAM disk is that one. Its files lie in the folder
/// `name`.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn machine(name: &str, initrd: PathBuf) -> Machine {
    machine_of(name, initrd, &PARTITIONS.iter().collect::<Vec<_>>())
}

/// Waits until both are up.
///
/// # Panics
/// If one does not come up.
pub fn wait_for_both(machine: &mut Running) {
    machine.wait_for_prompt();
    for partition in &PARTITIONS {
        machine.wait_for_demo(partition.com);
    }
}

/// A machine for [`run`]: with one partition more, which counts, and is never ended.
///
/// # Panics
/// If it can't be made.
#[must_use]
pub fn machine_with_witness(name: &str) -> Machine {
    let initrd = faulty::initrd(name, &PARTITIONS.map(|partition| partition.kernel));
    let all = PARTITIONS.iter().chain([&WITNESS]);
    machine_of(name, initrd, &all.collect::<Vec<_>>())
}

fn machine_of(name: &str, initrd: PathBuf, partitions: &[&Partition]) -> Machine {
    let mut script = String::new();
    let mut iso = Iso::new(name).image("demo", initrd);
    let mut images = Vec::new();
    for partition in partitions {
        let Partition {
            name,
            kernel,
            com,
            cores,
            memory,
        } = partition;
        let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
        // Writing into a string never fails.
        let _ = writeln!(
            script,
            "define {name} cores={} memory={memory} kernel={} initrd=demo console=com{com} \
             cmdline=\"bulkhead.name={name} quiet\"",
            cores.join(","),
            kernel.name(),
        );
        if !images.contains(kernel) {
            iso = iso.image(kernel.name(), kernel.image());
            images.push(*kernel);
        }
    }
    let names: Vec<&str> = partitions.iter().map(|partition| partition.name).collect();
    let iso = iso.script(&format!("{script}start {}\n", names.join(" ")));
    // Bulkhead has the first core.
    let cores: usize = partitions
        .iter()
        .map(|partition| partition.cores.len())
        .sum();
    Machine::new(&iso.make(), "run").cores(&(cores + 1).to_string())
}
