//! Devices that can't be had: who is in the way, in the sentence that the shell prints.

use bulkhead_fake::{Fake, MIB, address, at, claim, with_console, with_devices};
use bulkhead_memory::Region;
use bulkhead_model::{Change, Com, Key, Machine};
use bulkhead_pci::{Bridge, Function, Window, WindowKind};

/// Expects that a definition of "db" with these devices, beside a "web" with those, is refused
/// with that sentence, that its `item` is to blame, and that nothing changes.
#[track_caller]
fn refused(machine: impl FnOnce(&mut Machine), web: &str, db: &str, item: &str, sentence: &str) {
    let mut fake = Fake::with_devices();
    machine(&mut fake.machine);
    fake.give("web", 2, web).unwrap();
    let before = fake.ledger.clone();
    let error = fake.give("db", 4, db).unwrap_err();
    assert_eq!(error.to_string(), sentence);
    assert_eq!(error.key(), Some(Key::Devices));
    let found = error.item().map(|found| found.to_string());
    assert_eq!(found.as_deref(), Some(item));
    assert_eq!(fake.ledger, before);

    // And so is a change to it.
    fake.give("db", 4, "").unwrap();
    let before = fake.ledger.clone();
    let change = with_devices(Change::default(), db);
    let error = fake.set("db", change).unwrap_err();
    assert_eq!(error.to_string(), sentence);
    assert_eq!(fake.ledger, before);
}

/// The same on the machine as it is.
#[track_caller]
fn refused_beside(web: &str, db: &str, item: &str, sentence: &str) {
    refused(|_| (), web, db, item, sentence);
}

/// The same without anybody else.
#[track_caller]
fn refused_alone(db: &str, item: &str, sentence: &str) {
    refused_beside("", db, item, sentence);
}

fn at_address<'a>(machine: &'a mut Machine, text: &str) -> &'a mut Function {
    let mut functions = machine.functions.iter_mut();
    functions.find(|f| f.address == address(text)).unwrap()
}

fn bridge<'a>(machine: &'a mut Machine, text: &str) -> &'a mut Bridge {
    at_address(machine, text).bridge.as_mut().unwrap()
}

#[test]
fn what_is_listed_twice() {
    for (list, item) in [
        ("com3,rtc,com3", "com3"),
        ("1:0.0,0000:01:00.0", "0000:01:00.0"),
        ("pci:00,bus0", "bus0"),
    ] {
        refused_alone(list, item, &format!("{item} is listed twice"));
    }
}

#[test]
fn pci_without_ecam() {
    for item in ["0000:01:00.0", "bus0", "pci:02"] {
        refused(
            |machine| machine.ecam.clear(),
            "",
            item,
            item,
            &format!(
                "{item} can't be given: this machine has no ECAM (no MCFG table), and its ports \
                 0xcf8-0xcff can't be shared (accepted: partitions without PCI devices)"
            ),
        );
    }
}

#[test]
fn functions_and_buses_that_are_not_there() {
    refused_alone(
        "com3,0000:01:00.1",
        "0000:01:00.1",
        "there is no 0000:01:00.1 (\"devices\" lists what there is)",
    );
    refused_alone("pci:09", "pci:09", "no function is on PCI bus 0000:09");
    refused_alone(
        "pci:0001:01",
        "pci:0001:01",
        "no function is on PCI bus 0001:01",
    );
    refused(
        |machine| bridge(machine, "00:05.0").subordinate = 6,
        "",
        "07:00.0",
        "0000:07:00.0",
        "bridge 0000:00:05.0 claims to lead to PCI buses 07 to 06, which can't be",
    );
}

#[test]
fn the_last_segment() {
    let to_last = |machine: &mut Machine| {
        machine.ecam[0].segment = u16::MAX;
        for function in &mut machine.functions {
            function.address.segment = u16::MAX;
        }
    };
    refused(
        to_last,
        "",
        "ffff:01:00.0",
        "ffff:01:00.0",
        "ffff:01:00.0 can't be given: its Linux would have it one segment higher, and there is \
         none above ffff",
    );
}

#[test]
fn functions_of_a_root_bus() {
    refused_alone(
        "00:1f.2",
        "0000:00:1f.2",
        "0000:00:1f.2 is on a root bus, which goes to one partition with all below it \
         (accepted: bus0)",
    );
    refused_alone(
        "00:02.0",
        "0000:00:02.0",
        "0000:00:02.0 is a bridge and stays Bulkhead's (accepted: pci:01, the bus below it)",
    );
    // A bridge that nobody has given numbers leads nowhere.
    refused(
        |machine| {
            *bridge(machine, "00:02.0") = Bridge {
                secondary: 0,
                subordinate: 0,
                windows: Vec::new(),
            };
            machine.functions.retain(|f| f.address.bus != 1);
        },
        "",
        "00:02.0",
        "0000:00:02.0",
        "0000:00:02.0 is on a root bus, which goes to one partition with all below it \
         (accepted: bus0)",
    );
}

#[test]
fn functions_and_buses_of_others() {
    let belongs = |item: &str| format!("{item} belongs to \"web\"");
    for (web, db) in [
        ("01:00.0", "0000:01:00.0"),
        ("01:00.0", "pci:01"),
        ("pci:01", "0000:01:00.0"),
        ("pci:02", "0000:02:00.1"),
        ("pci:02", "pci:02"),
        ("02:00.0,02:00.1", "0000:02:00.1"),
        // All of what is asked for lies below.
        ("pci:03", "0000:05:00.0"),
        ("03:00.0", "pci:06"),
        ("bus0", "0000:01:00.0"),
        ("bus0", "bus0"),
    ] {
        refused_beside(web, db, db, &belongs(db));
    }
}

#[test]
fn functions_on_a_bus_of_others() {
    for (web, db, item, bus, with) in [
        ("02:00.0", "02:00.1", "0000:02:00.1", "02", "0000:02:00.0"),
        ("02:00.1", "02:00.0", "0000:02:00.0", "02", "0000:02:00.1"),
        ("05:00.0", "03:00.0", "0000:03:00.0", "05", "0000:05:00.0"),
        ("05:00.0", "com3,pci:04", "pci:04", "05", "0000:05:00.0"),
        ("02:00.1", "bus0", "bus0", "02", "0000:02:00.1"),
        ("pci:02", "bus0", "bus0", "02", "0000:02:00.0"),
        ("04:01.0", "pci:03", "pci:03", "04", "0000:04:01.0"),
    ] {
        let sentence = format!("{item} shares bus {bus} with {with} of \"web\"");
        refused_beside(web, db, item, &sentence);
    }
}

#[test]
fn buses_of_one_list_that_hold_each_other() {
    for (list, item, inner, outer) in [
        ("pci:03,05:00.0", "0000:05:00.0", "05", "pci:03"),
        ("05:00.0,com3,03:00.0", "0000:03:00.0", "05", "pci:03"),
        ("01:00.0,bus0", "bus0", "01", "bus0"),
    ] {
        let outer_number = &outer[outer.len() - 1..];
        let sentence = format!(
            "bus {inner} comes with bus 0{outer_number}, and both are asked for (accepted: {outer})"
        );
        refused_alone(list, item, &sentence);
    }
}

#[test]
fn registers_without_a_place() {
    refused(
        |machine| at_address(machine, "02:00.1").bars[0].address = Some(0xfd00_0000),
        "",
        "02:00.0",
        "0000:02:00.0",
        "BAR 0 of 0000:02:00.1 at 0xfd000000 lies outside of the windows of 0000:00:03.0",
    );
    refused(
        |machine| {
            let bar = &mut at_address(machine, "01:00.0").bars[0];
            (bar.size, bar.address) = (16 * MIB, None);
        },
        "",
        "pci:01",
        "pci:01",
        "BAR 0 (16M of memory) of 0000:01:00.0 has no address and does not fit into the windows \
         of 0000:00:02.0",
    );
}

#[test]
fn interrupts_by_pin() {
    refused_alone(
        "07:00.0",
        "0000:07:00.0",
        "0000:07:00.0 has neither MSI nor MSI-X: INTx only, needs ioapic0",
    );
    refused_beside(
        "ioapic0",
        "07:00.0",
        "0000:07:00.0",
        "0000:07:00.0 has neither MSI nor MSI-X: INTx only, needs ioapic0",
    );
    refused(
        |machine| machine.routes.clear(),
        "",
        "ioapic0,07:00.0",
        "0000:07:00.0",
        "0000:07:00.0 has neither MSI nor MSI-X, and the firmware's tables do not tell where its \
         INTx leads",
    );
}

#[test]
fn serial_ports() {
    let shells = "com1 is the console of Bulkhead's shell (free: com2 com3)";
    refused_alone("com1", "com1", shells);
    refused_alone("com4", "com4", "com4 does not exist (found: com2 com3)");
    refused_beside("com3", "rtc,com3", "com3", "com3 belongs to \"web\"");
}

#[test]
fn serial_ports_and_consoles() {
    let mut fake = Fake::with_devices();
    let web = claim(&[2], &[at(256 * MIB, None)]);
    fake.define("web", with_console(web, Com::Com2)).unwrap();
    let error = fake.give("db", 4, "com2").unwrap_err();
    assert_eq!(error.to_string(), "com2 belongs to \"web\"");
    let db = claim(&[4], &[at(256 * MIB, None)]);
    let both = with_console(with_devices(db.clone(), "com3"), Com::Com3);
    let error = fake.define("db", both).unwrap_err();
    assert_eq!(error.to_string(), "com3 is the partition's console already");
    assert_eq!(error.key(), Some(Key::Devices));

    fake.set("web", with_devices(Change::default(), "com3"))
        .unwrap();
    let error = fake.define("db", with_console(db, Com::Com3)).unwrap_err();
    assert_eq!(error.to_string(), "com3 belongs to \"web\"");
    assert_eq!(error.key(), Some(Key::Console));
    // What is among the devices can't become the console as well.
    let error = fake.set("web", with_console(Change::default(), Com::Com3));
    assert_eq!(
        error.unwrap_err().to_string(),
        "com3 is the partition's console already"
    );
}

#[test]
fn legacy_devices_of_others() {
    for item in ["ps2", "rtc", "framebuffer", "ioapic0"] {
        let web = format!("ioapic0,{item}");
        let web = if item == "ioapic0" { item } else { &web };
        refused_beside(web, item, item, &format!("{item} belongs to \"web\""));
    }
}

#[test]
fn legacy_devices_that_are_not_there() {
    type Take = fn(&mut Machine);
    let table: [(&str, Take, &str); 4] = [
        (
            "ps2",
            |machine| machine.has_ps2 = false,
            "no controller answers at port 0x64",
        ),
        (
            "rtc",
            |machine| machine.has_rtc = false,
            "the firmware says that there is none",
        ),
        (
            "framebuffer",
            |machine| machine.screen = None,
            "the loader set none up",
        ),
        (
            "ioapic0",
            |machine| machine.io_apics.clear(),
            "the firmware names none",
        ),
    ];
    for (item, take, why) in table {
        refused(
            take,
            "",
            item,
            item,
            &format!("{item} does not exist: {why}"),
        );
    }
}

#[test]
fn a_keyboard_without_interrupts() {
    let sentence = "ps2 needs ioapic0 too: Linux drives it by its interrupt only";
    refused_alone("ps2,rtc", "ps2", sentence);
    refused_beside("ioapic0", "ps2", "ps2", sentence);
}

#[test]
fn the_screen_and_its_function_apart() {
    refused_beside(
        "bus0",
        "rtc,framebuffer",
        "framebuffer",
        "framebuffer is memory of 0000:00:01.0, which belongs to \"web\"",
    );
    refused_beside(
        "framebuffer",
        "rtc,bus0",
        "bus0",
        "0000:00:01.0 has the framebuffer of \"web\"",
    );
    // A card in a slot.
    let to_card = |machine: &mut Machine| {
        let screen = machine.screen.as_mut().unwrap();
        (screen.base, screen.size) = (0xfe64_1000, 0x2000);
    };
    for (db, item) in [
        ("rtc,02:00.0", "0000:02:00.0"),
        ("rtc,02:00.1", "0000:02:00.1"),
        ("rtc,pci:02", "pci:02"),
    ] {
        refused(
            to_card,
            "framebuffer",
            db,
            item,
            "0000:02:00.0 has the framebuffer of \"web\"",
        );
    }
    refused(
        to_card,
        "02:00.1",
        "framebuffer",
        "framebuffer",
        "framebuffer is memory of 0000:02:00.0, which belongs to \"web\"",
    );
    // Buses beside it are not concerned.
    let mut fake = Fake::with_devices();
    to_card(&mut fake.machine);
    fake.give("web", 2, "framebuffer").unwrap();
    fake.give("db", 4, "01:00.0").unwrap();
}

#[test]
fn a_root_bus_with_registers_that_overlap() {
    let window = Window {
        kind: WindowKind::Memory,
        region: Region::from_bounds(0xfebf_0000, 0xfec0_0000).unwrap(),
    };
    refused(
        |machine| bridge(machine, "00:05.0").windows.push(window),
        "",
        "bus0",
        "bus0",
        "0000:00:01.0 at 0xfebf0000-0xfebf0fff overlaps 0000:00:05.0 at 0xfebf0000-0xfebfffff",
    );
}

#[test]
fn what_the_shell_talks_on() {
    let shell =
        |at: &'static str| move |machine: &mut Machine| machine.shell_function = Some(address(at));
    let why = "0000:02:00.1 is the console of Bulkhead's shell";
    refused(shell("02:00.1"), "", "02:00.1", "0000:02:00.1", why);
    let why = "0000:02:00.0 would bring 0000:02:00.1 along, the console of Bulkhead's shell";
    refused(shell("02:00.1"), "", "02:00.0", "0000:02:00.0", why);
    let why = "pci:02 can't be given: 0000:02:00.1 on it is the console of Bulkhead's shell";
    refused(shell("02:00.1"), "", "pci:02", "pci:02", why);
    let why = "bus0 can't be given: 0000:02:00.1 on it is the console of Bulkhead's shell";
    refused(shell("02:00.1"), "", "bus0", "bus0", why);
    // On a root bus, where nothing can be had alone.
    let why = "0000:00:1f.3 is the console of Bulkhead's shell";
    refused(shell("00:1f.3"), "", "00:1f.3", "0000:00:1f.3", why);
    let why = "bus0 can't be given: 0000:00:1f.3 on it is the console of Bulkhead's shell";
    refused(shell("00:1f.3"), "01:00.0", "bus0", "bus0", why);
}

#[test]
fn what_could_not_interrupt_a_core_of_the_partition() {
    let mut fake = Fake::with_devices();
    for core in &mut fake.machine.cores {
        if core.apic_id >= 4 {
            core.apic_id += 250;
        }
    }
    // Core 254 can be interrupted.
    fake.give("web", 254, "01:00.0").unwrap();
    for (list, item) in [
        ("02:00.0", "0000:02:00.0"),
        ("com3,pci:02", "pci:02"),
        ("ioapic0", "ioapic0"),
    ] {
        let before = fake.ledger.clone();
        let error = fake.give("db", 256, list).unwrap_err();
        let why = format!(
            "{item} can't interrupt core 256: an interrupt of a device has eight bits for the local \
             APIC ID (accepted: cores 0 to 254)"
        );
        assert_eq!(error.to_string(), why);
        assert_eq!(error.key(), Some(Key::Devices));
        assert_eq!(fake.ledger, before);
    }
    // What Linux polls, or what does not interrupt, can be had.
    fake.give("db", 256, "com3,rtc").unwrap();
    // Nor may such a core join a partition that has a device.
    let before = fake.ledger.clone();
    fake.set("web", claim(&[254, 257], &[])).unwrap_err();
    assert_eq!(fake.ledger, before);
}
