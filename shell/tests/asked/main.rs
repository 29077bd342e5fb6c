//! Lines that a partition asks for: what it is told, what the operator sees, and the machine's end.
#![allow(missing_docs, reason = "a test binary has no public interface")]

mod asker;
#[path = "../support/mod.rs"]
mod support;

use asker::Asker;
use bulkhead_fake::Happening;
use bulkhead_lifecycle::{Order, Outcome};
use bulkhead_model::End;
use support::Session;

/// Two that run; agents are heard in those.
fn session(hear: &[&str]) -> Session {
    let mut session = Session::after(
        "define boss cores=2-3 memory=256M kernel=linux61\n\
         define db cores=1 memory=128M kernel=linux612\n",
    );
    session.line("start boss db");
    hear.iter().for_each(|name| session.kernel.hear(name));
    session
}

/// Both end themselves a second later.
fn end(session: &mut Session) {
    let at = session.kernel.now_ms + 1_000;
    for name in ["db", "boss"] {
        let ended = Happening::Ended(End::PoweredOff);
        session.kernel.later.push_back((at, name, ended));
    }
}

#[test]
fn the_machine_ends_when_all_were_asked_and_its_asker_was_answered() {
    for line in ["reset", "poweroff"] {
        let mut session = session(&["boss", "db"]);
        end(&mut session);
        let (outcome, said, shown) = Asker::new().line(&mut session, line);
        assert_eq!(outcome, Outcome::Done);
        assert_eq!(
            said,
            "every partition is asked to stop, then the machine ends\n"
        );
        let asked = |name: &str| (name.to_string(), Order::Stop, 60);
        assert_eq!(session.kernel.ordered, [asked("boss"), asked("db")]);
        assert_eq!(session.kernel.ends, 1);
        assert!(
            shown.contains(&format!("* boss: asked to {line}\n")),
            "{shown}"
        );
        assert!(shown.contains("the machine was not "), "{shown}");
    }
}

#[test]
fn by_force_nobody_is_asked_and_that_is_what_is_said() {
    let mut session = session(&["boss"]);
    let (outcome, said, _) = Asker::new().line(&mut session, "reset force");
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(said, "the machine ends now, and nobody is asked\n");
    assert!(session.kernel.ordered.is_empty());
    assert_eq!(session.kernel.ends, 1);
}

#[test]
fn one_in_which_no_agent_is_heard_is_a_reason_to_refuse_it() {
    let mut session = session(&["boss"]);
    let (outcome, said, shown) = Asker::new().line(&mut session, "poweroff");
    assert_eq!(outcome, Outcome::Said);
    let why =
        "\"db\" is running, and no agent is heard in it (accepted all the same: poweroff force)";
    assert_eq!(said, why);
    assert!(shown.contains(&format!("* boss: asked to poweroff, refused: {why}\n")));
    assert!(session.kernel.ordered.is_empty() && session.kernel.ends == 0);
}

/// Whoever has asked is gone by then, and so are all that could start anything again.
#[test]
fn a_machine_that_cannot_be_powered_off_stops_nobody() {
    let why = "the machine can't be powered off: firmware's tables have no \\_S5 package";
    for line in ["poweroff", "poweroff force"] {
        let mut session = session(&["boss", "db"]);
        session.kernel.lacks_off = Some("firmware's tables have no \\_S5 package");
        let (outcome, said, _) = Asker::new().line(&mut session, line);
        assert_eq!((outcome, said.as_str()), (Outcome::Said, why));
        let typed = session.line(line);
        assert!(typed.ends_with(&format!("error: {why}\n")), "{typed}");
        assert!(session.kernel.ordered.is_empty() && session.kernel.ends == 0);
    }
}

#[test]
fn the_operator_can_give_it_up_before_anybody_is_asked() {
    let mut session = session(&["boss", "db"]);
    session.kernel.interrupt_ms = Some(session.kernel.now_ms + 100);
    let (_, _, shown) = Asker::new().line(&mut session, "reset force");
    assert!(shown.contains("* \"reset\" was given up (^C)\n"), "{shown}");
    assert!(session.kernel.ordered.is_empty() && session.kernel.ends == 0);
}

#[test]
fn a_partitions_name_is_no_argument_of_the_machines_end() {
    let mut session = session(&["boss", "db"]);
    for (line, instead) in [("poweroff db", "stop NAME"), ("reset db", "restart NAME")] {
        let (outcome, said, _) = Asker::new().line(&mut session, line);
        assert_eq!(outcome, Outcome::Said);
        assert!(said.contains(instead), "{said}");
    }
    assert!(session.kernel.ordered.is_empty() && session.kernel.ends == 0);
}
