//! What IOMMUs block: counted, told of now and then, in the event that is its own.

mod common;
mod ram;
mod reading;

use bulkhead_lifecycle::{Blocked, Kind};
use bulkhead_model::Isolation;
use bulkhead_model::RestartPolicy::Never;
use common::Machine;
use reading::read;

const SECOND: u64 = 1_000_000;

fn blocked(address: u64) -> Blocked {
    Blocked {
        device: 0x200,
        address,
        is_read: false,
        held: 0,
    }
}

#[test]
fn a_storm_is_counted_and_leaves_room_for_what_happens_to_others() {
    let machine = Machine::new(Never);
    machine.events();
    let begin = machine.clock.get();
    let mut told = Vec::new();
    // An hour of ten a second.
    for nth in 0..36_000 {
        machine.clock.set(begin + nth * SECOND / 10);
        let before = machine.life.recent_events().end;
        machine
            .life
            .device_blocked(&machine.at(0), 0, blocked(0x4000_0000));
        if machine.life.recent_events().end != before {
            told.push(nth / 10);
        }
    }
    let wanted = [
        0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 1623, 2223, 2823, 3423,
    ];
    assert_eq!(told, wanted);
    let (count, last) = machine.life.toll(0);
    assert_eq!((count, last.unwrap().held), (36_000, 5999));
    assert_eq!(machine.life.toll(1), (0, None), "the other has none");
    // Another one's is told at once, and once more after ten minutes of peace.
    machine
        .life
        .device_blocked(&machine.at(0), 1, blocked(0x1000));
    machine.clock.set(machine.clock.get() + 601 * SECOND);
    machine
        .life
        .device_blocked(&machine.at(0), 0, blocked(0x2000));
    let events = machine.events();
    let last = events.iter().rev().take(2).map(|event| event.partition);
    assert_eq!(last.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn each_event_has_its_own_address() {
    let machine = Machine::new(Never);
    machine.events();
    for nth in 1..=3u64 {
        machine.clock.set(machine.clock.get() + 700 * SECOND);
        let is_read = nth == 2;
        let device = 0xffff_ff07;
        let address = nth << 50 | 0x1000;
        let blocked = Blocked {
            device,
            address,
            is_read,
            held: 0,
        };
        machine.life.device_blocked(&machine.at(0), 0, blocked);
    }
    let rows = read(&machine, 1, "Events");
    let rows: Vec<&str> = rows.lines().map(str::trim_end).collect();
    let last = rows.split_at(rows.len() - 3).1;
    let text = |row: &&str| row.split_once(" one ").unwrap().1.to_string();
    let wanted = [
        "blocked device=0xffffff07 write=0x4000000001000",
        "blocked device=0xffffff07 read=0x8000000001000",
        "blocked device=0xffffff07 write=0xc000000001000",
    ];
    assert_eq!(last.iter().map(text).collect::<Vec<_>>(), wanted);
    let details = read(&machine, 1, "Details");
    let row = details.lines().next().unwrap();
    assert!(row.contains(" blocked=3 "), "{row}");
}

#[test]
fn what_it_was_launched_with_holds_until_it_is_at_rest() {
    let machine = Machine::new(Never);
    let told = |machine: &Machine| {
        let details = read(machine, 1, "Details");
        let row = details.lines().next().unwrap().to_string();
        let mut words = row.split(' ');
        words
            .find_map(|word| word.strip_prefix("isolation="))
            .map(String::from)
    };
    assert_eq!((machine.life.isolation(0), told(&machine)), (None, None));
    for isolation in Isolation::ALL {
        machine.life.publish_isolation(0, Some(isolation));
        assert_eq!(machine.life.isolation(0), Some(isolation));
        assert_eq!(told(&machine).as_deref(), Some(isolation.name()));
    }
    machine.start(0);
    machine.life.publish_isolation(0, Some(Isolation::Bare));
    assert_eq!(told(&machine).as_deref(), Some("dma"));
    machine.end(0, bulkhead_lifecycle::End::PoweredOff);
    machine.life.publish_isolation(0, Some(Isolation::Bare));
    assert_eq!(told(&machine).as_deref(), Some("bare"));
    // Without devices nothing holds; and who is defined next has none of it.
    machine.life.publish_isolation(0, None);
    assert_eq!(told(&machine), None);
    machine.life.publish_isolation(0, Some(Isolation::Dma));
    machine.life.publish(0, None);
    assert_eq!(machine.life.isolation(0), None);
    assert_eq!(machine.life.isolation(1), None, "the other has none");
}

#[test]
fn the_longest_row_is_whole() {
    let machine = Machine::new(Never);
    let far = Blocked {
        device: u32::MAX,
        address: u64::MAX,
        is_read: false,
        held: 0,
    };
    for _ in 0..3 {
        machine.life.device_blocked(&machine.at(0), 0, far);
    }
    machine.clock.set(machine.clock.get() + 700 * SECOND);
    machine.life.device_blocked(&machine.at(0), 0, far);
    let rows = read(&machine, 1, "Events");
    let last = rows.lines().last().unwrap();
    assert!(
        last.trim_end().ends_with("write=0xfffffffffffff000 more=2"),
        "{last}"
    );
    // With the longest name and number, and the most that were not told.
    assert!(last.trim_end().len() + (16 - 3) + 9 + 9 < 96, "{last}");
}

#[test]
fn who_is_defined_next_has_none_of_it() {
    let machine = Machine::new(Never);
    machine
        .life
        .device_blocked(&machine.at(0), 0, blocked(0x1000));
    machine.life.wall_stuck(0);
    assert!(machine.life.view(0).unwrap().leaks);
    let kinds: Vec<Kind> = machine.events().iter().map(|event| event.kind).collect();
    assert!(
        kinds.ends_with(&[Kind::DeviceBlocked, Kind::WallStuck]),
        "{kinds:?}"
    );
    machine.life.publish(0, None);
    assert_eq!(machine.life.toll(0), (0, None));
}
