//! Cores that did not come back, called again.

mod common;

use bulkhead_lifecycle::{CoreState, End, Refusal, State};
use bulkhead_model::RestartPolicy::Always;
use common::Machine;

/// A core that did not come back, and answers by now.
#[test]
fn a_kill_of_one_at_rest_calls_its_lost_cores_again() {
    let machine = Machine::new(Always);
    machine.start(0);
    machine.is_deaf[2].set(true);
    machine.end(0, End::Rebooted);
    assert!(machine.life.is_lost_from(2, 0));
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()));
    machine.run();
    assert!(machine.life.is_lost_from(2, 0), "it is still deaf");
    assert!(!machine.life.may_replace_plan(0));
    machine.is_deaf[2].set(false);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Ok(()));
    assert!(!machine.life.may_replace_plan(0), "held until it is back");
    machine.run();
    assert_eq!(machine.state(0), State::Stopped);
    assert_eq!(machine.life.core_state(2), CoreState::Parked);
    assert_eq!(machine.life.kill(&machine.at(0), 0), Err(Refusal::NotLive));
    machine.start(0);
}

/// The same if no other core of it is left to work on it.
#[test]
fn a_core_that_was_lost_alone_is_called_again() {
    let machine = Machine::new(Always);
    machine.start(2);
    machine.is_deaf[5].set(true);
    let kill = || {
        assert_eq!(machine.life.kill(&machine.at(0), 2), Ok(()));
        machine.wait_out();
        assert_eq!(machine.state(2), State::Stopped);
    };
    kill();
    kill();
    assert!(machine.life.is_lost_from(5, 2), "it is still deaf");
    machine.is_deaf[5].set(false);
    kill();
    machine.start(2);
}
