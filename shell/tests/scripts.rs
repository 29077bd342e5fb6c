//! Scripts: `include`, `on-error`, `wait`, and what is told between their lines.

mod support;

use bulkhead_fake::Happening;
use bulkhead_model::End;
use support::Session;

const WEB: &str = "define web cores=2-3 memory=512M kernel=linux61";

/// What a script says, and whether it went through.
fn run(session: &mut Session, text: &str) -> (String, bool) {
    let mut said = String::new();
    let done = session
        .shell
        .script("boot", text, &mut session.kernel, &mut said);
    (said, done.is_ok())
}

fn session_with(scripts: &[(&str, &'static str)]) -> Session {
    let mut session = Session::new();
    for (name, text) in scripts {
        session.kernel.add_script(name, text);
    }
    session
}

#[test]
fn a_script_includes_others() {
    let mut session = session_with(&[
        (
            "net",
            "define db cores=4 memory=512M kernel=linux612\ninclude more\n",
        ),
        ("more", "version\r\n"),
    ]);
    let (said, done) = run(&mut session, &format!("{WEB}\ninclude net\nstart web db"));
    assert!(done, "{said}");
    assert!(said.ends_with("Bulkhead 0.1.0\n"), "{said}");
    assert_eq!(session.kernel.started, ["web", "db"]);
    assert_eq!(session.line("include more"), "Bulkhead 0.1.0\n");
}

#[test]
fn an_error_ends_the_scripts_that_include_it() {
    let mut session = session_with(&[("inner", "\nversion\nfrob\nversion\n")]);
    let (said, done) = run(&mut session, "\ninclude inner\nversion\n");
    assert!(!done);
    assert!(
        said.starts_with("Bulkhead 0.1.0\nfrob\n^^^^\ninner:3: error: unknown"),
        "{said}"
    );
    assert!(
        said.ends_with(
            ")\nboot:2: error: \"inner\" stopped at its line 3\n\
             boot: the script stopped at line 2; nothing behind it was done\n"
        ),
        "{said}"
    );
    // At the prompt the first of the two says all.
    let said = session.line("include inner");
    assert_eq!(said.matches(": error: ").count(), 1, "{said}");
}

#[test]
fn on_error_continue_goes_on_and_counts() {
    let mut session = session_with(&[("inner", "frob\nversion\non-error stop\nfrob\nversion\n")]);
    let script = "on-error continue\nfrob\ninclude inner\nversion\non-error stop\nfrob\nversion\n";
    let (said, done) = run(&mut session, script);
    assert!(!done);
    let errors: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_once(": error: ").map(|(place, _)| place))
        .collect();
    assert_eq!(errors, ["boot:2", "inner:1", "inner:4", "boot:3", "boot:6"]);
    // Not the last one of either.
    assert_eq!(said.matches("Bulkhead 0.1.0").count(), 2, "{said}");
    let (said, done) = run(&mut session, "on-error continue\nfrob\nfrob\n");
    assert!(
        done && said.ends_with("boot: went on after 2 refused lines\n"),
        "{said}"
    );
}

#[test]
fn what_can_not_be_included() {
    let mut session = session_with(&[
        ("self", "include self"),
        ("a", "include b"),
        ("b", "include a"),
        ("0", "include 1"),
        ("1", "include 2"),
        ("2", "include 3"),
        ("3", "include 4"),
        ("4", "include 5"),
        ("5", "include 6"),
        ("6", "include 7"),
        ("7", "include 8"),
        ("8", "version"),
    ]);
    let table = [
        (
            "include linux61",
            "\"linux61\" is no script: it is a kernel",
        ),
        (
            "include demo",
            "\"demo\" is no script: it has 2M bytes, more than 1M",
        ),
        (
            "include",
            "\"include\" needs the name of a script (accepted: include NAME)",
        ),
        (
            "include a b",
            "\"b\" is too much here (accepted: include NAME)",
        ),
        (
            "include self",
            "self:1: error: \"self\" would include itself\n",
        ),
        ("include a", "b:1: error: \"a\" would include itself\n"),
        (
            "include 0",
            "7:1: error: scripts may include each other 8 deep\n",
        ),
        (
            "include dem",
            "there is no image \"dem\", did you mean \"demo\"? (images: linux61,",
        ),
        (
            "on-error continue",
            "\"on-error\" is for scripts; at the prompt nothing stops\n",
        ),
        (
            "on-error contiue",
            "\"contiue\" is neither, did you mean \"continue\"? (accepted: continue, stop)",
        ),
        (
            "on-error",
            "\"on-error\" needs continue or stop (accepted: on-error continue|stop)",
        ),
    ];
    for (line, error) in table {
        let said = session.line(line);
        assert!(said.contains(error), "{line}: {said}");
    }
    assert_eq!(session.line("include 1"), "Bulkhead 0.1.0\n");
    session.kernel.texts.clear();
    let said = session.line("include a");
    assert!(
        said.contains("\"a\" is no script: not UTF-8 text"),
        "{said}"
    );
}

#[test]
fn waits() {
    let mut session = Session::after(WEB);
    session.kernel.later.extend([
        (84_000, "web", Happening::Launch),
        (85_000, "web", Happening::Launched),
        (86_000, "web", Happening::Ended(End::PoweredOff)),
    ]);
    assert_eq!(
        session.line("wait web running 10"),
        "* web: Launch\n* web: Launched\n"
    );
    assert_eq!(session.kernel.now_ms, 85_002);
    assert_eq!(session.line("wait web running 0"), "");
    assert_eq!(
        session.line("wait web stopped 2m"),
        "* web: Ended(PoweredOff)\n"
    );
    assert_eq!(session.kernel.now_ms, 86_002);
    // Never launched is stopped as well.
    assert_eq!(session.line("wait web stopped 0"), "");
}

#[test]
fn a_wait_ends() {
    let mut session = Session::after(WEB);
    let said = session.line("wait web running 500ms");
    assert_eq!(
        said,
        format!(
            "{:15}^^^\nerror: \"web\" is defined, not running, after 500 ms\n",
            ""
        )
    );
    assert_eq!(session.kernel.now_ms, 83_512);
    session.kernel.interrupt_ms = Some(84_000);
    let said = session.line("wait web running 60");
    assert!(
        said.ends_with("error: the wait was given up (^C): \"web\" is defined\n"),
        "{said}"
    );
    let table = [
        (
            "wait",
            "needs the name of a partition (accepted: wait NAME running|stopped TIMEOUT)",
        ),
        ("wait web", "needs running or stopped"),
        ("wait web running", "needs a time, as in 10s"),
        (
            "wait web runing 1",
            "\"runing\" is neither, did you mean \"running\"?",
        ),
        ("wait web running 1 2", "\"2\" is too much here"),
        (
            "wait web running soon",
            "\"soon\" is not a time of at most a day",
        ),
        ("wait nobody running 1", "there is no partition \"nobody\""),
    ];
    for (line, error) in table {
        let said = session.line(line);
        assert!(said.contains(error), "{line}: {said}");
    }
}

/// A script that waits in vain is stopped by it, and goes on if it wants to.
#[test]
fn a_wait_in_a_script() {
    let mut session = Session::new();
    let (said, done) = run(
        &mut session,
        &format!("{WEB}\nwait web running 1\nstart web\n"),
    );
    assert!(!done && session.kernel.started.is_empty());
    let end = "wait web running 1\n     ^^^\nboot:2: error: \"web\" is defined, not running, after 1 s\n\
               boot: the script stopped at line 2; nothing behind it was done\n";
    assert!(said.ends_with(end), "{said}");
}

#[test]
fn events_are_told_between_lines() {
    let mut session = Session::after(WEB);
    let launch = (0, "web", Happening::Launch);
    session.kernel.later.push_back(launch);
    let (said, _) = run(&mut session, "version\nversion\n");
    assert_eq!(said, "Bulkhead 0.1.0\n* web: Launch\nBulkhead 0.1.0\n");
}

#[test]
fn lines_can_be_shown() {
    let mut session = session_with(&[("inner", "# nothing\n")]);
    session.shell.echo_scripts();
    let (said, _) = run(&mut session, "version \ninclude inner");
    let expected = "boot:1: version\nBulkhead 0.1.0\nboot:2: include inner\ninner:1: # nothing\n";
    assert_eq!(said, expected);
}

#[test]
fn a_kernel_without_images_has_no_scripts() {
    let mut session = Session::new();
    session.kernel.machine.images.clear();
    let said = session.line("include x");
    assert!(
        said.contains("there is no image \"x\" (images: none)"),
        "{said}"
    );
}
