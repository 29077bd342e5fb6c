//! A partition that another one holds to read its RAM.

mod common;

use bulkhead_lifecycle::{Definition, End, Kind, LaunchError, Outcome, Refusal, State};
use bulkhead_model::RestartPolicy::{self, Always, Never, OnFailure};
use common::{MEMBERS, Machine, RAM, definition};

/// The one that has the right, and reads.
const READER: usize = 1;
const VICTIM: usize = 0;
const LEASE_MS: u64 = 30_000;

/// Both run, and the victim has failed; a dump is waited for if `wants_dump`.
fn failed(policy: RestartPolicy, wants_dump: bool) -> Machine {
    let machine = Machine::new(policy);
    machine.wants_dump.set(wants_dump);
    machine.define(VICTIM, policy, false);
    machine.start(READER);
    machine.start(VICTIM);
    machine.end(VICTIM, End::Failed);
    machine.events();
    machine.done();
    machine
}

fn ask(machine: &Machine, text: &str) -> Outcome {
    let core = MEMBERS[READER][0];
    machine.life.ask(&machine.at(core), READER, Some(text))
}

/// Holds the victim: with which number.
fn hold(machine: &Machine) -> u32 {
    assert_eq!(ask(machine, "hold one"), Outcome::Done);
    number(machine).expect("it is held")
}

fn number(machine: &Machine) -> Option<u32> {
    machine.life.hold_of(READER, VICTIM)
}

fn kinds(machine: &Machine) -> Vec<Kind> {
    machine.events().iter().map(|event| event.kind).collect()
}

fn start(machine: &Machine) -> Result<(), LaunchError> {
    machine.life.start(&machine.at(0), VICTIM)
}

/// What the reader says of its hold is taken.
fn is_done(machine: &Machine, verb: &str, number: u32) {
    let outcome = ask(machine, &format!("{verb} one {number}"));
    assert_eq!(outcome, Outcome::Done, "{verb}");
}

#[test]
fn what_is_held_is_neither_launched_nor_planned_anew() {
    let machine = failed(Never, false);
    let number = hold(&machine);
    assert_eq!(machine.state(VICTIM), State::Failed);
    assert_eq!(start(&machine), Err(LaunchError::Held));
    let restart = machine.life.restart(&machine.at(0), VICTIM);
    assert_eq!(restart, Err(Refusal::Held));
    assert!(!machine.life.may_replace_plan(VICTIM));
    assert!(!machine.life.withdraw_plan(VICTIM));
    assert_eq!(ask(&machine, "start one"), Outcome::Held);
    assert_eq!(ask(&machine, "restart one"), Outcome::Held);
    // Nor held twice, or by whoever has another number.
    assert_eq!(ask(&machine, "hold one"), Outcome::Held);
    let other = number.wrapping_sub(1);
    for verb in ["keep", "dumped", "release"] {
        let outcome = ask(&machine, &format!("{verb} one {other}"));
        assert_eq!(outcome, Outcome::NotHeld, "{verb}");
    }
    is_done(&machine, "keep", number);
    machine.run();
    assert!(!machine.done().iter().any(|did| did.starts_with("place")));
    is_done(&machine, "dumped", number);
    assert_eq!(kinds(&machine), [Kind::Held, Kind::Dumped]);
    assert_eq!(start(&machine), Ok(()));
}

#[test]
fn without_the_shell_it_is_the_same() {
    let machine = failed(Never, false);
    machine.life.halt_shell(&machine.at(0));
    let number = hold(&machine);
    assert_eq!(ask(&machine, "start one"), Outcome::Held);
    assert_eq!(ask(&machine, "restart one"), Outcome::Held);
    is_done(&machine, "release", number);
    assert_eq!(ask(&machine, "start one"), Outcome::Done);
}

#[test]
fn who_runs_or_has_no_memory_of_a_run_is_not_held() {
    let machine = Machine::new(Never);
    machine.start(READER);
    assert_eq!(
        ask(&machine, "hold one"),
        Outcome::NothingLeft,
        "it never ran"
    );
    assert_eq!(ask(&machine, "hold two"), Outcome::Itself);
    assert_eq!(ask(&machine, "hold nobody"), Outcome::Unknown);
    machine.start(VICTIM);
    assert_eq!(ask(&machine, "hold one"), Outcome::WrongState);
    machine.end(VICTIM, End::PoweredOff);
    // Its claim may be about to become another's.
    assert!(machine.life.withdraw_plan(VICTIM));
    assert_eq!(ask(&machine, "hold one"), Outcome::NothingLeft);
    machine.life.provide_plan(VICTIM);
    let number = hold(&machine);
    is_done(&machine, "release", number);
    // Now it has become another's, and it has got other RAM.
    assert!(machine.life.withdraw_plan(VICTIM));
    let other = Definition {
        regions: &RAM[3..],
        ..definition(VICTIM, Never)
    };
    machine.life.publish(VICTIM, Some(&other));
    machine.life.provide_plan(VICTIM);
    assert_eq!(ask(&machine, "hold one"), Outcome::NothingLeft);
    machine.start(VICTIM);
    machine.end(VICTIM, End::Failed);
    hold(&machine);
}

#[test]
fn more_pieces_than_can_be_told_are_refused() {
    let machine = Machine::new(Never);
    machine.start(READER);
    let piece = |nth: u64| bulkhead_memory::Region::new(nth << 30, 2 << 20).unwrap();
    let pieces: Vec<_> = (1..18).map(piece).collect();
    for (count, outcome) in [(17, Outcome::NothingLeft), (16, Outcome::Done)] {
        assert!(machine.life.withdraw_plan(VICTIM));
        let pieced = Definition {
            regions: &pieces[..count],
            ..definition(VICTIM, Never)
        };
        machine.life.publish(VICTIM, Some(&pieced));
        machine.life.provide_plan(VICTIM);
        machine.start(VICTIM);
        machine.end(VICTIM, End::Failed);
        assert_eq!(ask(&machine, "hold one"), outcome, "{count}");
    }
}

#[test]
fn a_hold_that_is_not_kept_up_is_over() {
    let machine = failed(Never, false);
    let number = hold(&machine);
    for _ in 0..4 {
        machine.pass(LEASE_MS - 1_000);
        is_done(&machine, "keep", number);
    }
    machine.pass(LEASE_MS + 1_000);
    machine.life.tend(&machine.at(0));
    assert_eq!(machine.life.hold_of(READER, VICTIM), None);
    for verb in ["keep", "dumped", "release"] {
        let outcome = ask(&machine, &format!("{verb} one {number}"));
        assert_eq!(outcome, Outcome::NotHeld, "{verb}");
    }
    assert_eq!(kinds(&machine), [Kind::Held, Kind::Released]);
    // Another hold has another number.
    assert_ne!(hold(&machine), number);
}

#[test]
fn a_hold_ends_with_the_run_of_its_holder() {
    let machine = failed(Always, true);
    hold(&machine);
    machine.end(READER, End::Rebooted);
    assert_eq!(machine.state(READER), State::Running, "again");
    machine.life.tend(&machine.at(0));
    assert_eq!(number(&machine), None);
    // It waits all the same.
    assert_eq!(machine.state(VICTIM), State::Waiting);
    assert!(machine.life.view(VICTIM).unwrap().awaits_dump);
}

#[test]
fn kill_takes_it_from_its_holder() {
    for (policy, wants_dump) in [(Never, false), (OnFailure, true)] {
        let machine = failed(policy, wants_dump);
        let number = hold(&machine);
        assert_eq!(machine.life.kill(&machine.at(0), VICTIM), Ok(()));
        machine.wait_out();
        assert!(!machine.state(VICTIM).is_live());
        assert_eq!(
            ask(&machine, &format!("dumped one {number}")),
            Outcome::NotHeld
        );
        assert_eq!(start(&machine), Ok(()));
    }
}

#[test]
fn a_restart_waits_for_its_dump() {
    let machine = failed(OnFailure, true);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    machine.pass(60_000);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    let number = hold(&machine);
    machine.pass(1_000);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    is_done(&machine, "dumped", number);
    machine.run();
    assert_eq!(machine.state(VICTIM), State::Running);
    assert_eq!((machine.runs(VICTIM), machine.failures(VICTIM)), (2, 1));
    assert_eq!(kinds(&machine), [Kind::Held, Kind::Dumped, Kind::Launched]);
}

/// Its policy's delay holds, however fast the dump was.
#[test]
fn a_fast_dump_does_not_make_a_row_of_failures_faster() {
    let machine = failed(OnFailure, true);
    let number = hold(&machine);
    is_done(&machine, "dumped", number);
    machine.pass(900);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    machine.pass(200);
    assert_eq!(machine.state(VICTIM), State::Running);
}

#[test]
fn a_dump_that_did_not_come_about_is_still_waited_for() {
    let machine = failed(OnFailure, true);
    let number = hold(&machine);
    is_done(&machine, "release", number);
    machine.pass(60_000);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    // For ten minutes.
    machine.pass(541_000);
    assert_eq!(machine.state(VICTIM), State::Running);
}

/// The limit is one for waiting, not for reading.
#[test]
fn nothing_is_launched_beneath_a_reader() {
    let machine = failed(OnFailure, true);
    machine.pass(595_000);
    let number = hold(&machine);
    machine.pass(10_000);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    is_done(&machine, "keep", number);
    machine.pass(20_000);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    is_done(&machine, "dumped", number);
    machine.run();
    assert_eq!(machine.state(VICTIM), State::Running);
}

#[test]
fn a_policys_own_delay_is_held_up_too() {
    let machine = failed(OnFailure, false);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    let number = hold(&machine);
    machine.pass(20_000);
    assert_eq!(machine.state(VICTIM), State::Waiting);
    is_done(&machine, "release", number);
    machine.run();
    assert_eq!(machine.state(VICTIM), State::Running);
}

#[test]
fn only_a_failure_waits() {
    let machine = Machine::new(Always);
    machine.wants_dump.set(true);
    machine.define(VICTIM, Always, false);
    machine.start(VICTIM);
    machine.end(VICTIM, End::Rebooted);
    assert_eq!(machine.state(VICTIM), State::Running);
    machine.pass(61_000);
    machine.end(VICTIM, End::PoweredOff);
    machine.pass(1_100);
    assert_eq!(machine.state(VICTIM), State::Running);
}
