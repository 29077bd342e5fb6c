//! After an end.

use bulkhead_pci::{Grant, Stuck};

use crate::fake::{Fake, address};
use crate::machine::{Machine, machine};
use crate::node::{EXPRESS, IO, MSI, MSIX, Node, POWER, VIRTUALIZATION};

pub(crate) const MASTER: u32 = 4;

/// Quiets units after a Linux that turned everything on; who got stuck.
pub(crate) fn quiet(machine: &Machine, buses: &[&str], linux: impl FnOnce(&Fake)) -> Vec<Stuck> {
    let units: Vec<_> = buses.iter().map(|bus| machine.unit(bus)).collect();
    let grant = Grant::new(&machine.functions(), &units);
    grant.prepare(&machine.fake);
    let busy = [
        machine.nic,
        machine.nic_1,
        machine.upstream,
        machine.downstream,
        machine.downstream_1,
        machine.disk,
        machine.accelerator,
        machine.ahci,
        machine.smbus,
    ];
    for node in busy {
        machine.fake.edit(node, |n| {
            n.value[1] = n.value[1] & !0x400 | 7;
            for (capability, bit) in [(MSI, 1 << 16), (MSIX, 1 << 31)] {
                if n.has(capability) {
                    n.value[usize::from(capability / 4)] |= bit;
                }
            }
        });
    }
    linux(&machine.fake);
    machine.fake.writes.borrow_mut().clear();
    let mut stuck = Vec::new();
    grant.quiet(&machine.fake, &machine.fake, &mut |s| stuck.push(s));
    machine.fake.assert_no_accident();
    stuck
}

fn command(machine: &Machine, node: usize) -> u32 {
    machine.fake.node(node).word(0x04) & 0xffff
}

pub(crate) fn resets(machine: &Machine, node: usize) -> [usize; 3] {
    machine.fake.node(node).resets
}

#[test]
fn functions_with_a_reset_of_their_own() {
    let machine = machine();
    assert_eq!(quiet(&machine, &["01"], |_| {}), []);
    for node in [machine.nic, machine.nic_1] {
        assert_eq!(resets(&machine, node), [1, 0, 0]);
        assert_eq!(command(&machine, node), 0x0400);
        let node = machine.fake.node(node);
        assert_eq!((node.word(MSI) >> 16 & 1, node.word(MSIX) >> 31), (0, 0));
    }
    assert_eq!(command(&machine, machine.port), 3);
    // Together, not one after the other.
    assert_eq!(machine.fake.now(), 100_000);
    // Nobody else's.
    assert_eq!(command(&machine, machine.disk), 0x0107);
    assert_eq!(resets(&machine, machine.accelerator), [0, 0, 0]);
}

#[test]
fn silence_comes_before_the_bridge_and_both_before_the_reset() {
    let machine = machine();
    quiet(&machine, &["01"], |fake| {
        fake.edit(machine.nic, |n| {
            n.value[usize::from(VIRTUALIZATION / 4) + 2] |= 0x19
        });
    });
    let writes = machine.fake.writes.borrow();
    let (port, nic, nic_1) = (address("00:02.0"), address("01:00.0"), address("01:00.1"));
    assert_eq!(
        writes[..],
        [
            (nic_1, 0x04, 0x0403),
            (nic_1, MSI, 0x0080_7005),
            (nic_1, MSIX, 0x0009_8011),
            (nic, 0x04, 0x0403),
            (nic, MSI, 0x0080_7005),
            (nic, MSIX, 0x0009_8011),
            // Status above the control register keeps its bit, which a one would clear.
            (nic, VIRTUALIZATION + 8, 0x10),
            (port, 0x04, 0x0003),
            (nic, EXPRESS + 8, 0xa050),
            (nic_1, EXPRESS + 8, 0xa050),
            // After the reset.
            (nic, 0x04, 0x0400),
            (nic_1, 0x04, 0x0400),
        ]
    );
    assert_eq!(
        machine.fake.node(machine.nic).word(VIRTUALIZATION + 8),
        0x1_0000
    );
}

#[test]
fn one_without_a_reset_of_its_own_takes_the_whole_bus() {
    let machine = machine();
    assert_eq!(quiet(&machine, &["02"], |_| {}), []);
    // The accelerator has one: it is not needed.
    for node in [
        machine.upstream,
        machine.downstream_1,
        machine.disk,
        machine.accelerator,
    ] {
        assert_eq!(resets(&machine, node), [0, 1, 0], "{node}");
        assert_eq!(command(&machine, node) & MASTER, 0);
    }
    assert_eq!(resets(&machine, machine.switch_port), [0, 0, 0]);
    assert_eq!(command(&machine, machine.switch_port), 3);
    // Bridges have their numbers again, or nobody would have got through.
    assert_eq!(machine.fake.node(machine.upstream).word(0x18), 0x0005_0302);
    assert_eq!(
        machine.fake.node(machine.downstream_1).word(0x18),
        0x0005_0503
    );
    // The reset, and two levels of bridges that each need their time: 302 ms.
    assert_eq!(machine.fake.now(), 302_000);
    let control: Vec<u32> = machine
        .fake
        .writes
        .borrow()
        .iter()
        .filter(|w| w.0 == address("00:03.0") && w.1 == 0x3c)
        .map(|w| w.2)
        .collect();
    assert_eq!(control, [0x0043_010b, 0x0003_010b]);
}

#[test]
fn a_unit_inside_a_switch_resets_only_its_port() {
    let machine = machine();
    assert_eq!(quiet(&machine, &["04"], |_| {}), []);
    assert_eq!(resets(&machine, machine.disk), [0, 1, 0]);
    assert_eq!(resets(&machine, machine.downstream), [0, 0, 0]);
    assert_eq!(resets(&machine, machine.accelerator), [0, 0, 0]);
    assert_eq!(command(&machine, machine.downstream) & MASTER, 0);
    // The rest of the switch goes on.
    for node in [machine.switch_port, machine.upstream, machine.downstream_1] {
        assert_eq!(command(&machine, node) & MASTER, MASTER);
    }
    assert_eq!(machine.fake.now(), 102_000);
}

#[test]
fn slow_devices_are_waited_for() {
    for retries in [false, true] {
        let machine = machine();
        let stuck = quiet(&machine, &["01"], |fake| {
            fake.edit(machine.nic_1, |n| {
                n.reset_us = Some(800_000);
                n.retries = retries;
            });
        });
        assert_eq!(stuck, []);
        assert_eq!(machine.fake.now(), 800_000);
        assert_eq!(command(&machine, machine.nic_1), 0x0400);
    }
}

#[test]
fn pending_transactions_are_waited_for() {
    let machine = machine();
    let stuck = quiet(&machine, &["01"], |fake| {
        fake.edit(machine.nic, |n| n.pending_until = 40_000);
    });
    assert_eq!(stuck, []);
    assert_eq!(machine.fake.now(), 140_000);
    // Behind a bridge that passes nothing on, a port that claims so for ever is harmless.
    let machine = self::machine();
    let stuck = quiet(&machine, &["02"], |fake| {
        fake.edit(machine.downstream, |n| {
            n.reset[usize::from(EXPRESS / 4) + 2] |= 1 << 21
        });
    });
    assert_eq!(stuck, []);
    // But not for ever, and then the reset decides.
    let machine = self::machine();
    let stuck = quiet(&machine, &["01"], |fake| {
        fake.edit(machine.nic, |n| n.pending_until = u64::MAX);
    });
    assert_eq!(stuck, []);
    assert_eq!(machine.fake.now(), 200_000);
}

#[test]
fn what_its_own_reset_does_not_bring_back_gets_the_bus_reset() {
    let machine = machine();
    let stuck = quiet(&machine, &["01"], |fake| {
        fake.edit(machine.nic, |n| n.reset_us = Some(1_500_000));
    });
    // Its bus reset takes as long.
    assert_eq!(
        stuck,
        [Stuck {
            address: address("01:00.0"),
            why: "does not answer",
            reaches_memory: false,
        }]
    );
    assert_eq!(resets(&machine, machine.nic), [1, 1, 0]);
    assert_eq!(resets(&machine, machine.nic_1), [1, 1, 0]);
    assert_eq!(command(&machine, machine.nic_1) & MASTER, 0);
}

#[test]
fn what_never_comes_back_is_reported_in_bounded_time() {
    let machine = machine();
    let stuck = quiet(&machine, &["01", "02"], |fake| {
        for node in [machine.nic, machine.disk, machine.upstream] {
            fake.edit(node, |n| n.reset_us = None);
        }
    });
    let mut names: Vec<_> = stuck.iter().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "0000:01:00.0 does not answer",
            "0000:02:00.0 does not answer",
            "0000:03:00.0 does not answer",
            "0000:03:01.0 does not answer",
            "0000:04:00.0 does not answer",
            "0000:05:00.0 does not answer",
        ]
    );
    assert!(machine.fake.now() <= 5_500_000, "{}", machine.fake.now());
    assert_eq!(command(&machine, machine.port) & MASTER, 0);
    assert_eq!(command(&machine, machine.switch_port) & MASTER, 0);
}

#[test]
fn a_device_that_was_pulled_out_or_swapped() {
    let machine = machine();
    let stuck = quiet(&machine, &["01"], |fake| {
        fake.edit(machine.nic, |n| n.value[0] = 0x1234_5678);
        fake.edit(machine.nic, |n| n.reset[0] = 0x1234_5678);
        fake.edit(machine.nic_1, |n| n.answers_at = u64::MAX);
        fake.edit(machine.nic_1, |n| n.reset_us = None);
    });
    let names: Vec<_> = stuck.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "0000:01:00.0 is gone: another device answers in its place",
            "0000:01:00.1 does not answer",
        ]
    );
}

#[test]
fn a_linux_that_renumbered_slept_and_held_resets() {
    let machine = machine();
    let stuck = quiet(&machine, &["02"], |fake| {
        fake.edit(machine.upstream, |n| n.value[0x18 / 4] = 0x000c_0a02);
        fake.edit(machine.downstream, |n| {
            n.value[usize::from(POWER / 4) + 1] |= 3
        });
        fake.edit(machine.downstream_1, |n| n.held_since = Some(0));
        fake.edit(machine.downstream_1, |n| n.value[0x3c / 4] |= 1 << 22);
        fake.edit(machine.accelerator, |n| {
            n.value[usize::from(POWER / 4) + 1] |= 3
        });
    });
    assert_eq!(stuck, []);
    for node in [
        machine.disk,
        machine.accelerator,
        machine.downstream,
        machine.downstream_1,
    ] {
        assert_eq!(command(&machine, node) & MASTER, 0);
        assert_eq!(
            machine.fake.node(node).resets[1],
            if node == machine.accelerator { 2 } else { 1 }
        );
    }
}

#[test]
fn a_sleeping_function_is_woken_before_its_reset() {
    let machine = machine();
    let stuck = quiet(&machine, &["01"], |fake| {
        fake.edit(machine.nic, |n| {
            n.value[usize::from(POWER / 4) + 1] |= 0x103
        });
    });
    assert_eq!(stuck, []);
    // Awake, without events, its status bit (cleared by a one) untouched: 10 ms more.
    let woken = (address("01:00.0"), POWER + 4, 0x8);
    assert_eq!(machine.fake.writes.borrow()[0], woken);
    assert_eq!(machine.fake.now(), 110_000);
}

#[test]
fn a_root_bus_has_nothing_above_that_resets_it() {
    let machine = machine();
    assert_eq!(quiet(&machine, &["00"], |_| {}), []);
    // D3hot and back where that resets; only off where nothing does.
    assert_eq!(resets(&machine, machine.ahci), [0, 0, 1]);
    assert_eq!(resets(&machine, machine.smbus), [0, 0, 0]);
    assert_eq!(command(&machine, machine.smbus), 0x0403);
    assert_eq!(command(&machine, machine.ahci), 0x0400);
    // Root ports that can reset what needs it do; the others leave it to the functions.
    assert_eq!(resets(&machine, machine.nic), [1, 0, 0]);
    assert_eq!(resets(&machine, machine.disk), [0, 1, 0]);
    assert_eq!(resets(&machine, machine.port), [0, 0, 0]);
    assert_eq!(command(&machine, machine.port) & MASTER, 0);
    assert!(machine.fake.now() <= 400_000, "{}", machine.fake.now());
}

#[test]
fn no_reset_at_all_takes_no_time() {
    let mut fake = Fake::default();
    let node = Node::endpoint(0x10ec, 2, 0xff_0000)
        .bar(0, IO, 16, 0x1000)
        .power(true)
        .pin(1);
    let only_off = fake.root(0, 1, 0, node.set(0x04, 7));
    let functions = crate::machine::scan(&fake, &fake.ranges());
    let unit = bulkhead_pci::unit(&functions, "00".parse().unwrap()).unwrap();
    Grant::new(&functions, &[unit]).quiet(&fake, &fake, &mut |stuck| panic!("{stuck}"));
    assert_eq!(fake.node(only_off).word(0x04) & 0xffff, 0x0403);
    assert_eq!(fake.node(only_off).resets, [0, 0, 0]);
    assert_eq!(fake.now(), 0);
}
