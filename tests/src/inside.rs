//! A machine that is seen and run from its Linuxes, by `bulkheadctl`: one partition with all of the
//! right (COM2), one with that over the third (COM3), and the third (COM4), which is not started.

use std::path::PathBuf;

use crate::iso::Iso;
use crate::qemu::{Machine, Running};
use crate::{Kernel, initrd_with, root};

/// The demo's initial RAM disk with `bulkheadctl` in it.
#[must_use]
pub fn initrd(name: &str) -> PathBuf {
    let mut files = vec![(
        "/bin/bulkheadctl".to_string(),
        root().join("build/bulkheadctl"),
    )];
    for kernel in [Kernel::Debian61Cloud, Kernel::Debian612Cloud] {
        let path = format!("/lib/modules/{}/efivarfs.ko", kernel.release());
        files.push((path, kernel.module()));
    }
    initrd_with(&format!("{name}.img"), &files)
}

/// The machine.
///
/// # Panics
/// If its image can't be made.
#[must_use]
pub fn machine(name: &str) -> Machine {
    let iso = Iso::new(name)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", initrd(name))
        .script(
            "define boss cores=1 memory=256M kernel=linux612 initrd=demo console=com2 control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define clerk cores=2 memory=256M kernel=linux initrd=demo console=com3 control=spare,later cmdline=\"bulkhead.name=clerk quiet\"\n\
             define spare cores=3 memory=256M kernel=linux initrd=demo console=com4 restart=never cmdline=\"bulkhead.name=spare quiet panic=1\"\n\
             start boss clerk\n",
        )
        .make();
    Machine::new(&iso, "run")
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
