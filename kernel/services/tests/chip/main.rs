//! The real-time clock while somebody else may be using it.

mod timekeeper;

use std::cell::{Cell, RefCell};

use bulkhead_services::chip::Outcome::{Adopt, Agrees, Unclear};
use bulkhead_services::chip::{self, Outcome, Registers, is_valid, read};
use bulkhead_services::cmos;
use bulkhead_services::rtc::{Ours, Reading};

/// 2026-11-28 16:37:02 UTC.
const NOW: i64 = 1_795_883_822;
const YEAR: i64 = 365 * 24 * 3600;
/// Register B: 24 hours, BCD.
const USUAL: u8 = 0x02;

/// A clock that does not go by itself.
struct Made {
    registers: RefCell<[u8; 16]>,
    /// Looks at register A at which it still updates.
    updates: Cell<usize>,
    /// Readings of the seconds after which somebody sets it to that.
    others: Cell<Option<(usize, i64)>>,
    seconds_read: Cell<usize>,
    writes: Cell<usize>,
}

impl Made {
    fn at(seconds: i64) -> Self {
        let made = Self {
            registers: RefCell::new([0; 16]),
            updates: Cell::new(0),
            others: Cell::new(None),
            seconds_read: Cell::new(0),
            writes: Cell::new(0),
        };
        made.put(cmos::STATUS_B, USUAL);
        made.put(cmos::STATUS_D, cmos::IS_VALID);
        made.become_(seconds);
        made
    }

    fn put(&self, which: u8, value: u8) {
        self.registers.borrow_mut()[usize::from(which)] = value;
    }

    fn become_(&self, seconds: i64) {
        let values = cmos::encode(seconds, USUAL).unwrap();
        for (which, value) in cmos::TIME.into_iter().zip(values) {
            self.put(which, value);
        }
    }
}

/// Where nobody but an owner has set it.
fn agree(clock: &Made, ours: impl Fn() -> Option<i64>, is_owned: bool) -> Outcome {
    let ours = || ours().map(|now| Ours { now, trusted: now });
    chip::agree(clock, ours, is_owned)
}

impl Registers for Made {
    fn get(&self, which: u8) -> u8 {
        if which == cmos::STATUS_A {
            let left = self.updates.get();
            self.updates.set(left.saturating_sub(1));
            let updating = if left > 0 { cmos::UPDATING } else { 0 };
            return self.registers.borrow()[usize::from(which)] | updating;
        }
        if which == cmos::TIME[0] {
            self.seconds_read.set(self.seconds_read.get() + 1);
            if let Some((after, seconds)) = self.others.get()
                && self.seconds_read.get() > after
            {
                self.become_(seconds);
                self.others.set(None);
            }
        }
        self.registers.borrow()[usize::from(which)]
    }

    fn set(&self, which: u8, value: u8) {
        assert_eq!(self.updates.get(), 0, "a write during an update is lost");
        let status = [cmos::STATUS_A, cmos::STATUS_B].contains(&which);
        assert!(
            cmos::TIME.contains(&which) || status,
            "{which:#x} is no register of the time"
        );
        self.writes.set(self.writes.get() + 1);
        self.put(which, value);
    }

    fn wait_for(&self, mut done: impl FnMut() -> bool) -> bool {
        (0..100).any(|_| done())
    }
}

#[test]
fn it_is_read_when_it_holds_still() {
    assert_eq!(read(&Made::at(NOW)), Reading::Time(NOW));
    let clock = Made::at(NOW);
    clock.updates.set(50);
    assert_eq!(read(&clock), Reading::Time(NOW));
    // It never ends an update; nothing answers.
    clock.updates.set(usize::MAX);
    assert_eq!(read(&clock), Reading::Unreadable);
    // A second passes between the two looks.
    let clock = Made::at(NOW);
    clock.others.set(Some((1, NOW + 1)));
    assert_eq!(read(&clock), Reading::Time(NOW + 1));
    assert_eq!(clock.seconds_read.get(), 3);
    // It is held as if somebody were setting it, or its divider is held in reset.
    for (which, value) in [
        (cmos::STATUS_B, USUAL | cmos::SETTING),
        (cmos::STATUS_A, 0x66),
    ] {
        let clock = Made::at(NOW);
        clock.put(which, value);
        assert_eq!(read(&clock), Reading::Stopped);
    }
    let clock = Made::at(NOW);
    clock.put(cmos::TIME[4], 0x13);
    assert_eq!(read(&clock), Reading::NoTime);
}

#[test]
fn its_battery_is_asked_for() {
    let clock = Made::at(NOW);
    assert!(is_valid(&clock));
    clock.put(cmos::STATUS_D, 0);
    assert!(!is_valid(&clock));
}

#[test]
fn what_is_found_wrong_three_times_is_put_back() {
    let clock = Made::at(NOW + YEAR);
    assert_eq!(agree(&clock, || Some(NOW), false), Agrees);
    assert_eq!(read(&clock), Reading::Time(NOW));
    assert_eq!(clock.writes.get(), 6);
    // It agrees, and is left alone.
    assert_eq!(agree(&clock, || Some(NOW), false), Agrees);
    assert_eq!(clock.writes.get(), 6);
}

#[test]
fn what_was_left_standing_is_put_back_and_let_go() {
    for (which, value, after) in [
        (cmos::STATUS_B, USUAL | cmos::SETTING, USUAL),
        (cmos::STATUS_A, 0x66, 0x26),
    ] {
        // As it was, or at another time.
        for seconds in [NOW, NOW + YEAR] {
            let clock = Made::at(seconds);
            clock.put(which, value);
            assert_eq!(agree(&clock, || Some(NOW), true), Agrees);
            assert_eq!(clock.writes.get(), 0, "its owner does");
            assert_eq!(agree(&clock, || Some(NOW), false), Agrees);
            assert_eq!(read(&clock), Reading::Time(NOW));
            assert_eq!(clock.get(which), after);
        }
    }
}

#[test]
fn what_is_found_right_three_times_is_adopted() {
    let clock = Made::at(NOW + 3600);
    assert_eq!(agree(&clock, || Some(NOW), false), Adopt(NOW + 3600));
    let owned = Made::at(NOW + YEAR);
    assert_eq!(agree(&owned, || Some(NOW), true), Adopt(NOW + YEAR));
    assert_eq!((clock.writes.get(), owned.writes.get()), (0, 0));
}

#[test]
fn nothing_follows_from_what_changes_meanwhile() {
    // Each look reads the seconds twice: somebody repairs it, or makes it wrong, before the second
    // look or the third.
    for after in [2, 4] {
        let repaired = Made::at(NOW + YEAR);
        repaired.others.set(Some((after, NOW)));
        assert_eq!(agree(&repaired, || Some(NOW), false), Unclear);
        assert_eq!(repaired.writes.get(), 0, "after {after}");
        let broken = Made::at(NOW + 3600);
        broken.others.set(Some((after, NOW + YEAR)));
        assert_eq!(agree(&broken, || Some(NOW), false), Unclear);
        assert_eq!(broken.writes.get(), 0, "after {after}");
    }
}
