//! The rest of the machine.

use bulkhead_describe::cores::{FoundCore, Topology};
use bulkhead_describe::images::Module;
use bulkhead_describe::{Found, ShellLine, describe};
use bulkhead_fake::{address, bzimage_file, region};
use bulkhead_firmware::{Events, Fadt, Firmware, IoApic, Madt};
use bulkhead_linux::{BzImageError, FileKind};
use bulkhead_memory::Region;
use bulkhead_model::{
    Com, FirmwareKind, ImageKind, Machine, MemoryKind, MemoryRange, Resident, Told,
};
use bulkhead_pci::Function;

/// Two cores and 16 MiB, a loader that brought nothing, firmware without tables.
fn found<'a>() -> Found<'a> {
    let core = |apic_id| FoundCore {
        apic_id,
        responding: true,
    };
    Found {
        loader: "Limine 8.2.0".into(),
        firmware_kind: FirmwareKind::Uefi,
        screen: None,
        memory: vec![MemoryRange {
            region: region(0, 0x100_0000),
            kind: MemoryKind::Usable,
        }],
        kernel: region(0x20_0000, 0x28_0000),
        taken: vec![Resident {
            region: region(0x8000, 0x9000),
            what: "trampoline".into(),
        }],
        modules: Vec::new(),
        firmware: Firmware::default(),
        cores: vec![core(0), core(1)],
        boot_core: 0,
        topology: Topology::default(),
        functions: Vec::new(),
        ports: Vec::new(),
        line: ShellLine::default(),
        has_ps2: false,
        tsc_khz: 2_400_000,
        cpu_model: "QEMU Virtual CPU".into(),
        identity: Default::default(),
    }
}

fn module<'a>(name: &str, start: u64, bytes: &'a [u8]) -> Module<'a> {
    Module {
        name: name.into(),
        region: Region::new(start, bytes.len() as u64),
        bytes,
        told: Told::default(),
    }
}

#[test]
fn a_bare_machine() {
    let machine = describe(found());
    assert_eq!(machine.cores.len(), 2);
    assert_eq!(machine.loader, "Limine 8.2.0");
    assert_eq!(machine.firmware, FirmwareKind::Uefi);
    assert_eq!(machine.tsc_khz, 2_400_000);
    assert_eq!(machine.cpu_model, "QEMU Virtual CPU");
    assert!(machine.images.is_empty() && machine.uarts.is_empty());
    let kept: Vec<&str> = machine.resident.iter().map(|r| r.what.as_str()).collect();
    assert_eq!(kept, ["trampoline", "kernel"]);
}

#[test]
fn images_are_what_their_first_bytes_say() {
    let kernel = bzimage_file();
    let mut old = kernel.clone();
    old[0x236] = 0; // xloadflags
    let files: [(&str, &[u8]); 8] = [
        ("zero", b""),
        ("vmlinux", b"\x7fELF\x02\x01"),
        ("linux", &kernel),
        ("old", &old),
        ("cut", &kernel[..3000]),
        ("demo.img", b"\x1f\x8b\x08\x00 packed"),
        ("bulkhead.conf", b"start web\n"),
        ("one", b"M"),
    ];
    let at = |index: usize| 0x80_0000 + 0x1_0000 * index as u64;
    let modules = files.iter().enumerate();
    let modules = modules.map(|(index, (name, bytes))| module(name, at(index), bytes));
    let machine = describe(Found {
        modules: modules.collect(),
        ..found()
    });
    let kind = |name| &machine.image(name).unwrap().kind;
    let ImageKind::Kernel(linux) = kind("linux") else {
        panic!("{:?}", kind("linux"))
    };
    assert_eq!(linux.release(), Some("6.1.0"));
    assert!(matches!(
        kind("old"),
        ImageKind::BadKernel(BzImageError::No64BitEntry)
    ));
    assert!(matches!(
        kind("cut"),
        ImageKind::BadKernel(BzImageError::Truncated { have: 3000, .. })
    ));
    for name in ["bulkhead.conf", "one"] {
        assert!(
            matches!(kind(name), ImageKind::Data(FileKind::Other)),
            "{name}"
        );
    }
    assert!(matches!(
        kind("demo.img"),
        ImageKind::Data(FileKind::Packed(_))
    ));
    assert!(matches!(
        kind("vmlinux"),
        ImageKind::Data(FileKind::Elf { is_64: true, .. })
    ));
    // Listed, though it takes no memory.
    assert!(matches!(kind("zero"), ImageKind::Data(FileKind::Empty)));
    assert_eq!(machine.image("zero").unwrap().region, None);
    assert!(!machine.resident.iter().any(|r| r.what.contains("zero")));
}

#[test]
fn the_pages_of_an_image_are_nobody_elses() {
    // The last byte of one is the first of its page.
    let bytes = [0; 0x1001];
    let machine = describe(Found {
        modules: vec![module("demo.img", 0x80_0000, &bytes)],
        ..found()
    });
    assert_eq!(machine.images[0].region, Some(region(0x80_0000, 0x80_1001)));
    assert_eq!(
        machine.resident.last(),
        Some(&Resident {
            region: region(0x80_0000, 0x80_2000),
            what: "image \"demo.img\"".into(),
        })
    );
    let claimable: Vec<_> = machine.claimable().iter().collect();
    assert_eq!(
        claimable,
        [
            region(0, 0x8000),
            region(0x9000, 0x20_0000),
            region(0x28_0000, 0x80_0000),
            region(0x80_2000, 0x100_0000),
        ]
    );
}

#[test]
fn serial_ports_and_whose_they_are() {
    let ports = |ports: &[Com], line| -> Vec<(Com, bool)> {
        let machine = describe(Found {
            ports: ports.to_vec(),
            line,
            ..found()
        });
        let uarts = machine.uarts.iter();
        uarts.map(|uart| (uart.port, uart.is_shell)).collect()
    };
    let on = |com| ShellLine {
        com: Some(com),
        function: None,
        text: "com2, 9600 baud".into(),
    };
    assert_eq!(
        ports(&[Com::Com2, Com::Com1], ShellLine::default()),
        [(Com::Com1, false), (Com::Com2, false)]
    );
    assert_eq!(
        ports(&[Com::Com1, Com::Com2], on(Com::Com2)),
        [(Com::Com1, false), (Com::Com2, true)]
    );
    // It may be too busy to answer a look; it is there.
    assert_eq!(ports(&[], on(Com::Com2)), [(Com::Com2, true)]);
    let machine = describe(Found {
        line: on(Com::Com2),
        ..found()
    });
    assert_eq!(machine.shell_line, "com2, 9600 baud");
}

#[test]
fn a_shell_on_a_pci_function() {
    let function = "02:00.0".parse().ok();
    let machine = describe(Found {
        line: ShellLine {
            com: None,
            function,
            text: "PCI function 02:00.0, 115200 baud".into(),
        },
        ports: vec![Com::Com1],
        ..found()
    });
    assert_eq!(machine.shell_function, function);
    assert!(machine.uarts.iter().all(|uart| !uart.is_shell));
}

#[test]
fn a_function_that_firmware_left_without_an_address_has_one() {
    let mut machine = Machine::default();
    bulkhead_fake::add_devices(&mut machine);
    let mut functions = machine.functions;
    let nvme = |functions: &[Function]| {
        let nvme = functions.iter().find(|f| f.address == address("01:00.0"));
        nvme.unwrap().bars[0].address
    };
    let index = functions
        .iter()
        .position(|f| f.address == address("01:00.0"));
    functions[index.unwrap()].bars[0].address = None;
    assert_eq!(nvme(&functions), None);
    let machine = describe(Found {
        functions,
        ..found()
    });
    // At the bottom of its bridge's window.
    assert_eq!(nvme(&machine.functions), Some(0xfe80_0000));
}

#[test]
fn legacy_devices_by_firmware_s_word_and_by_a_look() {
    let machine = |boot_flags: Option<u16>, has_ps2| -> Machine {
        let fadt = boot_flags.map(|boot_flags| Fadt {
            reset: None,
            pm1a_control: 0,
            pm1b_control: 0,
            pm_timer_port: None,
            smi_command: 0,
            acpi_enable: 0,
            events: Events::default(),
            dsdt: 0,
            boot_flags,
        });
        let firmware = Firmware {
            fadt,
            ..Firmware::default()
        };
        describe(Found {
            firmware,
            has_ps2,
            ..found()
        })
    };
    let there = |flags, answers| {
        let machine = machine(flags, answers);
        (machine.has_ps2, machine.has_rtc)
    };
    // Nothing is said: what answers is there, and a PC has a clock.
    assert_eq!(there(None, false), (false, true));
    assert_eq!(there(None, true), (true, true));
    // A controller that firmware tells of may be silent just now; one that answers is there.
    assert_eq!(there(Some(1 << 1), false), (true, true));
    assert_eq!(there(Some(0), true), (true, true));
    assert_eq!(there(Some(0), false), (false, true));
    // Only the clock is taken at firmware's word alone.
    assert_eq!(there(Some(1 << 5), true), (true, false));
}

#[test]
fn firmware_s_tables_are_handed_on() {
    let io_apic = |id, gsi_base| IoApic {
        id,
        address: 0xfec0_0000 + u64::from(gsi_base),
        gsi_base,
    };
    let machine = describe(Found {
        firmware: Firmware {
            madt: Some(Madt {
                local_apic_address: 0xfee0_0000,
                io_apics: vec![io_apic(1, 32), io_apic(2, 0), io_apic(0, 24)],
                ..Madt::default()
            }),
            ..Firmware::default()
        },
        ..found()
    });
    assert_eq!(machine.local_apic_address, 0xfee0_0000);
    // By their interrupts, whatever firmware's order is: the first one has those of ISA.
    assert_eq!(
        machine.io_apics,
        [io_apic(2, 0), io_apic(0, 24), io_apic(1, 32)]
    );
}
