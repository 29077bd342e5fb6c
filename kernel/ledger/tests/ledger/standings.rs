//! What is said of each function: whether it can be owned alone, and what stands in the way.

use bulkhead_fake::{Fake, address};
use bulkhead_ledger::Standing;
use bulkhead_model::Machine;

/// The owner of each function and the note about it, for those that differ from the last list.
fn standings(fake: &Fake) -> Vec<String> {
    let line = |function: &bulkhead_pci::Function| {
        let owner = fake.ledger.owner_of_function(function.address);
        let standing = fake.ledger.standing(&fake.machine, function);
        let owner = owner.unwrap_or("-");
        format!("{} {owner}: {standing}", function.address)
    };
    fake.machine.functions.iter().map(line).collect()
}

#[track_caller]
fn assert_standing(fake: &Fake, expected: &[&str]) {
    let all = standings(fake);
    for line in expected {
        let line = format!("0000:{line}");
        assert!(all.contains(&line), "{line}\n{}", all.join("\n"));
    }
}

#[test]
fn of_a_free_machine() {
    assert_eq!(
        standings(&Fake::with_devices()),
        [
            "0000:00:00.0 -: only with all of bus0",
            "0000:00:01.0 -: only with all of bus0",
            "0000:00:02.0 -: stays Bulkhead's",
            "0000:00:03.0 -: stays Bulkhead's",
            "0000:00:04.0 -: stays Bulkhead's",
            "0000:00:05.0 -: stays Bulkhead's",
            "0000:00:1f.0 -: only with all of bus0",
            "0000:00:1f.2 -: only with all of bus0",
            "0000:00:1f.3 -: only with all of bus0",
            "0000:01:00.0 -: alone",
            "0000:02:00.0 -: shares bus 02 with 0000:02:00.1",
            "0000:02:00.1 -: shares bus 02 with 0000:02:00.0",
            "0000:03:00.0 -: shares bus 03 with 0000:05:00.0, 0000:06:00.0",
            "0000:04:00.0 -: shares bus 04 with 0000:05:00.0, 0000:06:00.0",
            "0000:04:01.0 -: shares bus 04 with 0000:05:00.0, 0000:06:00.0",
            "0000:05:00.0 -: alone",
            "0000:06:00.0 -: alone",
            "0000:07:00.0 -: alone",
        ]
    );
}

#[test]
fn of_what_is_owned() {
    let mut fake = Fake::with_devices();
    fake.give("web", 2, "02:00.0,05:00.0").unwrap();
    assert_standing(
        &fake,
        &[
            "00:01.0 -: only with all of bus0, part of which \"web\" has",
            "00:03.0 -: stays Bulkhead's",
            "02:00.0 web: shares bus 02 with 0000:02:00.1",
            "02:00.1 web: shares bus 02 with 0000:02:00.0",
            // On the way to what "web" has.
            "03:00.0 -: stays Bulkhead's",
            "04:00.0 -: stays Bulkhead's",
            "04:01.0 -: shares bus 04 with 0000:05:00.0 of \"web\", 0000:06:00.0",
            "05:00.0 web: alone",
            "06:00.0 -: alone",
        ],
    );
}

#[test]
fn of_a_root_bus_that_is_owned() {
    let mut fake = Fake::with_devices();
    fake.give("web", 2, "bus0").unwrap();
    assert_standing(
        &fake,
        &[
            "00:01.0 web: only with all of bus0",
            "00:02.0 web: only with all of bus0",
            "01:00.0 web: alone",
            "03:00.0 web: shares bus 03 with 0000:05:00.0, 0000:06:00.0",
        ],
    );
}

#[test]
fn of_what_cannot_be_used() {
    let mut fake = Fake::with_devices();
    let change = |machine: &mut Machine, text: &str, index: usize| {
        let mut functions = machine.functions.iter_mut();
        let function = functions.find(|f| f.address == address(text)).unwrap();
        function.bars[index].address = Some(0x8000_0000);
        function.bars[index].size
    };
    change(&mut fake.machine, "02:00.1", 0);
    let bus7 = |f: &&mut bulkhead_pci::Function| f.address == address("00:05.0");
    let root_port = fake.machine.functions.iter_mut().find(bus7).unwrap();
    root_port.bridge.as_mut().unwrap().subordinate = 6;
    let why = "BAR 0 of 0000:02:00.1 at 0x80000000 lies outside of the windows of 0000:00:03.0";
    let unreachable = "bridge 0000:00:05.0 claims to lead to PCI buses 07 to 06, which can't be";
    assert_standing(
        &fake,
        &[
            &format!("02:00.0 -: {why}"),
            &format!("02:00.1 -: {why}"),
            &format!("00:01.0 -: {unreachable}"),
            &format!("07:00.0 -: {unreachable}"),
            "01:00.0 -: alone",
        ],
    );
}

#[test]
fn of_a_root_bus_on_which_something_goes_unused() {
    let mut fake = Fake::with_devices();
    let bar = &mut fake.machine.functions[7].bars[1];
    bar.address = None;
    let why = "BAR 5 (4K of memory) of 0000:00:1f.2 has no address and does not fit into what is \
               in use on bus 0000:00";
    assert_standing(
        &fake,
        &[
            "00:00.0 -: only with all of bus0",
            &format!("00:1f.2 -: only with all of bus0; unused: {why}"),
            "00:02.0 -: stays Bulkhead's",
            "01:00.0 -: alone",
        ],
    );
    fake.give("web", 2, "01:00.0").unwrap();
    assert_standing(
        &fake,
        &[&format!(
            "00:1f.2 -: only with all of bus0, part of which \"web\" has; unused: {why}"
        )],
    );
}

#[test]
fn of_a_root_bus_that_cannot_be_used() {
    let mut fake = Fake::with_devices();
    let bar = &mut fake.machine.functions[7].bars[1];
    bar.address = Some(0xfd00_0000);
    let why = "0000:00:1f.2 at 0xfd000000-0xfd000fff overlaps 0000:00:01.0 at \
               0xfd000000-0xfd7fffff";
    assert_standing(
        &fake,
        &[
            &format!("00:00.0 -: only with all of bus0, which can't be given: {why}"),
            &format!("00:1f.2 -: only with all of bus0, which can't be given: {why}"),
            "01:00.0 -: alone",
        ],
    );
    fake.give("web", 2, "01:00.0").unwrap();
    assert_standing(
        &fake,
        &["00:1f.2 -: only with all of bus0, part of which \"web\" has"],
    );
}

#[test]
fn who_needs_the_io_apic() {
    let fake = Fake::with_devices();
    let functions = fake.machine.functions.iter();
    let needing = functions.filter(|f| fake.ledger.pin_only(&fake.machine, f).is_some());
    let needing: Vec<_> = needing.map(|f| f.address).collect();
    assert_eq!(needing, [address("00:1f.3"), address("07:00.0")]);
    let nic = fake.machine.function(address("07:00.0")).unwrap();
    assert_eq!(fake.ledger.standing(&fake.machine, nic), Standing::Alone);
}

#[test]
fn the_shells_own() {
    let mut fake = Fake::with_devices();
    fake.machine.shell_function = Some(address("02:00.1"));
    assert_standing(
        &fake,
        &[
            "02:00.1 -: the console of Bulkhead's shell",
            "02:00.0 -: shares bus 02 with 0000:02:00.1 of \"bulkhead\"",
            "00:1f.2 -: only with all of bus0, part of which \"bulkhead\" has",
            "01:00.0 -: alone",
        ],
    );
}
