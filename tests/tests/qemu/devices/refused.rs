//! A machine without ECAM: PCI devices can't be given there, and it runs partitions all the same.

use bulkhead_tests::devices::empty_disk;
use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use super::folder;
use crate::story;

pub(super) fn stories() -> Vec<Trial> {
    vec![story("devices::no_ecam", no_ecam)]
}

fn no_ecam() {
    let iso = Iso::new("no_ecam")
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1 memory=256M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=one quiet\"\n",
        )
        .make();
    let disk = empty_disk(&folder("no_ecam"), "disk.img", 1);
    let disk = format!("if=virtio,format=raw,file={}", disk.display());
    let mut machine = Machine::new(&iso, "run")
        .without_ecam()
        .arguments(&["-drive", &disk])
        .start();
    machine.wait_for_prompt();
    machine.expect("devices", &["no ECAM"]);
    for devices in ["00:03.0", "0000:00:03.0", "bus0", "pci:00"] {
        machine.expect(&format!("set one devices={devices}"), &["error:", "ECAM"]);
    }
    machine.expect("start one", &[]);
    let report = machine.wait_for_demo(2);
    assert_eq!(report.pci, 0, "it sees none");
}
