//! Who attaches to a console, while another does, is reset, or the partition becomes another.

use std::rc::Rc;

use bulkhead_lifecycle::{CONSOLES, Definition, End, Heard, Outcome};
use bulkhead_model::RestartPolicy::Never;

use super::common::{self, Machine};
use super::{MOST_STEPS, at_step, machine, reset, three_asks, two_asks};

const ONE: usize = 0;

fn hello(machine: &Machine) {
    let heard = machine.life.hear(&machine.at(1), ONE, "hello terminal");
    assert_eq!(heard, Heard::Yes);
}

/// One runs, too, with an agent that gives a terminal.
fn with_agent() -> Rc<Machine> {
    let machine = machine();
    machine.start(ONE);
    hello(&machine);
    machine
}

/// Whether the operator can attach to it now.
fn is_free(machine: &Machine) -> bool {
    let hw = machine.at(0);
    let attached = machine.life.attach(&hw, None, ONE);
    attached.map(|console| machine.life.detach(console)).is_ok()
}

/// Another asks at each step of the first: never are both attached, and if neither is the console is free.
#[test]
fn one_at_a_time_is_attached() {
    use std::cell::Cell;
    let mut was = [false; 2];
    for step in 0..MOST_STEPS {
        let machine = with_agent();
        let told = Rc::new(Cell::new(Outcome::None));
        let other = told.clone();
        let done = at_step(
            step,
            &machine,
            move |machine| other.set(three_asks(machine, "attach one")),
            |machine| two_asks(machine, "attach one"),
        );
        let Some(done) = done else {
            assert_eq!(was, [true; 2], "each was, at some step");
            return;
        };
        let outcomes = [done.expect("nobody was reset"), told.get()];
        for (was, outcome) in was.iter_mut().zip(outcomes) {
            assert!(
                matches!(outcome, Outcome::Done | Outcome::Attached),
                "step {step}: {outcome:?}"
            );
            *was |= outcome == Outcome::Done;
        }
        let attached = outcomes.iter().filter(|one| **one == Outcome::Done).count();
        assert!(attached < 2, "step {step}: both are attached");
        assert_eq!(is_free(&machine), attached == 0, "step {step}");
    }
    panic!("it does not end");
}

#[test]
fn who_is_reset_while_he_attaches_keeps_no_console() {
    for step in 0..MOST_STEPS {
        let machine = with_agent();
        let mut ended = 0;
        for token in 1..=CONSOLES + 1 {
            let ask = |machine: &Machine| two_asks(machine, &format!("#{token} attach one"));
            match at_step(step, &machine, reset, ask) {
                Some(Err(())) => {}
                Some(Ok(_)) => unreachable!("it was reset"),
                None => ended += 1,
            }
        }
        machine.pass(10_100);
        // Not heard for so long it would not be an agent any more.
        hello(&machine);
        let outcome = three_asks(&machine, "attach one");
        assert_eq!(outcome, Outcome::Done, "step {step}");
        if ended == CONSOLES + 1 {
            return;
        }
    }
    panic!("it does not end");
}

/// Its definition goes and its number becomes another's at each step: nobody is attached to that one.
#[test]
fn an_attachment_is_not_to_what_was_defined_since() {
    let mut was_attached = false;
    for step in 0..MOST_STEPS {
        let machine = with_agent();
        let become_another = |machine: &Machine| {
            machine.end(ONE, End::PoweredOff);
            machine.life.publish(ONE, None);
            machine.life.publish(
                ONE,
                Some(&Definition {
                    name: "another",
                    cores: common::MEMBERS[ONE],
                    policy: Never,
                    has_control: false,
                    only: &[],
                    shares_low: false,
                    memory: 64 << 20,
                    regions: &common::RAM[ONE..=ONE],
                    wants_dump: false,
                    watchdog: 0,
                }),
            );
            machine.life.provide_plan(ONE);
            machine.start(ONE);
            hello(machine);
        };
        let asked = at_step(step, &machine, become_another, |machine| {
            two_asks(machine, "attach one")
        });
        let Some(asked) = asked else {
            assert!(was_attached, "it was, at some step, before");
            return;
        };
        was_attached |= asked == Ok(Outcome::Done);
        assert!(is_free(&machine), "step {step}: {asked:?}");
    }
    panic!("it does not end");
}
