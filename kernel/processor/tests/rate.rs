//! A counter's rate, measured by a core that stands still at times.

use std::cell::{Cell, RefCell};

use bulkhead_processor::rate::{Reference, per_ms};
use proptest::prelude::*;

/// Nanoseconds that go on by themselves: with each look, and by a pause now and then.
struct Time {
    now: Cell<u64>,
    /// Pauses, in nanoseconds, after so many looks each.
    pauses: RefCell<Vec<(u32, u64)>>,
    looks: Cell<u32>,
    look_ns: u64,
}

impl Time {
    fn new(look_ns: u64, pauses: Vec<(u32, u64)>) -> Self {
        Self {
            now: Cell::new(123_456_789),
            pauses: RefCell::new(pauses),
            looks: Cell::new(0),
            look_ns,
        }
    }

    fn pass(&self) -> u64 {
        self.looks.set(self.looks.get() + 1);
        let pause = match self.pauses.borrow_mut().first_mut() {
            Some((after, pause)) if self.looks.get() > *after => {
                self.looks.set(0);
                Some(*pause)
            }
            _ => None,
        };
        if pause.is_some() {
            self.pauses.borrow_mut().rotate_left(1);
        }
        self.now
            .set(self.now.get() + self.look_ns + pause.unwrap_or(0));
        self.now.get()
    }

    fn counter(&self, khz: u64) -> u64 {
        scaled(self.pass(), khz, 1_000_000)
    }
}

fn scaled(value: u64, by: u64, parts: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(by) / u128::from(parts)).expect("small")
}

/// A timer that runs over when it has counted so much; 0: it is not there; 1: it stands.
struct Timer<'a> {
    time: &'a Time,
    hz: u64,
    most: u64,
    begun: u64,
}

impl Reference for Timer<'_> {
    fn hz(&self) -> u64 {
        self.hz
    }
    fn begin(&mut self) {
        self.begun = self.time.pass();
    }
    fn elapsed(&mut self) -> Option<u64> {
        if self.most == 1 {
            return Some(0);
        }
        let ns = self.time.pass() - self.begun;
        let counted = scaled(ns, self.hz, 1_000_000_000);
        (counted < self.most).then_some(counted)
    }
}

const PIT: (u64, u64) = (1_193_182, 0xffff);
const PM_TIMER: (u64, u64) = (3_579_545, 0x00ff_ffff);

fn measured(time: &Time, (hz, most): (u64, u64), khz: u64) -> Option<u64> {
    let mut timer = Timer {
        time,
        hz,
        most,
        begun: 0,
    };
    per_ms(&mut timer, || time.counter(khz))
}

fn is_right(rate: Option<u64>, khz: u64) -> bool {
    rate.is_some_and(|rate| rate.abs_diff(khz) <= khz / 200)
}

/// As on a host with several times the work that it has processors for: 3 ms of work, 60 ms of none.
#[test]
fn a_core_that_has_the_processor_for_a_twentieth_measures_the_same() {
    for (timer, name) in [(PIT, "PIT"), (PM_TIMER, "ACPI")] {
        for pause in [1_000_000, 20_000_000, 40_000_000, 60_000_000] {
            let time = Time::new(1_000, vec![(3_000, pause)]);
            // The PIT runs over after 55 ms.
            let can = timer == PM_TIMER || pause < 60_000_000;
            let rate = measured(&time, timer, 2_100_000);
            assert!(
                !can || is_right(rate, 2_100_000),
                "{name}, {pause} ns: {rate:?}"
            );
        }
    }
}

#[test]
fn a_timer_that_is_not_there_or_stands_gives_nothing() {
    let time = Time::new(1_000, Vec::new());
    assert_eq!(measured(&time, (PIT.0, 0), 2_000_000), None);
    assert_eq!(measured(&time, (PIT.0, 1), 2_000_000), None);
}

proptest! {
    /// Wherever the pauses are, and as long as the timer does not always run over.
    #[test]
    fn pauses_make_no_difference(
        khz in 100_000u64..6_000_000,
        pauses in proptest::collection::vec((50u32..8_000, 0u64..30_000_000), 0..6),
        look_ns in 50u64..3_000,
    ) {
        let time = Time::new(look_ns, pauses);
        let rate = measured(&time, PIT, khz);
        prop_assert!(is_right(rate, khz), "{rate:?}");
    }
}
