//! How fast `bulkheadctl dump` writes the RAM of a dead Linux: to a disk with all of it on the medium, and
//! into memory, which is what the reading takes by itself; beside the same disk written by `dd`.

use std::time::Duration;

use bulkhead_tests::devices::{Board, Device, ext4_disk};
use bulkhead_tests::inside::real_seconds;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, build_folder, device_initrd, initrd_with, root};

/// Where the reader is.
const COM: usize = 2;
const LIMIT: Duration = Duration::from_secs(180);
/// What `dd` writes.
const DISK_MIB: u32 = 96;

/// MB/s of each.
pub(crate) struct Dump {
    /// All of the RAM, holes too, by the time from the first to the last.
    pub(crate) disk: Vec<f64>,
    pub(crate) memory: Vec<f64>,
    /// `dd` of zeros with `conv=fsync`: the disk by itself.
    pub(crate) dd: Vec<f64>,
    /// What was no hole, in bytes.
    pub(crate) written: u64,
    /// RAM, in bytes.
    pub(crate) ram: u64,
}

/// The three take turns, in one machine.
pub(crate) fn measure(runs: usize) -> Dump {
    let mut machine = start();
    let mut dump = Dump {
        disk: Vec::new(),
        memory: Vec::new(),
        dd: Vec::new(),
        written: 0,
        ram: 0,
    };
    for _ in 0..runs {
        let said = dumped(&mut machine, "/s/one.core");
        dump.memory.push(speed(&machine, &said));
        let said = dumped(&mut machine, "/m/one.core");
        dump.disk.push(speed(&machine, &said));
        dump.written = number(&machine, &said, "written_bytes");
        dump.ram = number(&machine, &said, "memory_bytes");
        dump.dd.push(by_dd(&mut machine));
    }
    dump
}

/// A reader with a disk, and one that has panicked.
fn start() -> Running {
    let folder = build_folder().join("tests/bench_dump");
    let ctl = ("/bin/bulkheadctl", root().join("build/bulkheadctl"));
    let disk = ext4_disk(&folder, "disk.img", 700);
    let iso = Iso::new("bench_dump")
        .image("linux", Kernel::Debian612.image())
        .image("cloud", Kernel::Debian612Cloud.image())
        .image("demo", initrd_with("bench_dump.img", &[ctl]))
        .image("drivers", device_initrd(Kernel::Debian612))
        .script(
            "define boss cores=1 memory=768M kernel=linux initrd=drivers,demo console=com2 devices=0000:01:00.0 \
             control=yes cmdline=\"bulkhead.name=boss quiet\"\n\
             define one cores=2 memory=256M kernel=cloud initrd=demo console=com3 restart=never \
             cmdline=\"bulkhead.name=one panic=1\"\n\
             start boss one\n",
        )
        .make();
    let board = Board::new().device(Device::nvme(&disk));
    let mut machine = Machine::new(&iso, "run").memory("3G").board(&board).start();
    machine.wait_for_prompt();
    machine.wait_for_demo(COM);
    machine.wait_for_demo(3);
    machine.linux(
        COM,
        "modprobe nvme; modprobe ext4; modprobe efivarfs; mount -t efivarfs e /sys/firmware/efi/efivars; sleep 1",
    );
    machine.linux_expect(
        COM,
        "mkdir -p /m /s; mount -t ext4 /dev/nvme0n1 /m && mount -t tmpfs -o size=300m s /s && echo MOUNT''ED",
        "MOUNTED",
    );
    machine.com(3).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(1, "* one: failed");
    machine
}

/// Its answer, and no file is left.
fn dumped(machine: &mut Running, file: &str) -> String {
    let line = format!("bulkheadctl dump one {file} --json 2>&1; rm -f {file}; sync");
    machine.linux_within(COM, &line, LIMIT)
}

/// Of all its RAM, with a digit more than it says itself.
fn speed(machine: &Running, said: &str) -> f64 {
    let bytes = number(machine, said, "memory_bytes");
    let ms = number(machine, said, "milliseconds");
    println!(
        "{} bytes, of which {} were written, in {ms} ms",
        bytes,
        number(machine, said, "written_bytes")
    );
    per_second(bytes, ms)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn per_second(bytes: u64, ms: u64) -> f64 {
    bytes as f64 / 1000.0 / ms.max(1) as f64
}

fn number(machine: &Running, said: &str, field: &str) -> u64 {
    let value = said
        .split_once(&format!("\"{field}\":"))
        .and_then(|(_, rest)| rest.split([',', '}']).next())
        .and_then(|value| value.trim().parse().ok());
    value.unwrap_or_else(|| machine.fail(&format!("no {field} was told: {said}")))
}

fn by_dd(machine: &mut Running) -> f64 {
    let said = machine.linux_within(
        COM,
        &format!("time sh -c 'dd if=/dev/zero of=/m/dd bs=1M count={DISK_MIB} conv=fsync'; rm -f /m/dd; sync"),
        LIMIT,
    );
    let seconds = real_seconds(&said);
    let seconds = seconds.unwrap_or_else(|| machine.fail(&format!("no time was told: {said}")));
    f64::from(DISK_MIB) * 1.048_576 / seconds.max(0.001)
}
