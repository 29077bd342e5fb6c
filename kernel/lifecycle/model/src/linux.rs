//! A partition's Linux: it does what it likes with its own cores, and asks for the rest.

use std::panic::resume_unwind;
use std::sync::Arc;

use bulkhead_lifecycle::{End, Outcome, State, Verb};
use shuttle::rand::{Rng, thread_rng};

use crate::hardware::Seen;
use crate::machine::{
    Entry, LAST, Machine, Mode, NAMES, RESCUER, Stop, members, one_in, owner, pick, shares_low,
};
use crate::world::{World, check};

/// How long others wait for one that does not write their low memory, in microseconds; but for the part
/// that a turn does not count.
const TURN_US: u64 = 30_000_000 - (1 << 16);

/// How long a hold lasts at least that is not kept up, in microseconds.
const LEASE_US: u64 = 29_900_000;

/// Whether a core goes on in its Linux.
#[derive(PartialEq, Eq)]
enum Then {
    Goes,
    Parks,
}

/// Executes it, until this core comes back into Bulkhead's code by a call. `is_entry`: this is the
/// boot core, after a launch.
pub(crate) fn run(world: &Arc<World>, me: usize, partition: usize, is_entry: bool) {
    if is_entry {
        enter(world, me, partition);
        if shares_low(partition) {
            write_low(world, me, partition);
        }
        for sibling in members(partition).iter().filter(|core| **core != me) {
            if !one_in(8) {
                start_sibling(world, me, partition, *sibling);
            }
        }
    }
    loop {
        point(world, me);
        if act(world, me, partition) == Then::Parks {
            return;
        }
    }
}

fn enter(world: &World, me: usize, partition: usize) {
    world.note(|| format!("enters Linux {partition}"));
    let mut machine = world.machine();
    let memory = &mut machine.memory[partition];
    assert!(
        !memory.is_foreign,
        "{partition} sees what another left in its RAM"
    );
    memory.entries += 1;
    memory.is_to_write = shares_low(partition);
    if memory.is_to_write {
        awaits_turn(&machine, partition);
        assert!(
            !machine.is_low_foreign,
            "{partition} sees what another left in low memory"
        );
    }
    if partition == LAST {
        machine.steps_of_last = 0;
    }
    let core = &mut machine.cores[me];
    core.launching = None;
    core.mode = Some(Mode::Linux(partition));
    (core.asked, core.nmi, core.in_vmx) = (false, false, false);
}

/// None that shares low memory is entered while another is about to write it, and has time for it.
fn awaits_turn(machine: &Machine, partition: usize) {
    for (other, memory) in machine.memory.iter().enumerate() {
        let is_in_time = memory.is_to_write && machine.clock < memory.marked + TURN_US;
        assert!(
            other == partition || !is_in_time,
            "{partition} is entered while {other} is about to write low memory"
        );
    }
}

/// It writes the low memory that it shares; or hangs before that, with interrupts off.
fn write_low(world: &World, me: usize, partition: usize) {
    world.point(me);
    leave_if_asked(world, me, false);
    let may_hang = {
        let machine = world.machine();
        machine.budget > 0 && machine.rebooter != Some(partition) && partition != RESCUER
    };
    if may_hang && one_in(4) {
        world.note(|| format!("{partition} hangs before it writes low memory"));
        loop {
            world.sleep(me);
            leave_if_asked(world, me, false);
        }
    }
    world.progress();
    let mut machine = world.machine();
    machine.is_low_marked = false;
    machine.memory[partition].is_to_write = false;
}

/// A step in Linux's own code, where interrupts come.
fn point(world: &World, me: usize) {
    world.point(me);
    leave_if_asked(world, me, true);
}

fn leave_if_asked(world: &World, me: usize, are_interrupts_on: bool) {
    let mut machine = world.machine();
    let core = &mut machine.cores[me];
    let is_out = core.nmi || core.asked && are_interrupts_on;
    if is_out {
        (core.nmi, core.asked) = (false, false);
        core.mode = Some(Mode::Bulkhead);
        machine.memory[owner(me)].is_to_write &= members(owner(me))[0] != me;
        drop(machine);
        world.note(|| "is led out of its Linux".into());
        leave_vmx(world, me);
        resume_unwind(Box::new(Stop::Detour));
    }
}

/// An INIT that was kept is taken there and then: before anything of the lifecycle, for `core_main`
/// begins with it.
fn leave_vmx(world: &World, me: usize) {
    let was_in_vmx = std::mem::take(&mut world.machine().cores[me].in_vmx);
    if was_in_vmx && world.machine().cores[me].has_init() {
        world.take_init(me);
        world.machine().cores[me].is_reset = false;
        world.note(|| "takes the INIT that was kept".into());
        resume_unwind(Box::new(Stop::Reset));
    }
}

fn start_sibling(world: &World, me: usize, partition: usize, sibling: usize) {
    point(world, me);
    if world.machine().cores[sibling].in_vmx {
        return; // it knows better
    }
    world.note(|| format!("its Linux sends INIT to {sibling}"));
    world.progress();
    world.send_init(sibling);
    point(world, me);
    world.progress();
    world.take_startup(sibling, Entry::Linux(partition));
}

/// A call of a service.
fn call(world: &World, me: usize, partition: usize, serve: impl FnOnce(&Seen<'_>)) -> Then {
    let hw = Seen { world, me };
    world.machine().light(me);
    world.life.tend(&hw);
    serve(&hw);
    world.machine().put_out(me);
    if world.life.is_ending(partition) {
        return end(world, me, partition, End::Failed);
    }
    Then::Goes
}

fn end(world: &World, me: usize, partition: usize, end: End) -> Then {
    world.note(|| format!("{partition} ends: {end:?}"));
    // Linux leaves VMX operation before it calls.
    leave_vmx(world, me);
    world.machine().cores[me].mode = Some(Mode::Bulkhead);
    world.life.ended(&Seen { world, me }, partition, end);
    Then::Parks
}

fn act(world: &World, me: usize, partition: usize) -> Then {
    if partition == LAST {
        world.machine().steps_of_last += 1;
    }
    if partition == RESCUER {
        return rescue(world, me);
    }
    let mut machine = world.machine();
    if machine.rebooter == Some(partition) {
        drop(machine);
        return end(world, me, partition, End::Rebooted);
    }
    if machine.budget == 0 || one_in(3) {
        drop(machine);
        world.sleep(me);
        return Then::Goes;
    }
    machine.budget -= 1;
    drop(machine);
    match thread_rng().gen_range(0..20) {
        17 => dump(world, me, partition),
        // It may run virtual machines from now on.
        16 => {
            world.machine().cores[me].in_vmx = me != 0;
            Then::Goes
        }
        18 | 19 => call(world, me, partition, |hw| {
            let word = pick(&["hello", "hello", "beat", "bye"]);
            let heard = world.life.hear(hw, partition, word);
            world.note(|| format!("{partition}'s agent: {heard:?}"));
        }),
        0 => end(world, me, partition, End::PoweredOff),
        1 => end(world, me, partition, End::Rebooted),
        2 => end(world, me, partition, End::Failed),
        3 => loop {
            // It hangs, with interrupts off.
            world.sleep(me);
            leave_if_asked(world, me, false);
        },
        4..7 => {
            let is_sibling = |core: &&usize| **core != me && **core != 0;
            let siblings = members(partition).iter().filter(is_sibling);
            siblings.for_each(|sibling| start_sibling(world, me, partition, *sibling));
            Then::Goes
        }
        7 => call(world, me, partition, |hw| {
            let _ = world.life.outcome(hw, partition);
        }),
        _ => {
            let (verb, target) = request(world);
            let request = match verb {
                Verb::Shell => "shell".into(),
                Verb::Stop => format!("stop {} 1", NAMES[target]),
                verb => format!("{} {}", verb.word(), NAMES[target]),
            };
            call(world, me, partition, |hw| {
                let ask = || world.life.ask(hw, partition, Some(&request));
                let outcome = world.asked((verb, target), ask, |told| *told == Outcome::Done);
                world.note(|| format!("{partition} asks {request}: {outcome}"));
            })
        }
    }
}

/// Reads the memory of another one. That nothing changes it while it is held, those check who do; here, that
/// it stays held until it is kept up no more, or somebody ends it.
fn dump(world: &World, me: usize, partition: usize) -> Then {
    let target = pick(&[0, 1, 2]);
    let ask = |verb: &str, number: Option<u32>| {
        let number = number.map_or_else(String::new, |number| number.to_string());
        let request = format!("{verb} {} {number}", NAMES[target]);
        let mut told = Outcome::None;
        let then = call(world, me, partition, |hw| {
            told = world.life.ask(hw, partition, Some(&request));
            world.note(|| format!("{partition} asks {request}: {told}"));
        });
        (told, then)
    };
    let (held, then) = ask("hold", None);
    let number = check(|| world.life.hold_of(partition, target));
    let seen = || {
        let machine = world.machine();
        let memory = &machine.memory[target];
        (machine.clock, memory.ends, memory.ends_in_hand)
    };
    let (begun, ends, in_hand) = seen();
    if then == Then::Parks || held != Outcome::Done || number.is_none() {
        return then;
    }
    for _ in 0..thread_rng().gen_range(0..20) {
        point(world, me);
        if one_in(8) {
            world.sleep(me);
        }
    }
    if one_in(8) {
        return Then::Goes; // it has died
    }
    let (told, then) = ask(pick(&["dumped", "dumped", "release"]), number);
    let (now, ends_since, _) = seen();
    let may_be_over = now > begun + LEASE_US || in_hand > 0 || ends_since != ends;
    let runs = world.state(partition) == State::Running;
    assert!(
        told != Outcome::NotHeld || may_be_over || !runs,
        "{target} was taken from {partition}, which reads it"
    );
    then
}

fn request(world: &World) -> (Verb, usize) {
    // While the shell runs, its core is not the last Linux's.
    let has_shell = check(|| world.life.shell_runs());
    let targets: &[usize] = if has_shell {
        &[0, 1, 2]
    } else {
        &[0, 1, 2, LAST, LAST]
    };
    let target = pick(targets);
    let verbs = [
        Verb::Kill,
        Verb::Kill,
        Verb::Restart,
        Verb::Start,
        Verb::Shell,
        Verb::Stop,
        Verb::Stop,
    ];
    (pick(&verbs), target)
}

/// The rescuer looks whether something was left, and asks for what it is told to.
fn rescue(world: &World, me: usize) -> Then {
    let order = world.machine().order.clone();
    let then = call(world, me, RESCUER, |hw| {
        let Some(order) = order else { return };
        let asked = order.starts_with("wait");
        let outcome = if asked {
            world.life.outcome(hw, RESCUER)
        } else {
            world.life.ask(hw, RESCUER, Some(&order))
        };
        world.note(|| format!("rescuer: {order}: {outcome}"));
        let mut machine = world.machine();
        if outcome.is_open() || outcome == Outcome::None {
            machine.order = Some("wait".into());
        } else {
            (machine.order, machine.reply) = (None, Some(outcome));
        }
    });
    if then == Then::Goes {
        world.sleep(me);
    }
    then
}
