//! One thing happens at each step of another, in turns: who asks, who serves, and who is reset meanwhile.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "steps/consoles.rs"]
mod consoles;
#[path = "steps/ends.rs"]
mod ends;
#[path = "steps/lines.rs"]
mod lines;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use bulkhead_lifecycle::model::set_hook;
use bulkhead_lifecycle::{Asker, Definition, Duty, End, KEPT, Outcome, State};
use bulkhead_model::RestartPolicy::{self, Never};
use common::Machine;

/// More than anything here takes.
const MOST_STEPS: usize = 3_000;

/// Has `happen` done before that access to a shared word of `run`; `None` if there are not so many.
fn at_step<T>(
    step: usize,
    machine: &Rc<Machine>,
    happen: impl Fn(&Machine) + 'static,
    run: impl FnOnce(&Machine) -> T,
) -> Option<Result<T, ()>> {
    let (count, is_due) = (Cell::new(0), Rc::new(Cell::new(true)));
    let (due, seen) = (is_due.clone(), machine.clone());
    set_hook(Some(Box::new(move |_| {
        count.set(count.get() + 1);
        if count.get() > step && due.take() {
            happen(&seen);
        }
    })));
    let done = catch_unwind(AssertUnwindSafe(|| run(machine))).map_err(|_| ());
    set_hook(None);
    (!is_due.get()).then_some(done)
}

fn reset(_: &Machine) {
    resume_unwind(Box::new(()));
}

fn with_control(machine: &Machine, partition: usize, policy: RestartPolicy) {
    publish(machine, partition, policy, &[]);
}

fn publish(machine: &Machine, partition: usize, policy: RestartPolicy, only: &[String]) {
    machine.life.publish(
        partition,
        Some(&Definition {
            name: common::NAMES[partition],
            cores: common::MEMBERS[partition],
            policy,
            has_control: true,
            only,
            shares_low: false,
            memory: 64 << 20,
            regions: &common::RAM[partition..=partition],
            wants_dump: false,
            watchdog: 0,
        }),
    );
}

/// The shell runs, and so do partitions two and three, with control.
fn machine() -> Rc<Machine> {
    let machine = Machine::new(Never);
    with_control(&machine, 2, Never);
    machine.start(1);
    machine.start(2);
    Rc::new(machine)
}

fn two_asks(machine: &Machine, text: &str) -> Outcome {
    machine.life.ask(&machine.at(3), 1, Some(text))
}

fn three_asks(machine: &Machine, text: &str) -> Outcome {
    machine.life.ask(&machine.at(5), 2, Some(text))
}

fn answer(machine: &Machine, core: usize, partition: usize, token: u64) -> Outcome {
    let hw = machine.at(core);
    let mut answers = machine.life.answers(&hw, partition);
    let found = answers.find(|(other, _)| *other == token);
    found.map_or(Outcome::None, |(_, outcome)| outcome)
}

/// The shell does the next line, if there is one.
fn serve(machine: &Machine) -> Option<(Asker, String)> {
    let (asker, line) = machine.life.next_line()?;
    std::fmt::Write::write_str(&mut machine.life.saying(), &line).unwrap();
    machine.life.answer_line(asker, true);
    Some((asker, line))
}

#[test]
fn a_line_is_done_once_and_as_its_askers_own() {
    let mut was_done = [false; 2];
    for step in 0..MOST_STEPS {
        let machine = machine();
        assert_eq!(two_asks(&machine, "#2 do define x"), Outcome::Passed);
        let served = at_step(
            step,
            &machine,
            |machine| {
                machine.end(1, End::PoweredOff);
                let outcome = three_asks(machine, "#3 do list");
                assert!(matches!(outcome, Outcome::Passed | Outcome::LineBusy));
            },
            serve,
        );
        let Some(served) = served else {
            assert_eq!(was_done, [true; 2], "each was, at some step");
            return;
        };
        let mut lines: Vec<_> = served.unwrap().into_iter().collect();
        lines.extend(std::iter::from_fn(|| serve(&machine)));
        machine.life.refuse_lost_lines();
        for (asker, line) in &lines {
            let own = ["define x", "list"][asker.partition - 1];
            assert_eq!(line, own, "step {step}");
            was_done[asker.partition - 1] = true;
        }
        let is_done = lines.iter().filter(|(asker, _)| asker.partition == 2);
        let outcome = match is_done.count() {
            0 => Outcome::LineBusy,
            1 => Outcome::Done,
            more => panic!("step {step}: done {more} times"),
        };
        assert_eq!(answer(&machine, 5, 2, 3), outcome, "step {step}");
    }
    panic!("it does not end");
}

#[test]
fn who_is_reset_while_he_asks_keeps_no_place() {
    for step in 0..MOST_STEPS {
        let machine = machine();
        let mut ended = 0;
        for token in 1..=KEPT {
            let ask = |machine: &Machine| two_asks(machine, &format!("#{token} do version"));
            match at_step(step, &machine, reset, ask) {
                Some(Err(())) => {}
                Some(Ok(_)) => unreachable!("it was reset"),
                None => ended += 1,
            }
        }
        // Who finds no place has looked at all, and ten seconds later those are free that are answered.
        while serve(&machine).is_some() {}
        machine.life.refuse_lost_lines();
        let fills = |token: &usize| two_asks(&machine, &format!("#a{token} fly")) != Outcome::Full;
        assert!((0..=KEPT).find(|token| !fills(token)).is_some());
        machine.pass(10_100);
        for token in 0..KEPT {
            let outcome = two_asks(&machine, &format!("#b{token} start nobody"));
            assert_eq!(outcome, Outcome::Unknown, "step {step}, {token}");
        }
        // So is the desk.
        let is_free = || three_asks(&machine, "#1 do version") == Outcome::Passed;
        if !is_free() {
            machine.pass(10_100);
            assert!(is_free(), "step {step}");
        }
        if ended == KEPT {
            return;
        }
    }
    panic!("it does not end");
}

/// Somebody who saw no shell a moment ago begins the launch of the last partition, at each step of the
/// shell's way back to that partition's core: one of the two comes to nothing.
#[test]
fn a_launch_and_the_shell_do_not_both_have_the_core() {
    let mut was = [false; 2];
    for step in 0..MOST_STEPS {
        let machine = machine();
        machine.life.halt_shell(&machine.at(0));
        assert_eq!(two_asks(&machine, "shell"), Outcome::Done);
        let told = Rc::new(Cell::new(Outcome::None));
        let outcome = told.clone();
        let done = at_step(
            step,
            &machine,
            move |machine| outcome.set(three_asks(machine, "start last")),
            |machine| {
                let duty = machine.life.duty(&machine.at(0));
                if duty == Duty::Shell {
                    machine.life.resume_shell(&machine.at(0));
                }
                duty
            },
        );
        let Some(duty) = done else {
            assert_eq!(was, [true; 2], "each was, at some step");
            return;
        };
        if duty != Ok(Duty::Shell) {
            machine.run();
        }
        let is_begun = told.get() == Outcome::Done;
        was[usize::from(is_begun)] = true;
        let state = machine.state(3);
        if is_begun {
            assert_eq!(state, State::Running, "step {step}");
        } else {
            assert_eq!(state, State::Defined, "step {step}");
        }
    }
    panic!("it does not end");
}

/// The same the other way round: at one step of that launch the shell is wanted, at a later one it comes back, and
/// who makes the launch is reset there. The partition is not launching for ever.
#[test]
fn a_launch_whose_asker_is_reset_as_the_shell_comes_back_ends() {
    /// More than there are from one to the other.
    const MOST_BETWEEN: usize = 40;
    let mut was_launching = false;
    for wanted in 0..MOST_STEPS {
        for between in 0..MOST_BETWEEN {
            let machine = machine();
            machine.life.halt_shell(&machine.at(0));
            let (count, seen) = (Cell::new(0), machine.clone());
            let launching = Rc::new(Cell::new(false));
            let (told, comes) = (launching.clone(), Cell::new(false));
            let is_at_it = Cell::new(false);
            set_hook(Some(Box::new(move |_| {
                if is_at_it.replace(true) {
                    return; // what is done here
                }
                if count.get() == wanted {
                    comes.set(
                        two_asks(&seen, "shell") == Outcome::Done
                            && seen.life.duty(&seen.at(0)) == Duty::Shell,
                    );
                }
                if count.get() == wanted + between && comes.get() {
                    seen.life.resume_shell(&seen.at(0));
                    told.set(seen.state(3) == State::Launching);
                    reset(&seen);
                }
                count.set(count.get() + 1);
                is_at_it.set(false);
            })));
            let asked = || three_asks(&machine, "start last");
            let is_reset = catch_unwind(AssertUnwindSafe(asked)).is_err();
            set_hook(None);
            if !is_reset {
                break; // it was over before, or the shell does not come
            }
            was_launching |= launching.get();
            machine.run();
            // As the shell's core does while it waits.
            machine.life.tend(&machine.at(0));
            machine.run();
            let state = machine.state(3);
            let is_settled = matches!(state, State::Defined | State::Running);
            assert!(is_settled, "steps {wanted}, {between}: {state:?}");
        }
    }
    assert!(was_launching, "it was under way at some step");
}

/// The shell leaves at each step of a request: it is done or refused, and not open for days.
#[test]
fn what_is_asked_as_the_shell_leaves_is_answered() {
    for step in 0..MOST_STEPS {
        for request in ["start one", "#5 start one", "#5 do version"] {
            let machine = machine();
            let leave = |machine: &Machine| machine.life.halt_shell(&machine.at(0));
            let ask = move |machine: &Machine| two_asks(machine, request);
            let Some(told) = at_step(step, &machine, leave, ask) else {
                return;
            };
            machine.run();
            let now = match request.starts_with('#') {
                true => answer(&machine, 3, 1, 5),
                false => machine.life.outcome(&machine.at(3), 1),
            };
            assert!(!now.is_open(), "step {step}: {told:?}, then {now:?}");
            let is_done = machine.state(0) == State::Running;
            assert_eq!(is_done, now == Outcome::Done, "step {step}: {now:?}");
        }
    }
    panic!("it does not end");
}

/// Another program of the same Linux looks for a place at each step of a request: that says nothing of when
/// it was answered.
#[test]
fn an_answer_stays_ten_seconds_from_when_it_was_found() {
    for step in 0..MOST_STEPS {
        let machine = machine();
        for token in 1..KEPT {
            assert_eq!(
                two_asks(&machine, &format!("#{token} start one")),
                Outcome::Passed
            );
        }
        let asked = at_step(
            step,
            &machine,
            |machine| {
                let _ = machine.life.ask(&machine.at(4), 1, Some("#99 fly"));
            },
            |machine| two_asks(machine, "#50 do version"),
        );
        let Some(asked) = asked else { return };
        if asked != Ok(Outcome::Passed) {
            continue; // the other one has the last place
        }
        // The shell is long about it.
        machine.pass(20_000);
        assert!(serve(&machine).is_some());
        assert_eq!(two_asks(&machine, "#60 fly"), Outcome::Full, "step {step}");
        let other = three_asks(&machine, "#1 do version");
        assert_eq!(other, Outcome::LineBusy, "step {step}");
        assert_eq!(answer(&machine, 3, 1, 0x50), Outcome::Done);
        machine.pass(10_100);
        assert_eq!(two_asks(&machine, "#60 fly"), Outcome::Malformed);
    }
    panic!("it does not end");
}
