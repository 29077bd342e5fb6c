//! How it was asked for: whose time it is, and of the numbers that may be asked for those that something goes by.

use serde_json::{Value, json};

use crate::asked::Asked;
use crate::launch::MEMORY;
use crate::work::Clock;

/// What has virtual time whatever is asked for.
const ALWAYS_VIRTUAL: [&str; 2] = ["inside", "neighbour"];

/// The clock of what is asked for. With everything that is the host's, and [those](ALWAYS_VIRTUAL) have a `clock` of their own.
pub(crate) fn clock(asked: &Asked) -> Clock {
    match ALWAYS_VIRTUAL.contains(&asked.what.as_str()) {
        true => Clock::Virtual,
        false => asked.size.clock,
    }
}

/// The fields; a number that nothing goes by would be read as what was done.
pub(super) fn fields(asked: &Asked) -> Vec<(&'static str, Value)> {
    let size = &asked.size;
    let mut fields = vec![("clock", json!(clock(asked).name()))];
    if asked.goes_by("N") {
        fields.push(("runs", json!(size.runs)));
    }
    if asked.goes_by("CORES") {
        fields.push(("cores", json!(size.cores)));
        fields.push(("memory", json!(MEMORY)));
    }
    if asked.goes_by("WORK") {
        fields.push(("work_seconds", json!(size.seconds)));
    }
    if asked.goes_by("TICKS") {
        fields.push(("control_seconds", json!(asked.ticks)));
    }
    // What alone may be asked for with a parked core.
    if asked.has("work") {
        fields.push(("halted", json!(size.is_halted)));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(given: &[(&str, &str)]) -> Vec<(&'static str, Value)> {
        let variable = |name: &str| {
            let found = given.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| value.to_string())
        };
        fields(&Asked::read(variable, false).expect("it is accepted"))
    }

    fn keys(given: &[(&str, &str)]) -> Vec<&'static str> {
        named(given).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn only_the_numbers_that_a_part_goes_by_are_written() {
        for (what, wanted) in [
            ("scale", &["clock"][..]),
            ("neighbour", &["clock", "control_seconds"]),
            ("boot", &["clock", "runs"]),
            ("contention", &["clock", "runs", "work_seconds"]),
            ("restart", &["clock", "runs", "cores", "memory"]),
            (
                "work",
                &["clock", "runs", "cores", "memory", "work_seconds", "halted"],
            ),
        ] {
            assert_eq!(keys(&[("WHAT", what)]), wanted, "{what}");
        }
        assert_eq!(keys(&[]).len(), 7);
    }

    #[test]
    fn the_clock_is_the_parts() {
        for (given, wanted) in [
            (&[("WHAT", "neighbour")][..], "virtual"),
            (&[("WHAT", "inside")], "virtual"),
            (&[("WHAT", "scale"), ("CLOCK", "virtual")], "virtual"),
            (&[("WHAT", "scale")], "host"),
            (&[], "host"),
        ] {
            assert_eq!(named(given)[0], ("clock", json!(wanted)), "{given:?}");
        }
    }
}
