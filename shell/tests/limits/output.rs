//! What is repeated of a line, and what is listed.

use bulkhead_shell::Options;
use bulkhead_shell::limits::{
    CONSOLES, HELD_BYTES, LINE_BYTES, LISTED_NAMES, MESSAGE_BYTES, PROBLEMS, QUOTED_CHARS,
};

use crate::LONG;
use crate::support::FakeKernel;
use crate::watched::{Watched, longest, measured};

#[test]
fn words_are_cut_where_an_error_repeats_them() {
    let cut = format!("\"{}...\"", "y".repeat(QUOTED_CHARS));
    for form in [
        "%",
        "help %",
        "define % cores=1 memory=512M kernel=linux61",
        "define web %",
        "define web %=1",
        "define web cores=%",
        "define web cores=1 memory=%",
        "define web cores=1 memory=2M@%",
        "define web cores=2 memory=512M kernel=%",
        "define web cores=2 memory=512M kernel=linux61 initrd=%",
        "define web cores=2 memory=512M kernel=linux61 console=%",
        "define web cores=2 memory=512M kernel=linux61 devices=%",
        "define web cores=2 memory=512M kernel=linux61 devices=pci:%",
        "define web cores=2 memory=512M kernel=linux61 restart=%",
        "define web cores=2 memory=512M kernel=linux61 control=%",
        "set % cores=1",
        "undefine %",
        "check %",
        "show %",
        "start %",
        "restart %",
        "kill %",
        "handoff %",
        "wait %",
        "wait web %",
        "wait web running %",
        "wait % running 1",
        "include %",
        "keymap %",
        "status %",
        "list %",
        "reset %",
        "halt %",
        "define web cores=2 memory=512M kernel=linux61 \"cmdline=memmap=% \"",
    ] {
        let line = longest(form);
        let mut watched = Watched::new();
        assert!(!watched.script(&line));
        watched.assert_bounded(form);
        let error = watched.error();
        assert!(error.len() <= MESSAGE_BYTES + 7, "{form}: {}", error.len());
        let long = "y".repeat(QUOTED_CHARS + 1);
        assert!(!error.contains(&long), "{form}: {error}");
        if !error.contains("needs") && !form.contains("memmap") && !form.contains("pci:") {
            assert!(error.contains(&cut), "{form}: {error}");
        }
    }
}

#[test]
fn quotes_in_a_word_do_not_undo_the_cut() {
    let mut watched = Watched::new();
    watched.type_in(&format!("show '{}'\r", "y\"".repeat(LINE_BYTES / 2 - 10)));
    watched.assert_bounded("quotes");
    assert!(
        watched.error().len() < 4 * QUOTED_CHARS,
        "{}",
        watched.error()
    );
}

#[test]
fn errors_list_so_many_names_and_no_more() {
    let mut kernel = FakeKernel::default();
    for i in 0..100 {
        kernel.add_script(&format!("{i:03}{}", "n".repeat(200)), "version");
    }
    let mut watched = Watched::with(kernel);
    watched.type_in("include nobody\r");
    watched.assert_bounded("names");
    let error = watched.error().to_string();
    assert!(error.len() <= MESSAGE_BYTES + 7, "{}", error.len());
    let mut kernel = FakeKernel::default();
    for i in 0..100 {
        kernel.add_script(&format!("{i:03}"), "version");
    }
    let mut watched = Watched::with(kernel);
    watched.type_in("include nobody\r");
    watched.assert_bounded("short names");
    let more = 104 - LISTED_NAMES;
    assert!(
        watched
            .error()
            .ends_with(&format!(", 027 and {more} more)")),
        "{}",
        watched.error()
    );
}

#[test]
fn candidates_are_listed_up_to_a_number() {
    let mut kernel = FakeKernel::default();
    for i in 0..1000 {
        kernel.add_script(&format!("s{i:03}"), "version");
    }
    kernel.add_script("t", "version");
    let mut watched = Watched::with(kernel);
    watched.type_in("include s\t\t");
    watched.assert_bounded("candidates");
    assert!(
        watched.out.0.contains("\nand 872 more\n"),
        "{}",
        watched.out.0
    );
    // What all have in common counts those that are not listed.
    watched.type_in("9\t\t");
    assert!(watched.out.0.contains("s999"));
    watched.type_in("\u{3}include \t|");
    assert!(watched.out.0.ends_with("include \u{7}|"));
}

#[test]
fn watched_events_are_cut() {
    let long = "\u{1b}[2J".to_string() + &"z".repeat(LONG);
    let mut watched = Watched::new();
    watched.type_in("watch\r");
    watched.out.0.clear();
    for _ in 0..20 {
        watched.shell.event(&long, &mut watched.out);
    }
    let (_, held) = watched.heap();
    assert!(held <= HELD_BYTES, "{held} bytes are kept");
    // What an event says moves no cursor.
    watched.shell.tick(&watched.kernel, &mut watched.out);
    assert!(watched.out.0.contains("\n* ?[2Jzzz"), "{}", watched.out.0);
}

#[test]
fn a_command_line_full_of_mistakes_is_survived() {
    for (line, more) in [
        ("a ".repeat(LONG), LONG - PROBLEMS),
        ("bulkhead.console=x ".repeat(LONG), LONG - PROBLEMS),
        (
            "bulkhead.console=com2 ".repeat(LONG),
            LONG - CONSOLES - PROBLEMS,
        ),
        ("bulkhead.noauto=1 ".repeat(LONG), LONG - PROBLEMS),
    ] {
        let (options, peak) = measured(|| Options::parse(&line));
        assert!(peak < 8 << 10, "{}: {peak} bytes at once", &line[..20]);
        assert!(options.consoles.len() <= CONSOLES);
        let said = format!("{more} more words are left out");
        assert_eq!(options.problems.last(), Some(&said), "{}", &line[..20]);
    }
    let long = format!("bulkhead.conf={}", "x".repeat(LONG));
    let options = Options::parse(&long);
    assert!(!options.is_script_named && options.runs_script);
    assert!(options.problems[0].starts_with("bulkhead.conf: \"xxx"));
    assert!(options.problems[0].len() < MESSAGE_BYTES);
}
