//! Ends and what follows them: policies, counts, events, lost cores, the last Linux.

mod common;

use bulkhead_lifecycle::{
    CoreState, Definition, Duty, End, Event, Kind, LaunchError, Refusal, State,
};
use bulkhead_model::RestartPolicy::{self, Always, Never, OnFailure};
use common::{InVmx, Machine, definition};

#[test]
fn each_policy_decides_after_each_end() {
    let cases = [
        (Never, End::PoweredOff, State::Stopped),
        (Never, End::Rebooted, State::Stopped),
        (Never, End::Failed, State::Failed),
        (OnFailure, End::PoweredOff, State::Stopped),
        (OnFailure, End::Rebooted, State::Running),
        (OnFailure, End::Failed, State::Waiting),
        (Always, End::PoweredOff, State::Waiting),
        (Always, End::Rebooted, State::Running),
        (Always, End::Failed, State::Waiting),
    ];
    for (policy, end, then) in cases {
        let machine = Machine::new(policy);
        machine.start(0);
        machine.end(0, end);
        assert_eq!(machine.state(0), then, "{policy:?} after {end:?}");
        machine.pass(1_000);
        let is_again = then != State::Stopped && then != State::Failed;
        let runs = if is_again { 2 } else { 1 };
        assert_eq!(machine.runs(0), runs, "{policy:?} after {end:?}");
        assert_eq!(machine.state(0) == State::Running, is_again);
    }
}

#[test]
fn it_gives_up_at_the_sixth_failure_in_a_row() {
    let machine = Machine::new(OnFailure);
    machine.start(0);
    for failure in 1..=5 {
        machine.events();
        machine.end(0, End::Failed);
        assert_eq!(
            (machine.state(0), machine.failures(0)),
            (State::Waiting, failure)
        );
        let delay_ms = 1_000 << (failure - 1);
        let told: Vec<_> = machine
            .events()
            .iter()
            .map(|e| (e.kind, e.detail))
            .collect();
        let ended = (Kind::Ended(End::Failed), failure);
        assert_eq!(told, [ended, (Kind::Restarting, delay_ms)]);
        machine.pass(u64::from(delay_ms) - 10);
        assert_eq!(machine.state(0), State::Waiting, "not before its time");
        machine.pass(10);
        assert_eq!(
            (machine.state(0), machine.runs(0)),
            (State::Running, failure + 1)
        );
    }
    machine.events();
    machine.end(0, End::Failed);
    assert_eq!((machine.state(0), machine.failures(0)), (State::Failed, 6));
    let told: Vec<_> = machine
        .events()
        .iter()
        .map(|e| (e.kind, e.detail))
        .collect();
    let expected = [
        (Kind::Ended(End::Failed), 6),
        (Kind::GaveUp(End::Failed), 6),
        (Kind::Parked, 1),
    ];
    assert_eq!(told, expected);
    machine.start(0);
    assert_eq!(machine.failures(0), 0, "somebody wants it");
}

#[test]
fn a_long_run_ends_the_row_of_failures() {
    let machine = Machine::new(OnFailure);
    machine.start(0);
    machine.end(0, End::Failed);
    machine.pass(1_000);
    machine.pass(3_600_000);
    machine.end(0, End::Failed);
    assert_eq!(machine.failures(0), 1);
}

#[test]
fn a_kill_takes_all_cores_back_and_a_restart_launches_without_clearing() {
    let machine = Machine::new(Always);
    machine.start(0);
    let first = ["doorbell 1", "set_up 0 true", "clear 0", "place 0"];
    assert_eq!(machine.done(), first);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()));
    assert_eq!(machine.state(0), State::Ending);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Err(Refusal::Ending));
    machine.run();
    assert_eq!((machine.state(0), machine.runs(0)), (State::Stopped, 1));
    assert_eq!(machine.life.kill(&machine.at(0), 0), Err(Refusal::NotLive));
    machine.start(0);
    machine.done();
    assert_eq!(machine.life.restart(&machine.at(0), 0), Ok(()));
    machine.run();
    assert_eq!((machine.state(0), machine.runs(0)), (State::Running, 3));
    assert!(
        !machine.done().contains(&"clear 0".into()),
        "the RAM is its own"
    );
    machine.end(0, End::PoweredOff);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()), "it waits");
    machine.run();
    machine.pass(10_000);
    assert_eq!((machine.state(0), machine.runs(0)), (State::Stopped, 3));
}

#[test]
fn a_launch_that_is_called_off_is_no_run_and_leaves_nothing_uncleared() {
    let machine = Machine::new(Always);
    assert_eq!(machine.life.start(&machine.at(0), 0), Ok(()));
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()));
    machine.run();
    assert_eq!((machine.state(0), machine.runs(0)), (State::Stopped, 0));
    machine.done();
    machine.start(0);
    assert!(machine.done().contains(&"clear 0".into()));
    assert_eq!(machine.life.launch_ticks(0).1, 7);
}

#[test]
fn what_has_only_begun_to_boot_is_left_alone() {
    let machine = Machine::new(Always);
    machine.start(0);
    machine.is_early.set(true);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Err(Refusal::TooEarly));
    assert_eq!(machine.state(0), State::Running);
}

#[test]
fn a_lost_core_keeps_its_partition_down_until_it_parks() {
    let machine = Machine::new(Always);
    machine.start(0);
    machine.is_deaf[2].set(true);
    machine.events();
    machine.end(0, End::Rebooted);
    assert_eq!(
        machine.state(0),
        State::Stopped,
        "no launch beside a core that may run"
    );
    let told: Vec<_> = machine
        .events()
        .iter()
        .map(|e| (e.kind, e.detail))
        .collect();
    assert!(told.contains(&(Kind::CoreLost, 2)), "{told:?}");
    assert!(machine.life.is_lost_from(2, 0) && !machine.life.is_lost_from(2, 1));
    assert!(!machine.life.may_replace_plan(0));
    let refused = machine.life.start(&machine.at(0), 0);
    assert_eq!(refused, Err(LaunchError::NotParked(2)));
    assert!(
        machine.life.is_ending(0),
        "a service does not go back to that Linux"
    );
    machine.life.ended(&machine.at(2), 0, End::Failed);
    assert_eq!(machine.life.core_state(2), CoreState::Parked);
    assert!(machine.life.may_replace_plan(0));
    machine.start(0);
}

#[test]
fn a_worker_that_never_comes_is_lost_and_another_does_the_work() {
    let machine = Machine::new(Always);
    machine.start(0);
    machine.is_deaf[1].set(true);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()));
    machine.wait_out();
    assert_eq!(machine.state(0), State::Stopped);
    assert!(machine.life.is_lost_from(1, 0) && !machine.life.is_lost_from(2, 0));
}

#[test]
fn cores_that_take_no_init_are_led_out_by_an_interrupt() {
    let ways = [InVmx::InGuest, InVmx::Hung].map(|way| [false, true].map(|kept| (way, kept)));
    for (way, is_init_kept) in ways.into_iter().flatten() {
        let machine = Machine::new(Always);
        machine.is_init_kept.set(is_init_kept);
        machine.start(0);
        machine.events();
        machine.in_vmx[1].set(way);
        machine.in_vmx[2].set(way);
        assert_eq!(machine.life.restart(&machine.at(0), 0), Ok(()));
        for _ in 0..4 {
            machine.pass(110);
            machine.life.tend(&machine.at(0));
            machine.run();
        }
        assert_eq!(machine.state(0), State::Running, "{way:?}");
        assert_eq!(machine.runs(0), 2);
        let lost = |event: &Event| event.kind == Kind::CoreLost;
        assert!(!machine.events().iter().any(lost));
        let forced = machine.done().iter().any(|what| what.starts_with("force"));
        assert_eq!(
            forced,
            way == InVmx::Hung,
            "only where the other did not do"
        );
    }
}

/// An interrupt that can't be masked is not for a core that waits for its start-up IPI.
#[test]
fn a_core_that_is_led_out_late_is_called_before_another_is_tried() {
    let machine = Machine::new(Always);
    machine.start(0);
    machine.in_vmx[1].set(InVmx::Hung);
    assert_eq!(machine.life.restart(&machine.at(0), 0), Ok(()));
    let mut done = machine.done();
    for _ in 0..6 {
        machine.pass(110);
        machine.life.tend(&machine.at(0));
        let asked = |what: &String| what.starts_with("ask 1");
        if !done.iter().any(asked) {
            done.extend(machine.done());
            if done.iter().any(asked) {
                machine.led_out_late(1);
            }
        }
        machine.run();
    }
    assert_eq!((machine.state(0), machine.runs(0)), (State::Running, 2));
    done.extend(machine.done());
    assert!(
        done.iter().any(|what| what.starts_with("ask 1")),
        "{done:?}"
    );
    assert!(
        !done.iter().any(|what| what.starts_with("force")),
        "{done:?}"
    );
}

#[test]
fn all_cores_lost_is_an_end_too() {
    let machine = Machine::new(Always);
    machine.start(2);
    machine.is_deaf[5].set(true);
    assert_eq!(machine.life.kill(&machine.at(0), 2), Ok(()));
    machine.wait_out();
    assert_eq!(machine.state(2), State::Stopped);
    assert!(machine.life.is_lost_from(5, 2));
}

#[test]
fn an_end_by_a_core_that_is_reset_is_taken_up_again() {
    let machine = Machine::new(RestartPolicy::Never);
    machine.start(0);
    machine.life.ended(&machine.at(2), 0, End::PoweredOff);
    // Core 2 was to do it; core 1 brings it up in its Linux anew, and nobody does.
    machine.life.set_core_state(2, CoreState::Running);
    machine.life.tend(&machine.at(0));
    assert_eq!(machine.state(0), State::Ending);
    machine.pass(61_000);
    machine.life.tend(&machine.at(0));
    machine.run();
    assert_eq!(machine.state(0), State::Stopped);
}

#[test]
fn the_last_linux_gives_the_shell_its_core_back() {
    let machine = Machine::new(OnFailure);
    let shell = machine.at(0);
    assert_eq!(machine.life.start_here(&shell, 3), Ok(()));
    machine.life.lend_shell_core(&shell);
    assert!(!machine.run() && machine.state(3) == State::Running);
    machine.end(3, End::Failed);
    assert_eq!(
        machine.state(3),
        State::Waiting,
        "the shell does not come between"
    );
    assert!(!machine.life.shell_runs());
    machine.pass(1_000);
    assert_eq!((machine.state(3), machine.runs(3)), (State::Running, 2));
    assert_eq!(machine.life.kill(&machine.at(1), 3), Ok(()));
    assert!(machine.run(), "the shell is back");
    assert!(machine.done().contains(&"ask 0 of 3".into()));
    assert_eq!(machine.state(3), State::Stopped);
    let refused = machine.life.start(&machine.at(1), 3);
    assert_eq!(refused, Err(LaunchError::NotParked(0)));
}

/// A launch on the machine's boot processor that takes longer than a kill has patience: the end is
/// worked on by another core, and over, when the launch finds that it was called off.
#[test]
fn a_launch_that_was_called_off_long_ago_leaves_its_cores_parked() {
    let machine = Machine::new(Never);
    let last = Definition {
        cores: &[0, 6],
        regions: &[],
        memory: 0,
        ..definition(3, Never)
    };
    machine.life.publish(3, Some(&last));
    machine.life.provide_plan(3);
    machine.life.lend_shell_core(&machine.at(0));
    assert_eq!(machine.life.start(&machine.at(5), 3), Ok(()));
    machine.while_placing.set(Some(|machine| {
        machine.life.kill(&machine.at(5), 3).unwrap();
        for _ in 0..4 {
            machine.clock.set(machine.clock.get() + 3_000_000);
            machine.life.tend(&machine.at(5));
            if machine.life.duty(&machine.at(6)) == Duty::End(3) {
                machine.life.finish(&machine.at(6), 3);
            }
        }
        assert_eq!(machine.state(3), State::Stopped);
    }));
    machine.run();
    assert_eq!(machine.life.core_state(6), CoreState::Parked);
    assert_eq!(machine.life.check_launch(3, Some(0)), Ok(()));
}

/// A worker that has to wait longer than its call may take is not called again by whoever looks.
#[test]
fn a_worker_has_its_own_time_however_often_somebody_looks() {
    let machine = Machine::new(Never);
    machine.start(0);
    machine.done();
    machine.life.kill(&machine.at(5), 0).unwrap();
    assert_eq!(machine.life.duty(&machine.at(1)), Duty::End(0));
    // Its sibling does not come at once.
    machine.is_deaf[2].set(true);
    machine.while_relaxing.set(Some(|machine| {
        machine.clock.set(machine.clock.get() + 100_000);
        machine.life.tend(&machine.at(5));
    }));
    machine.life.finish(&machine.at(1), 0);
    machine.while_relaxing.set(None);
    let lost: Vec<u32> = machine
        .events()
        .iter()
        .filter(|event| event.kind == Kind::CoreLost)
        .map(|event| event.detail)
        .collect();
    assert_eq!(lost, [2], "the worker did its work");
    let calls = machine
        .done()
        .iter()
        .filter(|what| *what == "init 1")
        .count();
    assert_eq!(calls, 1);
}

/// Between a worker's look at its duty and its work somebody takes the end over, and is about to call
/// it: it does not begin, or the call would hit what follows.
#[test]
fn a_worker_whose_end_was_taken_over_waits_for_the_call() {
    let machine = Machine::new(Never);
    machine.start(0);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()));
    let is_worker = |core: &usize| machine.life.duty(&machine.at(*core)) == Duty::End(0);
    let worker = [1, 2].into_iter().find(is_worker).expect("one works");
    assert_eq!(worker, 1);
    machine.clock.set(machine.clock.get() + 120_000_000);
    machine.while_relaxing.set(Some(|machine| {
        machine.life.finish(&machine.at(1), 0);
        assert_eq!(machine.state(0), State::Ending);
    }));
    machine.life.tend(&machine.at(0));
    machine.while_relaxing.set(None);
    machine.run();
    assert_eq!(machine.state(0), State::Stopped);
}
