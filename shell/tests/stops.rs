//! `stop`, `restart` and the machine's end, where agents are heard and where not.
#![allow(missing_docs, reason = "a test binary has no public interface")]

mod support;

use bulkhead_fake::Happening;
use bulkhead_lifecycle::Order;
use bulkhead_model::{End, State};
use support::Session;

const TWO: &str = "define web cores=2-3 memory=256M kernel=linux61\n\
                   define db cores=1 memory=128M kernel=linux612\n";

/// Two that run; an agent is heard in web.
fn two() -> Session {
    let mut session = Session::after(TWO);
    session.line("start web db");
    session.kernel.hear("web");
    session
}

#[test]
fn stop_asks_and_waits() {
    let mut session = two();
    let at = session.kernel.now_ms + 2_000;
    let ended = Happening::Ended(End::PoweredOff);
    session.kernel.later.push_back((at, "web", ended));
    let said = session.line("stop web 2m");
    assert!(!said.contains("error"), "{said}");
    assert_eq!(
        session.kernel.ordered,
        [("web".to_string(), Order::Stop, 120)]
    );
    assert!(session.kernel.now_ms >= at, "it has waited");
    assert!(session.kernel.killed.is_empty());
    let again = session.line("stop web");
    assert!(
        again.ends_with("error: \"web\" is stopped: it does not run\n"),
        "{again}"
    );
}

#[test]
fn the_wait_for_a_stop_can_be_given_up() {
    let mut session = two();
    session.kernel.interrupt_ms = Some(session.kernel.now_ms + 500);
    let said = session.line("stop web");
    let why =
        "error: the wait was given up (^C): \"web\" is running, and its cores are taken in 60 s\n";
    assert!(said.ends_with(why), "{said}");
}

#[test]
fn nobody_is_stopped_who_does_not_hear() {
    let mut session = two();
    let said = session.line("stop db");
    let why = "error: no agent is heard in \"db\", so that nothing asks its Linux to end \
               (accepted: its own poweroff, kill db)\n";
    assert!(said.ends_with(why), "{said}");
    assert!(session.kernel.ordered.is_empty());
    for wrong in [
        "stop web 0",
        "stop web 61m",
        "stop web 1500ms",
        "stop web soon",
    ] {
        let said = session.line(wrong);
        assert!(
            said.contains("is no time that it can have (accepted: 1s to 60m)"),
            "{said}"
        );
    }
    assert!(
        session
            .line("stop")
            .contains("accepted: stop NAME [TIMEOUT]")
    );
    assert!(session.line("stop web 5 6").contains("is too much here"));
    session.kernel.broken = Some("web");
    let said = session.line("stop web");
    assert!(
        said.ends_with("error: \"web\" was not stopped: core 2 is not parked but silent\n"),
        "{said}"
    );
}

#[test]
fn restart_asks_those_that_hear_and_forces_the_others() {
    let mut session = two();
    let at = session.kernel.now_ms + 1_000;
    for (after, what) in [
        (0, Happening::Ended(End::Rebooted)),
        (10, Happening::LaunchBegun),
        (20, Happening::Launched),
    ] {
        session.kernel.later.push_back((at + after, "web", what));
    }
    session.line("restart web db");
    let asked = [("web".to_string(), Order::Restart, 60)];
    assert_eq!(session.kernel.ordered, asked);
    assert_eq!(session.kernel.restarted, ["db"]);
    let mut session = two();
    session.line("restart web force");
    assert!(session.kernel.ordered.is_empty());
    assert_eq!(session.kernel.restarted, ["web"]);
}

#[test]
fn before_the_machine_ends_all_are_asked() {
    let mut session = two();
    let said = session.line("poweroff");
    let why = "error: \"db\" is running, and no agent is heard in it (accepted all the same: poweroff force)\n";
    assert!(said.ends_with(why), "{said}");
    assert!(session.kernel.ordered.is_empty(), "nobody is asked");
    session.kernel.hear("db");
    let at = session.kernel.now_ms + 1_000;
    for (after, name) in [(0, "db"), (3_000, "web")] {
        let ended = Happening::Ended(End::PoweredOff);
        session.kernel.later.push_back((at + after, name, ended));
    }
    let said = session.line("poweroff");
    assert!(said.contains("the machine was not powered off"), "{said}");
    assert_eq!((session.kernel.ends, session.kernel.ordered.len()), (1, 2));
    assert!(
        session.kernel.now_ms >= at + 3_000,
        "it has waited for both"
    );
    // And it can be given up.
    let mut session = two();
    session.kernel.hear("db");
    session.kernel.interrupt_ms = Some(session.kernel.now_ms + 500);
    let said = session.line("reset");
    assert!(said.contains("\"reset\" was given up (^C)"), "{said}");
    assert_eq!(session.kernel.ends, 0);
}

/// It may happen while the shell looks at all of them, when what happened before was told.
#[test]
fn the_last_end_is_told_before_the_machine_ends() {
    for after in 1_000..1_020 {
        let mut session = two();
        session.kernel.hear("db");
        session.kernel.observe_ms = 1;
        let at = session.kernel.now_ms + after;
        for name in ["db", "web"] {
            let ended = Happening::Ended(End::PoweredOff);
            session.kernel.later.push_back((at, name, ended));
        }
        let said = session.line("poweroff");
        assert_eq!(session.kernel.ends, 1);
        for name in ["db", "web"] {
            let line = format!("* {name}: Ended");
            assert!(said.contains(&line), "{name}, after {after} ms:\n{said}");
        }
    }
}

/// That is wanted of it, and its agent is heard no more.
fn order_of(session: &mut Session, name: &str, order: Order) {
    let id = session.kernel.ledger.find(name).unwrap().id;
    let mut agents = session.kernel.agents.iter_mut();
    let (_, agent) = agents.find(|(known, _)| *known == id).unwrap();
    (agent.order, agent.heard_ms) = (Some(order), None);
}

/// Brings web to its end, at which no agent is heard any more.
fn end_web(session: &mut Session) {
    let ledger = &mut session.kernel.ledger;
    let web = ledger.find("web").unwrap();
    let (id, ram, mut life) = (web.id, web.ram, web.life.clone());
    life.state = State::Ending;
    ledger.observe(id, life, ram);
    session.kernel.agents.retain(|(known, _)| *known != id);
}

/// Its agent takes leave in each orderly end, and says nothing more.
#[test]
fn one_that_restarts_is_asked_to_stop_instead() {
    let mut session = two();
    session.kernel.hear("db");
    order_of(&mut session, "db", Order::Restart);
    let at = session.kernel.now_ms + 1_000;
    for name in ["db", "web"] {
        let ended = Happening::Ended(End::PoweredOff);
        session.kernel.later.push_back((at, name, ended));
    }
    let said = session.line("poweroff");
    assert!(said.contains("the machine was not powered off"), "{said}");
    assert_eq!((session.kernel.ends, session.kernel.ordered.len()), (1, 2));
}

/// One that is silent is about to be ended, and what follows is its policy's.
#[test]
fn nobody_is_stopped_for_one_that_is_silent() {
    let mut session = two();
    session.kernel.hear("db");
    order_of(&mut session, "db", Order::Fail);
    let said = session.line("poweroff");
    assert!(said.contains("no agent is heard in it"), "{said}");
    assert!(session.kernel.ordered.is_empty(), "nobody is asked");
}

/// Its Linux reboots: that its old run ended is not that it has stopped.
#[test]
fn one_that_ends_is_not_taken_for_stopped_when_it_is_launched_again() {
    let reboots = || {
        let mut session = two();
        session.kernel.hear("db");
        end_web(&mut session);
        let at = session.kernel.now_ms + 1_000;
        for (after, what) in [
            (0, Happening::Ended(End::Killed)),
            (0, Happening::LaunchBegun),
            (500, Happening::Launched),
        ] {
            session.kernel.later.push_back((at + after, "web", what));
        }
        session
    };
    let mut session = reboots();
    let said = session.line("stop web");
    assert!(said.contains("no agent is heard in \"web\""), "{said}");
    let mut session = reboots();
    let said = session.line("poweroff");
    assert!(said.contains("no agent is heard in it"), "{said}");
    assert!(session.kernel.ordered.is_empty(), "nobody is asked");
}

/// Who ends is waited for, and not asked.
#[test]
fn one_that_ends_is_stopped_when_it_rests() {
    let mut session = two();
    end_web(&mut session);
    let at = session.kernel.now_ms + 1_000;
    let ended = Happening::Ended(End::Killed);
    session.kernel.later.push_back((at, "web", ended));
    let said = session.line("stop web");
    assert!(!said.contains("error"), "{said}");
    assert!(session.kernel.now_ms >= at, "it has waited");
    assert!(session.kernel.ordered.is_empty());
}

/// What was asked to restart is asked again, and no core is taken.
#[test]
fn one_that_restarts_is_not_forced_by_a_second_restart() {
    let mut session = two();
    order_of(&mut session, "web", Order::Restart);
    session.kernel.interrupt_ms = Some(session.kernel.now_ms + 500);
    session.line("restart web");
    assert_eq!(
        session.kernel.ordered,
        [("web".to_string(), Order::Restart, 60)]
    );
    assert!(session.kernel.restarted.is_empty());
}

/// Its order goes with its run, and the end of that is observed later.
#[test]
fn one_that_was_asked_and_has_just_ended_is_not_one_in_which_no_agent_is_heard() {
    let mut session = two();
    session.kernel.hear("db");
    let at = session.kernel.now_ms + 1_000;
    session.kernel.forgotten_ms = Some(at - 500);
    for (after, name) in [(0, "db"), (3_000, "web")] {
        let ended = Happening::Ended(End::PoweredOff);
        session.kernel.later.push_back((at + after, name, ended));
    }
    let said = session.line("poweroff");
    assert!(!said.contains("no agent is heard"), "{said}");
    assert_eq!((session.kernel.ends, session.kernel.ordered.len()), (1, 2));
}

/// Whoever reads its memory is asked to end, and then it is held no more.
#[test]
fn what_is_held_for_a_dump_is_asked_when_its_reader_has_ended() {
    let mut session = two();
    session.kernel.hear("db");
    let ledger = &mut session.kernel.ledger;
    let (web, reader) = (ledger.find("web").unwrap(), ledger.find("db").unwrap().id);
    let (id, ram, mut life) = (web.id, web.ram, web.life.clone());
    (life.state, life.held_by) = (State::Waiting, Some(reader));
    ledger.observe(id, life, ram);
    session.kernel.interrupt_ms = Some(session.kernel.now_ms + 500);
    let said = session.line("poweroff");
    assert!(said.contains("given up (^C)"), "{said}");
    assert_eq!(
        session.kernel.ordered,
        [("db".to_string(), Order::Stop, 60)]
    );
}

#[test]
fn a_watchdog_is_kept_and_shown() {
    let mut session = two();
    session.line("kill db");
    session.line("set db watchdog=30");
    let shown = session.line("show db");
    assert!(shown.contains(" watchdog=30\n"), "{shown}");
    for wrong in ["9", "86401", "-1", "yes"] {
        let said = session.line(&format!("set db watchdog={wrong}"));
        let why =
            format!("error: \"{wrong}\" is no number of seconds (accepted: 10 to 86400, none)\n");
        assert!(said.ends_with(&why), "{said}");
    }
    session.line("set db watchdog=none");
    assert!(!session.line("show db").contains("watchdog="));
    let list = session.line("list");
    assert!(list.contains("AGENT") && list.contains("yes"), "{list}");
    let shown = session.line("show web");
    assert!(shown.contains("agent:\n  heard 0 s ago\n"), "{shown}");
}
