//! For the programs here that are no tests: the demo and the benchmarks.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::qemu::Running;

/// The machines to be ended with the program.
static MACHINES: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Makes a failed wait end the program with exit status 1 and the reason, and its machine with it.
///
/// The harness panics when a machine does not answer. A panic aborts the program (the profiles say
/// so), which would leave the machine running.
pub fn exit_on_failure(program: &'static str) {
    std::panic::set_hook(Box::new(move |panic| {
        let reason = panic.payload_as_str().unwrap_or("it panicked");
        eprintln!("{program}: error: {reason}");
        // A machine's evidence says more than a place here.
        if !reason.contains("--- com") && !reason.contains("--- QEMU") {
            eprintln!(
                "{program}: {}",
                panic
                    .location()
                    .map_or_else(String::new, ToString::to_string)
            );
        }
        // Held by nobody for long, but a hook must not wait.
        let machines = MACHINES.try_lock();
        let machines = machines.map_or_else(|_| Vec::new(), |mut all| std::mem::take(&mut *all));
        for process in machines {
            let _ = Command::new("kill")
                .args(["-9", &process.to_string()])
                .stderr(Stdio::null())
                .status();
        }
        std::process::exit(1);
    }));
}

/// Names the machine that is to end with the program: the one in use.
///
/// # Panics
/// Never: the lock is not held across a panic.
pub fn watch(machine: &Running) {
    watch_all(std::slice::from_ref(machine));
}

/// The same of several.
///
/// # Panics
/// Never: the lock is not held across a panic.
pub fn watch_all(machines: &[Running]) {
    let machines = machines.iter().map(Running::process).collect();
    *MACHINES.lock().expect("no panic while held") = machines;
}

/// Whether `$ONLY` asks for that: one of its texts, between `|`, is in the name, or it is empty.
#[must_use]
pub fn is_asked_for(only: &str, name: &str) -> bool {
    only.is_empty()
        || only
            .split('|')
            .any(|text| !text.is_empty() && name.contains(text))
}

/// The same of a number, which has to be the whole of one.
#[must_use]
pub fn is_one_of(only: &str, name: &str) -> bool {
    only.is_empty() || only.split('|').any(|text| text == name)
}

/// What may be asked for of one or another of make's programs.
const VARIABLES: [&str; 14] = [
    "N", "WHAT", "ONLY", "CLOCK", "KERNEL", "CORES", "WORK", "TICKS", "HALT", "KVM", "MODE",
    "SEED", "KEEP", "RUNS",
];

/// Whether each text of `$ONLY`, between `|`, is of one of these names: has a part of it, or is the whole of it.
///
/// # Errors
/// Which one is not, and what is accepted.
pub fn finds(only: &str, names: &[&str], by_whole: bool) -> Result<(), String> {
    let is_one = |name: &&str, text: &str| match by_whole {
        true => is_one_of(text, name),
        false => is_asked_for(text, name),
    };
    let is_none = |text: &&str| text.is_empty() || !names.iter().any(|name| is_one(name, text));
    let what = match by_whole {
        true => "one of these",
        false => "part of one of these",
    };
    match only.split('|').find(is_none) {
        Some(text) if !only.is_empty() => {
            let which = match text {
                text if text == only => String::new(),
                text => format!("\"{text}\" is of none; "),
            };
            Err(format!(
                "ONLY=\"{only}\": {which}{what} is accepted, and several between |: {}",
                names.join(", ")
            ))
        }
        _ => Ok(()),
    }
}

/// Whether nothing else is asked for, by which the program does not go.
///
/// # Errors
/// What it was, and what is accepted.
pub fn goes_by(accepted: &[&str], variable: impl Fn(&str) -> String) -> Result<(), String> {
    let mut others = VARIABLES.iter().filter(|name| !accepted.contains(name));
    match others.find(|name| !variable(name).is_empty()) {
        Some(name) => Err(format!(
            "{name}=\"{}\": not gone by here (accepted: {})",
            variable(name),
            accepted.join(", ")
        )),
        None => Ok(()),
    }
}

/// About four digits.
#[must_use]
pub fn short(value: f64) -> String {
    let digits = match value {
        value if value >= 1000.0 => 0,
        value if value >= 100.0 => 1,
        value if value >= 10.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

/// Rows under a heading, each column as wide as its longest cell. A cell may have several lines.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let lines = cells.flat_map(|cell| cell.lines());
        lines.map(|line| line.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let height = row.iter().map(|cell| cell.lines().count()).max();
        for line in 0..height.unwrap_or(0) {
            let mut text = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let part = cell.lines().nth(line).unwrap_or_default();
                // Writing into a string never fails.
                let _ = write!(text, "{part:width$}  ");
            }
            out.push_str("  ");
            out.push_str(text.trim_end());
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_texts_is_enough() {
        let asked = |only| is_asked_for(only, "nmi-all");
        assert!(asked("") && asked("nmi") && asked("oops|-all"));
        assert!(!asked("oops") && !asked("oops|nmi-b"));
    }

    #[test]
    fn each_text_is_of_something() {
        let names = ["nmi-all", "oops", "16"];
        for only in ["", "nmi", "oops|nmi", "16"] {
            assert_eq!(finds(only, &names, false), Ok(()), "{only}");
        }
        for (only, wanted) in [
            ("x", "ONLY=\"x\": part of one of these is accepted"),
            ("oops|x", "ONLY=\"oops|x\": \"x\" is of none; part of"),
            ("|", "nmi-all, oops, 16"),
            ("oops|", "is of none"),
        ] {
            let why = finds(only, &names, false).expect_err(only);
            assert!(why.contains(wanted), "{why}");
        }
        assert_eq!(finds("16", &names, true), Ok(()));
        assert!(finds("6", &names, true).is_err());
    }

    #[test]
    fn what_is_not_gone_by_is_refused() {
        let variable = |name: &str| match name {
            "SEED" => "7".to_string(),
            _ => String::new(),
        };
        assert_eq!(goes_by(&["N", "SEED"], variable), Ok(()));
        let why = goes_by(&["N", "WHAT"], variable).expect_err("it does not");
        assert_eq!(why, "SEED=\"7\": not gone by here (accepted: N, WHAT)");
    }

    #[test]
    fn tables_are_aligned() {
        let row = |cells: &[&str]| cells.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rows = [row(&["A", "B"]), row(&["long", "1\n2"]), row(&["", "3"])];
        assert_eq!(table(&rows), "  A     B\n  long  1\n        2\n        3\n");
    }
}
