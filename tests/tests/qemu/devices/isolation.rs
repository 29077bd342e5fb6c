//! A device that is told to write into a neighbour's RAM: with `isolation=bare` it does, with
//! `isolation=dma` it is blocked, and the operator is told.
//!
//! The device is QEMU's `edu`. It copies 64 bytes of its owner's RAM, that are always the same, to
//! wherever it is told to.

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Device, empty_disk};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::{Partition, boot, folder, machine, teach};
use crate::{long_story, story};

pub(super) fn stories() -> Vec<Trial> {
    vec![
        story("devices::isolation_without_iommu", without_iommu),
        story("devices::isolation_intel", || {
            play("isolation_intel", "intel-iommu,intremap=off", INTEL_TOLD);
        }),
        long_story("devices::isolation_intel_caching_mode", || {
            play(
                "isolation_intel_caching",
                "intel-iommu,intremap=off,caching-mode=on,device-iotlb=on,aw-bits=48",
                INTEL_TOLD,
            );
        }),
        long_story("devices::isolation_intel_39_bits", || {
            play(
                "isolation_intel_39",
                "intel-iommu,intremap=on,aw-bits=39,snoop-control=on",
                INTEL_TOLD,
            );
        }),
        story("devices::isolation_amd", || {
            play("isolation_amd", "amd-iommu,dma-remap=on", AMD_TOLD);
        }),
    ]
}

/// What the operator is told of a write into the neighbour's RAM.
pub(super) const INTEL_TOLD: &str =
    "* web: device 0000:01:00.0 tried to write 0x68000000 (blocked)";
/// The same where QEMU 11.1's unit writes neither the bus nor the address into its log.
pub(super) const AMD_TOLD: &str = "* bulkhead: device 0000:00:00.0 tried to write 0x0 (blocked)";

/// The owner's RAM and a neighbour's, as in their definitions.
const OWN: &str = "256M@0x40000000";
const OTHER: &str = "256M@0x60000000";
/// The code of the owner's runtime services: the last page of its RAM.
pub(super) const MARK: u64 = 0x4fff_f000;
/// Where Bulkhead keeps what the owner's last runs have printed: its RAM, which its Linux does not use and so
/// does not miss.
const OWN_PLACE: u64 = 0x4ffd_8000;
/// In the middle of the neighbour's RAM.
pub(super) const OTHER_PLACE: u64 = 0x6800_0000;

/// Functions for a guest's shell: `copy FROM TO` has the card do that.
pub(super) const COPY: [&str; 3] = [
    "d=/sys/bus/pci/devices/0001:01:00.0; b=$(awk 'NR==1{print $1}' $d/resource)",
    "printf '\\006' | dd of=$d/config bs=1 seek=4 conv=notrunc 2>/dev/null",
    "w() { devmem $((b+$1)) 64 $2; }; run() { w 0x80 $1; w 0x88 $2; w 0x90 64; w 0x98 $3; usleep 400000; }; \
     copy() { run $1 0x40000 1; run 0x40000 $2 3; }",
];

fn partitions(isolation: &'static str) -> [Partition; 2] {
    let mut card = Partition::new("web", 2, Kernel::Debian612, "1").devices("01:00.0,02:00.0");
    card.memory = OWN;
    card.settings = isolation;
    // What an operator may have written for a machine with an IOMMU changes nothing.
    card.cmdline = "intel_iommu=on amd_iommu=on iommu=force".to_string();
    let mut other = Partition::new("db", 3, Kernel::Debian61, "2");
    other.memory = OTHER;
    [card, other]
}

pub(super) fn board(name: &str) -> Board {
    let disk = empty_disk(&folder(name), "disk", 16);
    Board::new()
        .device(Device::edu())
        .device(Device::nvme(&disk))
}

/// Sixteen words of memory.
pub(super) fn at(machine: &Running, address: u64) -> Vec<u32> {
    let mut monitor = machine.monitor();
    (0..16)
        .map(|word| monitor.dword(address + 4 * word))
        .collect()
}

/// Has the card copy the mark to an address; whether it is there then, and what the operator was told.
pub(super) fn copied_to(machine: &mut Running, to: u64) -> bool {
    let mark = at(machine, MARK);
    assert!(mark.iter().any(|word| *word != 0), "the mark is one");
    assert_ne!(at(machine, to), mark, "it is not there yet");
    machine.linux(2, &format!("copy {MARK:#x} {to:#x}"));
    at(machine, to) == mark
}

/// Starts the owner again, and has its Linux know how the card copies.
pub(super) fn start_and_teach(machine: &mut Running) {
    machine.com(2).skip();
    machine.expect("start web", &[]);
    machine.wait_for_demo(2);
    COPY.iter().for_each(|line| drop(machine.linux(2, line)));
}

/// The partition's disk works: what was written is read.
fn disk_works(machine: &mut Running) {
    teach(machine, 2);
    let line = "modprobe nvme; d=/dev/$(disk 02); dd if=/bin/busybox of=$d bs=64k count=8 2>/dev/null; \
                sync; echo 3 >/proc/sys/vm/drop_caches; \
                dd if=$d bs=64k count=8 2>/dev/null | cmp - /bin/busybox -n 524288 && echo same";
    let said = machine.linux(2, line);
    assert!(said.contains("same"), "{said}");
}

fn play(name: &'static str, iommu: &'static str, told: &str) {
    let board = board(name).iommu(iommu);
    play_on(name, &board, told, |_| "");
}

/// The same on a machine to which something is done before Bulkhead has it, and what is said of its IOMMU then.
pub(super) fn play_on(
    name: &'static str,
    board: &Board,
    told: &str,
    prepare: impl FnOnce(&Running) -> &'static str,
) {
    let partitions = partitions("isolation=dma");
    let mut machine = machine(name, &partitions, board).start();
    let left = prepare(&machine);
    machine.wait_for_prompt();
    for partition in &partitions {
        machine.wait_for_demo(partition.com);
    }
    machine.expect("devices", &["IOMMU: in use"]);
    machine.expect("log", &[&format!("iommu: 1 unit in use{left}")]);
    machine.expect("show web", &["isolation=dma"]);
    for round in 0..2_u64 {
        // Its log has that it read the parameters; what it found is here.
        let line =
            "ls /sys/firmware/acpi/tables /sys/class/iommu /sys/kernel/iommu_groups; echo looked";
        let seen = machine.linux(2, line);
        let is_there = ["DMAR", "IVRS", "dmar", "ivhd", "looked"].map(|word| seen.contains(word));
        assert_eq!(is_there, [false, false, false, false, true], "{seen}");
        COPY.iter().for_each(|line| drop(machine.linux(2, line)));
        disk_works(&mut machine);
        // Its own RAM is reached, so that what follows is not a card that does nothing.
        // A page for each run: what was in its RAM is there after a restart.
        let own = OWN_PLACE + 0x1000 * round;
        assert!(copied_to(&mut machine, own), "its own RAM");
        machine.com(1).skip();
        assert!(!copied_to(&mut machine, OTHER_PLACE), "the neighbour's RAM");
        machine.wait_for(1, told);
        // In the next run as well, and where it was ended by force with the card at work.
        if round == 0 {
            machine.com(2).skip();
            machine.linux(
                2,
                "run 0x4ffff000 0x40000 1; w 0x88 0x68001000; w 0x80 0x40000; w 0x98 3",
            );
            machine.expect("restart web", &[]);
            machine.wait_for_demo(2);
        }
    }
    // The same claim without the wall: the write lands.
    machine.expect("kill web", &[]);
    machine.expect("set web isolation=bare", &[]);
    start_and_teach(&mut machine);
    disk_works(&mut machine);
    assert!(copied_to(&mut machine, OTHER_PLACE), "bare: it lands");
}

fn without_iommu() {
    let name = "isolation_without";
    let mut machine = boot(name, &partitions(""), &board(name));
    machine.expect("kill web", &[]);
    machine.expect("set web isolation=dma", &["no IOMMU is in use"]);
    start_and_teach(&mut machine);
    assert!(copied_to(&mut machine, OTHER_PLACE), "bare: it lands");
}
