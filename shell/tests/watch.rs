//! `watch`, the status line, and what the seat at the machine can be told.

mod support;

use bulkhead_shell::Shell;
use support::Session;

const WEB: &str = "define web cores=2-3 memory=512M kernel=linux61\nstart web\n\
                   define db cores=4 memory=1G kernel=linux61";

fn tick(session: &mut Session) {
    session.shell.tick(&session.kernel, &mut session.terminal);
}

const TABLE: &str = "\
Bulkhead 0.1.0, up 0:01:23; 0 of 8 cores parked; 2.4G of RAM free
NAME  STATE    CORES  MEMORY  RUNS  FAILURES  UP
web   running  2-3    512M    1     0         1:02:05
db    defined  4      1G      0     0         -
(any key stops)
";

/// The table with what differs in it.
fn table(changes: &[(&str, &str)]) -> String {
    let replaced = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    changes.iter().fold(TABLE.to_string(), replaced)
}

#[test]
fn a_picture_a_second_until_a_key() {
    let mut session = Session::after(WEB);
    session.keys("watch\r");
    let first = session.terminal.screen();
    let cores = &first[first.find("; ").unwrap()..first.find(" of RAM").unwrap()];
    let head = ("; 0 of 8 cores parked; 2.4G", cores);
    let cleaned = |text: &str| text[text.rfind("Bulkhead 0.1.0").unwrap()..].to_string();
    assert_eq!(cleaned(&first), table(&[head]));
    // Nothing new before the second is over.
    let received = session.terminal.received;
    session.kernel.now_ms += 999;
    tick(&mut session);
    assert_eq!(session.terminal.received, received);
    session.kernel.now_ms += 1;
    tick(&mut session);
    let second = cleaned(&session.terminal.screen());
    assert_eq!(
        second,
        table(&[head, ("0:01:23", "0:01:24"), ("1:02:05", "1:02:06")])
    );
    // An event is seen at once, below the table.
    session
        .shell
        .event("web: powered-off", &mut session.terminal);
    tick(&mut session);
    let third = cleaned(&session.terminal.screen());
    assert!(
        third.ends_with("-\n* web: powered-off\n(any key stops)\n"),
        "{third}"
    );
    // The key is not typed, whatever it sends.
    session.keys("\u{1b}[A");
    assert_eq!(session.terminal.line(), "bulkhead>");
    session.keys("list");
    assert_eq!(session.terminal.line(), "bulkhead> list");
    session.kernel.now_ms += 5000;
    tick(&mut session);
    assert_eq!(session.terminal.line(), "bulkhead> list");
}

#[test]
fn a_script_can_not_watch() {
    let mut session = Session::new();
    let mut said = String::new();
    let done = session
        .shell
        .script("s", "watch", &mut session.kernel, &mut said);
    assert!(done.is_err());
    assert!(
        said.contains("s:1: error: \"watch\" is for the prompt"),
        "{said}"
    );
}

#[test]
fn the_last_five_events_are_shown() {
    let mut session = Session::new();
    session.keys("watch\r");
    for number in 0..9 {
        session
            .shell
            .event(&format!("web: event {number}"), &mut session.terminal);
    }
    tick(&mut session);
    let screen = session.terminal.screen();
    assert!(
        !screen.contains("event 3") && screen.contains("event 4"),
        "{screen}"
    );
}

#[test]
fn the_status_line() {
    let session = Session::after(WEB);
    assert_eq!(
        Shell::status_line(&session.kernel),
        " up 0:01:23 | web running cores 2-3 run 1 up 1:02:05 | db defined cores 4 run 0"
    );
}

#[test]
fn keymap_and_status_are_kept() {
    let mut session = Session::new();
    assert_eq!(session.line("keymap de"), "");
    assert!(session.line("keymap").starts_with("de: "));
    assert_eq!(session.line("status off"), "");
    assert_eq!(session.line("status"), "off\n");
    assert!(
        session
            .line("keymap dd")
            .contains("unknown layout \"dd\", did you mean \"de\"?")
    );
    assert!(
        session
            .line("status maybe")
            .contains("error: \"maybe\" is neither")
    );
    assert!(session.line("status on on").contains("too much"));
    let mut session = Session::new();
    session.keys("keymap j\t");
    assert_eq!(session.terminal.line(), "bulkhead> keymap jp");
}
