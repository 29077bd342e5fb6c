//! Isolation groups.

use std::collections::BTreeMap;

use bulkhead_pci::Function;

use crate::fake::Fake;
use crate::machine::{machine, scan};
use crate::node::{DOWNSTREAM, ENDPOINT, Node, ROOT_PORT, UPSTREAM};

fn groups(functions: &[Function]) -> Vec<String> {
    let mut groups: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for f in functions {
        let name = f.address.to_string()[5..].to_owned();
        groups.entry(f.group).or_default().push(name);
    }
    assert!(groups.keys().copied().eq(0..groups.len() as u16));
    groups.values().map(|g| g.join(" ")).collect()
}

#[test]
fn with_acs_every_device_is_alone() {
    assert_eq!(
        groups(&machine().functions()),
        [
            "00:00.0",
            "00:01.0",
            "00:02.0",
            "00:03.0",
            "00:04.0",
            "00:1f.0 00:1f.2 00:1f.3",
            // One device with two functions, without ACS of its own.
            "01:00.0 01:00.1",
            "02:00.0",
            "03:00.0",
            "03:01.0",
            "04:00.0",
            "05:00.0",
        ]
    );
}

fn tree(port_acs: bool, downstream_acs: bool) -> Vec<String> {
    let acs = |node: Node, has| if has { node.acs() } else { node };
    let bridge = |kind| Node::bridge(0x10ec, 2).express(kind, false);
    let mut fake = Fake::default();
    let port = fake.root(0, 1, 0, acs(bridge(ROOT_PORT).numbers(0, 1, 4), port_acs));
    let up = fake.below(port, 0, 0, bridge(UPSTREAM).numbers(1, 2, 4));
    for device in 0..2 {
        let bus = 3 + u32::from(device);
        let down = acs(bridge(DOWNSTREAM).numbers(2, bus, bus), downstream_acs);
        let down = fake.below(up, device, 0, down);
        fake.below(
            down,
            0,
            0,
            Node::endpoint(0x10ec, 2, 0xff_0000).express(ENDPOINT, true),
        );
    }
    groups(&scan(&fake, &fake.ranges()))
}

#[test]
fn without_acs_what_is_below_is_together() {
    assert_eq!(
        tree(true, true),
        [
            "00:01.0", "01:00.0", "02:00.0", "02:01.0", "03:00.0", "04:00.0"
        ]
    );
    assert_eq!(
        tree(true, false),
        ["00:01.0", "01:00.0", "02:00.0 02:01.0 03:00.0 04:00.0"]
    );
    assert_eq!(
        tree(false, true),
        ["00:01.0 01:00.0 02:00.0 02:01.0 03:00.0 04:00.0"]
    );
}

#[test]
fn conventional_pci_behind_a_bridge_is_one_group() {
    let mut fake = Fake::default();
    let port = Node::bridge(0x10ec, 2)
        .express(ROOT_PORT, false)
        .acs()
        .numbers(0, 1, 2);
    let port = fake.root(0, 1, 0, port);
    let bridge = fake.below(
        port,
        0,
        0,
        Node::bridge(0x10ec, 2).express(7, false).numbers(1, 2, 2),
    );
    for device in 0..2 {
        fake.below(bridge, device, 0, Node::endpoint(0x10ec, 2, 0xff_0000));
    }
    assert_eq!(
        groups(&scan(&fake, &fake.ranges())),
        ["00:01.0", "01:00.0 02:00.0 02:01.0"]
    );
}
