//! Lines for the shell: each is done as one core has asked for it, whoever else asks, and is stopped, meanwhile.

use super::*;

/// Of the same length, so that one that is written over the other is no shorter.
const CHECK: &str = "check one three";
const SHOW: &str = "show        one";
const THREES: &str = "set one dump=no";

/// Partition two may ask for one alone, and three for all.
fn limited() -> Rc<Machine> {
    let machine = Machine::new(Never);
    with_control(&machine, 2, Never);
    let only = ["one".to_string()];
    publish(&machine, 1, Never, &only);
    machine.life.provide_plan(1);
    machine.start(1);
    machine.start(2);
    Rc::new(machine)
}

/// What another core of the same Linux is told.
fn sibling_asks(machine: &Machine, text: &str) -> Outcome {
    machine.life.ask(&machine.at(4), 1, Some(text))
}

/// All lines that the shell finds.
fn serve_all(machine: &Machine) -> Vec<(usize, String)> {
    let served = std::iter::from_fn(|| serve(machine)).collect::<Vec<_>>();
    machine.life.refuse_lost_lines();
    let named = served.into_iter();
    named.map(|(asker, line)| (asker.partition, line)).collect()
}

/// Each was asked for, byte by byte, by the partition for which it is done.
fn are_asked_for(done: &[(usize, String)], step: usize) {
    for (partition, line) in done {
        let own: &[&str] = match partition {
            1 => &[CHECK, SHOW],
            _ => &[THREES],
        };
        assert!(
            own.contains(&line.as_str()),
            "step {step}: {line:?} of {partition}"
        );
    }
}

/// Two cores of one Linux ask for lines at once, with one token or with two.
#[test]
fn two_cores_of_one_linux_do_not_write_one_line() {
    let mut was_done = [false; 2];
    for token in [1, 2] {
        for step in 0..=MOST_STEPS {
            assert!(step < MOST_STEPS, "it does not end");
            let machine = limited();
            let told = Rc::new(Cell::new(Outcome::None));
            let sibling = told.clone();
            let ask = move |machine: &Machine| {
                sibling.set(sibling_asks(machine, &format!("#{token} do {SHOW}")));
            };
            let first = |machine: &Machine| two_asks(machine, &format!("#1 do {CHECK}"));
            let Some(first) = at_step(step, &machine, ask, first) else {
                break;
            };
            let done = serve_all(&machine);
            are_asked_for(&done, step);
            let is_told = [first.unwrap(), told.get()].map(|told| told == Outcome::Passed);
            let is_done = [CHECK, SHOW].map(|own| done.iter().any(|(_, line)| line == own));
            assert_eq!(is_told, is_done, "step {step}, token {token}");
            assert!(done.len() <= 1, "step {step}: {done:?}");
            was_done[0] |= is_done[0];
            was_done[1] |= is_done[1];
        }
    }
    assert_eq!(was_done, [true; 2], "each was, at some step");
}

/// At each step of a line that a core of partition two writes, another of its cores asks with the same token and
/// is stopped at each of its own; its Linux begins anew or goes on, and partition three has the desk. The first
/// one goes on then.
#[test]
fn a_core_that_goes_on_late_writes_into_nobody_elses_line() {
    for (step, then) in (0..MOST_STEPS).flat_map(|step| [(step, false), (step, true)]) {
        let machine = limited();
        let late = move |machine: &Machine| {
            machine.pass(10_100);
            let _ = sibling_asks(machine, "#2 do list");
            machine.pass(10_100);
            let _ = sibling_asks(machine, &format!("#1 do {SHOW}"));
            if then {
                are_asked_for(&serve_all(machine), step);
            }
            let _ = sibling_asks(machine, "#1 seen");
            let _ = three_asks(machine, "#3 seen");
            if three_asks(machine, &format!("#3 do {THREES}")) == Outcome::LineBusy {
                machine.pass(10_100);
                let _ = three_asks(machine, &format!("#3 do {THREES}"));
            }
        };
        let first = |machine: &Machine| two_asks(machine, &format!("#1 do {CHECK}"));
        let Some(first) = at_step(step, &machine, late, first) else {
            return;
        };
        first.unwrap();
        let is_threes = answer(&machine, 5, 2, 3) == Outcome::Passed;
        let done = serve_all(&machine);
        are_asked_for(&done, step);
        let of_three = done.iter().filter(|(partition, _)| *partition == 2).count();
        assert_eq!(of_three, usize::from(is_threes), "step {step}");
        if is_threes {
            assert_eq!(answer(&machine, 5, 2, 3), Outcome::Done, "step {step}");
        }
        assert!(
            !answer(&machine, 3, 1, 1).is_open(),
            "step {step}: it is open for ever"
        );
    }
    panic!("it does not end");
}

/// Who asks at each step of another, and is reset at each of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sibling {
    Waits,
    /// Until the place that they share is taken to be left.
    Finds,
    Asks,
    HasAsked,
}

/// The same, and the second core is reset at each step of what it asks: nobody has the desk for ever, and no line
/// is done that was not written to its end, nor for who asked for another.
#[test]
fn a_core_that_is_reset_while_another_writes_leaves_the_desk() {
    const MOST: usize = 400;
    for (step, is_late) in (0..=MOST).flat_map(|step| [(step, false), (step, true)]) {
        assert!(step < MOST, "it does not end");
        for reset_at in 0..MOST {
            let machine = limited();
            let (count, steps, seen) = (Cell::new(0), Cell::new(0), machine.clone());
            let sibling = Rc::new(Cell::new(Sibling::Waits));
            let is_over = Rc::new(Cell::new(true));
            let (state, over) = (sibling.clone(), is_over.clone());
            set_hook(Some(Box::new(move |_| {
                if state.get() == Sibling::Asks {
                    steps.set(steps.get() + 1);
                    if steps.get() > reset_at {
                        over.set(false);
                        reset(&seen);
                    }
                }
                if state.get() != Sibling::Waits {
                    return;
                }
                count.set(count.get() + 1);
                if count.get() == step + 1 {
                    let ask = || sibling_asks(&seen, &format!("#1 do {SHOW}"));
                    state.set(Sibling::Finds);
                    if is_late && ask() == Outcome::Unanswered {
                        seen.pass(10_100);
                    }
                    state.set(Sibling::Asks);
                    let _ = catch_unwind(AssertUnwindSafe(ask));
                    state.set(Sibling::HasAsked);
                }
            })));
            let told = two_asks(&machine, &format!("#1 do {CHECK}"));
            set_hook(None);
            if sibling.get() == Sibling::Waits {
                return; // there are not so many
            }
            let done = serve_all(&machine);
            are_asked_for(&done, step);
            let is_others = done.iter().any(|(_, line)| line != CHECK);
            assert!(
                !is_others || told != Outcome::Passed,
                "steps {step}, {reset_at}: {done:?}"
            );
            let is_free = || three_asks(&machine, &format!("#3 do {THREES}")) == Outcome::Passed;
            if !is_free() {
                machine.pass(10_100);
                assert!(is_free(), "steps {step}, {reset_at}");
            }
            assert_eq!(serve_all(&machine), [(2, THREES.to_string())]);
            if is_over.get() {
                break;
            }
        }
    }
}
