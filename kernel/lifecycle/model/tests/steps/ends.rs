//! What is done to a Linux at its end, by a core that stands still meanwhile: it never comes to the next one.

use super::*;

const ONE: usize = 0;
const LAST: usize = 3;
/// How long what follows waits for a core that is about it, in microseconds.
const LEASE_US: u64 = 1_000_000;

/// One ends by force, and its worker, core 1, has not come to so many calls.
fn called(calls: u32) -> Rc<Machine> {
    let machine = machine();
    machine.start(ONE);
    machine.is_deaf[1].set(true);
    assert_eq!(machine.life.restart(&machine.at(0), ONE), Ok(()));
    for _ in 1..calls {
        machine.pass(110);
        machine.life.tend(&machine.at(5));
    }
    machine.pass(110);
    machine.done();
    machine
}

/// It comes by itself, and once it has waited long enough for its call, its partition is launched again.
fn come(machine: &Machine) {
    machine.is_deaf[1].set(false);
    machine.life.parked(&machine.at(1));
    for _ in 0..3 {
        machine.pass(110);
    }
}

/// That nobody did so to its Linux once it was launched again.
fn is_left_alone(machine: &Machine, what: &[&str], step: usize) {
    let done = machine.done();
    let mut after = done.iter().skip_while(|done| !done.starts_with("set_up"));
    let late = after.find(|done| what.iter().any(|what| done.starts_with(what)));
    assert_eq!(late, None, "step {step}: {done:?}");
}

/// Core 5 leads the worker out before its third call, or before the fifth; at each of its steps the worker comes.
#[test]
fn nobody_is_led_out_of_the_next_linux() {
    for calls in [2, 4] {
        let mut was_led = false;
        for step in 0..=MOST_STEPS {
            assert!(step < MOST_STEPS, "it does not end");
            let machine = called(calls);
            let tend = |machine: &Machine| machine.life.tend(&machine.at(5));
            if at_step(step, &machine, come, tend).is_none() {
                break;
            }
            let led = ["ask 1", "force 1"];
            let done = machine.log.borrow().clone();
            was_led |= done
                .iter()
                .any(|done| done.starts_with(led[0]) || done.starts_with(led[1]));
            is_left_alone(&machine, &led, step);
            come(&machine);
            machine.wait_out();
            assert_eq!(machine.state(ONE), State::Running, "step {step}");
        }
        assert!(was_led, "it was, at some step, in time");
    }
}

/// That it waits for a core that is about to lead another out, unless that takes very long.
fn comes_while_another_is_led_out(machine: &Machine, partition: usize, come: fn(&Machine)) {
    let (begun, runs) = (machine.clock.get(), machine.runs(partition));
    come(machine);
    let is_on = machine.state(partition) != State::Ending || machine.runs(partition) != runs;
    let waited = machine.clock.get() - begun;
    assert!(!is_on || waited >= LEASE_US, "it goes on after {waited} us");
    machine.done();
}

#[test]
fn a_launch_waits_for_who_leads_out_and_not_for_ever() {
    let machine = called(2);
    machine.while_asking.set(Some(|machine| {
        comes_while_another_is_led_out(machine, ONE, come)
    }));
    machine.life.tend(&machine.at(5));
    assert!(machine.while_asking.take().is_none(), "it was led out");
    assert_eq!(machine.state(ONE), State::Running);
    is_left_alone(&machine, &["ask", "force"], 0);
}

/// The same of the machine's boot processor, for which nobody is called.
#[test]
fn a_launch_on_the_boot_processor_waits_for_who_leads_it_out() {
    let machine = machine();
    assert_eq!(machine.life.start_here(&machine.at(0), LAST), Ok(()));
    machine.life.lend_shell_core(&machine.at(0));
    machine.run();
    machine.is_deaf[0].set(true);
    machine.while_asking.set(Some(|machine| {
        comes_while_another_is_led_out(machine, LAST, |machine| {
            machine.is_deaf[0].set(false);
            machine.life.parked(&machine.at(0));
            machine.run();
        });
    }));
    assert_eq!(machine.life.restart(&machine.at(5), LAST), Ok(()));
    assert!(machine.while_asking.take().is_none(), "it was led out");
    machine.run();
    assert_eq!(machine.state(LAST), State::Running);
}

/// A silent Linux ends, and is launched again, at each step of who startles it.
#[test]
fn the_next_linux_is_not_startled() {
    let mut was_startled = false;
    for step in 0..=MOST_STEPS {
        assert!(step < MOST_STEPS, "it does not end");
        let machine = Machine::new(RestartPolicy::Always);
        watched(&machine, ONE);
        let machine = Rc::new(machine);
        machine.start(ONE);
        machine.start(1);
        let heard = machine.life.hear(&machine.at(1), ONE, "hello");
        assert_eq!(heard, bulkhead_lifecycle::Heard::Yes);
        machine.clock.set(machine.clock.get() + 31_000_000);
        machine.done();
        let end = |machine: &Machine| {
            machine.end(ONE, End::Rebooted);
            machine.pass(20_000);
        };
        let tend = |machine: &Machine| machine.life.tend(&machine.at(3));
        if at_step(step, &machine, end, tend).is_none() {
            break;
        }
        was_startled |= machine
            .log
            .borrow()
            .iter()
            .any(|done| done.starts_with("startle"));
        is_left_alone(&machine, &["startle"], step);
    }
    assert!(was_startled, "it was, at some step, in time");
}

fn watched(machine: &Machine, partition: usize) {
    machine.life.publish(
        partition,
        Some(&Definition {
            name: common::NAMES[partition],
            cores: common::MEMBERS[partition],
            policy: RestartPolicy::Always,
            has_control: false,
            only: &[],
            shares_low: false,
            memory: 64 << 20,
            regions: &common::RAM[partition..=partition],
            wants_dump: false,
            watchdog: 30,
        }),
    );
}
