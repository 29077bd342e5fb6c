//! The machine's time, kept by a counter from a clock that others may set.

use std::cell::Cell;

use bulkhead_services::chip::{Registers, read};
use bulkhead_services::cmos;
use bulkhead_services::rtc::Reading;
use bulkhead_services::timekeeper::{Counter, Start, Timekeeper};

use super::{Made, NOW, YEAR};

const SECOND: i64 = 1_000_000_000;

/// A machine whose counter is at so many milliseconds, at 2 MHz.
struct Machine {
    chip: Made,
    ms: Cell<u64>,
    khz: Option<u64>,
}

impl Machine {
    fn at(seconds: i64) -> Self {
        Self {
            chip: Made::at(seconds),
            ms: Cell::new(5_000),
            khz: Some(2_000),
        }
    }
}

impl Registers for Machine {
    fn get(&self, which: u8) -> u8 {
        self.chip.get(which)
    }
    fn set(&self, which: u8, value: u8) {
        self.chip.set(which, value);
    }
    fn wait_for(&self, done: impl FnMut() -> bool) -> bool {
        self.chip.wait_for(done)
    }
}

impl Counter for Machine {
    fn ticks(&self) -> u64 {
        self.ms.get() * 2_000
    }
    fn khz(&self) -> Option<u64> {
        self.khz
    }
}

#[test]
fn time_goes_on_from_what_the_clock_said() {
    let machine = Machine::at(NOW);
    let time = Timekeeper::new();
    assert_eq!(time.now_ns(&machine), None);
    assert_eq!(time.start(&machine), Start::Time(NOW));
    assert_eq!(time.now_ns(&machine), Some(NOW * SECOND));
    machine.ms.set(5_000 + 1_500);
    assert_eq!(time.now_ns(&machine), Some(NOW * SECOND + 1_500_000_000));
}

#[test]
fn a_clock_that_can_t_be_right_is_not_believed() {
    let no_battery = Machine::at(NOW);
    no_battery.chip.put(cmos::STATUS_D, 0);
    let mut no_rate = Machine::at(NOW);
    no_rate.khz = None;
    let absent = Machine::at(NOW);
    absent.chip.updates.set(usize::MAX);
    for (machine, start) in [
        (no_battery, Start::NotBelieved),
        (no_rate, Start::NotBelieved),
        (absent, Start::NoTime),
    ] {
        let time = Timekeeper::new();
        assert_eq!(time.start(&machine), start);
        assert_eq!(time.now_ns(&machine), None);
    }
}

#[test]
fn before_a_launch_the_clock_is_put_back_and_after_its_owner_it_is_adopted() {
    let machine = Machine::at(NOW);
    let time = Timekeeper::new();
    time.start(&machine);
    // Somebody who did not own it.
    machine.chip.become_(NOW + YEAR);
    time.before_launch(&machine, false);
    assert_eq!(read(&machine), Reading::Time(NOW));
    // Its owner.
    time.before_launch(&machine, true);
    machine.chip.become_(NOW + YEAR);
    time.after_owner(&machine);
    assert_eq!(time.now_ns(&machine), Some((NOW + YEAR) * SECOND));
    assert_eq!(read(&machine), Reading::Time(NOW + YEAR));
    // It is nobody's again.
    machine.chip.become_(NOW);
    time.after_owner(&machine);
    assert_eq!(read(&machine), Reading::Time(NOW + YEAR));
}

/// Nobody who may not set it leads the time away by more than a day, however often he is launched.
#[test]
fn who_does_not_own_the_clock_leads_the_time_away_by_a_day_at_most() {
    let machine = Machine::at(NOW);
    let time = Timekeeper::new();
    time.start(&machine);
    let hour = 3600;
    for led in 1..=24 {
        machine.chip.become_(NOW + led * hour);
        time.before_launch(&machine, false);
        assert_eq!(time.now_ns(&machine), Some((NOW + led * hour) * SECOND));
    }
    machine.chip.become_(NOW + 25 * hour);
    time.before_launch(&machine, false);
    let day = NOW + 24 * hour;
    assert_eq!(read(&machine), Reading::Time(day));
    // What an owner says is where the next ones begin.
    time.before_launch(&machine, true);
    machine.chip.become_(day + hour);
    time.after_owner(&machine);
    machine.chip.become_(day + 2 * hour);
    time.before_launch(&machine, false);
    assert_eq!(time.now_ns(&machine), Some((day + 2 * hour) * SECOND));
}

/// A machine on which another core is asked for the same while the clock is read.
struct Two<'a> {
    machine: Machine,
    time: &'a Timekeeper,
    other: Cell<Option<u64>>,
    looks: Cell<usize>,
}

impl Registers for Two<'_> {
    fn get(&self, which: u8) -> u8 {
        if let Some(later) = self.other.take() {
            let before = self.machine.ms.get();
            self.machine.ms.set(before + later);
            let looked = self.machine.chip.seconds_read.get();
            self.time.after_owner(&self.machine);
            let looks = self.machine.chip.seconds_read.get() - looked;
            self.looks.set(looks);
        }
        self.machine.get(which)
    }
    fn set(&self, which: u8, value: u8) {
        self.machine.set(which, value);
    }
    fn wait_for(&self, done: impl FnMut() -> bool) -> bool {
        self.machine.wait_for(done)
    }
}

impl Counter for Two<'_> {
    fn ticks(&self) -> u64 {
        self.machine.ticks()
    }
    fn khz(&self) -> Option<u64> {
        self.machine.khz()
    }
}

/// What an owner left is adopted by whoever looks next, once: also where its end could not tell.
#[test]
fn what_an_owner_left_is_adopted_once_by_whoever_looks_next() {
    for is_unclear in [true, false] {
        let time = Timekeeper::new();
        let two = Two {
            machine: Machine::at(NOW),
            time: &time,
            other: Cell::new(None),
            looks: Cell::new(0),
        };
        let chip = &two.machine.chip;
        let seconds = || time.now_ns(&two).map(|ns| ns / SECOND);
        time.start(&two);
        time.before_launch(&two, true);
        if is_unclear {
            // Somebody sets it between the looks.
            chip.become_(NOW + YEAR);
            chip.others.set(Some((chip.seconds_read.get() + 2, NOW)));
            time.after_owner(&two);
        } else {
            // Another core looks while it ends.
            two.other.set(Some(0));
            time.before_launch(&two, false);
            assert_eq!(two.looks.get(), 0);
        }
        assert_eq!(seconds(), Some(NOW), "{is_unclear}");
        let left = NOW + 2 * YEAR;
        chip.become_(left);
        time.before_launch(&two, false);
        assert_eq!(seconds(), Some(left), "{is_unclear}");
        // It is nobody's from now on.
        chip.become_(NOW);
        time.before_launch(&two, false);
        assert_eq!(read(&two), Reading::Time(left), "{is_unclear}");
    }
}

#[test]
fn one_core_is_at_the_ports_at_a_time_and_one_that_was_reset_there_loses_its_turn() {
    for (later, looks) in [(499, false), (500, true)] {
        let time = Timekeeper::new();
        let two = Two {
            machine: Machine::at(NOW),
            time: &time,
            other: Cell::new(None),
            looks: Cell::new(0),
        };
        time.start(&two);
        two.other.set(Some(later));
        time.after_owner(&two);
        assert_eq!(two.looks.get() > 0, looks, "{later} ms later");
        // Whoever had it last has given it back.
        let before = two.machine.chip.seconds_read.get();
        time.after_owner(&two);
        assert!(two.machine.chip.seconds_read.get() > before);
    }
}
