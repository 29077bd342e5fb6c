//! Many schedules, from fixed seeds on, for a limited time.
//!
//! `MODEL_SEED` says where each search begins (1), `MODEL_COUNT` after how many seeds it ends (100),
//! or `MODEL_SECONDS` after how long (25); `MODEL_BATCH` schedules belong to one seed (20). The seed of a failure is printed;
//! `MODEL_TRACE=1` prints what happened in that schedule, too.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the tests run where usize has 64 bits"
)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bulkhead_lifecycle_model::{Search, search};

/// One search has: the others need not go on.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn run(how: Search) {
    let batch = number("MODEL_BATCH", 20);
    let first = number("MODEL_SEED", 1);
    let end = Instant::now() + Duration::from_secs(number("MODEL_SECONDS", 25));
    let mut seed = first;
    let last = first + number("MODEL_COUNT", 100);
    while seed < last && Instant::now() < end && !HAS_FAILED.load(Relaxed) {
        if let Err(failure) = search(how, seed, batch as usize) {
            HAS_FAILED.store(true, Relaxed);
            panic!("{failure}");
        }
        seed += 1;
    }
    println!("{how:?}: {} schedules", (seed - first) * batch);
}

#[test]
fn under_random_schedules() {
    run(Search::Random);
}

#[test]
fn under_schedules_by_priorities() {
    run(Search::Priorities);
}

#[test]
fn of_events_alone() {
    run(Search::Events);
}

/// The kinds of failures of many seeds, for who works on the protocol.
#[test]
#[ignore = "a survey, by hand"]
fn survey() {
    let first = number("MODEL_SEED", 1);
    let batch = number("MODEL_BATCH", 1) as usize;
    let mut failures = 0;
    for seed in first..first + number("MODEL_COUNT", 50) {
        for how in [Search::Random, Search::Priorities] {
            if let Err(failure) = search(how, seed, batch) {
                failures += 1;
                println!("SURVEY {failure}");
            }
        }
    }
    println!("SURVEY {failures} failures");
}
