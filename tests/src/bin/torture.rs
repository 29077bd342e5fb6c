//! `make torture`: what root of a partition can do to the machine, and who is hurt by it.
//!
//! `$MODE` is `bare` (the default) or `dma`; `$ONLY` does the cases with one of these texts, between `|`, in
//! their names alone. `KEEP=1` puts what came of them into `docs/evaluation/torture.json`, of which `make
//! evaluation` makes the table, whatever it is; without it nothing is written, and what differs is said. Exit
//! status 1 if a control is not what it must be, a case can't be done, one went worse than it is there, or is not
//! there and hurts others.

use std::process::{Command, ExitCode};

use bulkhead_tests::qemu::{accelerator, version};
use bulkhead_tests::torture::{self, Case, Compared, Done, Mode, Results};
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
    let Asked { mode, keep, chosen } = asked;
    let [case] = chosen.as_slice() else {
        return each(&chosen);
    };
    let path = root().join("docs/evaluation/torture.json");
    let read = || match std::fs::read_to_string(&path) {
        Ok(text) => Results::parse(&text).unwrap_or_else(|why| panic!("{why}")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Results::default(),
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let before = read().verdict(mode, case.name);
    let machine = format!("QEMU {} ({})", version(), accelerator().join(" "));
    let done = do_it(case, mode);
    let compared = Compared::of(case, before.as_ref(), &done.verdict);
    if compared != Compared::Same {
        let before = before.map_or("nothing".to_string(), |before| before.to_string());
        println!("{:20} {compared}; kept before: {before}", "");
    }
    if done.may_be_the_hosts {
        println!("{:20} may be the host's", "");
    }
    // What went worse is the truth as well, for who asks to keep it.
    if keep {
        // The others were done by other programs meanwhile.
        let mut results = read();
        let (commit, today) = (source::commit(), source::today());
        if !results.put(mode, case, &done, [&machine, &commit, &today]) {
            println!("{:20} the worst that was seen stays", "");
        }
        let kept = std::fs::write(&path, results.text());
        kept.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    match compared.is_error() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// What the environment asks for.
struct Asked {
    mode: Mode,
    keep: bool,
    chosen: Vec<Case>,
}

impl Asked {
    fn read(variable: impl Fn(&str) -> String) -> Result<Self, String> {
        tool::goes_by(&["MODE", "ONLY", "KEEP"], &variable)?;
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
        tool::finds(&only, &names, false)?;
        chosen.retain(|case| match alone.as_str() {
            "" => tool::is_asked_for(&only, case.name),
            name => case.name == name,
        });
        Ok(Self { mode, keep, chosen })
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
    println!(
        "not done, worse than it was, new and not contained, or no control: {}",
        failed.join(", ")
    );
    ExitCode::FAILURE
}

fn do_it(case: &Case, mode: Mode) -> Done {
    let done = torture::look(case.varies, || {
        let done = torture::run(case, mode, tool::watch);
        let hosts = if done.may_be_the_hosts {
            " (may be the host's)"
        } else {
            ""
        };
        println!("{:20} {mode}: {}{hosts}", case.name, done.verdict);
        done
    });
    println!("{:20} it: {}; said {:?}", "", done.state, done.said);
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
            ("ONLY", "oops|nosuch", "\"nosuch\" is of none"),
            ("N", "3", "not gone by here (accepted: MODE, ONLY, KEEP)"),
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
