//! What stock kernels complain of, in messages of level *err* and above: nothing but what
//! `docs/firmware-tests.md` names, with its reason.

use bulkhead_tests::devices::{Board, Device, empty_disk};
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::{Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::devices::{Partition, boot, folder};
use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("messages::cloud", cloud),
        story("messages::generic_with_devices", generic_with_devices),
    ]
}

/// All kernels say it that can't use the machine's ports for PCI configuration space.
const KNOWN: &str = "PCI: Fatal: No config space access function found";

/// The messages on a console's Linux, without their times, are the known one.
pub(crate) fn assert_messages(machine: &mut Running, com: usize) {
    let output = machine.linux(com, "dmesg -r | grep '^<[0-3]>'");
    let lines = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let messages: Vec<&str> = lines
        .map(|line| line.split_once("] ").map_or(line, |(_, message)| message))
        .collect();
    assert_eq!(messages, [KNOWN], "on COM{com}");
}

fn cloud() {
    let iso = Iso::new("messages")
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define old cores=1,2 memory=320M kernel=linux61 initrd=demo console=com2 cmdline=\"bulkhead.name=old quiet\"\n\
             define new cores=3,4 memory=320M kernel=linux612 initrd=demo console=com3 cmdline=\"bulkhead.name=new quiet\"\n\
             start old new\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").cores("5").start();
    machine.wait_for_prompt();
    for com in [2, 3] {
        machine.wait_for_demo(com);
        assert_messages(&mut machine, com);
    }
}

/// One has a disk; the other has a card, and no disk.
fn generic_with_devices() {
    let name = "messages_devices";
    let disk = empty_disk(&folder(name), "disk.img", 16);
    let board = Board::new()
        .device(Device::nvme(&disk))
        .device(Device::xhci());
    let old = Partition::new("old", 2, Kernel::Debian61, "1").devices("01:00.0");
    let new = Partition::new("new", 3, Kernel::Debian612, "2,3").devices("02:00.0");
    let mut machine = boot(name, &[old, new], &board);
    for com in [2, 3] {
        assert_messages(&mut machine, com);
    }
}
