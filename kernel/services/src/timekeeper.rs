//! The machine's time: the real-time clock is read once, before anything is launched, and a counter that
//! never stops goes on from there.
//!
//! Stock x86 kernels (5.10 to 7.x) read the real-time clock's ports once at boot, whatever ACPI and
//! EFI say (`mach_get_cmos_time`), and so find what another partition left there. So the two are made
//! to agree before each launch ([`chip::agree`]).

use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::chip::{self, Registers};
use crate::rtc::Reading;

/// After so long a turn is over, since the core was reset in it.
const LONGEST_TURN_MS: u64 = 500;
const NANOSECONDS: i64 = 1_000_000_000;

/// A counter that all cores share.
pub trait Counter {
    /// What it says now; it rises, and is not zero.
    fn ticks(&self) -> u64;
    /// Its rate; `None` if that is not known.
    fn khz(&self) -> Option<u64>;
}

/// What became of the clock at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It is not there, or says no time.
    NoTime,
    /// Its battery failed, or the counter's rate is not known.
    NotBelieved,
    /// Seconds since 1970.
    Time(i64),
}

/// The machine's time. Any core may use it.
#[derive(Debug)]
pub struct Timekeeper {
    /// Nanoseconds since 1970 when the counter was zero. Written at boot, and by a core that has the turn.
    origin: AtomicI64,
    /// Whether that is known; written after it.
    is_known: AtomicBool,
    /// The counter when a core took its turn at the ports; 0 for none.
    turn: AtomicU64,
    /// Whether the partition that owns the clock ran since the two were last made to agree. Written by the
    /// core that launches or ends it, read by any that launches.
    is_owned: AtomicBool,
}

impl Timekeeper {
    /// One that knows no time.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            origin: AtomicI64::new(0),
            is_known: AtomicBool::new(false),
            turn: AtomicU64::new(0),
            is_owned: AtomicBool::new(false),
        }
    }

    /// Nanoseconds since 1970, as the real-time clock has them; `None` without one.
    pub fn now_ns(&self, counter: &impl Counter) -> Option<i64> {
        let is_known = self.is_known.load(Ordering::Acquire);
        is_known.then(|| {
            let origin = self.origin.load(Ordering::Relaxed);
            origin.saturating_add(since_zero(counter))
        })
    }

    /// Reads the clock, when the counter's rate is known and nothing was launched. One whose battery has
    /// failed is not believed.
    pub fn start(&self, machine: &(impl Registers + Counter)) -> Start {
        let is_valid = chip::is_valid(machine);
        let Reading::Time(seconds) = chip::read(machine) else {
            return Start::NoTime;
        };
        if !is_valid || machine.khz().is_none() {
            return Start::NotBelieved;
        }
        self.adopt(seconds, machine);
        Start::Time(seconds)
    }

    /// From now on the time is that, in seconds since 1970.
    fn adopt(&self, seconds: i64, counter: &impl Counter) {
        let origin = seconds
            .saturating_mul(NANOSECONDS)
            .saturating_sub(since_zero(counter));
        self.origin.store(origin, Ordering::Relaxed);
        self.is_known.store(true, Ordering::Release);
    }

    /// Makes the clock and this time agree, before a partition is launched that owns the clock or does not.
    pub fn before_launch(&self, machine: &(impl Registers + Counter), is_owner: bool) {
        self.agree(machine);
        if is_owner {
            self.is_owned.store(true, Ordering::Release);
        }
    }

    /// Takes over what the clock's owner left there, once its Linux has ended.
    pub fn after_owner(&self, machine: &(impl Registers + Counter)) {
        if self.agree(machine) {
            self.is_owned.store(false, Ordering::Release);
        }
    }

    /// Whether the clock was looked at.
    fn agree(&self, machine: &(impl Registers + Counter)) -> bool {
        let Some(khz) = machine.khz() else {
            return false;
        };
        let begun = machine.ticks();
        let turn = self.turn.load(Ordering::Acquire);
        let longest = khz.saturating_mul(LONGEST_TURN_MS);
        let is_taken = turn != 0 && begun.saturating_sub(turn) < longest;
        let take = || {
            let (taken, failed) = (Ordering::AcqRel, Ordering::Acquire);
            self.turn.compare_exchange(turn, begun, taken, failed)
        };
        // Another core that has the turn does this at the moment.
        if is_taken || take().is_err() {
            return false;
        }
        let is_owned = self.is_owned.load(Ordering::Acquire);
        let ours = || self.now_ns(machine).map(|now| now / NANOSECONDS);
        if let Some(time) = chip::agree(machine, ours, is_owned) {
            self.adopt(time, machine);
        }
        let (done, failed) = (Ordering::AcqRel, Ordering::Relaxed);
        // If it took too long, somebody else has the turn.
        let _ = self.turn.compare_exchange(begun, 0, done, failed);
        true
    }
}

impl Default for Timekeeper {
    fn default() -> Self {
        Self::new()
    }
}

/// The counter in nanoseconds.
fn since_zero(counter: &impl Counter) -> i64 {
    let khz = counter.khz().unwrap_or(1).max(1);
    let ns = u128::from(counter.ticks()) * 1_000_000 / u128::from(khz);
    i64::try_from(ns).unwrap_or(i64::MAX)
}
