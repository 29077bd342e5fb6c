//! Bulkhead's shell: what passes for an operator, and the ways it leaves its core.

use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};

use bulkhead_lifecycle::{CoreState, Order, Outcome, Verb};

use crate::hardware::Seen;
use crate::machine::{LAST, Mode, RESCUER, members, one_in, pick};
use crate::world::World;

/// Runs it on core 0, until the core is to park.
pub(crate) fn run(world: &Arc<World>) {
    let hw = Seen { world, me: 0 };
    world.note(|| "runs the shell".into());
    if world.machine().memory[RESCUER].entries == 0 {
        for partition in [RESCUER, 0, 1, 2] {
            begin(world, &hw, partition);
        }
    } else {
        // Somebody who saw no shell a moment ago may still be about a launch.
        (0..RESCUER).for_each(|partition| replan(world, partition));
    }
    loop {
        serve(world, &hw);
        world.sleep(0);
        if world.machine().budget == 0 {
            continue;
        }
        if one_in(8) {
            if leave(world, &hw) {
                return;
            }
        } else if one_in(2) {
            world.machine().budget -= 1;
            operate(world, &hw);
        }
    }
}

/// What it does whenever there is time.
fn serve(world: &World, hw: &Seen<'_>) {
    world.life.tend(hw);
    while let Some((asker, verb, target)) = world.life.next_request() {
        let is_done = carry_out(world, hw, verb, target);
        world.note(|| {
            format!(
                "shell: {verb:?} {target} for {}: {is_done}",
                asker.partition
            )
        });
        let outcome = if is_done {
            Outcome::Done
        } else {
            Outcome::Refused
        };
        world.life.answer(asker, outcome);
    }
    if std::mem::take(&mut world.machine().wants_plans) {
        (0..RESCUER).for_each(|partition| replan(world, partition));
    }
    while let Some(event) = world.life.next_event() {
        world.note(|| format!("shell reads {event:?}"));
    }
}

/// Whether it did what was asked for.
fn carry_out(world: &World, hw: &Seen<'_>, verb: Verb, target: usize) -> bool {
    let ask = || match verb {
        Verb::Start => world.life.start(hw, target).is_ok(),
        Verb::Kill => world.life.kill(hw, target).is_ok(),
        Verb::Restart => {
            world.life.restart(hw, target).is_ok() || world.life.start(hw, target).is_ok()
        }
        Verb::Shell
        | Verb::Do
        | Verb::Stop
        | Verb::Hold
        | Verb::Keep
        | Verb::Dumped
        | Verb::Release
        | Verb::Attach => false,
    };
    world.asked((verb, target), ask, |is_done| {
        verb == Verb::Start && *is_done
    })
}

fn operate(world: &World, hw: &Seen<'_>) {
    let partition = pick(&[0, 1, 2]);
    match pick(&["start", "kill", "restart", "plan", "stop"]) {
        "stop" => {
            let order = pick(&[Order::Stop, Order::Restart]);
            let done = world.life.order(hw, partition, order, 1);
            world.note(|| format!("shell: {order:?} {partition}: {done:?}"));
        }
        "start" => _ = carry_out(world, hw, Verb::Start, partition),
        "kill" => _ = carry_out(world, hw, Verb::Kill, partition),
        "restart" => _ = carry_out(world, hw, Verb::Restart, partition),
        _ => {
            replan(world, partition);
            begin(world, hw, partition);
        }
    }
}

/// A launch, and sometimes an end in the middle of it.
fn begin(world: &World, hw: &Seen<'_>, partition: usize) {
    if world.life.start(hw, partition).is_ok() && partition != RESCUER && one_in(4) {
        for _ in 0..thread_rng().gen_range(0..30) {
            world.point(0);
        }
        let end = || world.life.restart(hw, partition);
        let _ = world.asked((Verb::Restart, partition), end, |_| false);
    }
}

/// Stores another plan, for RAM that was another's.
fn replan(world: &World, partition: usize) {
    if !world.life.withdraw_plan(partition) {
        return;
    }
    for core in members(partition) {
        let mode = world.machine().cores[*core].mode;
        let is_parked = mode == Some(Mode::Bulkhead);
        assert!(
            is_parked,
            "{partition}'s memory is given away: core {core} is {mode:?}"
        );
    }
    world.machine().memory[partition].is_replanned = true;
    for _ in 0..2 {
        world.is_not_read(partition, "another's claim");
        world.point(0);
    }
    let mut machine = world.machine();
    machine.memory[partition].is_replanned = false;
    machine.memory[partition].is_foreign = true;
    drop(machine);
    world.life.provide_plan(partition);
}

/// Leaves in one of three ways; `false` if it stays.
fn leave(world: &World, hw: &Seen<'_>) -> bool {
    match pick(&["halt", "handoff", "panic"]) {
        "halt" => {
            world.note(|| "shell halts".into());
            world.life.halt_shell(hw);
            true
        }
        "handoff" => {
            if world.life.start_here(hw, LAST).is_err() {
                return false;
            }
            world.note(|| "shell hands off".into());
            world.life.lend_shell_core(hw);
            true
        }
        _ => {
            world.note(|| "shell panics".into());
            world.life.bury_shell();
            world.life.set_core_state(0, CoreState::Lost);
            world.machine().cores[0].mode = Some(Mode::Dead);
            loop {
                world.sleep(0);
            }
        }
    }
}
