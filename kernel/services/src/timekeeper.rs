//! The machine's time: the real-time clock is read once, before anything is launched, and a counter that
//! never stops goes on from there.
//!
//! Stock x86 kernels (5.10 to 7.x) read the real-time clock's ports once at boot, whatever ACPI and
//! EFI say (`mach_get_cmos_time`), and so find what another partition left there. So the two are made
//! to agree before each launch ([`chip::agree`]).

use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

use crate::chip::{self, Outcome, Registers};
use crate::rtc::{EARLIEST, Ours, Reading};

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
    /// The same, as boot or the clock's last owner said it: what others have set since is left out. Written
    /// as `origin` is.
    trusted: AtomicI64,
    /// Whether that is known; written after it.
    is_known: AtomicBool,
    /// The counter when a core took its turn at the ports; 0 for none.
    turn: AtomicU64,
    /// Whose the clock is: [`NOBODYS`], [`OWNED`] or [`LEFT`]. Written by the core that launches its owner or
    /// ends it, and from `LEFT` to `NOBODYS` by whoever makes the two agree.
    owner: AtomicU8,
}

/// What is there is Bulkhead's, or somebody's mistake.
const NOBODYS: u8 = 0;
/// The partition that owns the clock runs.
const OWNED: u8 = 1;
/// It has ended, and what it left there was not taken over yet: somebody else had the turn, or the clock
/// said something else each time.
const LEFT: u8 = 2;

impl Timekeeper {
    /// One that knows no time.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            origin: AtomicI64::new(0),
            trusted: AtomicI64::new(0),
            is_known: AtomicBool::new(false),
            turn: AtomicU64::new(0),
            owner: AtomicU8::new(NOBODYS),
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

    fn ours(&self, counter: &impl Counter) -> Option<Ours> {
        let now = self.now_ns(counter)?;
        let apart = {
            let [origin, trusted] =
                [&self.origin, &self.trusted].map(|at| at.load(Ordering::Relaxed));
            origin.saturating_sub(trusted)
        };
        Some(Ours {
            now: now / NANOSECONDS,
            trusted: now.saturating_sub(apart) / NANOSECONDS,
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
        self.adopt(seconds, machine, true);
        Start::Time(seconds)
    }

    /// From now on the time is that, in seconds since 1970; whether it was said by whom it is up to.
    fn adopt(&self, seconds: i64, counter: &impl Counter, is_trusted: bool) {
        let origin = seconds
            .saturating_mul(NANOSECONDS)
            .saturating_sub(since_zero(counter));
        self.origin.store(origin, Ordering::Relaxed);
        if is_trusted {
            self.trusted.store(origin, Ordering::Relaxed);
        }
        self.is_known.store(true, Ordering::Release);
    }

    /// Makes the clock and this time agree, before a partition is launched that owns the clock or does not.
    pub fn before_launch(&self, machine: &(impl Registers + Counter), is_owner: bool) {
        self.agree(machine);
        if is_owner {
            self.owner.store(OWNED, Ordering::Release);
        }
    }

    /// Takes over what the clock's owner left there, once its Linux has ended; if that can't be told now,
    /// before the next launch of any.
    pub fn after_owner(&self, machine: &(impl Registers + Counter)) {
        let (left, failed) = (Ordering::AcqRel, Ordering::Relaxed);
        let _ = self.owner.compare_exchange(OWNED, LEFT, left, failed);
        self.agree(machine);
    }

    fn agree(&self, machine: &(impl Registers + Counter)) {
        let Some(khz) = machine.khz() else {
            return;
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
            return;
        }
        let owner = self.owner.load(Ordering::Acquire);
        let ours = || self.ours(machine);
        // Without a time that can be right there is none to be led away from.
        let is_new = ours().is_none_or(|ours| ours.trusted < EARLIEST);
        let outcome = chip::agree(machine, ours, owner != NOBODYS);
        if let Outcome::Adopt(time) = outcome {
            self.adopt(time, machine, is_new || owner != NOBODYS);
        }
        if owner == LEFT && outcome != Outcome::Unclear {
            let (over, failed) = (Ordering::AcqRel, Ordering::Relaxed);
            let _ = self.owner.compare_exchange(LEFT, NOBODYS, over, failed);
        }
        let (done, failed) = (Ordering::AcqRel, Ordering::Relaxed);
        // If it took too long, somebody else has the turn.
        let _ = self.turn.compare_exchange(begun, 0, done, failed);
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
