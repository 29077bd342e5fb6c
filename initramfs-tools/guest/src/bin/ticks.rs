//! `ticks [SECONDS [MARGIN]]`: wakes every millisecond and tells how late, as cyclictest does. `ticks now` tells where
//! the time-stamp counter is: `counter=N`.
//!
//! It ends after SECONDS (10) or on SIGTERM. The first and the last MARGIN (0) seconds are left out:
//! who starts and ends it from a console disturbs it by that.
//!
//! One line at the end: `TICKS count=N lost=N max_us=N p999_us=N p99_us=N p50_us=N`, then a
//! histogram of powers of two in microseconds. `lost` counts periods that passed without a wake-up.
//! It runs at the highest real-time priority with its memory locked.

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

const PERIOD_US: u64 = 1000;
const PERIOD_NS: i64 = 1_000_000;
const PERIODS_PER_SECOND: i64 = 1000;
const SECOND_NS: i64 = 1_000_000_000;
/// One bucket for each microsecond up to here; later wake-ups are counted in the last.
const BUCKETS: usize = 200_000;

static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_signal: libc::c_int) {
    STOP.store(true, Ordering::Relaxed);
}

fn now() -> i64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the structure lives through the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr()) };
    // SAFETY: the clock exists, so the call has filled the structure.
    let time = unsafe { time.assume_init() };
    time.tv_sec * SECOND_NS + time.tv_nsec
}

fn sleep_until(ns: i64) {
    let time = libc::timespec {
        tv_sec: ns / SECOND_NS,
        tv_nsec: ns % SECOND_NS,
    };
    // SAFETY: the structure is valid; an early return by a signal is seen by the caller's clock.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const time,
            std::ptr::null_mut(),
        );
    }
}

/// What is counted.
struct Counts {
    buckets: Vec<u64>,
    count: u64,
    lost: u64,
    max_us: u64,
}

impl Counts {
    fn add(&mut self, late_us: u64) {
        let bucket = usize::try_from(late_us).unwrap_or(BUCKETS);
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
        self.count += 1;
        self.lost += late_us / PERIOD_US;
        self.max_us = self.max_us.max(late_us);
    }

    fn percentile(&self, per_mille: u64) -> usize {
        let wanted = self.count * per_mille / 1000;
        let mut sum = 0;
        let found = self.buckets.iter().position(|bucket| {
            sum += bucket;
            sum > wanted
        });
        found.unwrap_or(BUCKETS - 1)
    }

    fn print(&self) {
        println!(
            "TICKS count={} lost={} max_us={} p999_us={} p99_us={} p50_us={}",
            self.count,
            self.lost,
            self.max_us,
            self.percentile(999),
            self.percentile(990),
            self.percentile(500),
        );
        let mut low = 0usize;
        let mut high = 1usize;
        while low < BUCKETS {
            let sum: u64 = self.buckets[low..high.min(BUCKETS)].iter().sum();
            if sum > 0 {
                println!("TICKS-HISTOGRAM from_us={low} count={sum}");
            }
            (low, high) = (high, high * 2);
        }
    }
}

fn argument(at: usize, default: i64) -> i64 {
    let text = std::env::args().nth(at);
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("now") {
        // SAFETY: reads a counter, which Linux lets programs read.
        println!("counter={}", unsafe { core::arch::x86_64::_rdtsc() });
        // Before what the kernel prints.
        // SAFETY: takes a number only.
        unsafe { libc::tcdrain(libc::STDOUT_FILENO) };
        return;
    }
    let seconds = argument(1, 10);
    let margin = argument(2, 0);
    let handler: extern "C" fn(libc::c_int) = stop;
    // SAFETY: the handler only stores a flag.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    // SAFETY: takes numbers only.
    unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) };
    // All zero first: which fields there are depends on the C library.
    // SAFETY: a structure of numbers, for which zeros are values.
    let mut priority: libc::sched_param = unsafe { std::mem::zeroed() };
    priority.sched_priority = 99;
    // SAFETY: the structure lives through the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) };
    let mut counts = Counts {
        buckets: vec![0; BUCKETS],
        count: 0,
        lost: 0,
        max_us: 0,
    };
    // Of the last seconds: they count once as many more have passed.
    let mut last =
        VecDeque::with_capacity(usize::try_from(margin * PERIODS_PER_SECOND + 1).unwrap_or(0));
    let begin = now();
    let first = begin + margin * SECOND_NS;
    let end = begin + seconds * SECOND_NS;
    let mut next = begin + PERIOD_NS;
    while next < end && !STOP.load(Ordering::Relaxed) {
        sleep_until(next);
        let late_ns = (now() - next).max(0);
        if next >= first {
            last.push_back((next, late_ns as u64 / 1000));
        }
        while let Some((time, late_us)) = last.front().copied()
            && time <= next - margin * SECOND_NS
        {
            counts.add(late_us);
            last.pop_front();
        }
        next += (late_ns / PERIOD_NS + 1) * PERIOD_NS;
    }
    counts.print();
}
