//! `Ring`: the Linux at the other end of a link is woken by the interrupt that it asked for, and nobody by
//! any other.

mod common;
mod ram;
mod reading;

use bulkhead_lifecycle::{CallerMemory, GUID, OtherEnd, Status, Variables};
use bulkhead_model::RestartPolicy::Never;
use common::Machine;
use ram::{DATA, NAME, VENDOR, new_store, ram};
use reading::read;

const TABLE: u64 = 0x1_0020_1000;

/// Partition "two" rings.
fn ring(machine: &Machine, text: &str) -> Status {
    let memory = ram("Ring", &GUID, 0x1000);
    memory.write(DATA, text.as_bytes()).unwrap();
    let hardware = machine.at(3);
    let variables = Variables {
        lifecycle: &machine.life,
        hardware: &hardware,
        memory: &memory,
        caller: 1,
        store: Some(new_store()),
    };
    let status = variables.set(NAME, VENDOR, [6, text.len() as u64, DATA]);
    status.expect("all of it is the caller's")
}

/// "one", on cores 1 and 2 (of IDs 2 and 4), and "two" are linked, and run.
fn linked() -> Machine {
    let machine = Machine::new(Never);
    for (partition, peer) in [(0, 1), (1, 0)] {
        let end = OtherEnd { peer, table: TABLE };
        machine.life.publish_links(partition, [end].into_iter());
        machine.start(partition);
    }
    machine.message.set([0xfee0_2000, 0, 0x31, 0]);
    machine.done();
    machine
}

#[test]
fn the_other_end_is_rung() {
    let machine = linked();
    assert_eq!(ring(&machine, "one"), Status::Success);
    assert_eq!(machine.done(), ["message 0x100201000", "interrupt 1 0x31"]);
    assert_eq!(ring(&machine, "one 3\n"), Status::Success);
    assert_eq!(machine.done(), ["message 0x100201030", "interrupt 1 0x31"]);
}

#[test]
fn only_cores_of_that_linux_are_rung() {
    let machine = linked();
    // Core 3 is "two"'s own, 5 and 7 are at rest or nobody's, 0 is Bulkhead's.
    for core in [0, 6, 10, 14, 200, 255] {
        machine.message.set([0xfee0_0000 | core << 12, 0, 0x31, 0]);
        assert_eq!(ring(&machine, "one"), Status::Success);
        assert_eq!(machine.done(), ["message 0x100201000"], "{core}");
    }
    machine.message.set([0xfee0_2000, 0, 0x31, 0]);
    machine.life.kill(&machine.at(0), 0).unwrap();
    machine.run();
    machine.done();
    assert_eq!(ring(&machine, "one"), Status::Success);
    assert_eq!(machine.done(), ["message 0x100201000"]);
}

#[test]
fn whom_one_is_not_linked_to_one_does_not_ring() {
    let machine = linked();
    for name in ["three", "two", "none", "on", ""] {
        let status = ring(&machine, name);
        let wanted = [Status::NotFound, Status::InvalidParameter];
        assert!(wanted.contains(&status), "{name}: {status:?}");
    }
    for text in [
        "one 4",
        "one -1",
        "one 0 0",
        "one x",
        "one 18446744073709551616",
    ] {
        assert_eq!(ring(&machine, text), Status::InvalidParameter, "{text}");
    }
    let long = "one ".repeat(100);
    assert_eq!(ring(&machine, &long), Status::InvalidParameter);
    assert_eq!(machine.done(), [""; 0]);
    machine.life.publish_links(1, std::iter::empty());
    assert_eq!(ring(&machine, "one"), Status::NotFound);
}

#[test]
fn details_tell_of_links() {
    let machine = linked();
    let links = || {
        let text = read(&machine, 1, "Details");
        let words = text
            .split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix("links="));
        words.map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(links(), ["two", "one"]);
    // As many as there may be.
    let ends = [0, 2, 3].map(|peer| OtherEnd { peer, table: TABLE });
    machine.life.publish_links(1, ends.into_iter());
    assert_eq!(links(), ["two", "one,three,last"]);
    machine.life.publish_links(1, std::iter::empty());
    assert_eq!(links(), ["two"]);
}
