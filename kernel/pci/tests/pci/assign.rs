//! Addresses for BARs.

use bulkhead_memory::Region;
use bulkhead_pci::{
    AssignError, ConfigSpace, Function, Grant, Within, assign, check, leftover, overlooked,
};

use crate::fake::address;
use crate::machine::{Machine, function, machine};
use crate::node::{ENDPOINT, IO, MEMORY32, MEMORY64, Node, PREFETCHABLE32, PREFETCHABLE64};

#[test]
fn what_the_firmware_did_is_fine() {
    let machine = machine();
    let functions = machine.functions();
    for bus in ["00", "01", "02", "03", "04", "05"] {
        assert_eq!(check(&functions, &machine.unit(bus)), Ok(()), "{bus}");
    }
    let mut assigned = functions.clone();
    assign(&mut assigned, &machine.unit("00")).unwrap();
    assert_eq!(assigned, functions);
}

/// The machine with a third function beside the two network cards.
fn with(node: Node) -> Machine {
    let mut machine = machine();
    machine.fake.below(machine.port, 0, 2, node);
    machine
}

fn plain() -> Node {
    Node::endpoint(0x10ec, 2, 0xff_0000).express(ENDPOINT, true)
}

fn addresses(functions: &[Function], text: &str) -> Vec<Option<u64>> {
    function(functions, text)
        .bars
        .iter()
        .map(|b| b.address)
        .collect()
}

#[test]
fn unassigned_bars_get_room() {
    let machine = with(
        plain()
            .bar(0, MEMORY32, 0x1000, 0)
            .bar(1, IO, 0x100, 0)
            .bar(2, PREFETCHABLE64, 1 << 26, 0)
            .bar(4, PREFETCHABLE32, 1 << 16, 0)
            .bar(5, MEMORY32, 1 << 20, 0),
    );
    let unit = machine.unit("01");
    let mut functions = machine.functions();
    assert_eq!(check(&functions, &unit), Ok(()));
    assign(&mut functions, &unit).unwrap();
    assert_eq!(
        addresses(&functions, "01:00.2"),
        [
            // After the largest one, which found the lower megabyte in use.
            Some(0xfe84_0000 + 0x1_0000),
            Some(0xc100),
            Some(0x8_0400_0000),
            // The prefetchable window is above 4 GiB, out of its reach.
            Some(0xfe84_0000),
            Some(0xfe90_0000),
        ]
    );
    // The others stay, and all is well now.
    assert_eq!(
        addresses(&functions, "01:00.0"),
        addresses(&machine.functions(), "01:00.0")
    );
    assert_eq!(check(&functions, &unit), Ok(()));
    let mut again = functions.clone();
    assign(&mut again, &unit).unwrap();
    assert_eq!(again, functions);
}

#[test]
fn a_64_bit_bar_may_go_below_4_gib_but_not_the_other_way() {
    let mut machine = machine();
    // Behind the port without a prefetchable window.
    let node = plain()
        .bar(0, PREFETCHABLE64, 1 << 19, 0)
        .bar(2, MEMORY64, 1 << 18, 0);
    machine.fake.below(machine.downstream, 0, 1, node);
    machine.fake.edit(machine.disk, |n| n.value[3] |= 1 << 23);
    let mut functions = machine.functions();
    assign(&mut functions, &machine.unit("04")).unwrap();
    assert_eq!(
        addresses(&functions, "04:00.1"),
        [Some(0xfe48_0000), Some(0xfe44_0000)]
    );
}

#[test]
fn what_does_not_fit_is_named_and_nothing_changes() {
    let machine = with(
        plain()
            .bar(0, MEMORY32, 0x1000, 0)
            .bar(1, MEMORY32, 16 << 20, 0),
    );
    let unit = machine.unit("01");
    let mut functions = machine.functions();
    let before = functions.clone();
    let error = assign(&mut functions, &unit).unwrap_err();
    assert_eq!(
        error.to_string(),
        "BAR 1 (16M of memory) of 0000:01:00.2 has no address and does not fit into the windows of \
         0000:00:02.0"
    );
    assert_eq!(functions, before);
    assert_eq!(check(&functions, &unit), Err(error));
    let no_io = machine_below_switch(plain().bar(0, IO, 0x20, 0));
    assert_eq!(
        check(&no_io.functions(), &no_io.unit("02"))
            .unwrap_err()
            .to_string(),
        "BAR 0 (32 of I/O) of 0000:04:00.1 has no address and does not fit into the windows of \
         0000:03:00.0"
    );
}

fn machine_below_switch(node: Node) -> Machine {
    let mut machine = machine();
    machine.fake.below(machine.downstream, 0, 1, node);
    machine.fake.edit(machine.disk, |n| n.value[3] |= 1 << 23);
    machine
}

#[test]
fn nested_bars_stay_in_the_nested_window() {
    // The unit's windows would have room: they belong to all ports of the switch.
    let machine = machine_below_switch(plain().bar(0, MEMORY32, 1 << 20, 0));
    assert!(check(&machine.functions(), &machine.unit("02")).is_err());
    let machine = machine_below_switch(plain().bar(0, MEMORY32, 0x1000, 0));
    let mut functions = machine.functions();
    assign(&mut functions, &machine.unit("02")).unwrap();
    assert_eq!(addresses(&functions, "04:00.1"), [Some(0xfe40_4000)]);
    // In its place it would be in nobody's way, but the window next door decodes it.
    let astray = machine_below_switch(plain().bar(0, MEMORY32, 0x1000, 0xfe50_0000));
    assert_eq!(
        check(&astray.functions(), &astray.unit("02")),
        Err(AssignError::Outside {
            function: address("04:00.1"),
            bar: 0,
            address: 0xfe50_0000,
            within: Within::Bridge(address("03:00.0")),
        })
    );
}

#[test]
fn a_port_of_a_switch_gets_room_beside_its_neighbours_windows() {
    let mut machine = machine();
    // BAR of the upstream port's neighbour function, on bus 2.
    let node = plain().bar(0, MEMORY32, 1 << 20, 0);
    machine.fake.below(machine.switch_port, 0, 1, node);
    machine.fake.edit(machine.upstream, |n| {
        n.value[3] |= 1 << 23;
        n.value[0x20 / 4] = 0xfe50_fe40;
    });
    let mut functions = machine.functions();
    // The window of the upstream port ends at 0xfe5fffff now.
    assign(&mut functions, &machine.unit("02")).unwrap();
    assert_eq!(addresses(&functions, "02:00.1"), [Some(0xfe60_0000)]);
}

#[test]
fn bars_outside_are_named() {
    let machine = with(plain().bar(0, MEMORY32, 0x1000, 0xfea0_0000));
    let error = check(&machine.functions(), &machine.unit("01")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "BAR 0 of 0000:01:00.2 at 0xfea00000 lies outside of the windows of 0000:00:02.0"
    );
    // As an I/O port it would be inside a memory window.
    let machine = with(plain().bar(0, IO, 0x20, 0xd000));
    assert!(check(&machine.functions(), &machine.unit("01")).is_err());
    // Half of it.
    let machine = with(plain().bar(0, MEMORY32, 4 << 20, 0xfe80_0000));
    assert!(matches!(
        check(&machine.functions(), &machine.unit("01")),
        Err(AssignError::Outside { .. })
    ));
}

#[test]
fn windows_outside_are_named() {
    let machine = machine();
    machine
        .fake
        .edit(machine.downstream, |n| n.value[0x20 / 4] = 0xfe80_fe40);
    assert_eq!(
        check(&machine.functions(), &machine.unit("02"))
            .unwrap_err()
            .to_string(),
        "the window memory 0xfe400000-0xfe8fffff of 0000:03:00.0 lies outside of the windows of \
         0000:02:00.0"
    );
}

#[test]
fn overlaps_are_named() {
    let machine = with(plain().bar(0, MEMORY32, 0x1000, 0xfe82_1000));
    assert_eq!(
        check(&machine.functions(), &machine.unit("01")),
        Err(AssignError::Overlap {
            function: address("01:00.1"),
            region: Region::new(0xfe82_0000, 0x2_0000).unwrap(),
            other: address("01:00.2"),
            other_region: Region::new(0xfe82_1000, 0x1000).unwrap(),
        })
    );
}

/// The one function is lost, not the bus with all others.
#[test]
fn on_a_root_bus_nothing_is_known_to_be_free() {
    let mut machine = machine();
    machine
        .fake
        .root(0, 5, 0, plain().bar(0, MEMORY32, 0x1000, 0));
    let mut functions = machine.functions();
    let unit = machine.unit("00");
    assert_eq!(check(&functions, &unit), Ok(()));
    let unused = |text| overlooked(&functions, &unit, address(text)).map(|e| e.to_string());
    assert_eq!(
        unused("00:05.0").as_deref(),
        Some(
            "BAR 0 (4K of memory) of 0000:00:05.0 has no address and does not fit into what is in \
             use on bus 0000:00"
        )
    );
    assert_eq!(unused("00:02.0"), None);
    let before = functions.clone();
    assign(&mut functions, &unit).unwrap();
    assert_eq!(functions, before);
    // It answers nothing at 0.
    let grant = Grant::new(&functions, &[unit]);
    grant.prepare(&machine.fake);
    let command = machine.fake.read(address("00:05.0"), 4);
    assert_eq!(command & 3, 0);
    assert_eq!(check(&machine.functions(), &machine.unit("01")), Ok(()));
}

/// PCI Express cards work without their I/O ports; a port above may forward none.
#[test]
fn io_that_is_not_reached_goes_unused() {
    let card = |address| {
        plain()
            .bar(0, MEMORY32, 0x1000, 0)
            .bar(2, IO, 0x20, address)
            .set(4, 3)
    };
    for (address, why) in [
        (
            0,
            "(32 of I/O) of 0000:04:00.1 has no address and does not fit into",
        ),
        // Where another port's cards are, as if firmware had not looked at the window.
        (0xc000, "of 0000:04:00.1 at 0xc000 lies outside of"),
    ] {
        let machine = machine_below_switch(card(address));
        let mut functions = machine.functions();
        for (bus, is_above) in [("04", true), ("02", false), ("00", false)] {
            let unit = machine.unit(bus);
            assert_eq!(check(&functions, &unit), Ok(()), "{bus}");
            let error = overlooked(&functions, &unit, crate::fake::address("04:00.1"));
            let whose = if is_above { "0000:03:00.0" } else { "" };
            let error = error.unwrap().to_string();
            let expected = format!("BAR 2 {why} the windows of {whose}");
            assert!(error.starts_with(&expected), "{error}");
        }
        let unit = machine.unit("04");
        assign(&mut functions, &unit).unwrap();
        let bars = addresses(&functions, "04:00.1");
        assert!(matches!(bars[..], [Some(_), None]), "{bars:x?}");
        assert!(overlooked(&functions, &unit, crate::fake::address("04:00.1")).is_some());
        Grant::new(&functions, &[unit]).prepare(&machine.fake);
        let command = machine.fake.read(crate::fake::address("04:00.1"), 4);
        assert_eq!(command & 3, 2, "memory, and no ports");
    }
    // A function with nothing else can't work.
    let only = machine_below_switch(plain().bar(0, IO, 0x20, 0xc000));
    assert!(check(&only.functions(), &only.unit("04")).is_err());
    assert!(overlooked(&only.functions(), &only.unit("04"), address("04:00.1")).is_none());
}

#[test]
fn bars_made_by_hand_may_be_absurd() {
    let machine = machine();
    let unit = machine.unit("01");
    for (size, address) in [
        (0, None),
        (3, None),
        (u64::MAX, None),
        (u64::MAX, Some(2)),
        (0, Some(1)),
    ] {
        let mut functions = machine.functions();
        let nic = functions.iter_mut().find(|f| f.bus() == unit.bus).unwrap();
        nic.bars[2].size = size;
        nic.bars[2].address = address;
        let _ = assign(&mut functions, &unit);
    }
}

#[test]
fn all_that_the_firmware_left_without_at_once() {
    let machine = with(plain().bar(0, MEMORY32, 0x1000, 0).bar(1, IO, 0x100, 0));
    let mut functions = machine.functions();
    let mut wanted = functions.clone();
    assign(&mut wanted, &machine.unit("01")).unwrap();
    leftover::assign_all(&mut functions);
    assert_ne!(functions, machine.functions());
    assert_eq!(functions, wanted);
    // Nothing was written: the machine is as it was.
    assert_eq!(addresses(&machine.functions(), "01:00.2"), [None, None]);
}
