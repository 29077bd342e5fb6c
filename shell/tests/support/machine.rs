//! A machine of eight cores, four images and some devices.

use bulkhead_fake::add_devices;
use bulkhead_linux::FileKind;
use bulkhead_memory::Region;
use bulkhead_model::{
    Com, Core, FirmwareKind, Image, ImageKind, Machine, MemoryKind, MemoryRange, Resident, Told,
    Uart,
};

use super::image;

fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).unwrap()
}

/// The machine.
pub(super) fn machine() -> Machine {
    let core = |apic_id| Core {
        apic_id,
        acpi_uid: apic_id,
        package: 0,
        core: apic_id / 2,
        responding: apic_id != 7,
    };
    let range = |start, end, kind| MemoryRange {
        region: region(start, end),
        kind,
    };
    let resident = |start, end, what: &str| Resident {
        region: region(start, end),
        what: what.into(),
    };
    let uart = |port, is_shell| Uart { port, is_shell };
    let mut machine = Machine {
        cores: (0..8).map(core).collect(),
        boot_core: 0,
        memory: vec![
            range(0x1000, 0x9f000, MemoryKind::Usable),
            range(0x9f000, 0x100000, MemoryKind::Reserved),
            range(0x100000, 0x7ffd_f000, MemoryKind::Usable),
            range(0x7ffd_f000, 0x8000_0000, MemoryKind::AcpiTables),
            range(0xb000_0000, 0xc000_0000, MemoryKind::Reserved),
            range(0x1_0000_0000, 0x1_8000_0000, MemoryKind::Usable),
        ],
        resident: vec![
            resident(0x8000, 0x9000, "trampoline"),
            resident(0x100000, 0x180000, "kernel"),
            resident(0x7c00_0000, 0x7f00_0000, "images"),
        ],
        images: images(),
        uarts: vec![
            uart(Com::Com1, true),
            uart(Com::Com2, false),
            uart(Com::Com3, false),
        ],
        tables: vec![bulkhead_firmware::TableInfo {
            signature: *b"APIC",
            address: 0x7ffe_1f2c,
            length: 160,
            revision: 3,
            oem_id: *b"BOCHS ",
            checksum_ok: true,
        }],
        local_apic_address: 0xfee0_0000,
        tsc_khz: 2_995_200,
        firmware: FirmwareKind::Uefi,
        loader: "Limine 8.2.0".into(),
        shell_line: "com1, 115200 baud".into(),
        cpu_model: "QEMU Virtual CPU version 2.5+".into(),
        ..Machine::default()
    };
    add_devices(&mut machine);
    machine
}

fn images() -> Vec<Image> {
    let mut start = 0x7c00_0000;
    let mut image = |name: &str, size: u64, kind| {
        let region = Region::new(start, size).unwrap();
        start += size.next_multiple_of(4096);
        Image {
            name: name.into(),
            region: Some(region),
            kind,
            told: Told::default(),
        }
    };
    let kernel = |version| ImageKind::Kernel(image::kernel(version));
    vec![
        image(
            "linux61",
            14_889_984,
            kernel("6.1.0-50-cloud-amd64 (debian-kernel) #1 SMP"),
        ),
        image(
            "linux612",
            12_582_912,
            kernel("6.12.117-cloud-amd64 (debian-kernel) #1 SMP"),
        ),
        image(
            "old",
            4_194_304,
            ImageKind::BadKernel(image::without_64_bit_entry()),
        ),
        image("demo", 2_097_152, ImageKind::Data(FileKind::Cpio)),
    ]
}
