//! `restart`, `handoff`, `halt`: what is said, what the kernel is asked for, and in which order.

mod support;

use bulkhead_fake::Happening;
use bulkhead_model::End;
use support::Session;

const TWO: &str = "
    define web cores=2-3 memory=512M kernel=linux61
    define db cores=4-5 memory=512M kernel=linux612
";

const LAST: &str = "define last cores=0-1 memory=512M kernel=linux61 initrd=demo";

const NOBODY: &str = "no partition that runs has control=yes\n";

#[test]
fn restart_takes_back_what_runs_and_starts_the_rest() {
    let mut session = Session::after(TWO);
    session.line("start web");
    assert_eq!(session.line("restart web db"), "");
    assert_eq!(session.kernel.restarted, ["web"]);
    assert_eq!(session.kernel.started, ["web", "db"]);
    let list = session.line("list");
    assert!(
        list.contains("web   running  2-3    512M    linux61   2 "),
        "{list}"
    );
    assert!(
        list.contains("db    running  4-5    512M    linux612  1 "),
        "{list}"
    );
}

#[test]
fn a_restart_that_fails_says_what_went_before() {
    let mut session = Session::after(TWO);
    session.line("start web db");
    session.kernel.broken = Some("web");
    let said = session.line("restart db web");
    let message =
        "\"web\" was not restarted: core 2 did not come back; see the log (launched before it: db)";
    assert_eq!(said, format!("{:21}^^^\nerror: {message}\n", ""));
    let off = Happening::Ended(End::PoweredOff);
    session.kernel.apply("web", off);
    let said = session.line("restart web");
    let message = "\"web\" was not launched: core 2 is not parked but silent";
    assert_eq!(said, format!("{:18}^^^\nerror: {message}\n", ""));
}

#[test]
fn a_restart_applies_the_present_definition_or_nothing() {
    let mut session = Session::after(TWO);
    session.line("start web db");
    let images = &mut session.kernel.machine.images;
    images.retain(|image| image.name != "linux612");
    let said = session.line("restart web db");
    let why = "there is no image \"linux612\" (images: linux61, old, demo)";
    assert_eq!(said, format!("{:22}^^\nerror: {why}\n", ""));
    assert!(session.kernel.restarted.is_empty());
}

#[test]
fn failures_are_shown_and_an_operators_start_ends_their_row() {
    let mut session = Session::after(TWO);
    session.line("set web restart=always control=yes");
    session.line("start web");
    let failed = Happening::Ended(End::Failed);
    session.kernel.apply("web", failed);
    let show = session.line("show web");
    let policy = "policy:\n  restart  always, after at most 5 failures in a row\n  \
                  failures 1 in a row\n  control  yes\nclaim:\n";
    assert!(show.contains(policy), "{show}");
    assert!(
        show.contains(" kernel=linux61 restart=always control=yes\n"),
        "{show}"
    );
    session.line("start web");
    assert!(session.line("show web").contains("  failures 0 in a row\n"));
    session.line("set db restart=never");
    assert!(session.line("show db").contains("  restart  never\n"));
    let list = session.line("list");
    assert!(list.contains("  2     always   mem\n"), "{list}");
    assert!(list.ends_with("  0     never    mem\n"), "{list}");
}

#[test]
fn what_a_linux_printed_is_shown_by_its_run() {
    let mut session = Session::after(TWO);
    let said = session.line("log web");
    let why = "error: nothing that \"web\" printed is found (runs that are kept: none)\n";
    assert_eq!(said, format!("{:14}^^^\n{why}", ""));
    for _ in 0..5 {
        session.line("start web");
        session.kernel.apply("web", Happening::Ended(End::Failed));
    }
    assert!(session.line("log web").ends_with(" of run 5\n"));
    assert!(session.line("log web 4").ends_with(" of run 4\n"));
    let said = session.line("log web 1");
    let why = "error: nothing of run 1 is there (runs that are kept: 3, 4, 5)\n";
    assert_eq!(said, format!("{:18}^\n{why}", ""));
    let said = session.line("log web last");
    let why = "error: \"last\" is no number of a run (runs that are kept: 3, 4, 5)\n";
    assert!(said.ends_with(why), "{said}");
    let said = session.line("log web 4 5");
    let why = "error: \"5\" is too much here (accepted: log [NAME [RUN]])\n";
    assert!(said.ends_with(why), "{said}");
    let said = session.line("log wob");
    assert!(
        said.contains("there is no partition \"wob\", did you mean \"web\"?"),
        "{said}"
    );
    // Without a name it is Bulkhead's own.
    assert!(session.line("log").contains("loaded by Limine"));
}

#[test]
fn bulkheads_core_is_launched_by_handoff_alone() {
    let mut session = Session::after(TWO);
    assert_eq!(
        session.line(LAST),
        "warning: last: core 0 is Bulkhead's own: launch by \"handoff last\"\n\
         last: cores 0-1, memory 0x41000000-0x60ffffff (512M)\n"
    );
    assert!(session.line("check last").ends_with("last: ok\n"));
    let why = "error: core 0 is Bulkhead's own (accepted: handoff last)\n";
    for line in ["start web last", "restart web last"] {
        let said = session.line(line);
        assert!(said.ends_with(why) && said.contains("^^^^\n"), "{said}");
    }
    assert!(session.kernel.started.is_empty());
    let cores = session.line("cores");
    assert!(
        cores.contains("0     0        0         1         bulkhead  last\n"),
        "{cores}"
    );
}

#[test]
fn a_handoff_prepares_says_what_is_possible_and_hands_over() {
    let mut session = Session::after(TWO);
    session.line(LAST);
    session.line("set db control=yes");
    session.line("start web");
    let goes = "core 0 goes to \"last\"; the shell comes back when \"last\" has ended for good
";
    // Control is no use to a partition that does not run.
    let nothing = "until then nothing can be asked for: ";
    assert_eq!(
        session.line("handoff last"),
        format!("{goes}{nothing}{NOBODY}")
    );
    assert_eq!(session.kernel.handed, ["last"]);
    assert_eq!(session.kernel.prepared, ["db"]);
    session.line("set last control=yes");
    session.line("start db");
    session.line("kill web");
    assert_eq!(
        session.line("handoff last"),
        format!(
            "{goes}until then partitions are started, restarted and killed by \"db\", \"last\"\n"
        )
    );
    assert_eq!(session.kernel.prepared, ["web"]);
    session.kernel.broken = Some("last");
    let said = session.line("handoff last");
    let why = "error: core 0 was not handed to \"last\": core 2 is not parked but silent\n";
    assert!(said.ends_with(&format!("\n{:18}^^^^\n{why}", "")), "{said}");
}

#[test]
fn a_halt_says_how_it_ends() {
    let mut session = Session::after(TWO);
    session.line(LAST);
    session.line("set db control=yes");
    session.line("start web");
    let reset = "core 0 parks; only a reset of the machine brings the shell back: ";
    assert_eq!(session.line("halt"), format!("{reset}{NOBODY}"));
    // Not the one that would need the shell to hand its core over.
    assert_eq!(session.kernel.prepared, ["db"]);
    session.line("start db");
    assert_eq!(
        session.line("halt"),
        "core 0 parks; the shell comes back when a partition with control=yes asks for it\n\
         until then partitions are started, restarted and killed by \"db\"\n"
    );
    assert_eq!(session.kernel.halts, 2);
    assert!(session.kernel.prepared.is_empty());
    session.kernel.broken = Some("web");
    let said = session.line("halt");
    let why = "error: core 0 was not parked: core 2 is not parked but silent\n";
    assert!(said.ends_with(&format!("\n{:10}^^^^\n{why}", "")), "{said}");
}

#[test]
fn what_cannot_be_planned_is_told_before_the_shell_goes() {
    let mut session = Session::after(TWO);
    let images = &mut session.kernel.machine.images;
    images.retain(|image| image.name != "linux612");
    assert!(session.line("halt").starts_with(
        "warning: db: it can't be started later: there is no image \"linux612\" \
         (images: linux61, old, demo)\n"
    ));
    assert_eq!(session.kernel.prepared, ["web"]);
    assert_eq!(session.kernel.halts, 1);
}

#[test]
fn a_right_over_some_is_shown_and_names_who_is_not_there() {
    let mut session = Session::after(TWO);
    let said = session.line("set web control=db,later");
    let note = "note: web: control= names \"later\", which is not defined yet\n";
    assert!(said.contains(note) && !said.contains("\"db\""), "{said}");
    let show = session.line("show web");
    assert!(show.contains(" control=db,later\n"), "{show}");
    assert!(show.contains("\n  control  db,later\n"), "{show}");
    let said = session.line("set web control=dbb,weeb");
    let names = "note: web: control= names ";
    let note = format!(
        "{names}\"dbb\", which is not defined yet, did you mean \"db\"?\n{names}\"weeb\", which is not defined yet\n"
    );
    assert!(said.contains(&note), "{said}");
    // Nothing is none, as of the other keys that name some.
    session.line("set web control=");
    assert!(session.line("show web").contains("\n  control  no\n"));
    session.line("set web control=db,later");
    // It wakes no shell.
    session.line("start web");
    assert!(session.line("halt").contains(NOBODY));
}
