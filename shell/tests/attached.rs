//! `console NAME`, where an agent gives a terminal.

mod support;

use bulkhead_lifecycle::Stand;
use support::Session;

const PARTITIONS: &str = "define web cores=2-3 memory=512M kernel=linux61 console=com2\nstart web";

fn begun(stand: Option<Stand>) -> Session {
    let mut session = Session::after(PARTITIONS);
    session.kernel.login.borrow_mut().stand = stand;
    session.keys("console web\r");
    session
}

/// So many milliseconds later.
fn after(session: &mut Session, ms: u64) {
    session.kernel.now_ms += ms;
    session.shell.tick(&session.kernel, &mut session.terminal);
}

fn show(session: &mut Session, text: &str) {
    session.kernel.login.borrow_mut().shown.extend(text.bytes());
    after(session, 1);
}

fn stand(session: &mut Session, stand: Stand) {
    session.kernel.login.borrow_mut().stand = Some(stand);
    after(session, 1);
}

fn screen(session: &Session) -> String {
    let screen = session.terminal.screen();
    screen[screen.rfind("bulkhead> console").unwrap()..]
        .trim_end()
        .to_string()
}

#[test]
fn what_is_typed_is_passed_and_what_is_shown_is_seen() {
    let mut session = begun(Some(Stand::Waiting));
    session
        .kernel
        .said
        .borrow_mut()
        .push_back(("[    1.0] kernel\n", None));
    after(&mut session, 500);
    session.keys("early");
    stand(&mut session, Stand::Open);
    show(&mut session, "web login: ");
    session.keys("root\r\u{3}\u{1b}[A\u{4}");
    show(&mut session, "root\r\n\u{1b}]0;title\u{7}# \u{1b}[6n");
    assert_eq!(
        screen(&session),
        "bulkhead> console web\n(a terminal in \"web\", by its agent; Ctrl-] leaves)\nweb login: root\n#"
    );
    assert_eq!(session.kernel.login.borrow().typed, b"root\r\x03\x1b[A\x04");
    session.keys("\u{1d}");
    assert!(!session.kernel.login.borrow().is_attached);
    assert_eq!(session.line("version"), "Bulkhead 0.1.0\n");
}

#[test]
fn it_ends_with_the_login_when_all_of_it_was_shown() {
    let mut session = begun(Some(Stand::Open));
    show(&mut session, "# exit\r\n");
    let long = "x".repeat(1000);
    session.kernel.login.borrow_mut().shown.extend(long.bytes());
    session.kernel.login.borrow_mut().stand = Some(Stand::Closed);
    for _ in 0..10 {
        after(&mut session, 1);
    }
    let screen = screen(&session);
    assert_eq!(screen.matches('x').count(), 1001);
    assert!(
        screen.ends_with("(the login has ended in \"web\")\nbulkhead>"),
        "{screen}"
    );
    assert!(!session.kernel.login.borrow().is_attached);
}

#[test]
fn the_kernel_is_read_while_the_agent_is_away() {
    let mut session = begun(Some(Stand::Open));
    show(&mut session, "# reboot\r\nhalf");
    stand(&mut session, Stand::Waiting);
    session
        .kernel
        .said
        .borrow_mut()
        .push_back(("[    0.0] Linux version\n", None));
    after(&mut session, 20);
    after(&mut session, 20);
    stand(&mut session, Stand::Open);
    show(&mut session, "web login: ");
    let expected = "\
bulkhead> console web
(a terminal in \"web\", by its agent; Ctrl-] leaves)
# reboot
half
(its agent is waited for; until then what its kernel prints; Ctrl-] leaves)
[    0.0] Linux version
web login:";
    assert_eq!(screen(&session), expected);
    // Undefined under the operator.
    stand(&mut session, Stand::Over);
    assert!(screen(&session).ends_with("(there is no terminal any more in \"web\")\nbulkhead>"));
}

#[test]
fn one_that_has_no_agent_yet_has_a_terminal_later() {
    let mut session = begun(None);
    session.keys("x");
    after(&mut session, 20);
    session.kernel.login.borrow_mut().is_anothers = true;
    session.kernel.login.borrow_mut().stand = Some(Stand::Open);
    after(&mut session, 600);
    session.kernel.login.borrow_mut().is_anothers = false;
    after(&mut session, 600);
    show(&mut session, "web login: ");
    let expected = "\
bulkhead> console web
(what the kernel of \"web\" prints; its own console is com2; Ctrl-] leaves)
(what is typed here reaches nobody: no agent gives a terminal; Ctrl-] leaves)
(somebody else is at its terminal: this is only read)
(its agent is heard: a terminal; Ctrl-] leaves)
web login:";
    assert_eq!(screen(&session), expected);
}
