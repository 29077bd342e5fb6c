//! A machine that is seen and run from its Linuxes, by `bulkheadctl`: one partition with all of the
//! right (COM2), one with that over the third (COM3), and the third (COM4), which is not started.

use std::path::PathBuf;

use crate::iso::Iso;
use crate::qemu::{Machine, Running};
use crate::{Kernel, initrd_with, root};

/// The demo's initial RAM disk with `bulkheadctl` in it.
#[must_use]
pub fn initrd(name: &str) -> PathBuf {
    initrd_of(name, Vec::new())
}

fn initrd_of(name: &str, mut files: Vec<(String, PathBuf)>) -> PathBuf {
    files.push((
        "/bin/bulkheadctl".to_string(),
        root().join("build/bulkheadctl"),
    ));
    for kernel in [Kernel::Debian61Cloud, Kernel::Debian612Cloud] {
        let path = format!("/lib/modules/{}/efivarfs.ko", kernel.release());
        files.push((path, kernel.module()));
    }
    initrd_with(&format!("{name}.img"), &files)
}

/// A machine of that boot script, for which there are the images `linux` (6.1), `linux612` and `demo`.
///
/// # Panics
/// If its image can't be made.
#[must_use]
pub fn machine_of(name: &str, script: &str) -> Machine {
    machine_with(name, script, Vec::new())
}

/// The same, with these files in its initial RAM disk.
///
/// # Panics
/// If its image can't be made.
#[must_use]
pub fn machine_with(name: &str, script: &str, files: Vec<(String, PathBuf)>) -> Machine {
    let iso = Iso::new(name)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", initrd_of(name, files))
        .script(script)
        .make();
    Machine::new(&iso, "run")
}

/// The machine.
///
/// # Panics
/// If its image can't be made.
#[must_use]
pub fn machine(name: &str) -> Machine {
    machine_of(
        name,
        "define boss cores=1 memory=256M kernel=linux612 initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
         define clerk cores=2 memory=256M kernel=linux initrd=demo console=com3 control=spare,later cmdline=\"bulkhead.name=clerk quiet\"\n\
         define spare cores=3 memory=256M kernel=linux initrd=demo console=com4 restart=never cmdline=\"bulkhead.name=spare quiet panic=1\"\n\
         start boss clerk\n",
    )
}

/// Starts a machine of that boot script, and waits for its shell and for the demo on each of these ports.
///
/// # Panics
/// If its image can't be made, or they don't come.
#[must_use]
pub fn start(name: &str, script: &str, coms: &[usize]) -> Running {
    let mut machine = machine_of(name, script).start();
    machine.wait_for_prompt();
    for com in coms {
        machine.wait_for_demo(*com);
    }
    machine
}

/// Starts an agent in the partition of that name, and waits until Bulkhead hears it. `$A` is its process.
///
/// # Panics
/// If it is not heard.
pub fn agent(machine: &mut Running, com: usize, name: &str, options: &str) {
    machine.linux(
        com,
        &format!("bulkheadctl agent {options} >/tmp/agent 2>&1 & A=$!"),
    );
    machine.wait_for(1, &format!("* {name}: its agent is heard"));
}

/// Waits until the two are up.
///
/// # Panics
/// When they don't come.
pub fn wait(machine: &mut Running) {
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
}

/// What the demo's `time` says, `real 0m 1.25s`.
#[must_use]
pub fn real_seconds(said: &str) -> Option<f64> {
    let line = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("real"))?;
    let (minutes, seconds) = line.trim().split_once("m ")?;
    let (minutes, seconds): (f64, f64) = (
        minutes.parse().ok()?,
        seconds.trim_end_matches('s').parse().ok()?,
    );
    Some(minutes * 60.0 + seconds)
}

/// The middle one of what the demo's `ping` says, `round-trip min/avg/max = 0.1/0.2/0.3 ms`, in milliseconds.
#[must_use]
pub fn average_round_trip(said: &str) -> Option<f64> {
    let (_, times) = said.rsplit_once("min/avg/max = ")?;
    times.split('/').nth(1)?.parse().ok()
}
