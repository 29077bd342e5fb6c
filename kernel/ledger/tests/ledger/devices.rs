//! Claims of devices: who gets what, what comes along, and when it is free again.

use bulkhead_fake::{
    Fake, Happening, MIB, address, at, bus, claim, happen, names, with_console, with_devices,
};
use bulkhead_model::{Change, Com, Devices, End, Warning};

fn devices(change: &str) -> Change {
    with_devices(Change::default(), change)
}

/// The sentences of warnings about devices.
fn said(warnings: &[Warning]) -> Vec<String> {
    let about_devices = |warning: &&Warning| {
        matches!(
            warning,
            Warning::ComesAlong { .. } | Warning::NoInterrupt { .. } | Warning::SharedLine { .. }
        )
    };
    let warnings = warnings.iter().filter(about_devices);
    warnings.map(ToString::to_string).collect()
}

#[test]
fn a_function_brings_its_bus() {
    let mut fake = Fake::with_devices();
    let warnings = fake.give("web", 2, "0000:02:00.1").unwrap();
    assert_eq!(
        said(&warnings),
        ["0000:02:00.0 comes along: bus 02 is given whole"]
    );
    let claim = &fake.ledger.get("web").unwrap().claim;
    let units: Vec<_> = claim.devices.units.iter().map(|unit| unit.bus).collect();
    assert_eq!(units, [bus(2)]);
    for (function, owner) in [
        ("02:00.0", Some("web")),
        ("02:00.1", Some("web")),
        ("00:03.0", None),
        ("01:00.0", None),
    ] {
        assert_eq!(fake.ledger.owner_of_function(address(function)), owner);
    }
}

#[test]
fn what_is_asked_for_is_not_warned_of() {
    for asked in ["02:00.0,02:00.1", "pci:02", "02:00.0,pci:02", "bus0"] {
        let mut fake = Fake::with_devices();
        let asked = format!("{asked},ioapic0");
        let warnings = fake.give("web", 2, &asked).unwrap();
        assert_eq!(said(&warnings), Vec::<String>::new(), "{asked}");
    }
}

#[test]
fn a_switch_brings_what_is_below() {
    let mut fake = Fake::with_devices();
    let warnings = fake.give("web", 2, "03:00.0").unwrap();
    assert_eq!(
        said(&warnings),
        [
            "0000:05:00.0 comes along: bus 03 is given with all below it",
            "0000:06:00.0 comes along: bus 03 is given with all below it",
        ]
    );
    assert_eq!(
        fake.ledger.owner_of_function(address("04:01.0")),
        Some("web")
    );
    // Either side of it can be had by itself.
    fake.ledger.undefine("web").unwrap();
    fake.give("web", 2, "05:00.0").unwrap();
    fake.give("db", 4, "06:00.0").unwrap();
}

#[test]
fn what_cannot_interrupt_is_warned_of() {
    let mut fake = Fake::with_devices();
    let warnings = fake.give("web", 2, "pci:07").unwrap();
    assert_eq!(
        said(&warnings),
        ["0000:07:00.0 can't interrupt: no MSI, no MSI-X, and its pin needs ioapic0"]
    );
    let warnings = fake.set("web", devices("pci:07,ioapic0")).unwrap();
    assert_eq!(said(&warnings), Vec::<String>::new());
    let warnings = fake.set("web", devices("bus0")).unwrap();
    assert_eq!(
        said(&warnings),
        ["00:1f.3", "07:00.0"].map(|function| format!(
            "0000:{function} can't interrupt: no MSI, no MSI-X, and its pin needs ioapic0"
        ))
    );
    fake.machine.routes.clear();
    let warnings = fake.set("web", devices("pci:07,ioapic0")).unwrap();
    assert_eq!(
        said(&warnings),
        ["0000:07:00.0 can't interrupt: no MSI, no MSI-X, and where its pin leads is not known"]
    );
}

#[test]
fn a_function_with_a_pin_only_goes_with_the_io_apic() {
    let mut fake = Fake::with_devices();
    fake.give("web", 2, "07:00.0,ioapic0").unwrap();
    fake.give("db", 4, "01:00.0").unwrap();
}

#[test]
fn names_in_any_order_give_the_same() {
    let mut fake = Fake::with_devices();
    let asked = "com3,ioapic0,07:00.0,rtc,01:00.0,framebuffer,com2,ps2";
    fake.give("web", 2, asked).unwrap();
    let Devices {
        units,
        ports,
        ps2,
        rtc,
        framebuffer,
        io_apics,
    } = &fake.ledger.get("web").unwrap().claim.devices;
    let buses: Vec<_> = units.iter().map(|unit| unit.bus).collect();
    assert_eq!(buses, [bus(1), bus(7)]);
    assert_eq!(*ports, [Com::Com2, Com::Com3]);
    assert!(*ps2 && *rtc && *framebuffer);
    assert_eq!(*io_apics, [0]);
}

#[test]
fn the_console_comes_first_of_the_ports() {
    let mut fake = Fake::with_devices();
    let change = with_devices(claim(&[2], &[at(256 * MIB, None)]), "com2");
    fake.define("web", with_console(change, Com::Com3)).unwrap();
    let ports: Vec<_> = fake.ledger.get("web").unwrap().claim.ports().collect();
    assert_eq!(ports, [Com::Com3, Com::Com2]);
    for port in ports {
        assert_eq!(fake.ledger.owner_of_console(port), Some("web"));
    }
}

#[test]
fn what_it_has_can_be_asked_for_again() {
    let mut fake = Fake::with_devices();
    let asked = "02:00.0,com2,ps2,rtc,framebuffer,ioapic0";
    fake.give("web", 2, asked).unwrap();
    let before = fake.ledger.clone();
    fake.set("web", devices(asked)).unwrap();
    assert_eq!(fake.ledger, before);
    // By other names of the same: the claim stays, the definition is what was said.
    fake.set(
        "web",
        devices("pci:02,com2,ps2,rtc,framebuffer,ioapic0,01:00.0"),
    )
    .unwrap();
    fake.set("web", devices(asked)).unwrap();
    assert_eq!(fake.ledger, before);
}

#[test]
fn a_port_can_become_the_console() {
    let mut fake = Fake::with_devices();
    fake.give("web", 2, "com2").unwrap();
    let mut change = devices("com3");
    change.console = Some(Some(Com::Com2));
    fake.set("web", change).unwrap();
    assert_eq!(
        fake.ledger.get("web").unwrap().claim.console,
        Some(Com::Com2)
    );
}

#[test]
fn what_is_given_up_is_free() {
    let asked = "02:00.0,com2,com3,ps2,rtc,framebuffer,ioapic0";
    for give_up in [
        (|fake| fake.ledger.undefine("web").unwrap()) as fn(&mut Fake),
        |fake| drop(fake.set("web", devices("01:00.0")).unwrap()),
    ] {
        let mut fake = Fake::with_devices();
        fake.give("web", 2, asked).unwrap();
        for name in names(asked) {
            assert_eq!(fake.ledger.owner_of_device(name), Some("web"), "{name}");
        }
        give_up(&mut fake);
        for name in names(asked) {
            assert_eq!(fake.ledger.owner_of_device(name), None, "{name}");
        }
        fake.give("db", 4, asked).unwrap();
    }
}

#[test]
fn who_runs_keeps_its_devices() {
    let mut fake = Fake::with_devices();
    fake.give("web", 2, "01:00.0").unwrap();
    fake.give("db", 4, "").unwrap();
    let id = fake.ledger.get("web").unwrap().id;
    for what in [Happening::Launch, Happening::Launched] {
        assert!(happen(&mut fake.ledger, id, what));
    }
    let before = fake.ledger.clone();
    let refused = fake.set("db", devices("01:00.0")).unwrap_err();
    assert_eq!(refused.to_string(), "0000:01:00.0 belongs to \"web\"");
    let refused = fake.set("web", devices("")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "\"web\" is running and can't be changed (accepted after kill web)"
    );
    assert_eq!(fake.ledger, before);
    // Nor are they free when it has ended: it may be launched again.
    let ended = Happening::Ended(End::PoweredOff);
    assert!(happen(&mut fake.ledger, id, ended));
    assert!(fake.set("db", devices("01:00.0")).is_err());
}

#[test]
fn a_change_of_devices_keeps_the_memory() {
    let mut fake = Fake::with_devices();
    fake.give("web", 2, "").unwrap();
    fake.give("db", 4, "").unwrap();
    let before = fake.ledger.get("web").unwrap().claim.clone();
    fake.set("web", devices("bus0,ioapic0")).unwrap();
    let after = &fake.ledger.get("web").unwrap().claim;
    assert_eq!(after.regions(), before.regions());
    assert_eq!(fake.ledger.owner_of_device(names("bus0")[0]), Some("web"));
}

#[test]
fn the_screen_and_its_function_can_have_one_owner() {
    for asked in ["framebuffer,bus0", "bus0,framebuffer"] {
        Fake::with_devices().give("web", 2, asked).unwrap();
    }
    // Or the function is nobody's.
    Fake::with_devices().give("web", 2, "framebuffer").unwrap();
}
