//! A number that serves another partition after its first is undefined: what was asked of the first, and
//! what happened to it, is not the second's.

mod common;
mod ram;

use bulkhead_lifecycle::{Agent, Definition, End, GUID, Kind, Outcome, State, Status, Variables};
use bulkhead_model::RestartPolicy::{Always, Never};
use common::Machine;
use ram::{ATTRIBUTES, DATA, NAME, SIZE, VENDOR, ram};

/// What partition two is told.
fn ask(machine: &Machine, text: &str) -> Outcome {
    machine.life.ask(&machine.at(3), 1, Some(text))
}

fn named(machine: &Machine, name: &str) {
    machine.life.publish(
        0,
        Some(&Definition {
            name,
            ..common::definition(0, Never)
        }),
    );
    machine.life.provide_plan(0);
}

/// Partition one is undefined, and its number given to "other".
fn redefine(machine: &Machine) {
    assert!(machine.life.withdraw_plan(0));
    machine.life.publish(0, None);
    named(machine, "other");
}

fn events(machine: &Machine) -> Vec<String> {
    let memory = ram("Events", &GUID, 0x4000);
    let status = Variables {
        lifecycle: &machine.life,
        hardware: &machine.at(3),
        memory: &memory,
        caller: 1,
        store: None,
    }
    .get(NAME, VENDOR, [ATTRIBUTES, SIZE, DATA]);
    assert_eq!(status, Some(Status::Success));
    let text = String::from_utf8(memory.take(DATA, memory.number(SIZE))).unwrap();
    text.lines().map(|line| line.trim_end().into()).collect()
}

#[test]
fn what_was_asked_of_one_is_not_done_to_another() {
    let machine = Machine::new(Always);
    machine.start(1);
    let (plain, tokened) = ("start one", "#7 start one");
    assert_eq!(ask(&machine, plain), Outcome::Passed);
    assert_eq!(ask(&machine, tokened), Outcome::Passed);
    redefine(&machine);
    // The shell comes to them only now.
    assert_eq!(machine.life.next_request(), None);
    assert_eq!(machine.state(0), State::Defined);
    assert_eq!(machine.life.outcome(&machine.at(3), 1), Outcome::Unknown);
    let answers: Vec<_> = machine.life.answers(&machine.at(3), 1).collect();
    assert_eq!(answers, [(7, Outcome::Unknown)]);
    // And what is asked of the new one is done to that.
    assert_eq!(ask(&machine, "start other"), Outcome::Passed);
    let (.., target) = machine.life.next_request().unwrap();
    assert_eq!(target, 0);
}

#[test]
fn what_happened_to_one_is_not_told_of_another() {
    let machine = Machine::new(Never);
    machine.start(1);
    machine.start(0);
    machine.life.kill(&machine.at(0), 0).unwrap();
    machine.run();
    let before = events(&machine);
    let is_ones = |line: &&String| line.contains(" one ");
    assert_eq!(before.iter().filter(is_ones).count(), 2, "{before:?}");
    redefine(&machine);
    let after = events(&machine);
    assert_eq!(after, ["1 two launched run=1"]);
    machine.start(0);
    let after = events(&machine);
    assert_eq!(after.len(), 2, "{after:?}");
    assert!(after[1].contains(" other launched run=1"), "{after:?}");
    // The operator is told of all, and of whom it is.
    let told: Vec<_> = std::iter::from_fn(|| machine.life.next_with_ticket()).collect();
    let of_former: Vec<_> = told
        .iter()
        .filter(|(ticket, event)| machine.life.is_of_former(event.partition, *ticket))
        .map(|(_, event)| (event.kind, event.partition))
        .collect();
    assert_eq!(
        of_former,
        [(Kind::Launched, 0), (Kind::Ended(End::Killed), 0)]
    );
    assert_eq!(told.len(), 4);
}

#[test]
fn what_an_agent_said_and_was_asked_for_is_not_the_next_ones() {
    let machine = Machine::new(Always);
    machine.start(1);
    machine.start(0);
    machine.life.hear(&machine.at(1), 0, "hello");
    assert_eq!(ask(&machine, "stop one 60"), Outcome::Ordered);
    machine.end(0, End::PoweredOff);
    redefine(&machine);
    assert_eq!(ask(&machine, "stop one"), Outcome::Unknown);
    assert_eq!(machine.life.outcome(&machine.at(3), 1), Outcome::Unknown);
    machine.start(0);
    assert_eq!(machine.life.agent(&machine.at(0), 0), Agent::default());
    assert_eq!(ask(&machine, "stop other"), Outcome::NoAgent);
    machine.pass(120_000);
    machine.life.tend(&machine.at(0));
    machine.run();
    assert_eq!(machine.state(0), State::Running);
}
