//! Sessions at a terminal: what the operator sees, character by character.

mod support;

use support::{Session, Terminal};

const DEFINE_WEB: &str = "define web cores=2-3 memory=512M kernel=linux61";

#[test]
fn a_caret_stands_under_the_typed_word() {
    let mut session = Session::new();
    session.keys("show wbe\r");
    assert_eq!(
        session.terminal.screen(),
        "bulkhead> show wbe\n\
         \x20              ^^^\n\
         error: there is no partition \"wbe\" (partitions: none)\n\
         bulkhead>"
    );
}

#[test]
fn a_caret_under_a_long_line_comes_with_a_quotation() {
    let mut session = Session::new();
    let filler = "x".repeat(120);
    session.keys(&format!("{DEFINE_WEB} cmdline={filler} consle=com2\r"));
    let screen = session.terminal.screen();
    // The error takes three rows.
    let rows: Vec<&str> = screen.lines().rev().take(6).collect();
    assert_eq!(rows[0], "bulkhead>");
    assert!(rows[1].ends_with("isolation)"), "{screen}");
    let (caret, quotation) = (rows[4], rows[5]);
    assert!(quotation.starts_with("..."));
    let at = quotation.find("consle").unwrap();
    assert_eq!(caret, format!("{}^^^^^^", " ".repeat(at)), "{screen}");
}

#[test]
fn an_event_does_not_destroy_the_line() {
    let mut session = Session::new();
    session.keys("start web\x1b[D\x1b[D");
    session
        .shell
        .event("db: launched run=1 core=1", &mut session.terminal);
    assert_eq!(
        session.terminal.screen(),
        "* db: launched run=1 core=1\nbulkhead> start web"
    );
    assert_eq!(session.terminal.column(), 17);
    session.keys("\x05x");
    assert_eq!(session.terminal.line(), "bulkhead> start webx");
}

#[test]
fn an_event_before_the_first_prompt_is_only_a_line() {
    let mut terminal = Terminal::default();
    let mut shell = bulkhead_shell::Shell::new();
    shell.event("db: failed reason=\"a\nb\"", &mut terminal);
    assert_eq!(terminal.screen(), "* db: failed reason=\"a?b\"\n");
    shell.prompt(&mut terminal);
    assert_eq!(terminal.line(), "bulkhead>");
}

#[test]
fn tab_completes_a_whole_define() {
    let mut session = Session::new();
    session.keys("def\tweb cor\t4,5 me\t512M ke\tlinux61\t cons\tcom2\t");
    // `linux61` could become `linux612`: the bell rings once.
    assert_eq!(session.terminal.bells, 1);
    assert_eq!(
        session.terminal.line(),
        "bulkhead> define web cores=4,5 memory=512M kernel=linux61 console=com2"
    );
}

#[test]
fn two_tabs_list() {
    let mut session = Session::new();
    session.keys("define web ke\tl\t\t");
    assert_eq!(
        session.terminal.line(),
        "bulkhead> define web kernel=linux61"
    );
    session.keys("\t\t");
    assert_eq!(
        session.terminal.screen(),
        "bulkhead> define web kernel=linux61\n\
         linux61   linux612\n\
         bulkhead> define web kernel=linux61"
    );
    session.keys("2\t");
    assert_eq!(
        session.terminal.line(),
        "bulkhead> define web kernel=linux612"
    );
    assert_eq!(session.terminal.column(), 37);
}

#[test]
fn completions_by_place() {
    let setup = "define web cores=2-3 memory=512M kernel=linux61\n\
                 define db cores=4 memory=512M kernel=linux61\n";
    let table = [
        ("und", "undefine "),
        ("unl", "unlink "),
        ("link web ", "link web db "),
        ("unlink d", "unlink db "),
        ("  lis", "  list "),
        ("undefine w", "undefine web "),
        ("start web ", "start web db "),
        ("start web d", "start web db "),
        ("show w", "show web "),
        ("check d", "check db "),
        ("kill d", "kill db "),
        ("set d", "set db "),
        ("set db cm", "set db cmdline="),
        ("set db cores=1 c", "set db cores=1 c"),
        ("set db cores=1 cmdline= c", "set db cores=1 cmdline= con"),
        ("set db r", "set db restart="),
        ("set db restart=o", "set db restart=on-failure "),
        ("set db restart=", "set db restart="),
        ("set db cont", "set db control="),
        ("set db control=y", "set db control=yes "),
        ("rest", "restart "),
        ("restart web ", "restart web db "),
        ("hand", "handoff "),
        ("handoff d", "handoff db "),
        ("hal", "halt "),
        ("halt ", "halt "),
        ("set db console=m", "set db console=mem "),
        ("set db initrd=", "set db initrd=demo "),
        ("set db initrd=ucode,d", "set db initrd=ucode,demo "),
        ("set db initrd=demo,", "set db initrd=demo,"),
        ("help unde", "help undefine "),
        ("reset ", "reset force "),
        ("wait d", "wait db "),
        ("wait db r", "wait db running "),
        ("inc", "include "),
        ("include d", "include demo "),
        ("on-error s", "on-error stop "),
        ("poweroff f", "poweroff force "),
        ("list ", "list "),
        ("nonsense ", "nonsense "),
        ("set db cmdline=\"ke", "set db cmdline=\"ke"),
        ("list # un", "list # un"),
        ("define ", "define "),
    ];
    for (typed, completed) in table {
        let mut session = Session::after(setup);
        session.keys(typed);
        session.keys("\t|");
        assert_eq!(
            session.terminal.line(),
            format!("bulkhead> {completed}|"),
            "{typed:?}"
        );
    }
}

#[test]
fn completion_in_the_middle_adds_no_second_space() {
    let mut session = Session::new();
    session.keys("he define\x01\x1b[C\x1b[C\t|");
    assert_eq!(session.terminal.line(), "bulkhead> help| define");
}

#[test]
fn the_history_has_what_was_refused_too() {
    let mut session = Session::new();
    session.keys("lst\rversion\r\x1b[A\x1b[A\x1b[D\x1b[Di\r");
    assert!(session.terminal.screen().ends_with(
        "bulkhead> list\nNAME  STATE  CORES  MEMORY  KERNEL  RUNS  RESTART  CONSOLE\nbulkhead>"
    ));
}

#[test]
fn a_pasted_script_runs_line_by_line() {
    for end in ["\r\n", "\n", "\r"] {
        let mut session = Session::new();
        session.keys(
            &["# two", "", "version", "version"]
                .map(|l| l.to_string() + end)
                .concat(),
        );
        assert_eq!(
            session.terminal.screen(),
            "bulkhead> # two\n\
             bulkhead>\n\
             bulkhead> version\n\
             Bulkhead 0.1.0\n\
             bulkhead> version\n\
             Bulkhead 0.1.0\n\
             bulkhead>"
        );
    }
}
