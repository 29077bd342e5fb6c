//! Disks on every kind of controller, and what hangs on USB: written, crashed, started again and
//! verified, while the neighbour works on its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Device, empty_disk, ext4_disk};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::{Partition, boot, boot_alone, folder, long_story, teach};

pub(super) fn stories() -> Vec<Trial> {
    vec![
        long_story("devices::disks_of_6_1_and_6_12", || {
            two("disks", Kernel::Debian61, Kernel::Debian612)
        }),
        long_story("devices::disks_of_6_12_and_6_1", || {
            two("disks_swapped", Kernel::Debian612, Kernel::Debian61)
        }),
        long_story("devices::disks_of_7_x", || {
            two("disks_newest", Kernel::DebianSid, Kernel::Debian612)
        }),
        long_story("devices::control_disks_6_1", || {
            alone("disks_control_61", Kernel::Debian61)
        }),
        long_story("devices::control_disks_6_12", || {
            alone("disks_control_612", Kernel::Debian612)
        }),
    ]
}

const PATIENCE: Duration = Duration::from_secs(120);
/// What is written to each disk.
const SIZE: &str = "16M";

/// Buses 1 to 3: NVMe, AHCI and USB.
fn first_board(folder: &Path) -> Board {
    Board::new()
        .device(Device::nvme(&disk(folder, 1)).with("max_ioqpairs=4"))
        .device(Device::ahci(&disk(folder, 2)))
        .device(Device::xhci_with_keyboard_and_disk(&disk(folder, 3)))
}

fn disk(folder: &Path, bus: u8) -> PathBuf {
    let name = format!("disk{bus}.img");
    match bus {
        1 | 5 => ext4_disk(folder, &name, 64),
        _ => empty_disk(folder, &name, 64),
    }
}

fn two(name: &str, first: Kernel, second: Kernel) {
    let folder = folder(name);
    let board = first_board(&folder)
        .device(Device::virtio_scsi(&disk(&folder, 4)))
        .device(Device::virtio_blk(&disk(&folder, 5)));
    two_on(name, first, second, &board);
}

/// The same, each partition's devices kept from all but its RAM.
pub(super) fn two_behind(name: &str, iommu: &'static str) {
    /// Else they go by no IOMMU.
    const MODERN: &str = "iommu_platform=on,disable-legacy=on";
    let folder = folder(name);
    let board = first_board(&folder)
        .device(Device::virtio_scsi(&disk(&folder, 4)).with(MODERN))
        .device(Device::virtio_blk(&disk(&folder, 5)).with(MODERN))
        .iommu(iommu);
    two_on(name, Kernel::Debian61, Kernel::Debian612, &board);
}

fn two_on(name: &str, first: Kernel, second: Kernel, board: &Board) {
    let partitions = [
        Partition::new("many", 2, first, "1,2").devices("0000:01:00.0,0000:02:00.0,0000:03:00.0"),
        Partition::new("few", 3, second, "3").devices("0000:04:00.0,pci:05"),
    ];
    let mut machine = boot(name, &partitions, board);
    machine.expect("devices", &["owner many", "owner few"]);
    teach(&mut machine, 2);
    teach(&mut machine, 3);
    for (com, own, other) in [(2, "01 02 03", "04:00 05:00"), (3, "04 05", "01:00 02:00")] {
        sees_only(&mut machine, com, own, other);
    }

    write(&mut machine, 2, "02 03", "01");
    write(&mut machine, 3, "04", "05");
    one_vector_per_core(&mut machine, 2);
    keyboard(&mut machine, 2);

    // The neighbour reads its disk over and over; `many` panics in the middle of its own writing.
    let again = "while [ ! -e /tmp/enough ]; do pattern verify /dev/$d 16M 104 || exit 1; done";
    machine.start_job(3, "reader", &format!("d=$(disk 04); {again}"));
    write_on(&mut machine, 2);
    machine.com(2).skip();
    machine.com(2).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for(1, "* many: failed reason=\"panic");
    machine.wait_for(1, "* many: launched run=2 core=1");
    machine.wait_for_demo(2);
    teach(&mut machine, 2);
    sees_only(&mut machine, 2, "01 02 03", "04:00 05:00");
    verify(&mut machine, 2, "02 03", "01");
    one_vector_per_core(&mut machine, 2);
    keyboard(&mut machine, 2);

    machine.linux(3, "touch /tmp/enough");
    machine.job(3, "reader", PATIENCE);
    // The neighbour by force, and its disks again.
    machine.com(3).skip();
    machine.expect("restart few", &[]);
    machine.wait_for_demo(3);
    teach(&mut machine, 3);
    verify(&mut machine, 3, "04", "05");
    machine.linux_expect(
        2,
        "dmesg | grep -ciE 'i/o error|reset controller|timeout' || true",
        "0",
    );
    moves(&mut machine);
}

/// Between two runs a disk goes to the other partition, which finds on it what was written.
fn moves(machine: &mut Running) {
    for (com, name) in [(2, "many"), (3, "few")] {
        machine.com(com).skip();
        machine.com(com).send("poweroff -f\r");
        machine.wait_for(1, &format!("* {name}: powered-off"));
    }
    machine.expect(
        "set many devices=01:00.0,02:00.0,03:00.0,pci:05",
        &["error:", "few"],
    );
    machine.expect("set few devices=04:00.0", &[]);
    machine.expect("set many devices=01:00.0,02:00.0,03:00.0,pci:05", &[]);
    machine.expect("start many few", &[]);
    for com in [2, 3] {
        machine.wait_for_demo(com);
        teach(machine, com);
    }
    sees_only(machine, 2, "01 02 03 05", "04:00");
    sees_only(machine, 3, "04", "05:00");
    verify(machine, 2, "02 03", "05");
}

/// The same work of `many` without Bulkhead; a reset of the machine follows the panic.
fn alone(name: &str, kernel: Kernel) {
    let board = first_board(&folder(name));
    let mut machine = boot_alone(name, kernel, "2", &board, "");
    teach(&mut machine, 2);
    write(&mut machine, 2, "02 03", "01");
    one_vector_per_core(&mut machine, 2);
    keyboard(&mut machine, 2);
    write_on(&mut machine, 2);
    machine.com(2).skip();
    machine.com(2).send("echo c > /proc/sysrq-trigger\r");
    machine.wait_for_demo(2);
    teach(&mut machine, 2);
    verify(&mut machine, 2, "02 03", "01");
}

/// Of PCI there are the functions on its own buses, in the segment made for it, and no bridge.
fn sees_only(machine: &mut Running, com: usize, own: &str, other: &str) {
    let functions = machine.linux(com, "ls /sys/bus/pci/devices");
    let found: Vec<&str> = functions.split_ascii_whitespace().collect();
    let wanted: Vec<String> = own
        .split(' ')
        .map(|bus| format!("0001:{bus}:00.0"))
        .collect();
    if found != wanted {
        machine.fail(&format!("com{com} sees {found:?}, not {wanted:?}"));
    }
    for place in other.split(' ') {
        assert!(!functions.contains(place), "{functions}");
    }
}

/// Raw disks get a pattern, whose seed is 100 and the bus; the others a file system's file.
fn write(machine: &mut Running, com: usize, raw: &str, mounted: &str) {
    for bus in raw.split(' ') {
        let line = format!("pattern write /dev/$(disk {bus}) {SIZE} 1{bus}");
        machine.linux_expect(com, &line, "PATTERN ok");
    }
    mount(machine, com, mounted);
    let line = format!("pattern write /m/whole {SIZE} 1{mounted}; sync");
    machine.linux_expect(com, &line, "PATTERN ok");
    check(machine, com, raw, mounted);
}

fn mount(machine: &mut Running, com: usize, bus: &str) {
    let line = format!("mkdir -p /m; mount -t ext4 /dev/$(disk {bus}) /m && echo MOUNT''ED");
    machine.linux_expect(com, &line, "MOUNTED");
}

/// Leaves behind a process that writes to the mounted disk without end.
fn write_on(machine: &mut Running, com: usize) {
    machine.linux(
        com,
        "(i=0; while :; do i=$((i+1)); pattern write /m/half 8M $i; echo $i >/m/count; done) >/dev/null 2>&1 & sleep 2",
    );
}

fn verify(machine: &mut Running, com: usize, raw: &str, mounted: &str) {
    mount(machine, com, mounted);
    check(machine, com, raw, mounted);
}

fn check(machine: &mut Running, com: usize, raw: &str, mounted: &str) {
    for bus in raw.split(' ') {
        let line = format!("pattern verify /dev/$(disk {bus}) {SIZE} 1{bus}");
        machine.linux_expect(com, &line, "PATTERN ok");
    }
    let line = format!("pattern verify /m/whole {SIZE} 1{mounted}");
    machine.linux_expect(com, &line, "PATTERN ok");
}

/// Each of the NVMe disk's queues interrupts the core it belongs to, and only that. Which queue is
/// whose the kernel tells: 7.x gives the first to the second core.
fn one_vector_per_core(machine: &mut Running, com: usize) {
    for core in [0, 1] {
        let count = |machine: &mut Running| -> [u64; 2] {
            let line = machine.linux(com, "grep \"nvme0q$((q + 1))$\" /proc/interrupts");
            let mut words = line.split_ascii_whitespace().skip(1);
            let mut next = || words.next().and_then(|word| word.parse().ok());
            match (next(), next()) {
                (Some(first), Some(second)) => [first, second],
                _ => machine.fail(&format!(
                    "core {core} has a queue without a vector: {line:?}"
                )),
            }
        };
        let own = format!(
            "q=$(grep -lx {core} /sys/block/nvme0n1/mq/*/cpu_list); q=${{q%/*}}; q=${{q##*/}}"
        );
        machine.linux(com, &own);
        let before = count(machine);
        let mask = 1 << core;
        machine.linux(
            com,
            &format!("taskset {mask} dd if=/dev/nvme0n1 of=/dev/null bs=4k count=200 iflag=direct 2>/dev/null"),
        );
        let after = count(machine);
        let other = 1 - core;
        if after[core] < before[core] + 100 || after[other] != before[other] {
            machine.fail(&format!(
                "reading on core {core}: its queue's interrupts went from {before:?} to {after:?}"
            ));
        }
    }
}

/// A key pressed outside arrives at the event device of the keyboard behind the claimed xHCI.
pub(super) fn keyboard(machine: &mut Running, com: usize) {
    let handler = machine.linux(
        com,
        "for e in /sys/class/input/event*; do grep -q 'USB Keyboard' $e/device/name && echo ${e##*/}; done",
    );
    machine.start_job(
        com,
        "key",
        &format!("head -c 72 /dev/input/{handler} | hexdump -v -e '24/1 \"%02x\" \"\\n\"'"),
    );
    std::thread::sleep(Duration::from_secs(1));
    machine.monitor().command("sendkey k");
    let events = machine.job(com, "key", PATIENCE);
    // Type 1 (EV_KEY), code 37 (KEY_K), value 1, after 16 bytes of time.
    if !events.contains("0100250001000000") {
        machine.fail(&format!("no key was seen:\n{events}"));
    }
}
