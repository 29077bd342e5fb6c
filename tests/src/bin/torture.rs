//! `make torture`: what root of a partition can do to the machine, and who is hurt by it.
//!
//! `$MODE` is `bare` (the default) or `dma`; `$ONLY` does the cases with one of these texts, between `|`, in
//! their names alone. `KEEP=1` puts what came of them into `docs/evaluation/torture.json`, of which `make
//! evaluation` makes the table; all cases do so without it, as far as they went no worse. Exit status 1 if a
//! control is not what it must be, a case can't be done, or one went worse than it is there.

use std::process::{Command, ExitCode};

use bulkhead_tests::qemu::{accelerator, version};
use bulkhead_tests::torture::{self, Case, Done, Mode, Results, Verdict};
use bulkhead_tests::{root, source, tool};

/// The only case, of a program that was started for it.
const CASE: &str = "BULKHEAD_TORTURE_CASE";

fn main() -> ExitCode {
    tool::exit_on_failure("torture");
    let asked = match Asked::read(|name| std::env::var(name).unwrap_or_default()) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("torture: error: {why}");
            return ExitCode::FAILURE;
        }
    };
    // Before make has built what it takes.
    if std::env::args().any(|word| word == "--check") {
        return ExitCode::SUCCESS;
    }
    let Asked {
        mode,
        only,
        keep,
        chosen,
    } = asked;
    let [case] = chosen.as_slice() else {
        return each(&chosen);
    };
    let path = root().join("docs/evaluation/torture.json");
    let read = || match std::fs::read_to_string(&path) {
        Ok(text) => Results::parse(&text).unwrap_or_else(|why| panic!("{why}")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Results::default(),
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let before = read();
    let machine = format!("QEMU {} ({})", version(), accelerator().join(" "));
    let done = do_it(case, mode);
    let is_right = match case.name {
        "control-hurt" => matches!(done.verdict, Verdict::NotContained(_)),
        name if name.starts_with("control-") => done.verdict == Verdict::Nothing,
        name => before
            .verdict(mode, name)
            .is_none_or(|before| !torture::worse(&before, &done.verdict)),
    };
    if !is_right {
        println!("{:20} is worse than it was, or no control", "");
    }
    if done.verdict.may_be_the_hosts() {
        println!("{:20} may be the host's: it is not kept", "");
        return ExitCode::FAILURE;
    }
    // What went worse is the truth as well, for who asks to keep it.
    if keep || only.is_empty() && is_right {
        // The others were done by other programs meanwhile.
        let mut results = read();
        let (commit, today) = (source::commit(), source::today());
        results.put(mode, case, &done, [&machine, &commit, &today]);
        let kept = std::fs::write(&path, results.text());
        kept.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    match is_right {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What the environment asks for.
struct Asked {
    mode: Mode,
    only: String,
    keep: bool,
    chosen: Vec<Case>,
}

impl Asked {
    fn read(variable: impl Fn(&str) -> String) -> Result<Self, String> {
        let (only, mode, alone) = (variable("ONLY"), variable("MODE"), variable(CASE));
        let mode = match mode.as_str() {
            "" => Mode::Bare,
            name => Mode::by_name(name).ok_or_else(|| {
                let names = Mode::ALL.map(|mode| mode.to_string());
                format!("MODE=\"{name}\": {} is accepted", names.join(" or "))
            })?,
        };
        let keep = match variable("KEEP").as_str() {
            "" => false,
            "1" => true,
            other => return Err(format!("KEEP=\"{other}\": 1 is accepted, or nothing")),
        };
        let mut chosen = torture::all();
        let names: Vec<&str> = chosen.iter().map(|case| case.name).collect();
        chosen.retain(|case| match alone.as_str() {
            "" => tool::is_asked_for(&only, case.name),
            name => case.name == name,
        });
        if chosen.is_empty() {
            return Err(format!(
                "ONLY=\"{only}\": part of one of these is accepted: {}",
                names.join(", ")
            ));
        }
        Ok(Self {
            mode,
            only,
            keep,
            chosen,
        })
    }
}

/// Each by a program of its own: one that can't be done ends that, and not the others.
fn each(cases: &[Case]) -> ExitCode {
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
    let nothing = ["HOSTILE failed", "can't", "not found", "No such", "wrote 0"];
    let is_done = nothing.iter().all(|word| !done.said.contains(word))
        && !done.said.starts_with("HOSTILE did 0");
    assert!(is_done, "{} was not done: {}", case.name, done.said);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_not_is_refused() {
        for (name, value, wanted) in [
            ("MODE", "guard", "bare or dma"),
            ("KEEP", "yes", "1 is accepted"),
            ("ONLY", "nosuch|", "control-nothing, control-hurt"),
        ] {
            let read = Asked::read(|asked| match asked == name {
                true => value.to_string(),
                false => String::new(),
            });
            let why = read.err().expect(name);
            assert!(why.contains(wanted) && why.contains(value), "{why}");
        }
        let all = Asked::read(|_| String::new()).unwrap_or_else(|why| panic!("{why}"));
        assert!(all.chosen.len() > 50 && all.mode == Mode::Bare && !all.keep);
    }
}
