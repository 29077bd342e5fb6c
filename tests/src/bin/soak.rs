//! `make soak`: two partitions are ended in turns by every way there is, at random, and come back.
//!
//! `$N` is the number of rounds (25), `$SEED` what the ways are chosen by: printed, so that a soak
//! can be done again. Exit status 0 only if all of it was right.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use bulkhead_tests::{soak, tool};

const ROUNDS: usize = 25;

fn main() -> ExitCode {
    tool::exit_on_failure("soak");
    let rounds = number("N").map_or(ROUNDS, |n| usize::try_from(n).expect("64-bit"));
    assert!(rounds > 0, "N: a number from 1 on is accepted");
    let seed = number("SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.as_secs())
    });
    println!("soak: N={rounds} SEED={seed}; the serial ports are in build/tests/soak/run/");
    let mut machine = soak::machine_with_witness("soak").start();
    tool::watch(&machine);
    soak::run(&mut machine, rounds, seed, &mut |line| println!("{line}"));
    ExitCode::SUCCESS
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).unwrap_or_default();
    if text.is_empty() {
        return None;
    }
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}=\"{text}\": a number is accepted")))
}
