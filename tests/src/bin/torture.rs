//! `make torture`: what root of a partition can do to the machine, and who is hurt by it.
//!
//! `$MODE` is `bare` (the default) or `dma`; `$ONLY` does the cases with one of these texts, between `|`, in
//! their names alone. `$KEEP` puts what came of them into `docs/evaluation/torture.json`, of which `make
//! evaluation` makes the table; all cases do so without it. Exit status 1 if a control is not what it must be,
//! or a case went worse than it is there.

use std::process::ExitCode;

use bulkhead_tests::qemu::{accelerator, version};
use bulkhead_tests::torture::{self, Case, Mode, Results, Verdict};
use bulkhead_tests::{root, tool};

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
        .filter(|case| tool::is_asked_for(&only, case.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
        panic!(
            "ONLY=\"{only}\": part of one of these is accepted: {}",
            names.join(", ")
        );
    }
    let path = root().join("docs/evaluation/torture.json");
    let read = || match std::fs::read_to_string(&path) {
        Ok(text) => Results::parse(&text).unwrap_or_else(|why| panic!("{why}")),
        Err(_) => Results::default(),
    };
    let before = read();
    let machine = format!("QEMU {} ({})", version(), accelerator().join(" "));
    let is_kept = only.is_empty() || variable("KEEP") == "1";
    let mut is_right = true;
    for case in chosen {
        let done = torture::run(case, mode, tool::watch);
        println!("{:20} {mode}: {}", case.name, done.verdict);
        println!("{:20} it: {}; said {:?}", "", done.state, done.said);
        // What was not done says nothing of who would be hurt.
        let is_done = ["HOSTILE failed", "can't", "not found", "No such"]
            .iter()
            .all(|word| !done.said.contains(word));
        assert!(is_done, "{} was not done: {}", case.name, done.said);
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
        } else if is_kept {
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
