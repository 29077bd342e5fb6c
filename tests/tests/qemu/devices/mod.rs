//! Partitions with devices of their own, on stock generic kernels, two and three at once.
//!
//! What takes long is only played with `BULKHEAD_LONG=1` (`make test-long`), and so are controls:
//! the same guest's work in a machine without Bulkhead, which tell QEMU's faults from Bulkhead's.

mod debian;
mod disks;
mod dma;
mod drivers;
mod isolation;
mod isolation_left;
mod legacy;
mod made;
mod network;
mod no_io;
mod refused;
mod topology;
mod unplugged;
mod usb;
mod usb_away;
mod walls;
mod walls_reserved;
mod walls_thin;
mod watchdog;

use std::path::PathBuf;

use bulkhead_tests::devices::Board;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, device_initrd};
use libtest_mimic::Trial;

use crate::long_story;

pub(crate) fn stories() -> Vec<Trial> {
    let all = [
        disks::stories(),
        network::stories(),
        no_io::stories(),
        dma::stories(),
        drivers::stories(),
        isolation::stories(),
        isolation_left::stories(),
        legacy::stories(),
        made::stories(),
        refused::stories(),
        topology::stories(),
        unplugged::stories(),
        usb::stories(),
        usb_away::stories(),
        walls::stories(),
        walls_reserved::stories(),
        walls_thin::stories(),
        debian::stories(),
        watchdog::stories(),
    ];
    all.into_iter().flatten().collect()
}

/// The folder of a story's ISO and disks.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = build_folder().join("tests").join(name);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// One partition, as a line of the boot script.
pub(crate) struct Partition {
    name: &'static str,
    com: usize,
    kernel: Kernel,
    cores: &'static str,
    memory: &'static str,
    devices: &'static str,
    /// More of the line.
    settings: &'static str,
    /// More of its command line.
    cmdline: String,
}

impl Partition {
    pub(crate) fn new(name: &'static str, com: usize, kernel: Kernel, cores: &'static str) -> Self {
        Self {
            name,
            com,
            kernel,
            cores,
            memory: "512M",
            devices: "",
            settings: "",
            cmdline: String::new(),
        }
    }

    pub(crate) fn devices(mut self, devices: &'static str) -> Self {
        self.devices = devices;
        self
    }

    fn line(&self) -> String {
        let Self {
            name,
            com,
            kernel,
            cores,
            memory,
            devices,
            settings,
            cmdline,
        } = self;
        let image = kernel.name();
        let devices = if devices.is_empty() {
            String::new()
        } else {
            format!("devices={devices}")
        };
        format!(
            "define {name} cores={cores} memory={memory} kernel={image} initrd=for-{image} \
             console=com{com} {devices} {settings} cmdline=\"bulkhead.name={name} quiet {cmdline}\"\n"
        )
    }
}

/// A machine whose boot script defines and starts the partitions.
pub(crate) fn machine(name: &str, partitions: &[Partition], board: &Board) -> Machine {
    let mut script: String = partitions.iter().map(Partition::line).collect();
    let mut iso = Iso::new(name);
    let mut kernels: Vec<Kernel> = Vec::new();
    for partition in partitions {
        script += &format!("start {}\n", partition.name);
        if !kernels.contains(&partition.kernel) {
            kernels.push(partition.kernel);
        }
    }
    for kernel in kernels {
        iso = iso
            .image(kernel.name(), kernel.image())
            .image(&format!("for-{}", kernel.name()), device_initrd(kernel));
    }
    let iso = iso.script(&script).make();
    Machine::new(&iso, "run").memory("3G").board(board)
}

/// The same up to the point at which all have reported.
pub(crate) fn boot(name: &str, partitions: &[Partition], board: &Board) -> Running {
    let mut running = machine(name, partitions, board).start();
    running.wait_for_prompt();
    for partition in partitions {
        running.wait_for_demo(partition.com);
    }
    running
}

/// A Linux without Bulkhead on the same devices, with its console on COM2 as in a partition.
fn boot_alone(name: &str, kernel: Kernel, cores: &str, board: &Board, cmdline: &str) -> Running {
    let mut running = Machine::without_bulkhead(
        &folder(name).join("alone"),
        &kernel.image(),
        &device_initrd(kernel),
        &format!("console=ttyS1,115200 panic=1 quiet bulkhead.name=alone {cmdline}"),
    )
    .cores(cores)
    .memory("1G")
    .resets()
    .board(board)
    .start();
    running.wait_for_demo(2);
    running
}

/// Functions for a guest's shell: `disk BUS` and `card BUS` print the names of the disk and of the
/// network card on a PCI bus, waiting until its driver has found it. (What belongs to an NVMe
/// controller is a path, `nvme0c0n1`; the disk is `nvme0n1`.)
const NAMES: &str = "below() { for x in $2; do case $(readlink -f $x) in *:$1:00.0/*) echo ${x##*/};; esac; done; }; \
    find1() { n=; i=0; while [ -z \"$n\" ] && [ $i -lt 200 ]; do n=$(below $1 \"$2\"); i=$((i+1)); [ -n \"$n\" ] || usleep 100000; done; echo $n; }; \
    disk() { find1 $1 '/sys/block/*' | sed 's/c[0-9]*n/n/'; }; card() { find1 $1 '/sys/class/net/*'; }";

/// Teaches a guest's shell [`NAMES`].
fn teach(machine: &mut Running, com: usize) {
    let (first, rest) = NAMES.split_once("}; ").expect("there are several");
    machine.linux(com, &format!("{first}}}"));
    machine.linux(com, rest);
}
