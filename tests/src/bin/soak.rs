//! `make soak`: two partitions are ended in turns by every way there is, at random, and come back; then
//! by force at random moments of their boots; then two with control act at random on each other and on
//! others, with the shell and without it.
//!
//! `$WHAT` chooses one of these: `ends`, `moments`, `control`, or `all`.
//! `$N` is the number of rounds (25), `$SEED` what the ways are chosen by: printed, so that a soak
//! can be done again. `--check` looks through these alone. Exit status 0 only if all of it was right.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use bulkhead_tests::{soak, tool};

/// What `$WHAT` may be.
const PARTS: [&str; 3] = ["ends", "moments", "control"];

const ROUNDS: usize = 25;
/// More is a slip.
const MOST: usize = 1_000_000;

fn main() -> ExitCode {
    tool::exit_on_failure("soak");
    let asked = match Asked::read(|name| std::env::var(name).unwrap_or_default()) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("soak: error: {why}");
            return ExitCode::FAILURE;
        }
    };
    // Before make has built what it takes.
    if std::env::args().any(|word| word == "--check") {
        return ExitCode::SUCCESS;
    }
    let Asked {
        parts,
        rounds,
        seed,
    } = asked;
    let seed = seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.as_secs())
    });
    for part in parts {
        let name = match part {
            "ends" => "soak",
            "moments" => "soak_moments",
            _ => "soak_control",
        };
        println!(
            "soak of {part}: N={rounds} SEED={seed}; the serial ports are in build/tests/{name}/run/"
        );
        let say = &mut |line: &str| println!("{line}");
        let machine = match part {
            "control" => soak::machine_with_bosses(name),
            _ => soak::machine_with_witness(name),
        };
        let mut machine = machine.start();
        tool::watch(&machine);
        match part {
            "ends" => soak::run(&mut machine, rounds, seed, say),
            "moments" => soak::moments(&mut machine, rounds, seed, say),
            _ => soak::contend(&mut machine, rounds, seed, say),
        }
    }
    ExitCode::SUCCESS
}

/// What the environment asks for.
#[derive(Debug)]
struct Asked {
    parts: Vec<&'static str>,
    rounds: usize,
    seed: Option<u64>,
}

impl Asked {
    /// `variable` is the environment's; an empty one is none.
    fn read(variable: impl Fn(&str) -> String) -> Result<Self, String> {
        tool::goes_by(&["WHAT", "N", "SEED"], &variable)?;
        let parts = match variable("WHAT").as_str() {
            "" | "all" => PARTS.to_vec(),
            what => match PARTS.iter().find(|part| **part == what) {
                Some(part) => vec![*part],
                None => {
                    let names = PARTS.join(", ");
                    return Err(format!("WHAT=\"{what}\": {names} or all is accepted"));
                }
            },
        };
        let rounds = match variable("N").as_str() {
            "" => ROUNDS,
            // What there is at the end is compared with what was before.
            text => match text.parse() {
                Ok(rounds) if (2..=MOST).contains(&rounds) => rounds,
                _ => {
                    return Err(format!(
                        "N=\"{text}\": a number from 2 to {MOST} is accepted"
                    ));
                }
            },
        };
        let seed = match variable("SEED").as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                format!(
                    "SEED=\"{text}\": a number from 0 to {} is accepted",
                    u64::MAX
                )
            })?),
        };
        Ok(Self {
            parts,
            rounds,
            seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Asked, String> {
        Asked::read(|name| {
            let found = given.iter().find(|(own, _)| *own == name);
            found.map_or_else(String::new, |(_, value)| value.to_string())
        })
    }

    #[test]
    fn what_nobody_can_do_is_refused() {
        for (name, value, wanted) in [
            (
                "WHAT",
                "nosuch",
                "ends, moments, control or all is accepted",
            ),
            ("N", "0", "from 2 to 1000000"),
            ("N", "1", "from 2 to 1000000"),
            ("N", "1000001", "from 2 to 1000000"),
            ("N", "x", "from 2 to 1000000"),
            ("ONLY", "x", "not gone by here (accepted: WHAT, N, SEED)"),
            ("SEED", "-1", "a number from 0 to"),
            ("SEED", "18446744073709551616", "a number from 0 to"),
        ] {
            let why = read(&[(name, value)]).expect_err(value);
            let begin = format!("{name}=\"{value}\": ");
            assert!(why.starts_with(&begin) && why.contains(wanted), "{why}");
        }
    }

    #[test]
    fn what_is_asked_for_is_done() {
        let all = read(&[]).unwrap();
        assert_eq!((all.parts.as_slice(), all.rounds), (&PARTS[..], ROUNDS));
        assert_eq!(read(&[("WHAT", "all"), ("N", "")]).unwrap().parts, PARTS);
        let one = read(&[("WHAT", "moments"), ("N", "2"), ("SEED", "7")]).unwrap();
        assert_eq!(
            (one.parts, one.rounds, one.seed),
            (vec!["moments"], 2, Some(7))
        );
    }
}
