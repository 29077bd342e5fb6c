//! What is claimed together.

use bulkhead_memory::Region;
use bulkhead_pci::{Bus, Function, UnitError, Window, WindowKind, unit};

use crate::fake::{Fake, address};
use crate::machine::{machine, scan};
use crate::node::{IO, MEMORY32, Node};

fn bus(text: &str) -> Bus {
    text.parse().unwrap()
}

fn names(addresses: &[bulkhead_pci::Address]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn a_root_ports_bus() {
    let unit = machine().unit("01");
    assert_eq!((unit.bus, unit.last), (bus("01"), 1));
    assert_eq!(unit.bridge, Some(address("00:02.0")));
    assert_eq!(names(&unit.path), ["0000:00:02.0"]);
    assert_eq!(names(&unit.functions), ["0000:01:00.0", "0000:01:00.1"]);
    assert_eq!(unit.windows.len(), 3);
    assert!(unit.contains(bus("01")) && !unit.contains(bus("02")) && !unit.contains(bus("1:01")));
}

#[test]
fn switches() {
    let machine = machine();
    let all = machine.unit("02");
    assert_eq!(all.last, 5);
    assert_eq!(
        names(&all.functions),
        [
            "0000:02:00.0",
            "0000:03:00.0",
            "0000:03:01.0",
            "0000:04:00.0",
            "0000:05:00.0"
        ]
    );
    let one = machine.unit("05");
    assert_eq!(one.bridge, Some(address("03:01.0")));
    assert_eq!(
        names(&one.path),
        ["0000:00:03.0", "0000:02:00.0", "0000:03:01.0"]
    );
    assert_eq!(names(&one.functions), ["0000:05:00.0"]);
    assert_eq!(one.windows.len(), 2);
    let ports = machine.unit("03");
    assert_eq!((ports.last, ports.functions.len()), (5, 4));
    assert!(all.overlaps(&one) && one.overlaps(&all) && ports.overlaps(&one));
    assert!(!one.overlaps(&machine.unit("04")) && !all.overlaps(&machine.unit("01")));
}

#[test]
fn the_root_bus_is_everything() {
    let machine = machine();
    let root = machine.unit("00");
    assert_eq!((root.last, root.bridge, root.path.len()), (6, None, 0));
    assert_eq!(root.functions.len(), 15);
    let window = |kind, start: u64, last: u64| Window {
        kind,
        region: Region::from_bounds(start, last + 1).unwrap(),
    };
    assert_eq!(
        root.windows,
        [
            window(WindowKind::Io, 0x700, 0x73f),
            window(WindowKind::Io, 0xc000, 0xcfff),
            window(WindowKind::Io, 0xd040, 0xd05f),
            window(WindowKind::Memory, 0xfe40_0000, 0xfe9f_ffff),
            window(WindowKind::Memory, 0xfebf_0000, 0xfebf_1fff),
            window(WindowKind::Memory, 0xfebf_4000, 0xfebf_6fff),
            window(WindowKind::Prefetchable, 0xfd00_0000, 0xfdff_ffff),
            window(WindowKind::Prefetchable, 0x8_0000_0000, 0x8_1fff_ffff),
            window(WindowKind::Prefetchable, 0x9_0000_0000, 0x9_ffff_ffff),
        ]
    );
}

/// Functions on a root bus 0: bridges with these numbers, and an endpoint below each that has
/// believable ones.
fn bridges(numbers: &[(u32, u32)]) -> Vec<Function> {
    let mut fake = Fake::default();
    for (device, &(secondary, subordinate)) in (1..).zip(numbers) {
        let bridge = Node::bridge(0x10ec, 2).numbers(0, secondary, subordinate);
        let bridge = fake.root(0, device, 0, bridge);
        fake.below(
            bridge,
            0,
            0,
            Node::endpoint(0x10ec, 2, 0xff_0000).bar(0, MEMORY32, 16, 0),
        );
    }
    scan(&fake, &fake.ranges())
}

#[test]
fn buses_that_are_no_units() {
    let functions = machine().functions();
    let empty = unit(&functions, bus("06"));
    assert_eq!(empty, Err(UnitError::Empty { bus: bus("06") }));
    assert_eq!(
        empty.unwrap_err().to_string(),
        "no function is on PCI bus 0000:06"
    );
    assert!(unit(&functions, bus("1:00")).is_err());
    // Bus 3 exists, in the range of a bridge that doesn't lead to it.
    let mut orphan = bridges(&[(1, 5)]);
    orphan.push(Function::new(address("03:00.0")));
    assert_eq!(
        unit(&orphan, bus("03")),
        Err(UnitError::NotBelow {
            bus: bus("03"),
            bridge: address("00:01.0")
        })
    );
}

#[test]
fn bridges_with_nonsense_are_named() {
    // Nobody has set the bridge up: it leads nowhere, and the root bus is one.
    assert_eq!(unit(&bridges(&[(0, 0)]), bus("00")).unwrap().last, 0);
    let bad = |functions: &[Function]| unit(functions, bus("00")).unwrap_err();
    assert_eq!(
        bad(&bridges(&[(1, 1), (3, 2)])),
        UnitError::BadBridge {
            bridge: address("00:02.0"),
            secondary: 3,
            subordinate: 2
        }
    );
    assert_eq!(
        bad(&bridges(&[(0, 9)])).to_string(),
        "bridge 0000:00:01.0 claims to lead to PCI buses 00 to 09, which can't be"
    );
    assert_eq!(
        bad(&bridges(&[(1, 1), (1, 1)])),
        UnitError::TwoBridges {
            bus: bus("01"),
            bridges: [address("00:01.0"), address("00:02.0")]
        }
    );
    // The bridge above bus 1 says that it ends at 0.
    let mut functions = bridges(&[(1, 1)]);
    functions[0].bridge.as_mut().unwrap().subordinate = 0;
    assert_eq!(
        unit(&functions, bus("01")),
        Err(UnitError::BadBridge {
            bridge: address("00:01.0"),
            secondary: 1,
            subordinate: 0
        })
    );
}

#[test]
fn nested_bridges_stay_in_range() {
    let mut functions = machine().functions();
    let inner = functions
        .iter()
        .position(|f| f.address == address("03:01.0"))
        .unwrap();
    functions[inner].bridge.as_mut().unwrap().subordinate = 9;
    let error = UnitError::OutOfRange {
        bridge: address("03:01.0"),
        above: address("02:00.0"),
    };
    for inside in ["00", "02", "03", "05"] {
        assert_eq!(unit(&functions, bus(inside)), Err(error), "{inside}");
    }
    assert!(unit(&functions, bus("04")).is_ok());
    // A circle: the bridge leads back to above itself.
    functions[inner].bridge.as_mut().unwrap().secondary = 2;
    assert!(unit(&functions, bus("02")).is_err());
}

#[test]
fn two_root_buses() {
    let mut fake = Fake::default();
    fake.root(
        0,
        1,
        0,
        Node::endpoint(0x10ec, 2, 0xff_0000).bar(0, IO, 16, 0x1000),
    );
    fake.root(
        0x80,
        1,
        0,
        Node::endpoint(0x10ec, 2, 0xff_0000).bar(0, IO, 16, 0x1010),
    );
    let functions = scan(&fake, &fake.ranges());
    let second = unit(&functions, bus("80")).unwrap();
    assert_eq!((second.last, second.functions.len()), (0x80, 1));
    assert!(!second.overlaps(&unit(&functions, bus("00")).unwrap()));
}
