//! What a dump that is waited for, and a hold, mean to an agent's orders and its silence.

mod common;

use bulkhead_lifecycle::{Definition, End, Kind, Order, Outcome, Refusal, State};
use bulkhead_model::RestartPolicy::OnFailure;
use common::{MEMBERS, Machine, definition};

const READER: usize = 1;
const VICTIM: usize = 0;

fn ask(machine: &Machine, text: &str) -> Outcome {
    machine
        .life
        .ask(&machine.at(MEMBERS[READER][0]), READER, Some(text))
}

fn order(machine: &Machine, order: Order) -> Result<(), Refusal> {
    machine.life.order(&machine.at(0), VICTIM, order, 60)
}

/// Both run; in the victim, whose restart after a failure waits for a dump, an agent is heard.
fn heard() -> Machine {
    let machine = Machine::new(OnFailure);
    machine.life.publish(
        VICTIM,
        Some(&Definition {
            wants_dump: true,
            watchdog: 30,
            ..definition(VICTIM, OnFailure)
        }),
    );
    machine.life.provide_plan(VICTIM);
    machine.start(READER);
    machine.start(VICTIM);
    let core = MEMBERS[VICTIM][0];
    machine.life.hear(&machine.at(core), VICTIM, "hello");
    machine.events();
    machine
}

/// It was silent, and did not say why when it was startled.
fn silent() -> Machine {
    let machine = heard();
    for ms in [31_000, 11_000] {
        machine.pass(ms);
        machine.life.tend(&machine.at(0));
    }
    machine.run();
    machine
}

fn kinds(machine: &Machine) -> Vec<Kind> {
    machine.events().iter().map(|event| event.kind).collect()
}

#[test]
fn what_failed_by_its_silence_waits_for_its_dump() {
    let machine = silent();
    assert_eq!(machine.state(VICTIM), State::Waiting);
    let told = [Kind::Silent, Kind::Ended(End::Silent), Kind::AwaitsDump];
    assert_eq!(kinds(&machine), told);
    machine.pass(60_000);
    machine.run();
    assert_eq!(machine.state(VICTIM), State::Waiting);
    assert_eq!(ask(&machine, "hold one"), Outcome::Done);
    let number = machine.life.hold_of(READER, VICTIM).unwrap();
    assert_eq!(
        ask(&machine, &format!("dumped one {number}")),
        Outcome::Done
    );
    machine.pass(20_000);
    machine.run();
    assert_eq!(
        (machine.state(VICTIM), machine.runs(VICTIM)),
        (State::Running, 2)
    );
}

#[test]
fn whom_somebody_wanted_to_end_waits_for_none() {
    for (what, state) in [
        (Order::Stop, State::Failed),
        (Order::Restart, State::Running),
    ] {
        let machine = heard();
        assert_eq!(order(&machine, what), Ok(()));
        machine.end(VICTIM, End::Failed);
        assert_eq!(machine.state(VICTIM), state);
        let told = kinds(&machine);
        assert!(!told.contains(&Kind::AwaitsDump), "{told:?}");
    }
}

#[test]
fn who_is_held_is_not_asked_to_end() {
    for has_shell in [true, false] {
        let machine = silent();
        if !has_shell {
            machine.life.halt_shell(&machine.at(0));
        }
        assert_eq!(ask(&machine, "hold one"), Outcome::Done);
        for what in [Order::Stop, Order::Restart] {
            assert_eq!(order(&machine, what), Err(Refusal::Held));
        }
        assert_eq!(ask(&machine, "stop one"), Outcome::Held);
        assert_eq!(ask(&machine, "restart one 5"), Outcome::Held);
        let number = machine.life.hold_of(READER, VICTIM).unwrap();
        assert_eq!(ask(&machine, &format!("keep one {number}")), Outcome::Done);
        assert_eq!(
            ask(&machine, &format!("release one {number}")),
            Outcome::Done
        );
        // What only waits is ended, though nobody in it hears.
        assert_eq!(ask(&machine, "stop one"), Outcome::Ordered);
        machine.wait_out();
        assert_eq!(machine.state(VICTIM), State::Stopped);
    }
}
