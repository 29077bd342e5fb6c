//! Launches and work with `dma` beside `bare`, in one machine; and the same work of a Linux that has the machine to itself,
//! with its own driver of the IOMMU on and off. All in virtual time: what the cores execute.

use std::path::PathBuf;

use bulkhead_tests::answers::{LaunchTime, launch_times};
use bulkhead_tests::devices::{Board, Device};
use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, device_initrd, tool};

use crate::work::{Clock, Figure, Size, Task, core, disk, do_task, full_disk};

const COM: usize = 2;
const IOMMU: &str = "intel-iommu,intremap=off,aw-bits=48";
/// RAM of the partition that works, and of a Linux by itself.
const MEMORY: &str = "512M";
/// Of those that are launched only.
const SIZES: [&str; 2] = ["1G", "4G"];

/// Who does the work, and behind what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Bare,
    Dma,
    /// A Linux by itself, whose driver leaves the IOMMU off.
    Alone,
    /// The same, with its driver on.
    Driver,
}

impl Side {
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Dma, Self::Alone, Self::Driver];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Dma => "dma",
            Self::Alone => "alone",
            Self::Driver => "alone_iommu",
        }
    }
}

/// A figure, with its values of each side.
pub(crate) struct Row {
    pub(crate) figure: Figure,
    pub(crate) values: [Vec<f64>; 4],
}

/// Launches of a size, in ms from the doorbell to the kernel's entry: after `start`, after `restart`.
pub(crate) struct Launches {
    pub(crate) memory: &'static str,
    pub(crate) isolation: &'static str,
    pub(crate) first: Vec<LaunchTime>,
    pub(crate) again: Vec<LaunchTime>,
}

pub(crate) struct Bench {
    iso: PathBuf,
    initrd: PathBuf,
    kernel: Kernel,
    board: Board,
}

impl Bench {
    pub(crate) fn new(kernel: Kernel) -> Self {
        let folder = build_folder().join("tests/bench_isolation");
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let initrd = folder.join("initrd.img");
        std::fs::copy(device_initrd(kernel), &initrd).expect("the initial RAM disk can be copied");
        let iso = Iso::new("bench_isolation")
            .loader(Loader::Limine)
            .image("linux", kernel.image())
            .image("initrd", &initrd)
            .script(&format!(
                "define one cores=1 memory={MEMORY} kernel=linux initrd=initrd console=com2 \
                 devices=01:00.0,02:00.0 cmdline=\"bulkhead.name=one quiet\"\n"
            ))
            .make();
        let virtio = Device::virtio_blk(&full_disk(&folder, "virtio.img"))
            .with("iommu_platform=on,disable-legacy=on");
        let board = Board::new()
            .iommu(IOMMU)
            .device(Device::nvme(&full_disk(&folder, "nvme.img")))
            .device(virtio);
        Self {
            iso,
            initrd,
            kernel,
            board,
        }
    }

    fn boot(&self, memory: &str) -> Running {
        let machine = Machine::from_disk(&self.iso, "run").board(&self.board);
        let mut machine = machine.cores("2").memory(memory).counted_time().start();
        tool::watch(&machine);
        machine.wait_for_prompt();
        machine
    }

    /// A partition is launched and launched again, of each size, with both modes in turns.
    pub(crate) fn launches(&self, runs: usize) -> Vec<Launches> {
        let mut machine = self.boot("6G");
        let mut all = Vec::new();
        let mut run = 0;
        for memory in SIZES {
            machine.expect(&format!("set one memory={memory}"), &[]);
            for isolation in ["bare", "dma"] {
                be(&mut machine, isolation);
                for _ in 0..runs {
                    for verb in ["start", "restart"] {
                        run += 1;
                        launch(&mut machine, verb, run);
                    }
                    machine.expect("kill one", &[]);
                }
                // As many as there is room for in the log: those of these runs are its last.
                let times = launch_times(&machine.command("log"), "one");
                let Some(first) = times.len().checked_sub(2 * runs) else {
                    machine.fail("\"log\" does not have all launches");
                };
                let [first, again] = [0, 1].map(|nth| {
                    let mine = times[first..].iter().skip(nth).step_by(2);
                    mine.copied().collect()
                });
                all.push(Launches {
                    memory,
                    isolation,
                    first,
                    again,
                });
            }
        }
        all
    }

    /// The work, by all in turns.
    pub(crate) fn work(&self, size: &Size) -> Vec<Row> {
        let tasks = tasks(size.seconds);
        let figures = tasks.iter().flat_map(|task| task.figures.clone());
        let mut rows: Vec<Row> = figures
            .map(|figure| Row {
                figure,
                values: Default::default(),
            })
            .collect();
        for run in 1..=size.runs {
            for (number, side) in Side::ALL.into_iter().enumerate() {
                let mut machine = self.up(side);
                let values = tasks
                    .iter()
                    .flat_map(|task| do_task(&mut machine, task, size));
                for (row, value) in rows.iter_mut().zip(values) {
                    row.values[number].push(value);
                }
                println!("work, run {run}, {side:?}: {} s", machine.age().as_secs());
            }
        }
        rows
    }

    /// A machine with that side's Linux at its shell.
    fn up(&self, side: Side) -> Running {
        let mut machine = match side {
            Side::Bare | Side::Dma => {
                let mut machine = self.boot("2G");
                be(&mut machine, side.name());
                machine.com(1).send("start one\r");
                machine
            }
            Side::Alone | Side::Driver => {
                let driver = if side == Side::Driver { "on" } else { "off" };
                let cmdline = format!(
                    "console=ttyS1,115200 tsc=reliable bulkhead.name=one quiet possible_cpus=1 intel_iommu={driver}"
                );
                let folder = self.iso.with_file_name(side.name());
                let machine = Machine::without_bulkhead(
                    &folder,
                    &self.kernel.image(),
                    &self.initrd,
                    &cmdline,
                );
                let machine = machine.cores("1,maxcpus=2").memory(MEMORY);
                let machine = machine.board(&self.board).counted_time().start();
                tool::watch(&machine);
                machine
            }
        };
        machine.wait_for_demo(COM);
        // Whether the driver is at work is the whole difference.
        let found = machine.linux(COM, "ls /sys/class/iommu; echo looked");
        if found.contains("dmar0") != (side == Side::Driver) {
            machine.fail(&format!("{side:?} has another IOMMU: {found}"));
        }
        machine
    }
}

/// Has its devices isolated so.
fn be(machine: &mut Running, isolation: &str) {
    machine.expect(&format!("set one isolation={isolation}"), &[]);
    machine.expect("show one", &[&format!("(isolation={isolation})")]);
}

/// Launches it, and waits until its kernel is entered.
fn launch(machine: &mut Running, verb: &str, run: u32) {
    machine.com(1).skip();
    machine.com(1).send(&format!("{verb} one\r"));
    machine.wait_for(1, &format!("* one: launched run={run}"));
    machine.com(1).send("\r");
    machine.wait_for_prompt();
}

/// What a device has to do with, and a row of the core alone, which tells what the run itself is worth.
fn tasks(seconds: usize) -> Vec<Task> {
    let disks = [
        ("NVMe", "01", "read random", 4),
        ("NVMe", "01", "write random", 4),
        ("NVMe", "01", "read sequential", 1),
        ("virtio-blk", "02", "read random", 4),
        ("virtio-blk", "02", "read sequential", 1),
    ];
    let disks =
        disks.map(|(name, bus, operation, threads)| disk(name, bus, operation, threads, seconds));
    let tasks = [core("syscall", seconds)].into_iter().chain(disks);
    tasks.map(|task| task.by(Clock::Virtual)).collect()
}
