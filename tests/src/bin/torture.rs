//! `make torture`: what root of a partition can do to the machine, and who is hurt by it.
//!
//! `$MODE` is `bare` (the default) or `dma`; `$ONLY` does the cases with one of these texts, between `|`, in
//! their names alone. `KEEP=1` puts what came of them into `docs/evaluation/torture.json`, of which `make
//! evaluation` makes the table; all cases do so without it, as far as they went no worse. Exit status 1 if a
//! control is not what it must be, a case can't be done, or one went worse than it is there.

use std::process::{Command, ExitCode};

use bulkhead_tests::qemu::{accelerator, version};
use bulkhead_tests::torture::{self, Case, Done, Mode, Results, Verdict};
use bulkhead_tests::{root, tool};

/// The only case, of a program that was started for it.
const CASE: &str = "BULKHEAD_TORTURE_CASE";

fn main() -> ExitCode {
    tool::exit_on_failure("torture");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let (only, mode) = (variable("ONLY"), variable("MODE"));
    let mode = match mode.as_str() {
        "" => Mode::Bare,
        name => Mode::by_name(name).unwrap_or_else(|| {
            panic!(
                "MODE=\"{name}\": {} is accepted",
                Mode::ALL.map(|mode| mode.to_string()).join(" or ")
            )
        }),
    };
    let cases = torture::all();
    let chosen: Vec<&Case> = cases
        .iter()
        .filter(|case| match std::env::var(CASE) {
            Ok(name) => case.name == name,
            Err(_) => tool::is_asked_for(&only, case.name),
        })
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
        panic!(
            "ONLY=\"{only}\": part of one of these is accepted: {}",
            names.join(", ")
        );
    }
    if chosen.len() > 1 {
        return each(&chosen);
    }
    let path = root().join("docs/evaluation/torture.json");
    let read = || match std::fs::read_to_string(&path) {
        Ok(text) => Results::parse(&text).unwrap_or_else(|why| panic!("{why}")),
        Err(_) => Results::default(),
    };
    let before = read();
    let machine = format!("QEMU {} ({})", version(), accelerator().join(" "));
    let mut is_right = true;
    for case in chosen {
        let done = do_it(case, mode);
        let is_expected = match case.name {
            "control-nothing" => done.verdict == Verdict::Nothing,
            "control-hurt" => matches!(done.verdict, Verdict::NotContained(_)),
            name => before
                .verdict(mode, name)
                .is_none_or(|before| !torture::worse(&before, &done.verdict)),
        };
        if !is_expected {
            println!("{:20} is worse than it was, or no control", "");
            is_right = false;
        }
        // What went worse is the truth as well, for who asks to keep it.
        if variable("KEEP") == "1" || only.is_empty() && is_expected {
            // One at a time: another run may be at other cases.
            let mut results = read();
            results.put(mode, case, &done, &machine);
            let kept = std::fs::write(&path, results.text());
            kept.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    match is_right {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Each by a program of its own: one that can't be done ends that, and not the others.
fn each(cases: &[&Case]) -> ExitCode {
    let program = std::env::current_exe().expect("this program is somewhere");
    let mut failed = Vec::new();
    for case in cases {
        let status = Command::new(&program).env(CASE, case.name).status();
        if !status.expect("it can be started again").success() {
            failed.push(case.name);
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("not done, or worse than it was: {}", failed.join(", "));
    ExitCode::FAILURE
}

/// So often is looked whether a witness stands still.
const TRIES: usize = 3;

fn do_it(case: &Case, mode: Mode) -> Done {
    let mut done = torture::run(case, mode, tool::watch);
    for _ in 1..TRIES {
        if done.verdict.may_be_the_hosts() {
            println!("{:20} {mode}: {}; once more", case.name, done.verdict);
            done = torture::run(case, mode, tool::watch);
        }
    }
    println!("{:20} {mode}: {}", case.name, done.verdict);
    println!("{:20} it: {}; said {:?}", "", done.state, done.said);
    // What was not done says nothing of who would be hurt.
    let is_done = ["HOSTILE failed", "can't", "not found", "No such"]
        .iter()
        .all(|word| !done.said.contains(word));
    assert!(is_done, "{} was not done: {}", case.name, done.said);
    done
}
