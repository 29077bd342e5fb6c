//! The machine's clock: the ports of [`bulkhead_services::timekeeper`], which keeps the time.

use bulkhead_services::chip::Registers;
use bulkhead_services::timekeeper::{Counter, Start, Timekeeper};
use x86_64::instructions::port::Port;

use super::tsc;
use crate::boot::Alone;

static TIME: Timekeeper = Timekeeper::new();

/// Nanoseconds since 1970, as the real-time clock has them; `None` without one.
pub(crate) fn now_ns() -> Option<i64> {
    TIME.now_ns(&Chip)
}

/// Reads the clock; after the counter's rate is known.
pub(crate) fn read_at_boot(_alone: &Alone) {
    match TIME.start(&Chip) {
        Start::NoTime => log::info!("clock: the real-time clock is not there or not set"),
        Start::NotBelieved => log::info!(
            "clock: the real-time clock is not believed: its battery failed, or no TSC's rate"
        ),
        Start::Time(s) => log::info!("clock: {s} seconds since 1970 by the real-time clock"),
    }
}

/// Makes the clock and Bulkhead's time agree, before a partition is launched that owns the clock or
/// does not.
pub(crate) fn before_launch(is_owner: bool) {
    TIME.before_launch(&Chip, is_owner);
}

/// Takes over what the clock's owner left there, once its Linux has ended.
pub(crate) fn after_owner() {
    TIME.after_owner(&Chip);
}

/// The clock's registers.
struct Chip;

/// Its index and its window.
const PORTS: (u16, u16) = (0x70, 0x71);

impl Registers for Chip {
    fn get(&self, which: u8) -> u8 {
        // SAFETY: the clock's index port; every PC has it, and where it is missing nothing answers. The
        // top bit, which would let NMIs wait, stays clear.
        unsafe { Port::<u8>::new(PORTS.0).write(which) };
        // SAFETY: reading the registers that are read here has no side effect.
        unsafe { Port::<u8>::new(PORTS.1).read() }
    }

    fn set(&self, which: u8, value: u8) {
        // SAFETY: as above.
        unsafe { Port::<u8>::new(PORTS.0).write(which) };
        // SAFETY: a register of the time, which Bulkhead keeps, or one that says how the clock goes.
        unsafe { Port::<u8>::new(PORTS.1).write(value) };
    }

    fn wait_for(&self, done: impl FnMut() -> bool) -> bool {
        // An update takes up to 2 ms.
        tsc::wait_until(10_000, done)
    }
}

impl Counter for Chip {
    fn ticks(&self) -> u64 {
        tsc::now()
    }

    fn khz(&self) -> Option<u64> {
        tsc::is_known().then(tsc::khz)
    }
}
