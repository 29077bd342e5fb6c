//! The agent in a Linux: what it says, what it is asked for, and what follows its silence.

mod common;
mod ram;
mod reading;

use bulkhead_lifecycle::{
    Agent, Definition, End, Event, GUID, Heard, Kind, Order, Outcome, Refusal, State, Status,
    Variables,
};
use bulkhead_model::RestartPolicy::{self, Always, Never, OnFailure};
use common::{MEMBERS, Machine, definition};
use proptest::prelude::*;
use ram::{DATA, NAME, VENDOR, ram};
use reading::read;

const GRACE_MS: u64 = 10_000;

fn say(machine: &Machine, partition: usize, word: &str) -> Heard {
    let core = MEMBERS[partition][0];
    machine.life.hear(&machine.at(core), partition, word)
}

fn hello(machine: &Machine, partition: usize) -> Heard {
    say(machine, partition, "hello")
}

fn beat(machine: &Machine, partition: usize) -> Heard {
    say(machine, partition, "beat")
}

fn order(machine: &Machine, partition: usize, order: Order, seconds: u32) -> Result<(), Refusal> {
    machine
        .life
        .order(&machine.at(0), partition, order, seconds)
}

fn agent(machine: &Machine, partition: usize) -> Agent {
    machine.life.agent(&machine.at(0), partition)
}

fn kinds(machine: &Machine, partition: usize) -> Vec<(Kind, u32)> {
    let events = machine.events().into_iter();
    let own = events.filter(|event: &Event| event.partition == partition);
    own.map(|event| (event.kind, event.detail)).collect()
}

/// What partition two writes to `Agent`, said to be of that size.
fn write(machine: &Machine, bytes: &[u8], size: u64) -> Option<Status> {
    let memory = ram("Agent", &GUID, 0);
    memory.put(DATA, bytes);
    let variables = Variables {
        lifecycle: &machine.life,
        hardware: &machine.at(3),
        memory: &memory,
        caller: 1,
        store: None,
    };
    variables.set(NAME, VENDOR, [6, size, DATA])
}

/// Partition one, in which an agent was heard, with that watchdog.
fn heard(policy: RestartPolicy, watchdog: u32) -> Machine {
    let machine = Machine::new(policy);
    machine.life.publish(
        0,
        Some(&Definition {
            watchdog,
            ..definition(0, policy)
        }),
    );
    machine.life.provide_plan(0);
    machine.start(0);
    assert_eq!(hello(&machine, 0), Heard::Yes);
    machine.done();
    machine.events();
    machine
}

/// Lets time pass in which everybody looks, as the shell's core does.
fn pass(machine: &Machine, ms: u64) {
    machine.pass(ms);
    machine.life.tend(&machine.at(0));
    machine.run();
}

#[test]
fn an_agent_is_heard_until_it_leaves_or_its_run_ends() {
    let machine = Machine::new(Always);
    assert_eq!(beat(&machine, 0), Heard::NotRunning);
    machine.start(0);
    assert_eq!(agent(&machine, 0), Agent::default());
    assert_eq!(beat(&machine, 0), Heard::Stranger);
    assert_eq!(hello(&machine, 0), Heard::Yes);
    machine.pass(3_000);
    assert_eq!(agent(&machine, 0).heard_ms, Some(3_000));
    assert_eq!(agent(&machine, 0).word(), "yes");
    beat(&machine, 0);
    assert_eq!(say(&machine, 0, "bye\n\0"), Heard::Yes);
    assert_eq!(agent(&machine, 0).word(), "no");
    // It still runs, and its Linux is going down.
    assert_eq!(beat(&machine, 0), Heard::Stranger);
    assert_eq!(agent(&machine, 0).word(), "no");
    hello(&machine, 0);
    let told: Vec<Kind> = kinds(&machine, 0).into_iter().map(|told| told.0).collect();
    let came = [Kind::AgentCame, Kind::AgentLeft, Kind::AgentCame];
    assert_eq!(told[1..], came, "not once for each beat");
    machine.end(0, End::Rebooted);
    assert_eq!(machine.state(0), State::Running);
    assert_eq!(agent(&machine, 0), Agent::default(), "another run");
}

#[test]
fn one_that_was_asked_to_stop_stays_whatever_its_policy_says() {
    for end in [End::PoweredOff, End::Rebooted, End::Failed] {
        let machine = heard(Always, 0);
        assert_eq!(order(&machine, 0, Order::Stop, 60), Ok(()));
        assert_eq!(agent(&machine, 0).order, Some(Order::Stop));
        assert_eq!(agent(&machine, 0).word(), "stopping");
        pass(&machine, 40_000);
        assert_eq!(machine.state(0), State::Running);
        machine.end(0, end);
        let state = if end == End::Failed {
            State::Failed
        } else {
            State::Stopped
        };
        assert_eq!((machine.state(0), machine.failures(0)), (state, 0));
        let asked = [
            (Kind::StopAsked, 60),
            (Kind::Ended(end), 1),
            (Kind::Parked, 1),
        ];
        assert_eq!(kinds(&machine, 0), asked);
        pass(&machine, 120_000);
        assert_eq!(machine.state(0), state, "nothing is late");
    }
}

#[test]
fn one_that_was_asked_to_restart_is_launched_whatever_its_policy_says() {
    for end in [End::PoweredOff, End::Rebooted, End::Failed] {
        let machine = heard(Never, 0);
        assert_eq!(order(&machine, 0, Order::Restart, 60), Ok(()));
        machine.end(0, end);
        assert_eq!((machine.state(0), machine.runs(0)), (State::Running, 2));
        assert_eq!(machine.failures(0), 0);
        pass(&machine, 120_000);
        assert_eq!(
            machine.runs(0),
            2,
            "the next run was not asked for anything"
        );
    }
}

#[test]
fn what_is_not_done_in_time_is_done_by_force() {
    for (what, state, runs) in [
        (Order::Stop, State::Stopped, 1),
        (Order::Restart, State::Running, 2),
    ] {
        let machine = heard(Always, 0);
        assert_eq!(order(&machine, 0, what, 30), Ok(()));
        pass(&machine, 29_000);
        assert_eq!((machine.state(0), machine.runs(0)), (State::Running, 1));
        pass(&machine, 2_000);
        machine.wait_out();
        assert_eq!((machine.state(0), machine.runs(0)), (state, runs));
        let told = kinds(&machine, 0);
        assert!(told.contains(&(Kind::TooSlow, 30)), "{told:?}");
        assert!(told.contains(&(Kind::Ended(End::Killed), 1)), "{told:?}");
    }
}

#[test]
fn a_second_order_has_its_own_limit() {
    let machine = heard(Always, 0);
    assert_eq!(order(&machine, 0, Order::Stop, 600), Ok(()));
    assert_eq!(order(&machine, 0, Order::Restart, 5), Ok(()));
    pass(&machine, 6_000);
    machine.wait_out();
    assert_eq!((machine.state(0), machine.runs(0)), (State::Running, 2));
}

/// In an orderly end the agent takes leave long before the machine is off: what follows may still be changed.
#[test]
fn what_ends_already_needs_no_agent_for_a_second_order() {
    let machine = heard(Always, 0);
    assert_eq!(order(&machine, 0, Order::Restart, 60), Ok(()));
    say(&machine, 0, "bye");
    assert_eq!(order(&machine, 0, Order::Stop, 60), Ok(()));
    machine.end(0, End::Rebooted);
    assert_eq!((machine.state(0), machine.runs(0)), (State::Stopped, 1));
    // What is silent has not been asked to end.
    let machine = heard(Always, 10);
    pass(&machine, 12_000);
    assert_eq!(agent(&machine, 0).order, Some(Order::Fail));
    assert_eq!(order(&machine, 0, Order::Stop, 60), Err(Refusal::NoAgent));
}

#[test]
fn nobody_is_asked_who_does_not_hear() {
    let machine = Machine::new(Always);
    let stop = |machine: &Machine| order(machine, 0, Order::Stop, 60);
    assert_eq!(stop(&machine), Err(Refusal::NotLive));
    machine.start(0);
    assert_eq!(stop(&machine), Err(Refusal::NoAgent));
    hello(&machine, 0);
    machine.pass(16_000);
    assert_eq!(agent(&machine, 0).word(), "silent");
    assert_eq!(stop(&machine), Err(Refusal::NoAgent));
    beat(&machine, 0);
    assert_eq!(stop(&machine), Ok(()));
    // One that waits for its next launch has no agent, and needs none.
    let machine = heard(Always, 0);
    machine.end(0, End::PoweredOff);
    assert_eq!(machine.state(0), State::Waiting);
    assert_eq!(stop(&machine), Ok(()));
    machine.run();
    assert_eq!(machine.state(0), State::Stopped);
}

#[test]
fn a_silent_one_is_startled_and_then_fails() {
    for (policy, state) in [(Never, State::Failed), (OnFailure, State::Waiting)] {
        let machine = heard(policy, 30);
        pass(&machine, 30_000);
        assert_eq!(machine.done(), [""; 0], "not yet");
        pass(&machine, 1_000);
        assert_eq!(machine.done(), ["startle 1", "startle 2"]);
        assert_eq!(machine.state(0), State::Running);
        assert_eq!(order(&machine, 0, Order::Stop, 5), Err(Refusal::NoAgent));
        pass(&machine, GRACE_MS + 1_000);
        machine.run();
        assert_eq!(machine.state(0), state);
        let told = kinds(&machine, 0);
        assert_eq!(
            told[..2],
            [(Kind::Silent, 30), (Kind::Ended(End::Silent), 1)]
        );
        assert_eq!(machine.failures(0), 1);
    }
}

#[test]
fn one_that_panics_when_it_is_startled_failed_by_its_silence() {
    let machine = heard(Never, 30);
    pass(&machine, 31_000);
    machine.end(0, End::Failed);
    assert_eq!(machine.state(0), State::Failed);
    let told = kinds(&machine, 0);
    assert!(told.contains(&(Kind::Ended(End::Silent), 1)), "{told:?}");
}

#[test]
fn one_that_is_heard_again_goes_on() {
    let machine = heard(Never, 30);
    pass(&machine, 31_000);
    assert_eq!(beat(&machine, 0), Heard::Yes);
    pass(&machine, GRACE_MS + 1_000);
    assert_eq!(machine.state(0), State::Running);
    let told = [(Kind::Silent, 30), (Kind::HeardAgain, 0)];
    assert_eq!(kinds(&machine, 0), told);
    assert_eq!(say(&machine, 0, "bye"), Heard::Yes);
    pass(&machine, 100_000);
    assert_eq!(machine.state(0), State::Running, "it said that it leaves");
}

#[test]
fn silence_means_nothing_before_the_first_word_and_during_a_stop() {
    let machine = heard(Never, 30);
    assert_eq!(order(&machine, 0, Order::Stop, 100), Ok(()));
    pass(&machine, 90_000);
    assert_eq!(machine.state(0), State::Running);
    machine.end(0, End::PoweredOff);
    machine.start(0);
    pass(&machine, 90_000);
    assert_eq!(machine.state(0), State::Running);
}

#[test]
fn who_has_the_right_stops_and_restarts_others_with_the_shell_and_without() {
    for has_shell in [true, false] {
        let machine = heard(Always, 0);
        machine.start(1);
        let hw = machine.at(3);
        if !has_shell {
            machine.life.halt_shell(&machine.at(0));
        }
        let ask = |text| machine.life.ask(&hw, 1, Some(text));
        assert_eq!(ask("stop one 40"), Outcome::Ordered);
        assert_eq!(ask("stop three"), Outcome::Unanswered);
        assert_eq!(read(&machine, 1, "Control"), "busy: it was asked to end\n");
        machine.end(0, End::PoweredOff);
        assert_eq!(read(&machine, 1, "Control"), "ok\n");
        assert_eq!(machine.state(0), State::Stopped);
        assert_eq!(ask("stop one"), Outcome::WrongState);
        machine.life.start(&machine.at(0), 0).unwrap();
        machine.run();
        assert_eq!(ask("stop one"), Outcome::NoAgent);
        // A restart of one without an agent is by force, as ever.
        let by_force = ask("restart one");
        let forced = if has_shell {
            Outcome::Passed
        } else {
            Outcome::Ending
        };
        assert_eq!(by_force, forced);
        if has_shell {
            continue;
        }
        machine.wait_out();
        hello(&machine, 0);
        assert_eq!(ask("restart one 20"), Outcome::Ordered);
        machine.end(0, End::Rebooted);
        assert_eq!((ask("stop one 9"), machine.runs(0)), (Outcome::NoAgent, 4));
    }
}

/// Nobody but another Linux, by its calls, looks whether a limit is over.
#[test]
fn without_the_shell_whoever_calls_looks() {
    let machine = heard(Always, 30);
    machine.start(1);
    machine.life.halt_shell(&machine.at(0));
    machine.pass(31_000);
    machine.life.tend(&machine.at(3));
    assert!(machine.done().contains(&"startle 1".to_string()));
    machine.pass(GRACE_MS + 1_000);
    machine.life.tend(&machine.at(3));
    machine.run();
    assert_eq!(machine.state(0), State::Waiting);
}

#[test]
fn what_an_agent_reads() {
    let machine = Machine::new(Always);
    machine.start(1);
    assert_eq!(read(&machine, 1, "Agent"), "none\n");
    assert_eq!(write(&machine, b"beat", 4), Some(Status::NotReady));
    let error = "error: no hello was heard before it\n";
    assert_eq!(read(&machine, 1, "Agent"), error);
    assert_eq!(write(&machine, b"hello\n", 6), Some(Status::Success));
    assert_eq!(write(&machine, b"beat", 4), Some(Status::Success));
    assert_eq!(read(&machine, 1, "Agent"), "none\n");
    order(&machine, 1, Order::Stop, 60).unwrap();
    machine.pass(500);
    assert_eq!(read(&machine, 1, "Agent"), "stop within=60\n");
    order(&machine, 1, Order::Restart, 7).unwrap();
    assert_eq!(read(&machine, 1, "Agent"), "restart within=7\n");
    let details = read(&machine, 1, "Details");
    assert!(details.contains(" agent=restarting heard=0 "), "{details}");
    machine.end(1, End::Rebooted);
    assert_eq!(write(&machine, b"boat", 4), Some(Status::InvalidParameter));
    let error = "error: not a message (accepted: hello [terminal], beat, bye)\n";
    assert_eq!(read(&machine, 1, "Agent"), error);
    assert_eq!(write(&machine, b"hello", 5), Some(Status::Success));
    assert_eq!(read(&machine, 1, "Agent"), "none\n");
    machine.life.kill(&machine.at(0), 1).unwrap();
    assert_eq!(write(&machine, b"beat", 4), Some(Status::NotReady));
}

proptest! {
    #[test]
    fn what_is_no_message_changes_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..40), size in any::<u64>()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let text = text.trim_end_matches('\0').trim();
        prop_assume!(!["hello", "beat", "bye"].contains(&text));
        let machine = Machine::new(Always);
        machine.start(1);
        machine.events();
        for size in [bytes.len() as u64, size.max(17)] {
            prop_assert_eq!(write(&machine, &bytes, size), Some(Status::InvalidParameter));
        }
        prop_assert_eq!(agent(&machine, 1), Agent::default());
        prop_assert_eq!(machine.events(), []);
    }
}
