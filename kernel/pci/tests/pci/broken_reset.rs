//! Models that a reset does not bring back, and functions that are not there any more.

use bulkhead_pci::{Address, Answer, Grant, answer, removal_asked};

use crate::fake::address;
use crate::machine::{Machine, function, machine};
use crate::node::{EXPRESS, MEMORY32, Node, VIRTUALIZATION};

/// The machine with another model in a node's place.
fn with_model(node: impl Fn(&Machine) -> usize, id: u32) -> Machine {
    let machine = machine();
    machine.fake.edit(node(&machine), |n| {
        n.value[0] = id;
        n.reset[0] = id;
    });
    machine
}

fn quiet(machine: &Machine, bus: &str) {
    let grant = Grant::new(&machine.functions(), &[machine.unit(bus)]);
    let mut stuck = Vec::new();
    grant.quiet(&machine.fake, &machine.fake, &mut |s| stuck.push(s));
    assert_eq!(stuck, []);
    machine.fake.assert_no_accident();
}

fn resets(machine: &Machine, node: usize) -> [usize; 3] {
    machine.fake.node(node).resets
}

#[test]
fn one_that_hangs_by_its_own_reset_gets_the_bus_reset() {
    let machine = with_model(|m| m.nic, 0x1502_8086);
    quiet(&machine, "01");
    for node in [machine.nic, machine.nic_1] {
        assert_eq!(resets(&machine, node), [0, 1, 0]);
    }
}

#[test]
fn one_that_is_lost_by_a_bus_reset_keeps_its_bus_and_those_above_from_it() {
    for bus in ["02", "03", "04"] {
        let machine = with_model(|m| m.disk, 0x003c_168c);
        quiet(&machine, bus);
        let [function, with_bus, _] = resets(&machine, machine.disk);
        assert_eq!((function, with_bus), (0, 0), "{bus}");
        // Nothing comes from it all the same, and its neighbour has a reset of its own.
        assert_eq!(machine.fake.node(machine.disk).word(4) & 4, 0, "{bus}");
        if bus != "04" {
            assert_eq!(resets(&machine, machine.accelerator), [1, 0, 0], "{bus}");
        }
    }
}

#[test]
fn nor_is_the_bus_reset_when_a_neighbour_does_not_come_back() {
    let machine = with_model(|m| m.nic, 0x003c_168c);
    machine.fake.edit(machine.nic_1, |n| n.reset_us = None);
    let grant = Grant::new(&machine.functions(), &[machine.unit("01")]);
    let mut stuck = Vec::new();
    grant.quiet(&machine.fake, &machine.fake, &mut |s| {
        stuck.push(s.to_string());
    });
    assert_eq!(stuck, ["0000:01:00.1 does not answer"]);
    assert_eq!(resets(&machine, machine.nic), [1, 0, 0]);
}

#[test]
fn what_is_gone_is_told_from_what_is_not_ready_and_from_another() {
    let machine = machine();
    let functions = machine.functions();
    let nic = function(&functions, "01:00.0");
    let now = || answer(&machine.fake, nic);
    assert_eq!(now(), Answer::Here);
    for (id, wanted) in [
        (u32::MAX, Answer::Nothing),
        (0, Answer::Nothing),
        (0xffff_0001, Answer::NotReady),
        (
            0x0010_1b36,
            Answer::Other {
                vendor: 0x1b36,
                device: 0x0010,
            },
        ),
    ] {
        machine.fake.edit(machine.nic, |n| n.value[0] = id);
        assert_eq!(now(), wanted, "{id:#x}");
    }
}

#[test]
fn a_pressed_button_counts_where_there_is_a_slot() {
    let machine = machine();
    let press = |n: &mut crate::node::Node| {
        n.value[usize::from(EXPRESS / 4) + 6] |= 1 << 16;
    };
    let asked = |machine: &Machine| {
        let functions = machine.functions();
        let port = functions.iter().find(|f| f.address == address("00:02.0"));
        removal_asked(&machine.fake, port.unwrap())
    };
    machine.fake.edit(machine.port, press);
    assert!(!asked(&machine), "no slot");
    machine.fake.edit(machine.port, |n| {
        n.value[usize::from(EXPRESS / 4)] |= 1 << 24;
    });
    assert!(asked(&machine));
    machine.fake.edit(machine.port, |n| {
        n.value[usize::from(EXPRESS / 4) + 6] = 0;
    });
    assert!(!asked(&machine));
}

#[test]
fn cards_that_a_linux_took_in_are_kept_from_memory() {
    let mut machine = machine();
    let card = || Node::endpoint(0x1b36, 0x000d, 0x0c_0330).bar(0, MEMORY32, 0x4000, 0xfe40_8000);
    let late = machine.fake.below(machine.downstream, 0, 1, card());
    machine.fake.edit(late, |n| n.answers_at = u64::MAX);
    let grant = Grant::new(
        &machine.functions(),
        &[machine.unit("01"), machine.unit("02")],
    );
    // One is put in beside the disk, and another model in the place of a network card.
    for node in [late, machine.nic] {
        machine.fake.edit(node, |n| {
            n.answers_at = 0;
            n.value[0] = 0x000d_1b36;
            n.value[1] = n.value[1] & !0x400 | 7;
            n.reset_us = Some(0);
        });
    }
    // Which has made virtual functions; they master the bus by themselves.
    let control = VIRTUALIZATION + 8;
    machine
        .fake
        .edit(machine.nic, |n| n.value[usize::from(control / 4)] |= 9);
    let before = machine.fake.writes.borrow().len();
    grant.quiet(&machine.fake, &machine.fake, &mut |_| {});
    let writes = machine.fake.writes.borrow();
    for place in ["04:00.1", "01:00.0"] {
        let of_it: Vec<_> = writes[before..]
            .iter()
            .filter(|w| w.0 == address(place))
            .collect();
        assert_eq!((of_it[0].1, of_it[0].2 & 0x0407), (0x04, 0x0403), "{place}");
    }
    let stops = |w: &&(Address, u16, u32)| (w.0, w.1) == (address("01:00.0"), control);
    let stopped: Vec<_> = writes[before..].iter().filter(stops).collect();
    assert!(matches!(stopped[..], [w] if w.2 & 9 == 0), "{stopped:x?}");
}
