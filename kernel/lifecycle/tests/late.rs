//! Cores that come late with what they were about to say or do of an end that has gone on without them.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bulkhead_lifecycle::{CoreState, Definition, Duty, Kind, State};
use bulkhead_model::RestartPolicy::Never;
use common::{Happening, Machine, definition};

/// The last Linux runs, on these cores.
fn handed_off(cores: &[usize]) -> Machine {
    let machine = Machine::new(Never);
    let last = Definition {
        cores,
        regions: &[],
        memory: 0,
        ..definition(3, Never)
    };
    machine.life.publish(3, Some(&last));
    machine.life.provide_plan(3);
    let shell = machine.at(0);
    assert_eq!(machine.life.start_here(&shell, 3), Ok(()));
    machine.life.lend_shell_core(&shell);
    machine.run();
    assert_eq!(machine.state(3), State::Running);
    machine
}

/// Between a worker's look at its end and its first step somebody takes that over, and is reset before
/// it calls: what the worker left undone is not over for whoever does it next, nor is that Linux.
#[test]
fn a_worker_whose_end_was_taken_over_says_nothing_of_it() {
    let machine = handed_off(&[0, 6]);
    assert_eq!(machine.life.restart(&machine.at(5), 3), Ok(()));
    assert_eq!(machine.life.duty(&machine.at(6)), Duty::End(3));
    machine.done();
    machine.at_reading.set(Some((0, |machine| {
        machine.clock.set(machine.clock.get() + 200_000);
        // It looks whether the worker is late, and takes the end over; then it reads the clock to give
        // it time.
        machine
            .at_reading
            .set(Some((1, |_| resume_unwind(Box::new("it is reset")))));
        let tend = || machine.life.tend(&machine.at(5));
        assert!(catch_unwind(AssertUnwindSafe(tend)).is_err());
    })));
    machine.life.finish(&machine.at(6), 3);
    assert_eq!(machine.state(3), State::Ending);
    let done = machine.done();
    assert!(!done.contains(&"silence 3".into()), "core 0 runs: {done:?}");
    machine.pass(200);
    machine.life.tend(&machine.at(5)); // begins to count the time
    machine.pass(200);
    machine.life.tend(&machine.at(5));
    machine.run();
    assert_eq!((machine.state(3), machine.runs(3)), (State::Running, 2));
    assert!(machine.done().contains(&"ask 0 of 3".into()));
}

/// Core 5 finds that a worker does not come, and calls it, until it is about to say that it is lost. At
/// each of its steps, one after the other, the worker comes at last, and works; its partition is launched
/// again. What core 5 does and says then comes too late.
fn comes_at_last(launch: fn() -> Machine, partition: usize, worker: usize, come: Happening) {
    for step in 0.. {
        let machine = launch();
        machine.is_deaf[worker].set(true);
        machine.events();
        assert_eq!(machine.life.restart(&machine.at(5), partition), Ok(()));
        machine.at_question.set(Some((step, come)));
        while machine.state(partition) == State::Ending {
            machine.pass(11_000);
            machine.life.tend(&machine.at(5));
        }
        let told = machine.events();
        if told.first().map(|event| event.kind) == Some(Kind::CoreLost) {
            assert!(step > 10, "it was said too early");
            return; // from here on the worker is the one that is late
        }
        let what = format!("before question {step}: {told:?}");
        assert_eq!(machine.runs(partition), 2, "{what}");
        assert_eq!(machine.state(partition), State::Running, "{what}");
        let state = machine.life.core_state(worker);
        assert_eq!(state, CoreState::Running, "{what}");
        let last = told.last().map(|event| event.kind);
        assert_eq!(last, Some(Kind::Launched), "{what}");
    }
}

#[test]
fn what_is_said_of_a_core_that_runs_again_comes_too_late() {
    let launch = || {
        let machine = Machine::new(Never);
        machine.start(0);
        machine
    };
    comes_at_last(launch, 0, 1, |machine| {
        machine.is_deaf[1].set(false);
        machine.life.parked(&machine.at(1));
        machine.run();
    });
}

#[test]
fn what_is_said_of_the_boot_processor_that_runs_again_comes_too_late() {
    comes_at_last(
        || handed_off(&[0]),
        3,
        0,
        |machine| {
            machine.is_deaf[0].set(false);
            machine.life.parked(&machine.at(0));
            machine.run();
        },
    );
}
