//! What is found.

use bulkhead_memory::Region;
use bulkhead_pci::EcamRange;
use bulkhead_pci::{Bar, BarKind, Function, PortType, Window, WindowKind};

use crate::fake::Fake;
use crate::machine::{function, machine, scan};
use crate::node::{ENDPOINT, EXPRESS, IO, MEMORY32, MEMORY64, Node, PREFETCHABLE64, ROOT_PORT};

fn bar(index: u8, kind: BarKind, prefetchable: bool, size: u64, address: u64) -> Bar {
    Bar {
        index,
        kind,
        prefetchable,
        size,
        address: (address != 0).then_some(address),
    }
}

#[test]
fn everything_is_found_once_in_order() {
    let machine = machine();
    let found = machine.functions();
    let names: Vec<String> = found.iter().map(|f| f.address.to_string()).collect();
    assert_eq!(
        names,
        [
            "0000:00:00.0",
            "0000:00:01.0",
            "0000:00:02.0",
            "0000:00:03.0",
            "0000:00:04.0",
            "0000:00:1f.0",
            "0000:00:1f.2",
            "0000:00:1f.3",
            "0000:01:00.0",
            "0000:01:00.1",
            "0000:02:00.0",
            "0000:03:00.0",
            "0000:03:01.0",
            "0000:04:00.0",
            "0000:05:00.0",
        ]
    );
    // Ranges in any order, and overlapping.
    let range = |first_bus, last_bus| EcamRange {
        base: 0xb000_0000,
        segment: 0,
        first_bus,
        last_bus,
    };
    let again = scan(&machine.fake, &[range(2, 255), range(0, 3), range(1, 0)]);
    assert_eq!(again, found);
    assert!(scan(&machine.fake, &[]).is_empty());
}

#[test]
fn a_range_of_configuration_space_is_of_its_buses_alone() {
    let range = |base, first_bus, last_bus| EcamRange {
        base,
        segment: 1,
        first_bus,
        last_bus,
    };
    let region = range(0xe000_0000, 0x10, 0x1f).region().unwrap();
    assert_eq!((region.start(), region.size()), (0xe100_0000, 16 << 20));
    let above = range(0xfc_e000_0000, 0, 255).region().unwrap();
    assert_eq!((above.start(), above.size()), (0xfc_e000_0000, 256 << 20));
    assert_eq!(range(0xe000_0000, 2, 1).region(), None);
    assert_eq!(range(u64::MAX - 4096, 0, 1).region(), None);
}

#[test]
fn nothing_is_changed() {
    let machine = machine();
    let before = machine.fake.nodes();
    machine.functions();
    machine.fake.assert_no_accident();
    for (before, after) in before.iter().zip(machine.fake.nodes()) {
        assert_eq!(before.value, after.value);
    }
}

#[test]
fn a_function_is_described() {
    let found = machine().functions();
    let nic = function(&found, "01:00.1");
    assert_eq!((nic.vendor, nic.device_id), (0x8086, 0x10c9));
    assert_eq!((nic.class, nic.subclass, nic.interface), (2, 0, 0));
    assert_eq!(
        nic.bars,
        [
            bar(0, BarKind::Memory32, false, 0x2_0000, 0xfe82_0000),
            bar(2, BarKind::Io, false, 0x20, 0xc020),
            bar(4, BarKind::Memory64, true, 1 << 20, 0x8_0010_0000),
        ]
    );
    assert_eq!(nic.interrupt_pin, 2);
    assert!(nic.msi && nic.can_msi() && nic.flr && !nic.is_bridge());
    assert_eq!(nic.msix_vectors, 10);
    assert_eq!(nic.port, Some(PortType::Endpoint));
    let disk = function(&found, "04:00.0");
    assert!(!disk.msi && disk.can_msi() && !disk.flr);
    assert_eq!(
        disk.bars,
        [bar(0, BarKind::Memory64, false, 0x4000, 0xfe40_0000)]
    );
    let smbus = function(&found, "00:1f.3");
    assert!(!smbus.can_msi());
    assert_eq!(smbus.port, None);
}

#[test]
fn bridges_are_described() {
    let found = machine().functions();
    let window = |kind, start: u64, last: u64| Window {
        kind,
        region: Region::from_bounds(start, last + 1).unwrap(),
    };
    let port = function(&found, "00:02.0");
    assert_eq!(port.port, Some(PortType::RootPort));
    assert_eq!(
        port.bars,
        [bar(0, BarKind::Memory32, false, 0x1000, 0xfebf_4000)]
    );
    let bridge = port.bridge.as_ref().unwrap();
    assert_eq!((bridge.secondary, bridge.subordinate), (1, 1));
    assert_eq!(
        bridge.windows,
        [
            window(WindowKind::Io, 0xc000, 0xcfff),
            window(WindowKind::Memory, 0xfe80_0000, 0xfe9f_ffff),
            window(WindowKind::Prefetchable, 0x8_0000_0000, 0x8_1fff_ffff),
        ]
    );
    let empty = function(&found, "00:04.0").bridge.as_ref().unwrap();
    assert!(empty.windows.is_empty());
    let switch = function(&found, "00:03.0").bridge.as_ref().unwrap();
    assert_eq!((switch.secondary, switch.subordinate), (2, 5));
}

#[test]
fn windows_that_nobody_set_are_closed() {
    let mut fake = Fake::default();
    fake.root(0, 1, 0, Node::bridge(0x10ec, 2));
    // No I/O window and a 32-bit prefetchable one, in registers that say so.
    let mut old = Node::bridge(0x10ec, 3).numbers(0, 1, 1);
    old.value[0x1c / 4] = 0;
    old.value[0x24 / 4] = 0xf7f0_f400;
    fake.root(0, 2, 0, old.set(0x28, 7).set(0x2c, 7));
    let found = scan(&fake, &fake.ranges());
    let windows = |text| function(&found, text).bridge.clone().unwrap().windows;
    // Wide windows at 0 after a reset: base and limit 0, and of the register only the bits that say so.
    assert_eq!(windows("00:01.0"), []);
    assert_eq!(
        windows("00:02.0"),
        [Window {
            kind: WindowKind::Prefetchable,
            region: Region::from_bounds(0xf400_0000, 0xf800_0000).unwrap(),
        }]
    );
}

#[test]
fn bars_of_all_sorts() {
    let mut fake = Fake::default();
    let node = Node::endpoint(0x10ec, 2, 0xff_0000)
        .bar(0, PREFETCHABLE64, 1 << 36, 0)
        .bar(2, IO, 4, 0)
        .bar(3, MEMORY32, 16, 0xfe00_0010)
        // A 64-bit BAR needs a register after it.
        .bar(5, MEMORY64, 0x1000, 0);
    fake.root(0, 1, 0, node);
    let found = scan(&fake, &fake.ranges());
    assert_eq!(
        found[0].bars,
        [
            bar(0, BarKind::Memory64, true, 1 << 36, 0),
            bar(2, BarKind::Io, false, 4, 0),
            bar(3, BarKind::Memory32, false, 16, 0xfe00_0010),
        ]
    );
}

#[test]
fn the_host_bridge_keeps_its_decode() {
    let mut fake = Fake::default();
    let host = Node::endpoint(0x10ec, 2, 0x06_0000).bar(0, MEMORY32, 0x1000, 0xfe00_0000);
    fake.root(0, 0, 0, host.set(0x04, 7));
    let other = Node::endpoint(0x10ec, 2, 0xff_0000).bar(0, MEMORY32, 0x1000, 0xfe00_1000);
    fake.root(0, 1, 0, other.set(0x04, 7));
    assert_eq!(scan(&fake, &fake.ranges())[0].bars.len(), 1);
    let commands: Vec<_> = fake
        .writes
        .borrow()
        .iter()
        .filter(|w| w.1 == 4)
        .copied()
        .collect();
    let other = "00:01.0".parse().unwrap();
    assert_eq!(commands, [(other, 4, 4), (other, 4, 7)]);
}

#[test]
fn unknown_header_types_are_left_alone() {
    let mut fake = Fake::default();
    let mut cardbus = Node::endpoint(0x10ec, 2, 0x06_0700)
        .bar(0, MEMORY32, 0x1000, 0)
        .msi();
    cardbus.value[3] |= 2 << 16;
    fake.root(0, 1, 0, cardbus);
    let found = scan(&fake, &fake.ranges());
    assert_eq!((found[0].class, found[0].subclass), (6, 7));
    assert!(found[0].bars.is_empty() && found[0].bridge.is_none() && !found[0].msi);
    assert!(fake.writes.borrow().is_empty());
}

#[test]
fn circles_of_capabilities_end() {
    let mut fake = Fake::default();
    let mut node = Node::endpoint(0x10ec, 2, 0xff_0000)
        .msi()
        .express(ENDPOINT, true)
        .acs();
    node.value[usize::from(EXPRESS / 4)] |= 0x50 << 8;
    node.value[0x40] = 0x1000_000d | 1 << 16;
    fake.root(0, 1, 0, node);
    let found = scan(&fake, &fake.ranges());
    assert!(found[0].msi && found[0].flr);
}

#[test]
fn a_link_has_one_device_unless_it_has_ari() {
    let found = |port_forwards: u32, node: Node| {
        let mut fake = Fake::default();
        let port = Node::bridge(0x10ec, 2)
            .express(ROOT_PORT, false)
            .numbers(0, 1, 1);
        let port = fake.root(0, 1, 0, port.set(EXPRESS + 0x28, port_forwards));
        fake.below(port, 0, 0, node.clone());
        // A ghost, or function 9 of an ARI device.
        fake.below(port, 1, 1, node);
        let found = scan(&fake, &fake.ranges());
        found
            .iter()
            .skip(1)
            .map(|f| f.address.to_string())
            .collect::<Vec<_>>()
    };
    let node = || Node::endpoint(0x10ec, 2, 0xff_0000).express(ENDPOINT, true);
    assert_eq!(found(0x20, node()), ["0000:01:00.0"]);
    assert_eq!(found(0, node().ari()), ["0000:01:00.0"]);
    assert_eq!(found(0x20, node().ari()), ["0000:01:00.0", "0000:01:01.1"]);
}

#[test]
fn functions_without_function_0_are_not_there() {
    let mut fake = Fake::default();
    fake.root(0, 1, 1, Node::endpoint(0x10ec, 2, 0xff_0000));
    fake.root(0, 2, 0, Node::endpoint(0x10ec, 2, 0xff_0000));
    fake.root(0, 2, 1, Node::endpoint(0x10ec, 2, 0xff_0000));
    let found = scan(&fake, &fake.ranges());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].address.to_string(), "0000:00:02.0");
}

#[test]
fn buses_that_have_no_room_are_left_out_whole() {
    let machine = machine();
    let ranges = machine.fake.ranges();
    let all = scan(&machine.fake, &ranges);
    for most in 0..=all.len() {
        let found = bulkhead_pci::scan(&machine.fake, &ranges, most, |_, _| ());
        let kept = found.functions.len();
        assert_eq!(kept + found.left_out, all.len(), "{most}");
        assert!(kept <= most);
        let addresses = |functions: &[Function]| -> Vec<_> {
            functions.iter().map(|function| function.address).collect()
        };
        assert_eq!(addresses(&found.functions), addresses(&all[..kept]));
        let next = all.get(kept).map(Function::bus);
        assert_ne!(
            found.functions.last().map(Function::bus),
            next,
            "a bus is cut"
        );
        // As many as have room: the next bus would be too much.
        let more = all.iter().filter(|function| Some(function.bus()) == next);
        assert!(next.is_none() || kept + more.count() > most);
    }
}

#[test]
fn counting_writes_nothing() {
    let machine = machine();
    let before = machine.fake.writes.borrow().len();
    assert!(bulkhead_pci::count(&machine.fake, &machine.fake.ranges()) > 10);
    assert_eq!(machine.fake.writes.borrow().len(), before);
}
