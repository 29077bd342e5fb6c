//! Both loaders, both firmwares: each boots to the prompt and launches a Linux.

use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::qemu::{Firmware, Machine};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::story_with;

pub(crate) fn stories() -> Vec<Trial> {
    let mut stories = Vec::new();
    for loader in [Loader::Grub, Loader::Limine] {
        for firmware in [Firmware::Bios, Firmware::Uefi] {
            let name = format!("loaders::{loader:?}_{firmware:?}").to_lowercase();
            let folder = name.replace("::", "_");
            stories.push(story_with(loader, &name, move || {
                boots(loader, firmware, &folder)
            }));
        }
    }
    stories
}

fn boots(loader: Loader, firmware: Firmware, folder: &str) {
    let iso = Iso::new(folder)
        .loader(loader)
        .image("linux", Kernel::Debian61Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define one cores=1,2 memory=256M kernel=linux initrd=demo console=com2 \
             cmdline=\"bulkhead.name=one\"\nstart one\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").firmware(firmware).start();
    let greeting = machine.wait_for_prompt();
    assert!(
        !greeting.contains("bulkhead.conf:"),
        "the script ran:\n{greeting}"
    );
    let (loader_name, firmware_name) = match (loader, firmware) {
        (Loader::Grub, Firmware::Bios) => ("GRUB", "BIOS"),
        (Loader::Grub, Firmware::Uefi) => ("GRUB", "UEFI"),
        (Loader::Limine, Firmware::Bios) => ("Limine", "BIOS"),
        (Loader::Limine, Firmware::Uefi) => ("Limine", "UEFI"),
    };
    machine.expect("machine", &[loader_name, firmware_name, "FACP", "APIC"]);
    machine.expect("log", &["a reset by the BIOS's entry comes to Bulkhead"]);
    let report = machine.wait_for_demo(2);
    assert_eq!(report.name, "one");
    assert_eq!(report.release, Kernel::Debian61Cloud.release());
    assert_eq!(report.apic_ids, [1, 2]);
    assert_eq!(report.pci, 0);
    machine.expect_states(&[("one", "running")]);
    machine.com(2).send("poweroff\r");
    machine.wait_for(1, "* one: powered-off");
    machine.expect("cores", &["parked"]);
}
