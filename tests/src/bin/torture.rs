//! `make torture`: what root of a partition can do to the machine, and who is hurt by it.
//!
//! `$ONLY` does the cases with that in their names alone, and writes nothing. All of them write
//! `docs/evaluation/torture.md`'s table anew. Exit status 1 if a control is not what it must be, or a case
//! went worse than that table had it.

use std::path::PathBuf;
use std::process::ExitCode;

use bulkhead_tests::torture::{self, Case, Verdict};
use bulkhead_tests::{root, tool};

const BEGIN: &str = "<!-- make torture: begin -->\n";
const END: &str = "<!-- make torture: end -->";

fn main() -> ExitCode {
    tool::exit_on_failure("torture");
    let only = std::env::var("ONLY").unwrap_or_default();
    let cases = torture::all();
    let chosen: Vec<&Case> = cases
        .iter()
        .filter(|case| case.name.contains(&only))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
        eprintln!(
            "torture: error: ONLY=\"{only}\": part of one of these is accepted: {}",
            names.join(", ")
        );
        return ExitCode::FAILURE;
    }
    let page = page();
    let text = std::fs::read_to_string(&page).unwrap_or_default();
    let before = torture::parse(&text);
    let mut rows = Vec::new();
    let mut is_right = true;
    for case in chosen {
        let done = torture::run(case, tool::watch);
        println!("{:20} {}", case.name, done.verdict);
        println!("{:20} it: {}; said {:?}", "", done.state, done.said);
        let is_expected = match case.name {
            "control-nothing" => done.verdict == Verdict::Nothing,
            "control-hurt" => matches!(done.verdict, Verdict::NotContained(_)),
            name => {
                let row = before.iter().find(|row| row.name == name);
                row.is_none_or(|row| !torture::worse(&row.verdict, &done.verdict))
            }
        };
        if !is_expected {
            println!("{:20} is worse than it was, or no control", "");
            is_right = false;
        }
        rows.push((case, done.verdict));
    }
    if only.is_empty() && is_right {
        write(&page, &text, &torture::markdown(&rows));
    }
    if is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn page() -> PathBuf {
    root().join("docs/evaluation/torture.md")
}

/// Puts the table into the page, between its two marks.
fn write(page: &PathBuf, text: &str, table: &str) {
    let parts = text.split_once(BEGIN).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once(END)?;
        Some((head, tail))
    });
    let Some((head, tail)) = parts else {
        panic!("{} has no marks {BEGIN:?} and {END:?}", page.display());
    };
    let new = format!("{head}{BEGIN}\n{table}\n{END}{tail}");
    std::fs::write(page, new).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    println!("written: {}", page.display());
}
