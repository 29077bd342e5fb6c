//! `isolation=dma` by itself: where nothing is said, with the devices that there are, and as it is told.

use bulkhead_tests::Kernel;
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::isolation::{COPY, OTHER_PLACE, at, board, copied_to, start_and_teach};
use super::{Partition, disks, drivers, long_story, machine};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    const INTEL: &str = "intel-iommu,intremap=off";
    vec![
        story("devices::walls_told", told),
        story("devices::walls_cards", || {
            drivers::come_and_go_behind("walls_cards", INTEL);
        }),
        long_story("devices::walls_disks", || {
            disks::two_behind("walls_disks", INTEL);
        }),
        long_story("devices::walls_disks_caching_mode", || {
            disks::two_behind(
                "walls_disks_caching",
                "intel-iommu,intremap=off,caching-mode=on,aw-bits=48",
            );
        }),
    ]
}

/// In the neighbour's RAM above 4 GiB.
pub(super) const HIGH_PLACE: u64 = 0x1_9000_0000;

/// The card tries what it must not; the operator is told, and others' RAM is as it was.
fn is_kept_from(machine: &mut Running, place: u64) {
    machine.com(1).skip();
    assert!(!copied_to(machine, place), "{place:#x}");
}

/// Where nothing is said it is dma; what is blocked is told, counted and not repeated; the neighbour's RAM is
/// no more reached while it is at rest or undefined, nor is Bulkhead's own; `isolation bare` takes the wall away.
fn told() {
    let name = "walls_told";
    let mut card = Partition::new("web", 2, Kernel::Debian612, "1").devices("01:00.0,02:00.0");
    card.memory = "256M@0x40000000,256M@0x140000000";
    let mut other = Partition::new("db", 3, Kernel::Debian61, "2");
    other.memory = "256M@0x60000000,512M@0x180000000";
    let board = board(name).iommu("intel-iommu,intremap=off,aw-bits=48");
    let mut machine = machine(name, &[card, other], &board).memory("8G").start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    machine.wait_for_demo(3);
    machine.expect("isolation", &["default: dma where it can be", "in use"]);
    machine.expect("show web", &["its RAM alone (isolation=dma)"]);
    COPY.iter().for_each(|line| drop(machine.linux(2, line)));

    is_kept_from(&mut machine, HIGH_PLACE);
    let line = "device 0000:01:00.0 tried to write 0x190000000 (blocked)";
    machine.wait_for(1, &format!("* web: {line}"));
    machine.expect("show web", &["blocked:", "1 request of its devices", line]);
    machine.expect("log", &[&format!("web: {line}")]);
    // Reading, too: the card got nothing, so that it copies nothing of the neighbour's.
    machine.com(1).skip();
    machine.linux(2, "sleep 2; run 0x68000000 0x40000 1");
    machine.wait_for(
        1,
        "web: device 0000:01:00.0 tried to read 0x68000000 (blocked)",
    );
    // Bulkhead's own memory.
    let own = bulkheads_page(&mut machine);
    is_kept_from(&mut machine, own);
    // A neighbour at rest, and one that is no more.
    machine.expect("kill db", &[]);
    is_kept_from(&mut machine, OTHER_PLACE);
    machine.expect("undefine db", &[]);
    is_kept_from(&mut machine, OTHER_PLACE);
    // The same without the wall, for all: it lands.
    machine.expect("kill web", &[]);
    machine.expect("isolation bare", &[]);
    machine.expect("show web", &["all RAM (isolation=bare)"]);
    start_and_teach(&mut machine);
    assert!(copied_to(&mut machine, OTHER_PLACE), "bare: it lands");
    assert!(
        copied_to(&mut machine, HIGH_PLACE),
        "bare: it lands above 4 GiB"
    );
}

/// A page of Bulkhead's, by what it says itself.
fn bulkheads_page(machine: &mut Running) -> u64 {
    let memory = machine.command("memory");
    let row = memory.lines().find(|row| row.contains("bulkhead (kernel)"));
    let start = row.and_then(|row| {
        let start = row.trim_start().strip_prefix("0x")?;
        u64::from_str_radix(start.split('-').next()?, 16).ok()
    });
    let Some(start) = start else {
        machine.fail(&format!("Bulkhead has no memory: {memory}"));
    };
    assert!(at(machine, start).len() == 16);
    start
}
