//! The machine's clock: its real-time clock is read once, before anything is launched, and the
//! time-stamp counter goes on from there.
//!
//! Stock x86 kernels (5.10 to 7.x) read the real-time clock's ports once at boot, whatever ACPI and
//! EFI say (`mach_get_cmos_time`), and so find what another partition's `hwclock -w` left there. So it
//! is put right before each launch ([`put_right`]).
//!
//! The ports are an index and a window that nobody can reserve, and another Linux may be using them:
//! what is read must come twice the same, and nothing is written without having been found wrong three
//! times. Register B is not touched, so that no reset of this core can leave the clock stopped.

use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use bulkhead_services::cmos;
use x86_64::instructions::port::Port;

use super::tsc;
use crate::boot::Alone;

/// Nanoseconds since 1970 when the counter was zero. Written at boot, and by a launch that has the
/// turn; read by any core.
static ORIGIN: AtomicI64 = AtomicI64::new(0);
/// Whether that is known; written at boot.
static IS_KNOWN: AtomicBool = AtomicBool::new(false);
/// The counter when a launching core took its turn at the ports; 0 for none.
static TURN: AtomicU64 = AtomicU64::new(0);

/// After so long a turn is over, since the core was reset in it.
const LONGEST_TURN_US: u64 = 500_000;
/// How much the real-time clock may differ from this one in any case, in seconds.
const TOLERANCE: u64 = 10;
/// And how much more after so many seconds: the counter's rate was measured to some 200 parts in a
/// million, and a crystal adds its own.
const DRIFT: u64 = 2_000;
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
    let is_valid = register(cmos::STATUS_D) & cmos::IS_VALID != 0;
    let Some(seconds) = read().filter(|_| is_valid && tsc::is_known()) else {
        log::info!("clock: the real-time clock is not there or not set");
        return;
    };
    ORIGIN.store(seconds * NANOSECONDS - since_zero(), Ordering::Relaxed);
    IS_KNOWN.store(true, Ordering::Release);
    log::info!("clock: {seconds} seconds since 1970 by the real-time clock");
}

/// Makes the real-time clock what it was at boot and the time since then, if somebody has set it.
pub(crate) fn put_right() {
    let Some(now) = now_ns() else {
        return;
    };
    let begun = tsc::now();
    let turn = TURN.load(Ordering::Acquire);
    let is_taken = turn != 0 && begun.saturating_sub(turn) < tsc::ticks(LONGEST_TURN_US);
    let take = || TURN.compare_exchange(turn, begun, Ordering::AcqRel, Ordering::Acquire);
    // Another launch that has the turn does this at the moment.
    if is_taken || take().is_err() {
        return;
    }
    let allowed = TOLERANCE + tsc::uptime_ms() / 1000 / DRIFT;
    let off = || {
        read().map_or(u64::MAX, |read| {
            read.abs_diff(now_ns().unwrap_or(now) / NANOSECONDS)
        })
    };
    let is_set = (0..3).all(|_| off() > allowed);
    if is_set {
        write(now_ns().unwrap_or(now) / NANOSECONDS);
    } else if let Some(read) = read() {
        // The counter's drift does not add up. Looked at once more: somebody may be setting it.
        let off = read.abs_diff(now_ns().unwrap_or(now) / NANOSECONDS);
        if off > 2 && off <= allowed {
            ORIGIN.store(read * NANOSECONDS - since_zero(), Ordering::Relaxed);
        }
    }
    let _ = TURN.compare_exchange(begun, 0, Ordering::AcqRel, Ordering::Relaxed);
}

/// Seconds since 1970; `None` if it does not hold still, or says no time.
fn read() -> Option<i64> {
    let mut last = None;
    for _ in 0..5 {
        // An update takes up to 2 ms.
        if !tsc::wait_until(10_000, || register(cmos::STATUS_A) & cmos::UPDATING == 0) {
            return None;
        }
        let now = (cmos::TIME.map(register), register(cmos::STATUS_B));
        if last == Some(now) {
            return cmos::decode(now.0, now.1);
        }
        last = Some(now);
    }
    None
}

fn write(seconds: i64) {
    let Some(values) = cmos::encode(seconds, register(cmos::STATUS_B)) else {
        return;
    };
    let mut index = Port::<u8>::new(INDEX);
    let mut window = Port::<u8>::new(WINDOW);
    // A write during an update is lost.
    let _ = tsc::wait_until(10_000, || register(cmos::STATUS_A) & cmos::UPDATING == 0);
    for (which, value) in cmos::TIME.into_iter().zip(values) {
        // SAFETY: the clock's index port; the top bit, which would let NMIs wait, stays clear.
        unsafe { index.write(which) };
        // SAFETY: a register of the time, which Bulkhead keeps.
        unsafe { window.write(value) };
    }
}

const INDEX: u16 = 0x70;
const WINDOW: u16 = 0x71;

fn register(which: u8) -> u8 {
    let mut index = Port::<u8>::new(INDEX);
    let mut window = Port::<u8>::new(WINDOW);
    // SAFETY: the clock's index port; every PC has it, and where it is missing nothing answers.
    unsafe { index.write(which) };
    // SAFETY: reading the registers that are read here has no side effect.
    unsafe { window.read() }
}
