//! Who a partition is, as its Linux finds it in SMBIOS: the same after every start, and nobody else.

use bulkhead_tests::iso::{Iso, Loader};
use bulkhead_tests::qemu::{Firmware, Machine, Running};
use bulkhead_tests::{Kernel, demo_initrd};
use libtest_mimic::Trial;

use crate::{story, story_with};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("identity::two", two),
        story("identity::uefi_grub", || {
            by_firmware("identity_uefi_grub", Loader::Grub, Firmware::Uefi);
        }),
        story_with(Loader::Limine, "identity::uefi_limine", || {
            by_firmware("identity_uefi_limine", Loader::Limine, Firmware::Uefi);
        }),
        story_with(Loader::Limine, "identity::bios_limine", || {
            by_firmware("identity_bios_limine", Loader::Limine, Firmware::Bios);
        }),
    ]
}

/// The machine's own UUID and serial number.
const MACHINE: [&str; 4] = [
    "-uuid",
    "04030201-0605-0807-090a-0b0c0d0e0f10",
    "-smbios",
    "type=1,serial=SN77",
];
/// By `uuidgen --sha1 --namespace` of the machine's `--name web`.
const WEB: &str = "bb350d08-5a50-5e3f-abb6-876e8bb5033e";

/// A file of `/sys/class/dmi/id`.
fn told(machine: &mut Running, com: usize, file: &str) -> String {
    let path = format!("cat /sys/class/dmi/id/{file}");
    machine.linux(com, &path).trim().to_string()
}

fn assert_told(machine: &mut Running, com: usize, told_of: &[(&str, &str)]) {
    for (file, wanted) in told_of {
        assert_eq!(told(machine, com, file), *wanted, "{file} on COM{com}");
    }
}

const OF_EACH: [(&str, &str); 7] = [
    ("sys_vendor", "Bulkhead"),
    ("product_name", "Bulkhead partition"),
    ("product_version", env!("CARGO_PKG_VERSION")),
    ("bios_vendor", "Bulkhead"),
    ("bios_version", env!("CARGO_PKG_VERSION")),
    ("board_vendor", "Bulkhead"),
    ("chassis_type", "1"),
];

fn two() {
    let iso = Iso::new("identity")
        .image("linux61", Kernel::Debian61Cloud.image())
        .image("linux612", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define web cores=1,2 memory=320M kernel=linux61 initrd=demo console=com2 cmdline=\"bulkhead.name=web quiet\"\n\
             define db cores=3 memory=256M kernel=linux612 initrd=demo console=com3 cmdline=\"bulkhead.name=db quiet\"\n\
             start web db\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run").arguments(&MACHINE).start();
    machine.wait_for_prompt();
    for (com, name) in [(2, "web"), (3, "db")] {
        machine.wait_for_demo(com);
        assert_told(&mut machine, com, &OF_EACH);
        let serial = format!("SN77-{name}");
        assert_told(
            &mut machine,
            com,
            &[("product_serial", &serial), ("product_sku", name)],
        );
        let strings = machine.linux(
            com,
            "strings /sys/firmware/dmi/entries/11-0/raw || strings /sys/firmware/dmi/tables/DMI",
        );
        let wanted = format!("bulkhead.partition={name}");
        assert!(strings.contains(&wanted), "{strings}");
    }
    assert_told(&mut machine, 2, &[("product_uuid", WEB)]);
    assert_ne!(told(&mut machine, 3, "product_uuid"), WEB);

    machine.com(2).skip();
    machine.expect("restart web", &[]);
    machine.wait_for_demo(2);
    assert_told(
        &mut machine,
        2,
        &[("product_uuid", WEB), ("product_serial", "SN77-web")],
    );
}

/// The machine's SMBIOS is found by every way to it.
fn by_firmware(name: &str, loader: Loader, firmware: Firmware) {
    let iso = Iso::new(name)
        .loader(loader)
        .image("linux", Kernel::Debian612Cloud.image())
        .image("demo", demo_initrd())
        .script(
            "define web cores=1 memory=256M kernel=linux initrd=demo console=com2 cmdline=\"bulkhead.name=web quiet\"\n\
             start web\n",
        )
        .make();
    let mut machine = Machine::new(&iso, "run")
        .firmware(firmware)
        .arguments(&MACHINE)
        .start();
    machine.wait_for_prompt();
    machine.wait_for_demo(2);
    assert_told(
        &mut machine,
        2,
        &[("product_uuid", WEB), ("product_serial", "SN77-web")],
    );
}
