//! Before a launch: every register as the firmware left it, whatever a Linux did to it.

use bulkhead_pci::{Grant, assign};

use crate::fake::address;
use crate::machine::{Machine, machine};
use crate::node::{ENDPOINT, EXPRESS, MEMORY32, MSI, MSIX, Node, RESIZABLE, VIRTUALIZATION};

const DECODE: u32 = 3;
const MASTER: u32 = 4;
const INTX_OFF: u32 = 0x400;

fn grant(machine: &Machine, buses: &[&str]) -> Grant {
    let units: Vec<_> = buses.iter().map(|bus| machine.unit(bus)).collect();
    Grant::new(&machine.functions(), &units)
}

/// Writes to every register of a node what a Linux might, leaving only its slot registers.
fn scramble(node: &mut Node) {
    for offset in (4..4096u16).step_by(4) {
        let at = usize::from(offset / 4);
        let noise = 0x9e37_79b9u32.wrapping_mul(u32::from(offset) + 7) | 0x0001_0001;
        node.value[at] = node.value[at] & !node.writable[at] | noise & node.writable[at];
    }
    // Awake, and not in reset: that is for quiet().
    if node.is_bridge() {
        node.value[0x3c / 4] &= !(1 << 22);
    }
}

/// What a register should hold before a launch, from what it held at boot.
fn expected(node: &Node, offset: u16) -> u32 {
    let value = node.word(offset);
    let has_pin = node.word(0x3c) & 0xff00 != 0;
    match offset {
        0x04 => value & !MASTER | if has_pin { INTX_OFF } else { 0 },
        0x30 if !node.is_bridge() => value & !1,
        MSI if node.has(MSI) => value & !(1 << 16),
        MSIX if node.has(MSIX) => value & !(1 << 31),
        _ => value,
    }
}

#[test]
fn every_register_is_as_at_boot() {
    let machine = machine();
    let grant = grant(&machine, &["01", "02"]);
    let boot = machine.fake.nodes();
    let mine = [
        machine.nic,
        machine.nic_1,
        machine.upstream,
        machine.downstream,
        machine.downstream_1,
        machine.disk,
        machine.accelerator,
    ];
    for &node in &mine {
        machine.fake.edit(node, scramble);
    }
    // The Linux numbered the switch's buses as it liked, and it slept when it ended.
    grant.quiet(&machine.fake, &machine.fake, &mut |stuck| panic!("{stuck}"));
    grant.prepare(&machine.fake);
    machine.fake.assert_no_accident();
    for (index, (boot, now)) in boot.iter().zip(machine.fake.nodes()).enumerate() {
        for offset in (0..4096u16).step_by(4) {
            let wanted = if mine.contains(&index) {
                expected(boot, offset)
            } else {
                boot.word(offset)
            };
            assert_eq!(now.word(offset), wanted, "node {index}, {offset:#x}");
        }
    }
}

#[test]
fn without_a_reset_before_the_registers_that_drivers_use_are_put_back_too() {
    let machine = machine();
    let grant = grant(&machine, &["01", "05"]);
    let boot = machine.fake.nodes();
    for node in [machine.nic, machine.accelerator] {
        machine.fake.edit(node, scramble);
    }
    grant.prepare(&machine.fake);
    machine.fake.assert_no_accident();
    for node in [machine.nic, machine.accelerator] {
        let now = machine.fake.node(node);
        let registers = [
            0x04,
            0x0c,
            0x10,
            0x14,
            0x18,
            0x1c,
            0x20,
            0x24,
            0x30,
            0x3c,
            EXPRESS + 8,
            EXPRESS + 0x10,
            EXPRESS + 0x28,
        ];
        for offset in registers {
            assert_eq!(
                now.word(offset),
                expected(&boot[node], offset),
                "{node} {offset:#x}"
            );
        }
    }
    let nic = machine.fake.node(machine.nic);
    assert_eq!(nic.word(MSI) >> 16 & 1, 0);
    assert_eq!(nic.word(MSIX) >> 31, 0);
    assert_eq!(nic.word(VIRTUALIZATION + 8) & 9, 0);
    let accelerator = machine.fake.node(machine.accelerator);
    assert_eq!(accelerator.word(RESIZABLE + 8), 0x0822);
    assert_eq!(accelerator.word(0x18), 0x1000_000c);
    assert_eq!(accelerator.word(0x1c), 9);
}

#[test]
fn exact_values_of_one_function() {
    let machine = machine();
    let grant = grant(&machine, &["01"]);
    machine.fake.writes.borrow_mut().clear();
    grant.prepare(&machine.fake);
    let nic = address("01:00.1");
    let mut writes = machine.fake.writes.borrow().clone();
    writes.retain(|w| w.0 == nic);
    let values: Vec<(u16, u32)> = writes.iter().map(|w| (w.1, w.2)).collect();
    assert_eq!(
        values,
        [
            // Silence: the firmware left it mastering the bus, with MSI on.
            (0x04, 0x0402),
            (MSI, 0x0080_7005),
            (0x04, 0x0400),
            (EXPRESS + 8, 0x2050),
            (EXPRESS + 0x10, 0x42),
            (EXPRESS + 0x28, 0x6),
            (0x0c, 0x10),
            (0x10, 0xfe82_0000),
            (0x18, 0xc021),
            (0x20, 0x0010_000c),
            (0x24, 0x8),
            (0x30, 0xfe90_0000),
            (0x3c, 11),
            (0x04, 0x0402),
        ]
    );
}

#[test]
fn bridges_above_are_turned_on_for_what_they_pass_on() {
    let machine = machine();
    let grant = grant(&machine, &["01", "05"]);
    for port in [
        machine.port,
        machine.switch_port,
        machine.upstream,
        machine.downstream_1,
    ] {
        machine.fake.edit(port, |n| n.value[1] &= !7);
    }
    grant.prepare(&machine.fake);
    let command = |node| machine.fake.node(node).word(0x04) & 0xffff;
    assert_eq!(command(machine.port), 7);
    // No I/O window.
    assert_eq!(command(machine.switch_port), 6);
    assert_eq!(command(machine.upstream), 6);
    assert_eq!(command(machine.downstream_1), 6);
    // Not on the path: as it was.
    assert_eq!(command(machine.downstream), 3);
    let functions_off = [machine.nic, machine.accelerator].map(|n| command(n) & MASTER);
    assert_eq!(functions_off, [0, 0]);
}

#[test]
fn assigned_addresses_are_set() {
    let mut machine = machine();
    let node = Node::endpoint(0x10ec, 2, 0xff_0000)
        .express(ENDPOINT, true)
        .bar(1, MEMORY32, 0x1000, 0)
        .set(0x04, 2);
    let new = machine.fake.below(machine.port, 0, 2, node);
    let unit = machine.unit("01");
    let mut functions = machine.functions();
    // Without an address it must not answer any.
    Grant::new(&functions, std::slice::from_ref(&unit)).prepare(&machine.fake);
    assert_eq!(machine.fake.node(new).word(0x04) & DECODE, 0);
    assign(&mut functions, &unit).unwrap();
    Grant::new(&functions, &[unit]).prepare(&machine.fake);
    let new = machine.fake.node(new);
    assert_eq!(new.word(0x14), 0xfe84_0000);
    assert_eq!(new.word(0x04) & DECODE, 2);
}

#[test]
fn of_a_root_bus_the_chipsets_own_bridges_are_left_alone() {
    let machine = machine();
    let grant = grant(&machine, &["00"]);
    machine.fake.writes.borrow_mut().clear();
    grant.prepare(&machine.fake);
    grant.quiet(&machine.fake, &machine.fake, &mut |stuck| panic!("{stuck}"));
    machine.fake.assert_no_accident();
    let touched = |text| {
        machine
            .fake
            .writes
            .borrow()
            .iter()
            .any(|w| w.0 == address(text))
    };
    assert!(!touched("00:00.0") && !touched("00:1f.0"));
    assert!(touched("00:01.0") && touched("00:1f.2") && touched("00:02.0") && touched("05:00.0"));
}

#[test]
fn another_device_in_its_place_is_not_touched() {
    let machine = machine();
    let grant = grant(&machine, &["01"]);
    machine.fake.edit(machine.nic, |n| n.value[0] = 0x1234_5678);
    machine
        .fake
        .edit(machine.nic_1, |n| n.answers_at = u64::MAX);
    machine.fake.writes.borrow_mut().clear();
    grant.prepare(&machine.fake);
    assert!(machine.fake.writes.borrow().iter().all(|w| w.0.bus == 0));
}

#[test]
fn a_grant_of_nothing_is_empty() {
    let machine = machine();
    assert!(Grant::default().is_empty());
    assert!(grant(&machine, &[]).is_empty());
    assert!(!grant(&machine, &["01"]).is_empty());
    Grant::default().quiet(&machine.fake, &machine.fake, &mut |stuck| panic!("{stuck}"));
    assert_eq!(machine.fake.now(), 0);
}
