//! I/O APICs one by one: each partition is told of its own only, and of pins that lead to them.

use bulkhead_fake::sockets::{io_apic, root_bus};
use bulkhead_fake::{Fake, address, bus, written};
use bulkhead_firmware::InterruptOverride;
use bulkhead_launch::LaunchPlan;
use bulkhead_pci::Route;
use bulkhead_tables::acpi::{self, IoApicView, PciRoot, PciWindow, PciWindowKind};

/// The devices of a partition that has the card below root bus `number`, and these I/O APICs.
fn card_and(number: u8, io_apics: &str) -> String {
    format!("pci:{:02x}{io_apics}", root_bus(number) + 1)
}

/// Expects the tables of a partition that has the card below root bus `number` alone, with these
/// interrupts of its four pins.
#[track_caller]
fn assert_told(plan: &LaunchPlan, core: u32, number: u8, told: &[u8], gsis: &[(u8, u32)]) {
    let views: Vec<_> = told
        .iter()
        .map(|number| {
            let io_apic = io_apic(*number);
            IoApicView {
                id: io_apic.id,
                address: u32::try_from(io_apic.address).unwrap(),
                gsi_base: io_apic.gsi_base,
            }
        })
        .collect();
    let overrides = [InterruptOverride {
        source: 0,
        gsi: 2,
        flags: 0,
    }];
    let has_isa = told.contains(&0);
    let first_bus = root_bus(number) + 1;
    let window = 0x8000_0000 + (u64::from(number) << 20);
    let route = |&(pin, gsi)| Route {
        bus: bus(first_bus),
        device: 0,
        pin,
        gsi,
    };
    let blob = acpi::build(&acpi::View {
        base: plan.view.block.acpi.start(),
        local_apic_address: 0xfee0_0000,
        first_absent: Some(254),
        nodes: &[],
        performance: None,
        cores: &[core],
        io_apics: &views,
        isa_interrupts: has_isa,
        overrides: if has_isa { &overrides } else { &[] },
        uarts: &[],
        ps2: false,
        rtc: false,
        roots: &[PciRoot {
            segment: 1,
            first_bus,
            last_bus: first_bus,
            ecam_base: 0xb000_0000,
            windows: vec![PciWindow {
                kind: PciWindowKind::Memory,
                start: window,
                end: window + (1 << 20),
            }],
            routes: gsis.iter().map(route).collect(),
        }],
    });
    assert_eq!(plan.view.tables, blob.tables);
    let bytes = written(plan, plan.view.block.acpi);
    assert!(
        bytes[..blob.bytes.len()] == blob.bytes,
        "other bytes than expected"
    );
    // These are masked at its end, and no others.
    let masked: Vec<u64> = told.iter().map(|number| io_apic(*number).address).collect();
    assert_eq!(plan.io_apics, masked);
}

/// Where the four pins of the card lead: through a root port that is device 0.
fn pins(number: u8) -> [(u8, u32); 4] {
    let base = io_apic(number).gsi_base;
    [(1, base), (2, base + 1), (3, base + 2), (4, base + 3)]
}

#[test]
fn each_partition_is_told_of_its_own() {
    for count in [2u8, 3, 8, 64] {
        let mut fake = Fake::with_io_apics(count);
        let owners: Vec<(u32, u8)> = [(1, 1), (2, count / 2), (4, count - 1)]
            .into_iter()
            .filter(|(core, number)| *core == 1 || *number > 1)
            .collect();
        let mut given = Vec::new();
        for (core, number) in owners {
            if given.iter().any(|(_, other)| *other == number) {
                continue;
            }
            let devices = card_and(number, &format!(",ioapic{number}"));
            fake.give(&format!("p{core}"), core, &devices).unwrap();
            given.push((core, number));
        }
        fake.give("isa", 6, "ioapic0,ps2,rtc,com2").unwrap();
        for (core, number) in given {
            let plan = fake.plan(&format!("p{core}"));
            assert_told(&plan, core, number, &[number], &pins(number));
            assert!(!plan.view.cmdline.contains("noapic"));
        }
        assert_eq!(fake.plan("isa").io_apics, [0xfec0_0000]);
    }
}

#[test]
fn what_leads_to_others_is_not_told() {
    let mut fake = Fake::with_io_apics(4);
    // It is no matter to a card that has MSI.
    let card = address(&format!("{:02x}:00.0", root_bus(2) + 1));
    let mut functions = fake.machine.functions.iter_mut();
    functions.find(|f| f.address == card).unwrap().msi = true;
    fake.give("web", 2, &card_and(2, "")).unwrap();
    assert_told(&fake.plan("web"), 2, 2, &[], &[]);
    assert!(fake.plan("web").view.cmdline.contains("noapic"));
    fake.ledger.undefine("web").unwrap();
    fake.give("db", 2, &card_and(2, ",ioapic3")).unwrap();
    assert_told(&fake.plan("db"), 2, 2, &[3], &[]);
    fake.ledger.undefine("db").unwrap();
    fake.give("both", 2, &card_and(2, ",ioapic3,ioapic2,ioapic0"))
        .unwrap();
    assert_told(&fake.plan("both"), 2, 2, &[0, 2, 3], &pins(2));
}

#[test]
fn pins_of_one_bus_that_lead_to_two() {
    let mut fake = Fake::with_io_apics(3);
    let foreign = io_apic(1).gsi_base + 7;
    for route in &mut fake.machine.routes {
        if route.bus == bus(root_bus(2)) && route.pin != 2 {
            route.gsi = foreign;
        }
    }
    fake.give("web", 2, &card_and(2, ",ioapic2")).unwrap();
    assert_told(
        &fake.plan("web"),
        2,
        2,
        &[2],
        &[(2, io_apic(2).gsi_base + 1)],
    );
    fake.ledger.undefine("web").unwrap();
    fake.give("db", 4, &card_and(2, ",ioapic1,ioapic2"))
        .unwrap();
    let all = [
        (1, foreign),
        (2, io_apic(2).gsi_base + 1),
        (3, foreign),
        (4, foreign),
    ];
    assert_told(&fake.plan("db"), 4, 2, &[1, 2], &all);
}

#[test]
fn a_serial_port_interrupts_where_isa_interrupts_arrive() {
    let dsdt = |devices| {
        let mut fake = Fake::with_io_apics(2);
        fake.give("web", 2, devices).unwrap();
        let plan = fake.plan("web");
        let mut tables = plan.view.tables.iter();
        tables.find(|table| &table.0 == b"DSDT").unwrap().2
    };
    // As without one: no interrupt, Linux polls.
    assert_eq!(dsdt("com3,rtc,ioapic1"), dsdt("com3,rtc"));
    assert!(dsdt("com3,rtc,ioapic0") > dsdt("com3,rtc"));
}
