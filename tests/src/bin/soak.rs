//! `make soak`: two partitions are ended in turns by every way there is, at random, and come back; then
//! by force at random moments of their boots; then two with control act at random on each other and on
//! others, with the shell and without it.
//!
//! `$WHAT` chooses one of these: `ends`, `moments`, `control`, or `all`.
//! `$N` is the number of rounds (25), `$SEED` what the ways are chosen by: printed, so that a soak
//! can be done again. Exit status 0 only if all of it was right.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use bulkhead_tests::{soak, tool};

const ROUNDS: usize = 25;

fn main() -> ExitCode {
    tool::exit_on_failure("soak");
    let rounds = number("N").map_or(ROUNDS, |n| usize::try_from(n).expect("64-bit"));
    // What there is at the end is compared with what was before.
    assert!(rounds > 1, "N: a number from 2 on is accepted");
    let seed = number("SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.as_secs())
    });
    let what = std::env::var("WHAT").unwrap_or_default();
    let parts: &[&str] = match what.as_str() {
        "" | "all" => &["ends", "moments", "control"],
        "ends" => &["ends"],
        "moments" => &["moments"],
        "control" => &["control"],
        other => panic!("WHAT=\"{other}\": ends, moments, control or all is accepted"),
    };
    for part in parts {
        let name = match *part {
            "ends" => "soak",
            "moments" => "soak_moments",
            _ => "soak_control",
        };
        println!(
            "soak of {part}: N={rounds} SEED={seed}; the serial ports are in build/tests/{name}/run/"
        );
        let say = &mut |line: &str| println!("{line}");
        let machine = match *part {
            "control" => soak::machine_with_bosses(name),
            _ => soak::machine_with_witness(name),
        };
        let mut machine = machine.start();
        tool::watch(&machine);
        match *part {
            "ends" => soak::run(&mut machine, rounds, seed, say),
            "moments" => soak::moments(&mut machine, rounds, seed, say),
            _ => soak::contend(&mut machine, rounds, seed, say),
        }
    }
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
