//! Debian's generic kernels, which know how to read a BIOS's MP table: they must not find it.

use bulkhead_tests::iso::Iso;
use bulkhead_tests::qemu::Machine;
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("generic::both_under_bios", both_under_bios)]
}

fn both_under_bios() {
    let iso = Iso::new("generic")
        .image("linux61", Kernel::Debian61.image())
        .image("linux612", Kernel::Debian612.image())
        .image("demo", demo_initrd())
        .script(
            "define old cores=1 memory=512M kernel=linux61 initrd=demo console=com2 cmdline=\"bulkhead.name=old quiet\"\n\
             define new cores=2,3 memory=512M kernel=linux612 initrd=demo console=com3 cmdline=\"bulkhead.name=new quiet\"\n\
             start old new\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").start();
    machine.wait_for_prompt();
    for (com, kernel, apic_ids) in [
        (2, Kernel::Debian61, &[1][..]),
        (3, Kernel::Debian612, &[2, 3]),
    ] {
        let report = machine.wait_for_demo(com);
        assert_eq!(report.release, kernel.release());
        assert_eq!(report.apic_ids, apic_ids);
        assert_eq!(report.pci, 0);
        // "IOAPIC[0]: apic_id ..." is what a kernel says that takes one.
        let taken = machine.linux(com, "dmesg | grep -c 'IOAPIC\\['");
        assert_eq!(taken, "0", "{kernel:?} took the I/O APIC");
        let decoy = machine.linux(com, "dmesg | grep -c 'MPTABLE: OEM ID: BULKHEAD'");
        assert_eq!(
            decoy, "1",
            "{kernel:?} looked for an MP table and found the decoy"
        );
    }
}
