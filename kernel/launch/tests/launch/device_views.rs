//! What a partition is told of its devices, and what it is not told of others'.

use bulkhead_fake::{
    Fake, GIB, KIB, MIB, at, bus, claim, region, with_console, with_devices, written,
};
use bulkhead_firmware::InterruptOverride;
use bulkhead_launch::LaunchPlan;
use bulkhead_linux::E820Kind;
use bulkhead_model::{Change, Com, MemoryKind, MemoryRange};
use bulkhead_pci::Route;
use bulkhead_tables::acpi::{self, IoApicView, PciRoot, PciWindow, PciWindowKind, UartView};

/// A plan for "web" on core 2 with com2 as its console and these devices, and one for "db" with
/// nothing.
fn plans(devices: &str) -> (LaunchPlan, LaunchPlan) {
    let mut fake = Fake::with_devices();
    give_web(&mut fake, devices, None);
    fake.give("db", 4, "").unwrap();
    (fake.plan("web"), fake.plan("db"))
}

fn give_web(fake: &mut Fake, devices: &str, place: Option<u64>) {
    let change = with_devices(claim(&[2], &[at(256 * MIB, place)]), devices);
    fake.define("web", with_console(change, Com::Com2)).unwrap();
}

/// What is written to where the ACPI tables are.
fn acpi_bytes(plan: &LaunchPlan) -> Vec<u8> {
    written(plan, plan.view.block.acpi)
}

/// Expects the tables of core 2 with com2 and what is said here.
#[track_caller]
fn assert_tables(
    plan: &LaunchPlan,
    change: impl for<'a> FnOnce(&mut acpi::View<'a>, &mut Owned<'a>),
) {
    let uarts = [com2(None), com2(Some(3)), com3()];
    let io_apics = [IoApicView {
        id: 0,
        address: 0xfec0_0000,
        gsi_base: 0,
    }];
    let overrides = [InterruptOverride {
        source: 0,
        gsi: 2,
        flags: 0,
    }];
    let roots = roots();
    let mut owned = Owned {
        uarts: &uarts,
        io_apics: &io_apics,
        roots: &roots,
    };
    let mut view = acpi::View {
        base: plan.view.block.acpi.start(),
        local_apic_address: 0xfee0_0000,
        first_absent: Some(254),
        nodes: &[],
        performance: None,
        cores: &[2],
        io_apics: &[],
        isa_interrupts: false,
        overrides: &overrides,
        uarts: &uarts[..1],
        ps2: false,
        rtc: false,
        roots: &[],
    };
    change(&mut view, &mut owned);
    let blob = acpi::build(&view);
    assert_eq!(plan.view.tables, blob.tables);
    let written = acpi_bytes(plan);
    let (bytes, rest) = written.split_at(blob.bytes.len());
    assert!(bytes == blob.bytes, "other bytes than expected");
    let mut behind = rest.iter().filter(|byte| **byte != 0);
    assert_eq!(behind.next(), Some(&b'_'), "SMBIOS's entry point");
}

/// What there is to be told.
struct Owned<'a> {
    /// com2 polled, com2 with its interrupt, com3.
    uarts: &'a [UartView],
    io_apics: &'a [IoApicView],
    /// Buses 1, 2 and 7; the last with its pins.
    roots: &'a [PciRoot],
}

const fn com2(irq: Option<u8>) -> UartView {
    UartView {
        io_base: 0x2f8,
        uid: 2,
        irq,
    }
}

const fn com3() -> UartView {
    UartView {
        io_base: 0x3e8,
        uid: 3,
        irq: Some(4),
    }
}

fn roots() -> Vec<PciRoot> {
    let root = |bus, windows: &[(PciWindowKind, u64, u64)]| PciRoot {
        segment: 1,
        first_bus: bus,
        last_bus: bus,
        ecam_base: 0xb000_0000,
        windows: windows
            .iter()
            .map(|&(kind, start, end)| PciWindow { kind, start, end })
            .collect(),
        routes: Vec::new(),
    };
    let mut roots = vec![
        root(1, &[(PciWindowKind::Memory, 0xfe80_0000, 0xfea0_0000)]),
        root(
            2,
            &[
                (PciWindowKind::Io, 0xc000, 0xd000),
                (PciWindowKind::Memory, 0xfe60_0000, 0xfe80_0000),
            ],
        ),
        root(7, &[(PciWindowKind::Memory, 0xfdc0_0000, 0xfde0_0000)]),
    ];
    // Device 0 below device 5: its INTA is that of the root port.
    roots[2].routes = (1..=4u8)
        .map(|pin| Route {
            bus: bus(7),
            device: 0,
            pin,
            gsi: 16 + u32::from(5 + pin - 1) % 8,
        })
        .collect();
    roots
}

#[test]
fn nothing_of_what_others_have() {
    let (_, db) = plans("bus0,com3,ps2,rtc,framebuffer,ioapic0");
    let signatures: Vec<_> = db.view.tables.iter().map(|table| table.0).collect();
    assert_eq!(signatures, [*b"DSDT", *b"FACP", *b"APIC", *b"XSDT"]);
    assert!(db.grant.is_empty() && db.io_apics.is_empty());
    let (web, _) = plans("");
    assert_tables(&web, |_, _| ());
}

#[test]
fn buses_as_roots_of_a_segment_of_their_own() {
    let (web, _) = plans("02:00.0,01:00.0");
    assert_tables(&web, |view, owned| view.roots = &owned.roots[..2]);
    assert!(web.view.tables.iter().any(|table| &table.0 == b"MCFG"));
    assert!(!web.grant.is_empty());
    assert!(web.io_apics.is_empty());
}

#[test]
fn the_io_apic_and_what_interrupts_through_it() {
    let (web, db) = plans("07:00.0,ioapic0,com3,ps2,rtc");
    assert_tables(&web, |view, owned| {
        view.uarts = &owned.uarts[1..];
        view.io_apics = owned.io_apics;
        view.isa_interrupts = true;
        view.ps2 = true;
        view.rtc = true;
        view.roots = &owned.roots[2..];
    });
    assert_eq!(web.io_apics, [0xfec0_0000]);
    assert!(db.io_apics.is_empty());
}

#[test]
fn a_clock_without_the_io_apic() {
    let (web, _) = plans("rtc");
    assert_tables(&web, |view, _| view.rtc = true);
}

#[test]
fn tables_of_one_size_everywhere() {
    let lengths = |devices, place| {
        let mut fake = Fake::with_devices();
        give_web(&mut fake, devices, place);
        let plan = fake.plan("web");
        assert!(plan.view.block.acpi.contains(plan.view.rsdp));
        let tables = plan.view.tables.iter();
        let lengths: Vec<_> = tables.map(|table| (table.0, table.2)).collect();
        (plan.view.block.acpi.size(), lengths)
    };
    for devices in ["", "01:00.0", "bus0,ioapic0,ps2,rtc,framebuffer,com3"] {
        let low = lengths(devices, Some(0x200_0000));
        let high = lengths(devices, Some(0x5000_0000));
        assert_eq!(low, high, "{devices}");
    }
}

/// The kind of the range at an address, in both maps.
fn kinds(plan: &LaunchPlan, address: u64) -> (Option<E820Kind>, bool) {
    let entries = plan.view.e820.entries().iter();
    let mut e820 = entries.filter(|entry| entry.region.contains(address));
    let mut efi = plan.view.efi.iter();
    (
        e820.next().map(|entry| entry.kind),
        efi.any(|descriptor| descriptor.region.contains(address)),
    )
}

#[test]
fn windows_are_not_reserved_for_their_owner() {
    let (web, db) = plans("01:00.0,framebuffer");
    let reserved = (Some(E820Kind::Reserved), true);
    for (address, is_web) in [
        (0xfcff_ffff, false),
        (0xfd00_0000, true),
        // The screen ends in a page.
        (0xfd1d_4fff, true),
        (0xfd1d_5000, false),
        (0xfe7f_ffff, false),
        (0xfe80_0000, true),
        (0xfe9f_ffff, true),
        (0xfea0_0000, false),
        (0xb010_0000, false),
    ] {
        let expected = if is_web { (None, false) } else { reserved };
        assert_eq!(kinds(&web, address), expected, "{address:#x}");
        assert_eq!(kinds(&db, address), reserved, "{address:#x}");
    }
}

#[test]
fn small_registers_of_a_root_bus_leave_whole_pages() {
    let mut fake = Fake::with_devices();
    let sata = &mut fake.machine.functions[7];
    (sata.bars[1].size, sata.bars[1].address) = (256, Some(0xfebf_1300));
    fake.give("web", 2, "bus0").unwrap();
    let plan = fake.plan("web");
    assert_eq!(kinds(&plan, 0xfebf_1000), (None, false));
    assert_eq!(kinds(&plan, 0xfebf_2000), (Some(E820Kind::Reserved), true));
    let efi = plan.view.efi.iter().map(|descriptor| descriptor.region);
    let mut edges = efi.flat_map(|region| [region.start(), region.end()]);
    assert!(edges.all(|edge| edge % (4 * KIB) == 0));
}

/// A window that is said to lie in memory does not make that memory look free.
#[test]
fn memory_stays_reserved_whatever_a_window_says() {
    let mut fake = Fake::with_devices();
    fake.machine.memory.push(MemoryRange {
        region: region(0xfe90_0000, 0xfe98_0000),
        kind: MemoryKind::AcpiNvs,
    });
    fake.machine.screen.as_mut().unwrap().base = GIB;
    fake.give("web", 2, "framebuffer,01:00.0").unwrap();
    let plan = fake.plan("web");
    let reserved = (Some(E820Kind::Reserved), true);
    assert_eq!(kinds(&plan, 0xfe90_0000), reserved);
    assert_eq!(kinds(&plan, 0xfe98_0000), (None, false));
    assert_eq!(kinds(&plan, GIB), reserved);
}

#[test]
fn the_screen_is_told_to_its_owner() {
    let (web, db) = plans("framebuffer");
    let zero_page = |plan: &LaunchPlan| written(plan, plan.view.block.zero_page);
    let page = zero_page(&web);
    assert_eq!(page[0x0f], 0x70);
    assert_eq!(page[0x12..0x16], [0x20, 0x03, 0x58, 0x02]);
    assert_eq!(page[0x18..0x1c], 0xfd00_0000u32.to_le_bytes());
    assert_eq!(zero_page(&db)[..0x40], [0; 0x40]);
    let says = |plan: &LaunchPlan, parameter: &str| {
        let mut words = plan.view.cmdline.split(' ');
        words.any(|word| word == parameter)
    };
    assert!(says(&web, "console=tty0") && !says(&db, "console=tty0"));
}

#[test]
fn owned_ports_are_not_kept_from_linux() {
    let (web, db) = plans("com3");
    let reserve = |plan: &LaunchPlan| {
        let mut words = plan.view.cmdline.split(' ');
        words
            .find(|word| word.starts_with("reserve="))
            .map(String::from)
    };
    let (web, db) = (reserve(&web).unwrap(), reserve(&db).unwrap());
    for (port, by_web) in [
        ("0x2f8", false),
        ("0x3e8", false),
        ("0x3f8", true),
        ("0xcf8", true),
    ] {
        assert_eq!(web.contains(port), by_web, "{web}");
    }
    assert!(db.contains("0x3e8") && db.contains("0x3f8"), "{db}");
    // And may be used as consoles.
    let mut fake = Fake::with_devices();
    let mut change = with_devices(claim(&[2], &[at(256 * MIB, None)]), "com3");
    change.cmdline = Some("console=ttyS2".into());
    fake.define("web", change).unwrap();
    let taken = with_devices(Change::default(), "");
    assert!(fake.set("web", taken).is_err());
}
