//! `console NAME`, with a Linux that says what it is to say.

mod support;

use bulkhead_printk::Note;
use support::Session;

const PARTITIONS: &str = "define web cores=2-3 memory=512M kernel=linux61 console=com2\nstart web\n\
                          define db cores=4 memory=1G kernel=linux61";

fn tick(session: &mut Session) {
    session.kernel.now_ms += 10;
    session.shell.tick(&session.kernel, &mut session.terminal);
}

fn say(session: &mut Session, pieces: &[(&'static str, Option<Note>)]) {
    session.kernel.said.borrow_mut().extend(pieces);
}

/// Rows of the screen from the one on that begins so.
fn from(session: &Session, start: &str) -> String {
    let screen = session.terminal.screen();
    screen[screen.rfind(start).expect(start)..]
        .trim_end()
        .to_string()
}

#[test]
fn what_is_printed_is_shown_until_the_key() {
    let mut session = Session::after(PARTITIONS);
    say(&mut session, &[("[    0.000000] first\n[    0.0", None)]);
    session.keys("console web\r");
    say(&mut session, &[("00001] second\n", None)]);
    tick(&mut session);
    session.keys("x");
    session.keys("\r\u{3}");
    say(&mut session, &[("[    0.000002] half a", None)]);
    tick(&mut session);
    session
        .shell
        .event("db: launched run=1 core=4", &mut session.terminal);
    let notes = [
        Note::Ended(1),
        Note::Began(2),
        Note::Lost(Some(3)),
        Note::Lost(Some(1)),
        Note::Lost(None),
        Note::Another,
    ];
    for note in notes {
        say(&mut session, &[("", Some(note))]);
        tick(&mut session);
    }
    say(&mut session, &[("[    0.000003] half a", None)]);
    tick(&mut session);
    session.keys("\u{1d}");
    let expected = "\
bulkhead> console web
(what the kernel of \"web\" prints; its own console is com2; Ctrl-] leaves)
[    0.000000] first
[    0.000001] second
(what is typed here reaches nobody: no agent gives a terminal; Ctrl-] leaves)
[    0.000002] half a
* db: launched run=1 core=4
(run 1 of \"web\" has ended)
(run 2 of \"web\")
(3 records are lost: they were overwritten)
(a record is lost: it was overwritten)
(some lines are lost)
(another kernel in the same run)
[    0.000003] half a
bulkhead>";
    assert_eq!(from(&session, "bulkhead> console"), expected);
    // And it is not followed any more.
    say(&mut session, &[("unheard\n", None)]);
    tick(&mut session);
    assert_eq!(session.line("version"), "Bulkhead 0.1.0\n");
    assert!(!session.terminal.screen().contains("unheard"));
}

#[test]
fn it_waits_for_one_that_does_not_run_and_ends_with_its_definition() {
    let mut session = Session::after(PARTITIONS);
    session.keys("console db\r");
    assert_eq!(
        from(&session, "(what"),
        "(what the kernel of \"db\" prints; Ctrl-] leaves)\n(\"db\" is defined: it is waited for)"
    );
    let undefined = session.kernel.ledger.undefine("db");
    assert!(undefined.is_ok());
    tick(&mut session);
    assert_eq!(
        from(&session, "(there"),
        "(there is no \"db\" any more)\nbulkhead>"
    );
}

#[test]
fn what_it_refuses() {
    let mut session = Session::after(PARTITIONS);
    assert_eq!(
        session.line("console wep"),
        "                  ^^^\nerror: there is no partition \"wep\", did you mean \"web\"? \
         (partitions: web, db)\n"
    );
    assert!(
        session
            .line("console")
            .contains("\"console\" needs the name of a partition")
    );
    assert!(
        session
            .line("console web db")
            .contains("\"db\" is too much here")
    );
    session.kernel.add_script("more", "console web\n");
    let said = session.line("include more");
    assert!(
        said.contains("error: \"console\" is for the prompt: a script has no key to stop it with"),
        "{said}"
    );
}

#[test]
fn much_is_shown_by_steps() {
    let mut session = Session::after(PARTITIONS);
    let mut pieces = vec![("line\n", None); 7];
    pieces.push(("last\n", None));
    say(&mut session, &pieces);
    session.keys("console web\r");
    assert_eq!(session.kernel.said.borrow().len(), 4);
    // As long as there is more, without a pause.
    session.shell.tick(&session.kernel, &mut session.terminal);
    assert!(session.terminal.screen().contains("last"));
    session.shell.tick(&session.kernel, &mut session.terminal);
    say(&mut session, &[("now\n", None)]);
    session.shell.tick(&session.kernel, &mut session.terminal);
    assert!(!session.terminal.screen().contains("now"));
    tick(&mut session);
    assert!(session.terminal.screen().contains("now"));
}
