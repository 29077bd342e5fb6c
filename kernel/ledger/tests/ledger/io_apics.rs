//! I/O APICs have one owner each, and pins lead to one of them.

use bulkhead_fake::sockets::root_bus;
use bulkhead_fake::{Fake, address, with_devices};
use bulkhead_model::{Change, DeviceName, Key, Lead};

/// Expects that "db" with these devices is refused beside a "web" with those, and says so.
#[track_caller]
fn refused(count: u8, web: &str, db: &str, item: &str, sentence: &str) {
    let mut fake = Fake::with_io_apics(count);
    fake.give("web", 2, web).unwrap();
    let before = fake.ledger.clone();
    let error = fake.give("db", 4, db).unwrap_err();
    assert_eq!(error.to_string(), sentence);
    assert_eq!(error.key(), Some(Key::Devices));
    let found = error.item().map(|found| found.to_string());
    assert_eq!(found.as_deref(), Some(item));
    assert_eq!(fake.ledger, before);
}

/// The card below the root bus whose pins lead to I/O APIC `number`.
fn card(number: u8) -> String {
    format!("0000:{:02x}:00.0", root_bus(number) + 1)
}

#[test]
fn each_has_one_owner() {
    let mut fake = Fake::with_io_apics(64);
    fake.give("web", 2, "ioapic3,ioapic0,ioapic63").unwrap();
    fake.give("db", 4, "ioapic1").unwrap();
    let owner = |fake: &Fake, number| {
        let name = DeviceName::IoApic(Some(number));
        fake.ledger.owner_of_device(name).map(String::from)
    };
    for (number, who) in [
        (0, Some("web")),
        (1, Some("db")),
        (2, None),
        (63, Some("web")),
    ] {
        assert_eq!(owner(&fake, number).as_deref(), who, "{number}");
    }
    assert_eq!(
        fake.ledger.get("web").unwrap().claim.devices.io_apics,
        [0, 3, 63]
    );
    // What is given up is free.
    fake.set("web", with_devices(Change::default(), "ioapic0"))
        .unwrap();
    fake.set("db", with_devices(Change::default(), "ioapic3,ioapic1"))
        .unwrap();
    assert_eq!(owner(&fake, 3).as_deref(), Some("db"));
    for count in [2, 64] {
        refused(
            count,
            "ioapic1",
            "rtc,ioapic1",
            "ioapic1",
            "ioapic1 belongs to \"web\"",
        );
    }
}

#[test]
fn the_only_one_needs_no_number() {
    let mut fake = Fake::with_devices();
    fake.give("web", 2, "ps2,ioapic,07:00.0").unwrap();
    assert_eq!(fake.ledger.get("web").unwrap().claim.devices.io_apics, [0]);
    refused(
        1,
        "ioapic",
        "ioapic0",
        "ioapic0",
        "ioapic0 belongs to \"web\"",
    );
    refused(
        1,
        "ioapic0",
        "ioapic",
        "ioapic",
        "ioapic belongs to \"web\"",
    );
    refused(
        1,
        "",
        "ioapic,ioapic0",
        "ioapic0",
        "ioapic0 is listed twice",
    );
    for (count, last) in [(2, 1), (64, 63)] {
        let sentence = format!("there are {count} I/O APICs (accepted: ioapic0 to ioapic{last})");
        refused(count, "", "rtc,ioapic", "ioapic", &sentence);
    }
}

#[test]
fn those_that_are_not_there() {
    let sentence = "ioapic1 does not exist (accepted: ioapic0)";
    refused(1, "", "ioapic1", "ioapic1", sentence);
    let sentence = "ioapic64 does not exist (accepted: ioapic0 to ioapic63)";
    refused(64, "", "ioapic64", "ioapic64", sentence);
}

#[test]
fn a_pin_needs_the_one_that_it_leads_to() {
    let needs = |which: &str, number| {
        format!("{which} has neither MSI nor MSI-X: INTx only, needs ioapic{number}")
    };
    for count in [3, 64] {
        let card = card(2);
        refused(
            count,
            "",
            &format!("ioapic0,ioapic1,{card}"),
            &card,
            &needs(&card, 2),
        );
        refused(count, "ioapic2", &card, &card, &needs(&card, 2));
        let mut fake = Fake::with_io_apics(count);
        fake.give("web", 2, &format!("{card},ioapic2")).unwrap();
        // Another's card is no matter.
        fake.give("db", 4, "07:00.0,ioapic0").unwrap();
    }
}

#[test]
fn a_root_bus_is_warned_of_what_leads_elsewhere() {
    let mut fake = Fake::with_io_apics(3);
    // The card below leads elsewhere than the chipset's device beside the root port.
    let root = root_bus(2);
    for route in &mut fake.machine.routes {
        if route.bus.number == root && route.device == 0 {
            route.gsi = 17;
        }
    }
    let warnings = fake
        .give("web", 2, &format!("pci:{root:02x},ioapic2"))
        .unwrap();
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let lacks = format!(
        "{} can't interrupt: no MSI, no MSI-X, and its pin needs ioapic0",
        card(2)
    );
    assert!(warnings.contains(&lacks), "{warnings:?}");
    assert_eq!(
        warnings.iter().filter(|text| text.contains("pin")).count(),
        1,
        "{warnings:?}"
    );
}

#[test]
fn where_pins_lead() {
    let mut fake = Fake::with_io_apics(64);
    let lead = |fake: &Fake, text: &str| {
        let function = fake.machine.function(address(text)).unwrap();
        fake.ledger.pin_only(&fake.machine, function)
    };
    for number in [1, 2, 63] {
        assert_eq!(lead(&fake, &card(number)), Some(Lead::IoApic(number)));
    }
    assert_eq!(lead(&fake, "07:00.0"), Some(Lead::IoApic(0)));
    assert_eq!(lead(&fake, "01:00.0"), None);
    // An interrupt below the first of all.
    fake.machine.io_apics.remove(0);
    assert_eq!(lead(&fake, "07:00.0"), Some(Lead::Unknown));
    fake.machine.routes.clear();
    assert_eq!(lead(&fake, &card(2)), Some(Lead::Unknown));
}

#[test]
fn the_keyboard_needs_the_one_of_isa_interrupts() {
    let sentence = "ps2 needs ioapic0 too: Linux drives it by its interrupt only";
    refused(2, "", "ioapic1,ps2", "ps2", sentence);
    let mut fake = Fake::with_io_apics(2);
    // The mouse's goes somewhere else.
    let mut mouse = fake.machine.overrides[0];
    (mouse.source, mouse.gsi) = (12, 28);
    fake.machine.overrides.push(mouse);
    let error = fake.give("web", 2, "ioapic0,ps2").unwrap_err();
    assert_eq!(
        error.to_string(),
        "ps2 needs ioapic1 too: Linux drives it by its interrupt only"
    );
    fake.give("web", 2, "ioapic0,ioapic1,ps2").unwrap();
}
