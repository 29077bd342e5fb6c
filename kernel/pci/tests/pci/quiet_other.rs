//! What doesn't keep still by itself, or is never told to: Advanced Features, bridges, links.

use bulkhead_pci::{Grant, Stuck};

use crate::fake::{Fake, address};
use crate::machine::machine;
use crate::node::{ADVANCED, EXPRESS, MEMORY32, Node, ROOT_PORT};
use crate::quiet::{MASTER, quiet};

/// A conventional function with Advanced Features on a root bus.
fn advanced(change: impl FnOnce(&mut Node)) -> (Fake, usize, Vec<Stuck>) {
    let mut fake = Fake::default();
    let node = Node::endpoint(0x10ec, 2, 0xff_0000)
        .bar(0, MEMORY32, 16, 0x1000)
        .advanced();
    let index = fake.root(0, 1, 0, node.set(0x04, 7));
    let functions = crate::machine::scan(&fake, &fake.ranges());
    assert!(functions[0].flr);
    let unit = bulkhead_pci::unit(&functions, "00".parse().unwrap()).unwrap();
    fake.edit(index, change);
    let mut stuck = Vec::new();
    Grant::new(&functions, &[unit]).quiet(&fake, &fake, &mut |s| stuck.push(s));
    fake.assert_no_accident();
    (fake, index, stuck)
}

#[test]
fn advanced_features_have_a_reset() {
    let (fake, index, stuck) = advanced(|n| n.pending_until = 10_000);
    assert_eq!(stuck, []);
    assert_eq!(fake.node(index).resets, [1, 0, 0]);
    assert_eq!(fake.now(), 110_000);
    assert!(
        fake.writes
            .borrow()
            .contains(&(address("00:01.0"), ADVANCED + 4, 1))
    );
    // It does not come back, and nothing above it could help.
    let (fake, _, stuck) = advanced(|n| n.reset_us = None);
    assert_eq!(
        stuck,
        [Stuck {
            address: address("00:01.0"),
            why: "does not answer",
            reaches_memory: false,
        }]
    );
    assert_eq!(fake.now(), 1_100_000);
}

#[test]
fn a_function_that_masters_the_bus_come_what_may_is_reported() {
    let (_, _, stuck) = advanced(|n| {
        n.writable[1] &= !MASTER;
        n.value[1] |= MASTER;
        n.reset[1] |= MASTER;
    });
    let why = "can't be kept from mastering the bus";
    assert_eq!(
        stuck,
        [Stuck {
            address: address("00:01.0"),
            why,
            reaches_memory: true,
        }]
    );
}

#[test]
fn a_bridge_that_lets_dma_through_is_reported() {
    let machine = machine();
    let stuck = quiet(&machine, &["01"], |fake| {
        fake.edit(machine.port, |n| n.writable[1] &= !MASTER);
    });
    let why = "still lets DMA of what is below it through";
    assert_eq!(
        stuck,
        [Stuck {
            address: address("00:02.0"),
            why,
            reaches_memory: true,
        }]
    );
}

#[test]
fn links_are_waited_for() {
    // A port whose link stays down after a bus reset: one second, then the functions' own.
    let mut fake = Fake::default();
    let port = Node::bridge(0x10ec, 2)
        .express(ROOT_PORT, false)
        .numbers(0, 1, 1);
    let port = fake.root(0, 1, 0, port);
    fake.below(
        port,
        0,
        0,
        Node::endpoint(0x10ec, 2, 0xff_0000).express(0, false),
    );
    let functions = crate::machine::scan(&fake, &fake.ranges());
    let unit = bulkhead_pci::unit(&functions, "01".parse().unwrap()).unwrap();
    fake.edit(port, |n| {
        n.value[usize::from(EXPRESS / 4) + 4] &= !(1 << 29)
    });
    Grant::new(&functions, &[unit]).quiet(&fake, &fake, &mut |stuck| panic!("{stuck}"));
    assert_eq!(fake.now(), 1_102_000);
    fake.assert_no_accident();
}

/// A port that a reset from elsewhere took the numbers from, or that says the number of its own bus: what
/// answers there is others'.
#[test]
fn nothing_is_taken_for_a_card_of_a_port_that_leads_nowhere() {
    for (bus, secondary) in [("01", 0), ("04", 3), ("04", 0)] {
        let machine = machine();
        let port = if bus == "01" {
            machine.port
        } else {
            machine.downstream
        };
        let stuck = quiet(&machine, &[bus], |fake| {
            fake.edit(port, |n| {
                n.value[0x18 / 4] = secondary << 8 | secondary << 16
            });
        });
        assert!(stuck.iter().all(|one| one.why == "does not answer"));
        for other in [
            machine.ahci,
            machine.smbus,
            machine.switch_port,
            machine.upstream,
            machine.downstream_1,
            machine.accelerator,
        ] {
            let command = machine.fake.node(other).word(0x04);
            assert_eq!(command & MASTER, MASTER, "{bus}, {secondary}: {other}");
        }
    }
}
