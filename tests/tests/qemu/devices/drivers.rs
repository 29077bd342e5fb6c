//! Drivers that come and go, and virtual functions that a driver makes.

use bulkhead_tests::Kernel;
use bulkhead_tests::devices::{Board, Card, Device};
use bulkhead_tests::qemu::Running;
use libtest_mimic::Trial;

use super::{Partition, boot, long_story, teach};
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![
        long_story("devices::drivers_come_and_go", || come_and_go("drivers", 2)),
        long_story("devices::drivers_come_and_go_20_times", || {
            come_and_go("drivers_long", 20);
        }),
        story("devices::virtual_functions", virtual_functions),
    ]
}

/// igb and e1000e taken out and put in again so often, then as many reboots; after each both cards
/// have the address that QEMU gave them, and reach the host.
fn come_and_go(name: &str, times: usize) {
    come_and_go_on(name, times, &board());
}

fn board() -> Board {
    Board::new()
        .device(Device::card_to_host(Card::Igb))
        .device(Device::card_to_host(Card::E1000e))
}

/// The same, and the IOMMU has nothing to block.
pub(super) fn come_and_go_behind(name: &str, iommu: &'static str) {
    let mut machine = come_and_go_on(name, 1, &board().iommu(iommu));
    machine.expect("show one", &["its RAM alone (isolation=dma)"]);
    let log = machine.command("log");
    assert!(!log.contains("(blocked)"), "{log}");
}

fn come_and_go_on(name: &str, times: usize, board: &Board) -> Running {
    let one = Partition::new("one", 2, Kernel::Debian612, "1").devices("01:00.0,02:00.0");
    let mut machine = boot(name, &[one], board);
    teach(&mut machine, 2);
    work(&mut machine);
    for _ in 0..times {
        machine.linux(2, "rmmod igb e1000e; modprobe igb; modprobe e1000e");
        work(&mut machine);
    }
    for round in 1..=times {
        // The driver has just begun with the one card and left the other.
        machine.linux(2, "rmmod e1000e; rmmod igb; modprobe igb");
        machine.com(2).skip();
        machine.com(2).send("reboot -f\r");
        machine.wait_for(1, "* one: rebooted");
        machine.wait_for_demo(2);
        teach(&mut machine, 2);
        work(&mut machine);
        // Reboots within 60 s count as failures: the sixth in a row would be the last. An operator's
        // restart begins a new count.
        if round % 5 == 0 {
            machine.com(2).skip();
            machine.expect("restart one", &[]);
            machine.wait_for_demo(2);
            teach(&mut machine, 2);
            work(&mut machine);
        }
    }
    let log = machine.command("log");
    assert!(!log.contains("did not come back"), "{log}");
    machine
}

/// Both cards carry packets: the host answers to ARP.
fn work(machine: &mut Running) {
    for n in [1, 2] {
        machine.linux_expect(
            2,
            &format!(
                "n=$(card 0{n}); ip addr flush dev $n; ip addr add 10.0.{n}.15/24 dev $n; \
                 ip link set $n up; for i in 1 2 3 4 5 6 7 8; do arping -c 1 -w 2 -I $n 10.0.{n}.2 && break; sleep 1; done"
            ),
            "Received 1 response",
        );
    }
}

/// Two virtual functions, and the partition is killed with them; the card goes on in the same
/// partition and then in another.
fn virtual_functions() {
    let board = Board::new().device(Device::card_to_host(Card::Igb));
    let partitions = [
        Partition::new("one", 2, Kernel::Debian612, "1").devices("01:00.0"),
        Partition::new("two", 3, Kernel::Debian61, "2"),
    ];
    let mut machine = boot("virtual_functions", &partitions, &board);
    for round in 1..=2 {
        make(&mut machine, 2);
        machine.com(2).skip();
        machine.expect(
            if round == 1 {
                "restart one"
            } else {
                "kill one"
            },
            &[],
        );
        if round == 1 {
            machine.wait_for_demo(2);
            has_none(&mut machine, 2);
        }
    }
    machine.expect("set one devices=", &[]);
    machine.expect("kill two", &[]);
    machine.com(3).skip();
    machine.expect("set two devices=01:00.0", &[]);
    machine.expect("start two", &[]);
    machine.wait_for_demo(3);
    has_none(&mut machine, 3);
    make(&mut machine, 3);
    let log = machine.command("log");
    assert!(!log.contains("did not come back"), "{log}");
}

const CARD: &str = "/sys/bus/pci/devices/0001:01:00.0";

fn has_none(machine: &mut Running, com: usize) {
    machine.linux_expect(com, &format!("cat {CARD}/sriov_numvfs"), "0");
    let functions = machine.linux(com, "ls /sys/bus/pci/devices");
    assert_eq!(functions, "0001:01:00.0");
}

fn make(machine: &mut Running, com: usize) {
    teach(machine, com);
    machine.linux(com, "card 01");
    machine.linux_expect(
        com,
        &format!("echo 2 >{CARD}/sriov_numvfs; cat {CARD}/sriov_numvfs; dmesg | tail -3"),
        "2",
    );
    machine.linux_expect(
        com,
        "ls /sys/bus/pci/devices; dmesg | tail -5",
        "0001:01:10.2",
    );
}
