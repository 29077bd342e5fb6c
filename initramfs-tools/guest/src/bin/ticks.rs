//! `ticks [SECONDS]`: wakes every millisecond and tells how late, as cyclictest does.
//!
//! One line at the end, or on SIGTERM: `TICKS count=N lost=N max_us=N p999_us=N p50_us=N`, then a
//! histogram of powers of two in microseconds. `lost` counts periods that passed without a wake-up.
//! It runs at the highest real-time priority with its memory locked.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};

const PERIOD_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;
/// One bucket a microsecond up to here; later wake-ups are counted in the last.
const BUCKETS: usize = 200_000;

static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_signal: libc::c_int) {
    STOP.store(true, Ordering::Relaxed);
}

fn now() -> i64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the clock exists, and the call fills the structure.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        time.assume_init()
    };
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

fn percentile(buckets: &[u64], count: u64, per_mille: u64) -> usize {
    let wanted = count * per_mille / 1000;
    let mut sum = 0;
    buckets
        .iter()
        .position(|bucket| {
            sum += bucket;
            sum > wanted
        })
        .unwrap_or(buckets.len() - 1)
}

fn main() {
    let seconds: i64 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(10);
    let handler: extern "C" fn(libc::c_int) = stop;
    // SAFETY: the handler only stores a flag; the others take no pointers but a valid structure.
    unsafe {
        libc::signal(libc::SIGTERM, handler as libc::sighandler_t);
        libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE);
        // All zero first: which fields there are depends on the C library.
        let mut priority: libc::sched_param = std::mem::zeroed();
        priority.sched_priority = 99;
        libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority);
    }
    let mut buckets = vec![0u64; BUCKETS];
    let (mut count, mut lost, mut max_us) = (0u64, 0u64, 0i64);
    let end = now() + seconds * SECOND_NS;
    let mut next = now() + PERIOD_NS;
    while next < end && !STOP.load(Ordering::Relaxed) {
        sleep_until(next);
        let late_ns = (now() - next).max(0);
        let late_us = late_ns / 1000;
        count += 1;
        max_us = max_us.max(late_us);
        buckets[(late_us as usize).min(BUCKETS - 1)] += 1;
        let missed = late_ns / PERIOD_NS;
        lost += missed as u64;
        next += (missed + 1) * PERIOD_NS;
    }
    println!(
        "TICKS count={count} lost={lost} max_us={max_us} p999_us={} p50_us={}",
        percentile(&buckets, count, 999),
        percentile(&buckets, count, 500),
    );
    let mut low = 0usize;
    let mut high = 1usize;
    while low < BUCKETS {
        let sum: u64 = buckets[low..high.min(BUCKETS)].iter().sum();
        if sum > 0 {
            println!("TICKS-HISTOGRAM from_us={low} count={sum}");
        }
        (low, high) = (high, high * 2);
    }
}
