//! Ends that come too soon count whatever their kind: a kernel that can't tell its panics from its
//! reboots, an init that reboots at once, a service that powers off.

mod common;

use bulkhead_lifecycle::End::{self, Failed, PoweredOff, Rebooted};
use bulkhead_lifecycle::{Kind, State};
use bulkhead_model::RestartPolicy::{self, Always, OnFailure};
use common::Machine;

/// A launched machine whose first partition ends at once, six times.
fn looped(policy: RestartPolicy, ends: [End; 6]) -> Machine {
    let machine = Machine::new(policy);
    machine.start(0);
    for (end, nth) in ends.into_iter().zip(1..) {
        assert_eq!((machine.state(0), machine.runs(0)), (State::Running, nth));
        machine.events();
        machine.end(0, end);
        assert_eq!(machine.failures(0), nth, "{policy:?} {ends:?}");
        if nth < 6 {
            machine.pass(16_000); // the longest delay
        }
    }
    machine
}

#[test]
fn the_sixth_end_that_comes_too_soon_is_the_last() {
    let mixed = [Rebooted, Failed, Failed, Rebooted, Failed, Rebooted];
    let all = [
        (OnFailure, [Rebooted; 6]),
        (Always, [Rebooted; 6]),
        (Always, [PoweredOff; 6]),
        (OnFailure, mixed),
    ];
    for (policy, ends) in all {
        let machine = looped(policy, ends);
        assert_eq!(machine.state(0), State::Failed, "{policy:?} {ends:?}");
        machine.pass(3_600_000);
        assert_eq!(machine.runs(0), 6, "{policy:?} {ends:?}");
    }
}

#[test]
fn it_says_so_and_only_then() {
    for (policy, end) in [(OnFailure, Rebooted), (Always, PoweredOff)] {
        let machine = looped(policy, [end; 6]);
        let told: Vec<_> = machine
            .events()
            .iter()
            .map(|e| (e.kind, e.detail))
            .collect();
        let expected = [
            (Kind::Ended(end), 6),
            (Kind::GaveUp(end), 6),
            (Kind::Parked, 1),
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn a_wished_reboot_is_at_once_and_reboots_minutes_apart_have_no_limit() {
    let machine = Machine::new(OnFailure);
    machine.start(0);
    for run in 2..=5 {
        machine.end(0, Rebooted);
        assert_eq!((machine.state(0), machine.runs(0)), (State::Running, run));
    }
    for run in 6..=40 {
        machine.pass(60_000);
        machine.end(0, Rebooted);
        assert_eq!((machine.state(0), machine.runs(0)), (State::Running, run));
        assert_eq!(machine.failures(0), 0);
    }
}

#[test]
fn an_end_that_stays_is_no_failure() {
    let machine = Machine::new(OnFailure);
    machine.start(0);
    for _ in 0..5 {
        machine.end(0, Rebooted);
    }
    machine.end(0, PoweredOff);
    assert_eq!((machine.state(0), machine.failures(0)), (State::Stopped, 0));
}

#[test]
fn whoever_wants_it_ends_the_row() {
    let given_up = || looped(OnFailure, [Rebooted; 6]);
    let wishes: [fn(&Machine); 2] = [
        |machine| machine.start(0),
        |machine| {
            // By a partition with control, without a shell.
            machine.start(1);
            machine.life.halt_shell(&machine.at(0));
            let done = machine.life.ask(&machine.at(3), 1, Some("start one"));
            assert_eq!(done, bulkhead_lifecycle::Outcome::Done);
            machine.run();
        },
    ];
    for wish in wishes {
        let machine = given_up();
        wish(&machine);
        assert_eq!((machine.state(0), machine.failures(0)), (State::Running, 0));
        machine.end(0, Rebooted);
        assert_eq!((machine.state(0), machine.failures(0)), (State::Running, 1));
    }
    // While it loops: by a restart, or a kill and a start.
    let machine = Machine::new(OnFailure);
    machine.start(0);
    for _ in 0..5 {
        machine.end(0, Rebooted);
    }
    machine.life.restart(&machine.at(0), 0).expect("it runs");
    machine.run();
    assert_eq!((machine.state(0), machine.failures(0)), (State::Running, 0));
}
