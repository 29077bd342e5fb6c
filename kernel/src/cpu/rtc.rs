//! The machine's clock: its real-time clock is read once, before anything is launched, and the
//! time-stamp counter goes on from there.
//!
//! Stock x86 kernels (5.10 to 7.x) read the real-time clock's ports once at boot, whatever ACPI and
//! EFI say (`mach_get_cmos_time`), and so find what another partition left there. So the two are made
//! to agree before each launch ([`before_launch`]), by [`bulkhead_services::chip`].

use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use bulkhead_services::chip::{self, Registers};
use bulkhead_services::rtc::Reading;
use x86_64::instructions::port::Port;

use super::tsc;
use crate::boot::Alone;

/// Nanoseconds since 1970 when the counter was zero. Written at boot, and by a core that has the turn;
/// read by any core.
static ORIGIN: AtomicI64 = AtomicI64::new(0);
/// Whether that is known; written after it.
static IS_KNOWN: AtomicBool = AtomicBool::new(false);
/// The counter when a launching core took its turn at the ports; 0 for none.
static TURN: AtomicU64 = AtomicU64::new(0);

/// After so long a turn is over, since the core was reset in it.
const LONGEST_TURN_US: u64 = 500_000;
/// Whether the partition that owns the clock ran since the two were last made to agree. Written by the
/// core that launches or ends it, read by any that launches.
static IS_OWNED: AtomicBool = AtomicBool::new(false);
const NANOSECONDS: i64 = 1_000_000_000;

/// Nanoseconds since 1970, as the real-time clock has them; `None` without one.
pub(crate) fn now_ns() -> Option<i64> {
    let is_known = IS_KNOWN.load(Ordering::Acquire);
    is_known.then(|| ORIGIN.load(Ordering::Relaxed).saturating_add(since_zero()))
}

/// The counter in nanoseconds.
fn since_zero() -> i64 {
    let ns = u128::from(tsc::now()) * 1_000_000 / u128::from(tsc::khz().max(1));
    i64::try_from(ns).unwrap_or(i64::MAX)
}

/// Reads the clock; after the counter's rate is known. One whose battery has failed is not believed.
pub(crate) fn read_at_boot(_alone: &Alone) {
    let is_valid = chip::is_valid(&Chip);
    let Reading::Time(seconds) = chip::read(&Chip) else {
        log::info!("clock: the real-time clock is not there or not set");
        return;
    };
    if !is_valid || !tsc::is_known() {
        log::info!(
            "clock: the real-time clock is not believed: its battery failed, or no TSC's rate"
        );
        return;
    }
    adopt(seconds);
    log::info!("clock: {seconds} seconds since 1970 by the real-time clock");
}

/// From now on the time is that, in seconds since 1970.
fn adopt(seconds: i64) {
    let origin = seconds
        .saturating_mul(NANOSECONDS)
        .saturating_sub(since_zero());
    ORIGIN.store(origin, Ordering::Relaxed);
    IS_KNOWN.store(true, Ordering::Release);
}

/// Makes the clock and Bulkhead's time agree, before a partition is launched that owns the clock or
/// does not.
pub(crate) fn before_launch(is_owner: bool) {
    agree();
    if is_owner {
        IS_OWNED.store(true, Ordering::Release);
    }
}

/// Takes over what the clock's owner left there, once its Linux has ended.
pub(crate) fn after_owner() {
    if agree() {
        IS_OWNED.store(false, Ordering::Release);
    }
}

/// Whether the clock was looked at.
fn agree() -> bool {
    let begun = tsc::now();
    let turn = TURN.load(Ordering::Acquire);
    let is_taken = turn != 0 && begun.saturating_sub(turn) < tsc::ticks(LONGEST_TURN_US);
    let take = || TURN.compare_exchange(turn, begun, Ordering::AcqRel, Ordering::Acquire);
    // Another core that has the turn does this at the moment.
    if is_taken || !tsc::is_known() || take().is_err() {
        return false;
    }
    let is_owned = IS_OWNED.load(Ordering::Acquire);
    let ours = || now_ns().map(|now| now / NANOSECONDS);
    if let Some(time) = chip::agree(&Chip, ours, is_owned) {
        adopt(time);
    }
    let _ = TURN.compare_exchange(begun, 0, Ordering::AcqRel, Ordering::Relaxed);
    true
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
        // SAFETY: a register of the time, which Bulkhead keeps.
        unsafe { Port::<u8>::new(PORTS.1).write(value) };
    }

    fn wait_for(&self, done: impl FnMut() -> bool) -> bool {
        // An update takes up to 2 ms.
        tsc::wait_until(10_000, done)
    }
}
