//! What is written to a local APIC, on a made one.
#![allow(missing_docs, reason = "a test has no public interface")]

use std::cell::RefCell;
use std::collections::BTreeMap;

use bulkhead_processor::apic::{MASKED, Mode};
use bulkhead_processor::local::{
    AtBoot, Reached, Registers, drain_pending, end_of_interrupt_if_in_service, into_mode,
    measure_timer, msr, register, start_timer,
};
use bulkhead_processor::rate::Reference;

const SMI: u32 = 0b010 << 8;
const ENABLED: u64 = 1 << 11;
const X2APIC: u64 = 1 << 10;
const BASE: u64 = 0xfee0_0100;

/// Registers; an end-of-interrupt takes the highest vector out of service.
struct Made(RefCell<BTreeMap<u32, u32>>);

impl Made {
    fn new(registers: &[(u32, u32)]) -> Self {
        Self(RefCell::new(registers.iter().copied().collect()))
    }

    fn has(&self, register: u32) -> bool {
        self.0.borrow().contains_key(&register)
    }
}

impl Registers for Made {
    fn read(&self, register: u32) -> u32 {
        self.0.borrow().get(&register).copied().unwrap_or_default()
    }

    fn write(&self, register: u32, value: u32) {
        let mut all = self.0.borrow_mut();
        all.insert(register, value);
        if register == register::EOI {
            let words = (0..8).rev().map(|word| register::IN_SERVICE + word * 0x10);
            for word in words {
                let word = all.entry(word).or_default();
                if *word != 0 {
                    *word &= !(1 << (31 - word.leading_zeros()));
                    return;
                }
            }
        }
    }
}

/// The version register of one with so many entries.
const fn version(entries: u32) -> u32 {
    (entries - 1) << 16 | 0x15
}

#[test]
fn the_base_register_says_how_it_is_reached() {
    assert_eq!(Reached::by(BASE), Reached::Off);
    assert_eq!(Reached::by(BASE | X2APIC), Reached::Off);
    assert_eq!(Reached::by(BASE | ENABLED), Reached::Memory(0xfee0_0000));
    assert_eq!(Reached::by(BASE | ENABLED | X2APIC), Reached::Registers);
    assert_eq!(Reached::Off.mode(), None);
    assert_eq!(Reached::Registers.mode(), Some(Mode::Registers));
    assert_eq!(Reached::Memory(1).mode(), Some(Mode::Memory));
    assert_eq!(msr(register::COMMAND_LOW), 0x830);
    assert_eq!(msr(register::EOI), 0x80b);
}

#[test]
fn every_way_between_modes_is_one_of_the_manuals() {
    let modes = [0, ENABLED, ENABLED | X2APIC];
    for now in modes {
        for (mode, wanted) in [(Mode::Memory, ENABLED), (Mode::Registers, ENABLED | X2APIC)] {
            let mut at = BASE | now;
            for step in into_mode(BASE | now, mode) {
                // Intel SDM Vol. 3A, "x2APIC State Transitions": from x2APIC only to disabled, from
                // disabled only to xAPIC.
                let allowed: &[u64] = match at & (ENABLED | X2APIC) {
                    0 => &[0, ENABLED],
                    ENABLED => &modes,
                    _ => &[0, ENABLED | X2APIC],
                };
                assert!(
                    allowed.contains(&(step & (ENABLED | X2APIC))),
                    "{at:#x}: {step:#x}"
                );
                assert_eq!(step & !(ENABLED | X2APIC), BASE, "the rest stays");
                at = step;
            }
            assert_eq!(at, BASE | wanted, "from {now:#x}");
            assert_eq!(
                into_mode(at, mode).count(),
                0,
                "nothing is written without need"
            );
        }
    }
}

#[test]
fn what_is_firmwares_stays_through_all_and_the_rest_is_masked() {
    let apic = Made::new(&[
        (register::VERSION, version(7) | 1 << 31),
        (register::EXTENDED_FEATURES, 2 << 16),
        (register::LVT_THERMAL, SMI),
        (register::LVT_CMCI, 0xfa),
        (register::EXTENDED_LVT, MASKED),
        (register::EXTENDED_LVT + 0x10, SMI),
    ]);
    let at_boot = AtBoot::new();
    at_boot.record(&apic);
    // A Linux uses them all, and leaves interrupts in service.
    for entry in [
        register::LVT_THERMAL,
        register::LVT_TIMER,
        register::LVT_LINT1,
    ] {
        apic.write(entry, 0x31);
    }
    apic.write(register::EXTENDED_LVT + 0x10, 0x32);
    apic.write(register::TASK_PRIORITY, 0xf0);
    apic.write(register::IN_SERVICE + 0x10, 0x8000_0001);
    apic.write(register::IN_SERVICE + 0x70, 1 << 12);
    at_boot.quiesce(&apic, 0xff);
    assert_eq!(apic.read(register::SPURIOUS), 0x1ff);
    assert_eq!(apic.read(register::TASK_PRIORITY), 0);
    for word in 0..8 {
        assert_eq!(
            apic.read(register::IN_SERVICE + word * 0x10),
            0,
            "word {word}"
        );
    }
    for (entry, left) in [
        (register::LVT_TIMER, MASKED),
        (register::LVT_LINT0, MASKED),
        (register::LVT_LINT1, MASKED),
        (register::LVT_ERROR, MASKED),
        (register::LVT_PERFORMANCE, MASKED),
        (register::LVT_THERMAL, SMI),
        (register::LVT_CMCI, MASKED),
        (register::EXTENDED_LVT, MASKED),
        (register::EXTENDED_LVT + 0x10, SMI),
    ] {
        assert_eq!(apic.read(entry), left, "{entry:#x}");
    }
    at_boot.hand_over(&apic, 0xff);
    assert_eq!(
        apic.read(register::SPURIOUS),
        0x1ff,
        "it stays enabled, for firmware's sake"
    );
}

#[test]
fn without_anything_of_firmwares_it_is_handed_over_disabled() {
    let apic = Made::new(&[
        (register::VERSION, version(7)),
        (register::LVT_THERMAL, MASKED),
    ]);
    let at_boot = AtBoot::new();
    at_boot.record(&apic);
    at_boot.quiesce(&apic, 0xff);
    at_boot.hand_over(&apic, 0xff);
    assert_eq!(apic.read(register::SPURIOUS), 0xff);
}

#[test]
fn entries_that_there_are_not_are_left_alone() {
    let apic = Made::new(&[(register::VERSION, version(4))]);
    let at_boot = AtBoot::new();
    at_boot.record(&apic);
    at_boot.quiesce(&apic, 0xff);
    for entry in [
        register::LVT_PERFORMANCE,
        register::LVT_THERMAL,
        register::LVT_CMCI,
        register::EXTENDED_LVT,
    ] {
        assert!(!apic.has(entry), "{entry:#x}");
    }
    // A processor with more extended entries than are remembered.
    let apic = Made::new(&[
        (register::VERSION, version(7) | 1 << 31),
        (register::EXTENDED_FEATURES, 255 << 16),
    ]);
    at_boot.quiesce(&apic, 0xff);
    assert!(apic.has(register::EXTENDED_LVT + 0x30));
    assert!(!apic.has(register::EXTENDED_LVT + 0x40));
}

#[test]
fn only_what_is_in_service_is_acknowledged() {
    let apic = Made::new(&[(register::IN_SERVICE + 0x60, 1 << 3)]);
    assert!(!end_of_interrupt_if_in_service(&apic, 0xc2));
    assert!(!apic.has(register::EOI));
    assert!(end_of_interrupt_if_in_service(&apic, 0xc3));
    assert!(!end_of_interrupt_if_in_service(&apic, 0xc3));
}

#[test]
fn what_never_ends_is_given_up() {
    let apic = Made::new(&[(register::REQUEST + 0x70, 1)]);
    let mut times = 0;
    drain_pending(&apic, || {
        times += 1;
        if times == 3 {
            apic.write(register::REQUEST + 0x70, 0);
        }
    });
    assert_eq!(times, 3);
    apic.write(register::REQUEST, 1);
    let mut times = 0;
    drain_pending(&apic, || times += 1);
    assert_eq!(times, 256);
}

/// Ten microseconds with each look, in which a local APIC's timer counts so much.
struct Passing<'a>(&'a Made, u64, u32);

impl Reference for Passing<'_> {
    fn hz(&self) -> u64 {
        1_000_000
    }
    fn begin(&mut self) {
        assert_eq!(self.0.read(register::TIMER_INITIAL), u32::MAX);
        self.0.write(register::TIMER_CURRENT, u32::MAX);
        self.1 = 0;
    }
    fn elapsed(&mut self) -> Option<u64> {
        let current = self.0.read(register::TIMER_CURRENT);
        self.0.write(register::TIMER_CURRENT, current - self.2);
        self.1 += 10;
        Some(self.1)
    }
}

#[test]
fn the_timer_is_measured_and_started() {
    let apic = Made::new(&[]);
    let rate = measure_timer(&apic, &mut Passing(&apic, 0, 625));
    assert_eq!(rate, 62_500);
    assert_eq!(apic.read(register::TIMER_INITIAL), 0, "it is stopped again");
    // One that stands still is no division by zero later.
    assert_eq!(measure_timer(&apic, &mut Passing(&apic, 0, 0)), 1);
    for (ticks, initial) in [(0, 1), (62_500, 62_500), (u64::MAX, u32::MAX)] {
        start_timer(&apic, 0xe0, ticks);
        assert_eq!(apic.read(register::TIMER_INITIAL), initial);
        assert_eq!(apic.read(register::LVT_TIMER), 1 << 17 | 0xe0);
        assert_eq!(apic.read(register::TIMER_DIVIDE), 3);
    }
}
