//! Whoever waits while devices are looked for is told how far that has come.

use std::cell::Cell;

use bulkhead_pci::{Address, Bus, ConfigSpace, Progress, count, scan};

use crate::machine::machine;

/// A machine on which each write takes that long.
struct Slow<'a> {
    of: &'a dyn ConfigSpace,
    write_ms: u64,
    now_ms: Cell<u64>,
}

impl ConfigSpace for Slow<'_> {
    fn read(&self, address: Address, offset: u16) -> u32 {
        self.of.read(address, offset)
    }

    fn write(&self, address: Address, offset: u16, value: u32) {
        self.now_ms.set(self.now_ms.get() + self.write_ms);
        self.of.write(address, offset, value);
    }
}

/// All that is printed, with the moment of each piece, and how long the slowest function took.
fn told(write_ms: u64) -> (String, Vec<u64>, u64) {
    let machine = machine();
    let slow = Slow {
        of: &machine.fake,
        write_ms,
        now_ms: Cell::new(5000),
    };
    let ranges = machine.fake.ranges();
    let mut progress = Progress::new(slow.now_ms.get());
    let (mut text, mut moments) = (String::new(), vec![slow.now_ms.get()]);
    let (mut last, mut slowest) = (slow.now_ms.get(), 0);
    let found = scan(&slow, &ranges, count(&slow, &ranges), |seen, bus| {
        let now = slow.now_ms.get();
        slowest = slowest.max(now - last);
        last = now;
        if let Some(step) = progress.step(now, seen, bus) {
            text += &step.to_string();
            moments.push(now);
        }
    });
    moments.push(slow.now_ms.get());
    assert_eq!(found.functions.len(), 15);
    assert_eq!(progress.is_told(), !text.is_empty());
    (text, moments, slowest)
}

#[test]
fn a_slow_machine_is_never_silent_for_longer_than_a_second() {
    let (text, moments, slowest) = told(20);
    assert!(moments.len() > 3, "{moments:?}");
    assert!(slowest < 1000, "{slowest}");
    for pair in moments.windows(2) {
        assert!(pair[1] - pair[0] < 1000 + slowest, "{moments:?}");
    }
    // Nor is it told more often.
    for pair in moments[..moments.len() - 1].windows(2) {
        assert!(pair[1] - pair[0] >= 1000, "{moments:?}");
    }
    // One line, each piece further than the one before it.
    let pieces = text.strip_prefix("looking for devices: ").unwrap();
    let seen: Vec<usize> = pieces
        .split(", ")
        .map(|piece| {
            let (seen, bus) = piece.split_once(" (bus ").unwrap();
            assert!(bus.len() == 3 && bus.ends_with(')'), "{piece}");
            seen.parse().unwrap()
        })
        .collect();
    assert_eq!(seen.len(), moments.len() - 2);
    assert!(seen.is_sorted_by(|a, b| a < b), "{text}");
}

#[test]
fn a_fast_one_says_nothing() {
    assert_eq!(told(0), (String::new(), vec![5000, 5000], 0));
}

#[test]
fn the_bus_is_that_of_the_last_function() {
    let bus = |number| Bus { segment: 0, number };
    let mut progress = Progress::new(0);
    assert!(progress.step(999, 3, bus(0)).is_none());
    let text = progress.step(1000, 58, bus(0)).unwrap().to_string();
    assert_eq!(text, "looking for devices: 58 (bus 00)");
    assert!(progress.step(1999, 60, bus(1)).is_none());
    let text = progress.step(2500, 114, bus(0xa3)).unwrap().to_string();
    assert_eq!(text, ", 114 (bus a3)");
    // A clock at its end is no overflow, nor one that goes back.
    assert!(progress.step(0, 115, bus(0)).is_none());
    assert!(progress.step(u64::MAX, 116, bus(0)).is_some());
}
