//! Requests by a partition with the control right, with the shell and without it.

mod common;

use bulkhead_lifecycle::{Outcome, State, Verb};
use bulkhead_model::RestartPolicy::{Always, Never};
use common::Machine;
use proptest::prelude::*;

/// What partition two is told.
fn ask(machine: &Machine, text: &str) -> Outcome {
    machine.life.ask(&machine.at(3), 1, Some(text))
}

fn stands(machine: &Machine) -> Outcome {
    machine.life.outcome(&machine.at(3), 1)
}

/// Partition two runs, and the shell's core is to park.
fn halted(policy: bulkhead_model::RestartPolicy) -> Machine {
    let machine = Machine::new(policy);
    machine.start(1);
    machine.life.halt_shell(&machine.at(0));
    machine
}

#[test]
fn what_is_not_a_request_is_told_so_and_changes_nothing() {
    for machine in [halted(Never), {
        let machine = Machine::new(Never);
        machine.start(1);
        machine
    }] {
        assert_eq!(stands(&machine), Outcome::None);
        let cases = [
            ("", Outcome::Malformed),
            ("end one", Outcome::Malformed),
            ("kill", Outcome::Malformed),
            ("kill one two", Outcome::Malformed),
            ("kill nobody", Outcome::Unknown),
            ("kill two", Outcome::Itself),
            ("kill one", Outcome::WrongState),
        ];
        for (text, outcome) in cases {
            assert_eq!(ask(&machine, text), outcome, "{text:?}");
            assert_eq!(stands(&machine), outcome);
        }
        let denied = machine.life.ask(&machine.at(1), 0, Some("kill two"));
        assert_eq!(denied, Outcome::Denied);
        assert_eq!(machine.state(1), State::Running);
        assert_eq!(machine.life.next_request(), None);
    }
}

#[test]
fn without_the_shell_it_is_done_at_once() {
    let machine = halted(Always);
    assert_eq!(ask(&machine, "start one"), Outcome::Done);
    machine.run();
    assert_eq!(machine.state(0), State::Running);
    assert_eq!(ask(&machine, "start one"), Outcome::WrongState);
    assert_eq!(ask(&machine, "kill one\n\0"), Outcome::Ending);
    assert_eq!(ask(&machine, "start one"), Outcome::Unanswered);
    machine.run();
    assert_eq!(stands(&machine), Outcome::Done);
    assert_eq!((machine.state(0), machine.runs(0)), (State::Stopped, 1));
    assert_eq!(ask(&machine, "restart one"), Outcome::Done);
    machine.run();
    assert_eq!(ask(&machine, "restart one"), Outcome::Ending);
    machine.run();
    assert_eq!((stands(&machine), machine.runs(0)), (Outcome::Done, 3));
    machine.is_early.set(true);
    assert_eq!(ask(&machine, "kill one"), Outcome::TooEarly);
}

#[test]
fn a_restart_of_one_that_waits_is_a_launch() {
    let machine = halted(Always);
    ask(&machine, "start one");
    machine.run();
    machine.end(0, bulkhead_lifecycle::End::PoweredOff);
    assert_eq!(machine.state(0), State::Waiting);
    assert_eq!(ask(&machine, "restart one"), Outcome::Ending);
    machine.run();
    assert_eq!((stands(&machine), machine.runs(0)), (Outcome::Done, 2));
}

#[test]
fn a_lost_core_is_told() {
    let machine = halted(Always);
    ask(&machine, "start one");
    machine.run();
    machine.is_deaf[2].set(true);
    assert_eq!(ask(&machine, "restart one"), Outcome::Ending);
    machine.run();
    assert_eq!(stands(&machine), Outcome::CoreLost);
    assert_eq!(ask(&machine, "start one"), Outcome::WrongState);
    for verb in ["kill one", "restart one"] {
        assert_eq!(ask(&machine, verb), Outcome::Ending, "it is called again");
        machine.run();
        assert_eq!(stands(&machine), Outcome::CoreLost);
    }
    machine.is_deaf[2].set(false);
    assert_eq!(ask(&machine, "restart one"), Outcome::Ending);
    machine.run();
    assert_eq!(stands(&machine), Outcome::Done);
    assert_eq!(machine.state(0), State::Running);
}

#[test]
fn the_shell_is_woken_where_it_parks_and_nowhere_else() {
    let machine = halted(Never);
    assert_eq!(ask(&machine, "shell"), Outcome::Done);
    assert!(machine.run() && machine.life.shell_runs());
    assert_eq!(ask(&machine, "shell"), Outcome::WrongState, "it runs");
    machine.life.bury_shell();
    assert_eq!(ask(&machine, "shell"), Outcome::WrongState, "it is dead");
}

#[test]
fn the_shell_answers_what_was_passed_to_it() {
    let machine = Machine::new(Never);
    machine.start(1);
    for outcome in [Outcome::Done, Outcome::Refused] {
        assert_eq!(ask(&machine, "start one"), Outcome::Passed);
        assert_eq!(ask(&machine, "start one"), Outcome::Unanswered);
        let (asker, verb, target) = machine.life.next_request().expect("it was passed");
        assert_eq!((asker.partition, verb, target), (1, Verb::Start, 0));
        assert_eq!(machine.life.next_request(), None, "once");
        assert_eq!(stands(&machine), Outcome::Passed);
        machine.life.answer(asker, outcome);
        machine.life.answer(asker, Outcome::None);
        assert_eq!(stands(&machine), outcome);
    }
    assert_eq!(machine.state(0), State::Defined, "only the shell does it");
}

#[test]
fn a_shell_that_leaves_refuses_what_it_has_not_done() {
    let leave: [fn(&Machine); 3] = [
        |machine| machine.life.halt_shell(&machine.at(0)),
        |machine| machine.life.lend_shell_core(&machine.at(0)),
        |machine| machine.life.bury_shell(),
    ];
    for (leave, takes_it) in leave.into_iter().flat_map(|l| [(l, false), (l, true)]) {
        let machine = Machine::new(Never);
        machine.start(1);
        assert_eq!(ask(&machine, "start one"), Outcome::Passed);
        if takes_it {
            assert!(machine.life.next_request().is_some());
        }
        leave(&machine);
        assert_eq!(stands(&machine), Outcome::ShellLeft);
        machine.life.resume_shell(&machine.at(0));
        assert_eq!(machine.life.next_request(), None, "not days later");
    }
}

#[test]
fn after_a_panic_of_the_shell_control_goes_on() {
    let machine = Machine::new(Never);
    machine.start(1);
    machine.life.bury_shell();
    assert_eq!(ask(&machine, "start one"), Outcome::Done);
    machine.run();
    assert_eq!(ask(&machine, "kill one"), Outcome::Ending);
    machine.run();
    assert_eq!(
        (stands(&machine), machine.state(0)),
        (Outcome::Done, State::Stopped)
    );
}

#[test]
fn a_new_run_begins_with_no_request() {
    let machine = halted(Always);
    ask(&machine, "kill nobody");
    machine.end(1, bulkhead_lifecycle::End::Rebooted);
    assert_eq!(
        (machine.state(1), stands(&machine)),
        (State::Running, Outcome::None)
    );
}

#[test]
fn without_a_plan_nothing_is_launched() {
    let machine = halted(Never);
    assert!(machine.life.withdraw_plan(0));
    assert_eq!(ask(&machine, "start one"), Outcome::WrongState);
    machine.life.publish(0, None);
    assert_eq!(ask(&machine, "start one"), Outcome::Unknown);
    assert_eq!(machine.life.name(0), None);
}

/// The shell is back on its core, and is about another plan for partition one, if it may.
fn comes_back_and_plans(machine: &Machine) {
    machine.life.resume_shell(&machine.at(0));
    let _ = machine.life.withdraw_plan(0);
}

#[test]
fn a_launch_that_is_promised_is_not_called_off_by_a_shell_that_comes_back() {
    let mut promises = 0;
    for readings in 0..20 {
        let machine = halted(Never);
        machine
            .at_reading
            .set(Some((readings, comes_back_and_plans)));
        let told = ask(&machine, "start one");
        machine.run();
        let is_launched = machine.state(0) == State::Running;
        assert_eq!(told == Outcome::Done, is_launched, "{readings}: {told}");
        promises += u32::from(is_launched);
    }
    assert!(promises > 0);
}

proptest! {
    #[test]
    fn any_text_is_answered_and_never_leaves_a_request_open(
        texts in proptest::collection::vec(
            prop_oneof!["[a-z]{0,6} [a-z]{0,6}", "(start|kill|restart) (one|three|two)", any::<String>()],
            1..8,
        ),
        has_shell: bool,
    ) {
        let machine = if has_shell { Machine::new(Always) } else { halted(Always) };
        if has_shell {
            machine.start(1);
        }
        for text in texts {
            let outcome = ask(&machine, &text);
            prop_assert_ne!(outcome, Outcome::Unanswered);
            while let Some((caller, _, _)) = machine.life.next_request() {
                machine.life.answer(caller, Outcome::Done);
            }
            machine.run();
            prop_assert!(!stands(&machine).is_open());
        }
    }
}
