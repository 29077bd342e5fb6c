//! Partitions that share low memory: one Linux at a time may be about to write it, and none that does
//! not get so far holds the others up for ever.

mod common;

use bulkhead_lifecycle::{CoreState, Duty, End, Kind, State};
use bulkhead_model::RestartPolicy::{Always, Never};
use common::Machine;

/// What is told of waiting, since the last look.
fn told(machine: &Machine) -> Vec<(Kind, usize, u32)> {
    let is_waiting = |kind| matches!(kind, Kind::Waits | Kind::WaitsNoLonger);
    let events = machine.events().into_iter();
    events
        .filter(|event| is_waiting(event.kind))
        .map(|event| (event.kind, event.partition, event.detail))
        .collect()
}

/// Begins a launch that has to wait.
fn start_waiting(machine: &Machine, partition: usize) {
    assert_eq!(machine.life.start(&machine.at(0), partition), Ok(()));
    machine.run();
    assert_eq!(machine.state(partition), State::Launching);
}

/// Its Linux writes.
fn write(machine: &Machine) {
    assert!(machine.is_low_marked.take());
    machine.run();
}

#[test]
fn the_next_is_launched_once_the_one_before_has_written() {
    let machine = Machine::sharing(Never);
    machine.start(2);
    start_waiting(&machine, 0);
    machine.pass(9_000);
    assert_eq!(machine.state(0), State::Launching);
    write(&machine);
    assert_eq!(machine.state(0), State::Running);
    write(&machine);
    machine.start(1);
    assert_eq!(told(&machine), []);
}

#[test]
fn who_shares_nothing_waits_for_nobody() {
    let machine = Machine::sharing(Never);
    machine.define(0, Never, false);
    machine.start(2);
    machine.start(0);
    start_waiting(&machine, 1);
}

#[test]
fn a_linux_that_hangs_before_it_writes_is_waited_for_half_a_minute() {
    let machine = Machine::sharing(Never);
    machine.start(2);
    machine.pass(5_000);
    start_waiting(&machine, 0);
    start_waiting(&machine, 1);
    machine.pass(4_000);
    assert_eq!(told(&machine), []);
    machine.pass(2_000);
    // Of those that wait one tells, and once.
    assert_eq!(told(&machine), [(Kind::Waits, 0, 2)]);
    machine.pass(18_000);
    assert_eq!(told(&machine), []);
    machine.pass(2_000);
    assert_eq!(told(&machine), [(Kind::WaitsNoLonger, 0, 2)]);
    assert_eq!(machine.state(0), State::Running);
    // The third one waits for the second, from its entry on.
    assert_eq!(machine.state(1), State::Launching);
    machine.pass(11_000);
    assert_eq!(told(&machine), [(Kind::Waits, 1, 0)]);
    write(&machine);
    assert_eq!(machine.state(1), State::Running);
    assert_eq!(told(&machine), []);
}

#[test]
fn who_is_back_holds_nobody_up() {
    let ends: [fn(&Machine); 3] = [
        |machine| machine.life.kill(&machine.at(0), 2).expect("it runs"),
        |machine| machine.end(2, End::PoweredOff),
        |machine| machine.end(2, End::Failed), // and waits to be launched again
    ];
    for end in ends {
        let machine = Machine::sharing(Always);
        machine.start(2);
        start_waiting(&machine, 0);
        end(&machine);
        machine.run();
        assert_eq!(machine.state(0), State::Running);
        assert_eq!(told(&machine), []);
    }
}

/// Partition 2 is killed, and its core does not come back.
fn lose(machine: &Machine) {
    machine.is_deaf[5].set(true);
    assert_eq!(machine.life.kill(&machine.at(0), 2), Ok(()));
    let begun = machine.clock.get();
    while machine.state(2) == State::Ending {
        machine.pass(100);
        machine.life.tend(&machine.at(0));
    }
    assert!(machine.life.is_lost_from(5, 2));
    assert!(machine.clock.get() < begun + 10_000_000);
}

/// It may still run, and write.
#[test]
fn a_holder_that_lost_its_core_is_waited_for_half_a_minute() {
    let machine = Machine::sharing(Always);
    machine.start(2);
    lose(&machine);
    start_waiting(&machine, 0);
    machine.pass(11_000);
    assert_eq!(told(&machine), [(Kind::Waits, 0, 2)]);
    machine.pass(19_000);
    assert_eq!(machine.state(0), State::Running);
    assert_eq!(told(&machine), [(Kind::WaitsNoLonger, 0, 2)]);
}

#[test]
fn a_lost_core_that_comes_back_late_holds_nobody_up() {
    let machine = Machine::sharing(Always);
    machine.start(2);
    lose(&machine);
    start_waiting(&machine, 0);
    machine.life.parked(&machine.at(5));
    machine.run();
    assert_eq!(machine.state(0), State::Running);
    assert_eq!(told(&machine), []);
}

/// The shell's core looks at each tick, for a limited time, and the shell comes back after it.
#[test]
fn a_handoff_is_not_held_up_for_ever() {
    let machine = Machine::sharing(Never);
    machine.start(2);
    let boot = machine.at(0);
    assert_eq!(machine.life.start_here(&boot, 3), Ok(()));
    machine.life.lend_shell_core(&boot);
    assert_eq!(machine.life.duty(&boot), Duty::Look);
    machine.pass(29_000);
    assert_eq!(machine.life.duty(&boot), Duty::Look);
    machine.pass(2_000);
    assert_eq!(machine.state(3), State::Running);
    assert_eq!(
        told(&machine),
        [(Kind::Waits, 3, 2), (Kind::WaitsNoLonger, 3, 2)]
    );
    machine.life.ended(&boot, 3, End::PoweredOff);
    assert!(machine.run(), "the shell is back");
}

/// The same launch, called off while it waits.
#[test]
fn a_handoff_that_waits_can_be_called_off() {
    let machine = Machine::sharing(Never);
    machine.start(2);
    machine.life.start_here(&machine.at(0), 3).expect("at rest");
    machine.life.lend_shell_core(&machine.at(0));
    assert!(!machine.run());
    assert_eq!(machine.life.kill(&machine.at(3), 3), Ok(()));
    assert!(machine.run(), "the shell is back");
    assert_eq!(machine.state(3), State::Stopped);
    assert_eq!(machine.runs(3), 0);
}

/// It is not entered yet; its time begins then.
#[test]
fn much_ram_may_be_cleared() {
    let machine = Machine::sharing(Never);
    machine.while_placing.set(Some(|machine| {
        machine.life.start(&machine.at(0), 0).expect("at rest");
        machine.clock.set(machine.clock.get() + 600_000_000);
        assert_eq!(machine.life.duty(&machine.at(1)), Duty::Look);
    }));
    machine.start(2);
    assert_eq!(told(&machine), [(Kind::Waits, 0, 2)]);
    machine.pass(29_000);
    assert_eq!(machine.state(0), State::Launching);
    machine.pass(2_000);
    assert_eq!(machine.state(0), State::Running);
}

/// A core that took an exception in Bulkhead's code while it launched.
#[test]
fn a_launch_that_crashed_holds_nobody_up_for_ever() {
    let machine = Machine::sharing(Never);
    machine.life.start(&machine.at(0), 2).expect("at rest");
    assert_eq!(machine.life.duty(&machine.at(5)), Duty::Launch(2));
    machine.life.set_core_state(5, CoreState::Lost);
    start_waiting(&machine, 0);
    machine.pass(31_000);
    assert_eq!(machine.state(0), State::Running);
}

/// What a partition holds is of its own last launch, and not of one that shared when it did.
#[test]
fn who_shares_no_more_holds_nobody_up() {
    let machine = Machine::sharing(Never);
    machine.start(2);
    assert_eq!(machine.life.kill(&machine.at(0), 2), Ok(()));
    machine.run();
    machine.define(2, Never, false);
    machine.start(2);
    machine.start(0);
}

/// Whether the launches since the last look cleared what one that had the memory alone left there.
fn cleared(machine: &Machine) -> Vec<String> {
    let mut done = machine.done();
    done.retain(|what| what.starts_with("clear low"));
    done
}

/// What is there where none runs that shares it may be anybody's; where one runs it was cleared for that.
#[test]
fn who_is_alone_clears() {
    let machine = Machine::sharing(Never);
    machine.start(2);
    write(&machine);
    assert_eq!(cleared(&machine), ["clear low 2"]);
    machine.start(0);
    write(&machine);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()));
    machine.run();
    machine.start(0);
    write(&machine);
    let nobody: [&str; 0] = [];
    assert_eq!(cleared(&machine), nobody, "2 runs");
    for partition in [0, 2] {
        assert_eq!(machine.life.kill(&machine.at(0), partition), Ok(()));
        machine.run();
    }
    // It had the last turn, and yet another one may have had the memory alone since.
    machine.start(0);
    assert_eq!(cleared(&machine), ["clear low 0"]);
}

/// Nor is one relied on that only waits: two are asked for at once, or the one that they wait for is killed.
#[test]
fn the_first_of_several_clears() {
    let machine = Machine::sharing(Never);
    for partition in [2, 0] {
        assert_eq!(machine.life.start(&machine.at(0), partition), Ok(()));
    }
    machine.run();
    let [first, second] = match machine.state(0) {
        State::Running => [0, 2],
        _ => [2, 0],
    };
    assert_eq!(machine.state(first), State::Running);
    assert_eq!(cleared(&machine), [format!("clear low {first}")]);
    write(&machine);
    assert_eq!(machine.state(second), State::Running);
    assert_eq!(cleared(&machine), [""; 0]);

    let machine = Machine::sharing(Never);
    assert_eq!(machine.life.start(&machine.at(0), 2), Ok(()));
    assert_eq!(machine.life.duty(&machine.at(5)), Duty::Launch(2));
    // It copies its images.
    machine.life.set_core_state(5, CoreState::Running);
    for partition in [0, 1] {
        start_waiting(&machine, partition);
    }
    assert_eq!(machine.life.kill(&machine.at(0), 2), Ok(()));
    machine.run();
    let [first, second] = match machine.state(0) {
        State::Running => [0, 1],
        _ => [1, 0],
    };
    assert_eq!(cleared(&machine), [format!("clear low {first}")]);
    write(&machine);
    assert_eq!(machine.state(second), State::Running);
    assert_eq!(cleared(&machine), [""; 0]);
}

/// One that never came to clear is not relied on.
#[test]
fn who_follows_a_launch_that_crashed_clears() {
    let machine = Machine::sharing(Never);
    machine.life.start(&machine.at(0), 2).expect("at rest");
    assert_eq!(machine.life.duty(&machine.at(5)), Duty::Launch(2));
    machine.life.set_core_state(5, CoreState::Lost);
    start_waiting(&machine, 0);
    machine.pass(31_000);
    assert_eq!(cleared(&machine), ["clear low 0"]);
}

/// Nor the next one, if it is killed before it came to that.
#[test]
fn what_nobody_came_to_clear_is_left_to_the_next() {
    let machine = Machine::sharing(Never);
    machine.life.start(&machine.at(0), 2).expect("at rest");
    assert_eq!(machine.life.duty(&machine.at(5)), Duty::Launch(2));
    machine.life.set_core_state(5, CoreState::Running);
    lose(&machine);
    assert_eq!(machine.life.start(&machine.at(0), 0), Ok(()));
    machine.clock.set(machine.clock.get() + 31_000_000);
    assert_eq!(machine.life.duty(&machine.at(1)), Duty::Launch(0));
    machine.life.set_core_state(1, CoreState::Running);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()));
    machine.run();
    assert_eq!(cleared(&machine), [""; 0]);
    machine.start(1);
    assert_eq!(cleared(&machine), ["clear low 1"]);
}
