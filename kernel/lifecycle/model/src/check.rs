//! One schedule from its beginning to its end.

use std::sync::Arc;

use bulkhead_lifecycle::{CoreState, Definition, Kind, Outcome, State};
use bulkhead_model::RestartPolicy;
use shuttle::thread;

use crate::cores;
use crate::machine::{
    CORES, LAST, Mode, NAMES, PARTITIONS, RESCUER, members, one_in, pick, region, shares_low,
};
use crate::world::{World, check};

/// Longest time in which everything must settle, in microseconds: a worker that is never heard of
/// again costs four minutes, and a dump is waited for ten.
const SETTLE_US: u64 = 1_700_000_000;

/// In which every core that did not take its INIT has done so.
const FAULTS_US: u64 = 4_000_000;
/// In which a hold that nobody keeps up is over.
const HOLD_US: u64 = 31_000_000;
/// In which whoever looks now and then has looked.
const SHORT_US: u64 = 300_000;

/// One schedule.
pub(crate) fn schedule() {
    let world = World::new();
    check(|| set_up(&world));
    let threads: Vec<_> = (0..CORES)
        .map(|core| {
            let own = world.clone();
            thread::spawn(move || cores::run(&own, core))
        })
        .collect();
    while world.machine().budget > 0 {
        step(&world);
        let mut machine = world.machine();
        if machine.clock > 600_000_000 {
            machine.budget = 0; // all of them hang, or have ended
        }
    }
    world.note(|| format!("SETTLE {}", shuttle::current::context_switches()));
    world.machine().faults = 0;
    settle(&world, FAULTS_US);
    has_given_up(&world);
    world.machine().wants_plans = true;
    settle(&world, SHORT_US);
    world.machine().wants_plans = false;
    world.note(|| format!("VERIFY {}", shuttle::current::context_switches()));
    verify(&world);
    for partition in [LAST, 0, 1, 2] {
        rehearse(&world, partition);
    }
    verify(&world);
    check(|| read_events(&world));
    world.note(|| format!("OVER {}", shuttle::current::context_switches()));
    world.machine().is_over = true;
    for core in 0..CORES {
        world.wake(core);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

fn set_up(world: &Arc<World>) {
    for core in 0..CORES {
        world.machine().cores[core].mode = Some(Mode::Bulkhead);
        world.life.set_core_state(core, CoreState::Parked);
    }
    world.life.set_core_state(0, CoreState::Bulkhead);
    for (partition, name) in NAMES.into_iter().enumerate() {
        world.life.publish(
            partition,
            Some(&Definition {
                name,
                cores: members(partition),
                policy: pick(&RestartPolicy::ALL),
                has_control: partition != 2,
                shares_low: shares_low(partition),
                regions: &[region(partition)],
                wants_dump: one_in(4),
                only: &[],
                memory: 0,
                // The rescuer says nothing, and nobody could help it.
                watchdog: if partition == RESCUER {
                    0
                } else {
                    pick(&[0, 10])
                },
            }),
        );
        world.life.provide_plan(partition);
    }
}

fn step(world: &World) {
    thread::yield_now();
    world.tick();
}

fn settle(world: &World, quiet_us: u64) {
    let end = world.machine().clock + SETTLE_US;
    // A round in which nothing was under way any more, and then some time for who is late.
    let mut quiet_since = None;
    loop {
        step(world);
        let now = world.machine().clock;
        let is_moving = |partition: &usize| {
            let state = world.state(*partition);
            state.is_live() && state != State::Running || is_to_end(world, *partition)
        };
        let moving = (0..PARTITIONS).find(is_moving);
        match moving {
            Some(partition) => {
                quiet_since = None;
                assert!(
                    now < end,
                    "{} is stuck: {}",
                    NAMES[partition],
                    describe(world)
                );
            }
            None if now > *quiet_since.get_or_insert(now) + quiet_us => return,
            None => {}
        }
    }
}

/// Whether something follows although nobody does anything: it was asked to end, or its agent falls silent.
fn is_to_end(world: &World, partition: usize) -> bool {
    let hw = crate::hardware::Seen {
        world,
        me: members(RESCUER)[0],
    };
    check(|| {
        let agent = world.life.agent(&hw, partition);
        let is_watched = world.life.watchdog_seconds(partition) != 0;
        agent.order.is_some() || is_watched && agent.heard_ms.is_some()
    })
}

/// That what reboots at once is not launched for ever.
fn has_given_up(world: &World) {
    let rebooter = world.machine().rebooter.take();
    if let Some(partition) = rebooter {
        let state = world.state(partition);
        assert_ne!(state, State::Running, "{}", describe(world));
    }
}

fn describe(world: &World) -> String {
    check(|| {
        let views: Vec<_> = (0..PARTITIONS).map(|p| world.life.view(p)).collect();
        let cores: Vec<_> = (0..CORES)
            .map(|core| {
                (
                    world.life.core_state(core),
                    world.machine().cores[core].mode,
                )
            })
            .collect();
        format!("{views:?} {cores:?}")
    })
}

/// That what the records say is true.
fn verify(world: &World) {
    check(|| {
        for (partition, members) in (0..PARTITIONS).map(members).enumerate() {
            let view = world.life.view(partition).expect("it is one of ours");
            let machine = world.machine();
            let memory = machine.memory[partition];
            let counted = memory.entries..=memory.entries + memory.lost_entries;
            assert!(
                counted.contains(&view.runs),
                "{partition}: {view:?}, {counted:?} entries"
            );
            if let Some(before) = memory.promised {
                let since = (memory.launches, memory.ends);
                assert_ne!(
                    since, before,
                    "{partition}: the launch that was promised is called off"
                );
            }
            for core in members {
                let (mode, state) = (machine.cores[*core].mode, world.life.core_state(*core));
                let is_boot = *core == members[0];
                if state == CoreState::Lost {
                    let is_faulty = machine.cores[*core].was_faulty || mode == Some(Mode::Dead);
                    assert!(is_faulty, "core {core} was found lost, and is not");
                } else if view.state == State::Running {
                    assert_eq!(state, CoreState::Running, "core {core} of {partition}");
                    // Two of its cores may have stopped each other.
                    let is_stopped = mode == Some(Mode::Waiting);
                    let is_there = !is_boot || is_stopped || mode == Some(Mode::Linux(partition));
                    assert!(is_there, "boot core {core} is not in Linux {partition}");
                } else {
                    assert_eq!(mode, Some(Mode::Bulkhead), "core {core} of {partition}");
                    assert_ne!(state, CoreState::Running, "core {core} of {partition}");
                }
            }
        }
    });
    for (partition, members) in (0..PARTITIONS).map(members).enumerate() {
        let is_lost = |core: &&usize| check(|| world.life.core_state(**core)) == CoreState::Lost;
        if members.iter().all(|core| !is_lost(&core)) || partition == RESCUER {
            // Nobody reads it for the partition; what it would read is what is checked.

            let outcome = outcome(world, partition);
            assert!(
                !outcome.is_open(),
                "{partition}'s request is open: {outcome}"
            );
        }
    }
}

/// That the telling goes on, whichever of its writers were reset.
fn read_events(world: &World) {
    while world.life.next_event().is_some() {}
    for which in [7, 8] {
        world.life.device_stuck(RESCUER, which);
        let told = world.life.next_event().expect("it was just posted");
        assert_eq!((told.kind, told.detail), (Kind::DeviceStuck, which));
    }
}

fn outcome(world: &World, partition: usize) -> Outcome {
    let hw = crate::hardware::Seen {
        world,
        me: members(RESCUER)[0],
    };
    check(|| world.life.outcome(&hw, partition))
}

/// That the partition can be killed and started by one that has the right.
fn rehearse(world: &World, partition: usize) {
    let lost = || {
        check(|| {
            let mut cores = members(partition).iter().copied();
            cores.find(|core| world.life.core_state(*core) == CoreState::Lost)
        })
    };
    if members(partition)[0] == 0 && lost().is_some() {
        return; // the boot processor can't be called
    }
    // Who held it and went on to something else keeps it no longer than that.
    let is_held = || check(|| world.life.view(partition)).is_some_and(|v| v.holder.is_some());
    if is_held() {
        settle(world, HOLD_US);
        assert!(!is_held(), "it is still held: {}", describe(world));
    }
    // Whatever kept it is over: it answers now.
    let call_back = || {
        if lost().is_some() {
            let reply = order(world, format!("kill {}", NAMES[partition]));
            assert_eq!(reply, Outcome::Done, "{}", describe(world));
            settle(world, SHORT_US);
            assert_eq!(lost(), None, "it was not called: {}", describe(world));
        }
    };
    call_back();
    if world.state(partition) == State::Running {
        let kill = || order(world, format!("kill {}", NAMES[partition]));
        let mut reply = kill();
        while reply == Outcome::TooEarly {
            reply = kill();
        }
        assert_eq!(
            reply,
            Outcome::Done,
            "kill {}: {}",
            NAMES[partition],
            describe(world)
        );
        settle(world, SHORT_US);
        let state = world.state(partition);
        assert_eq!(state, State::Stopped, "{}", describe(world));
        // A core that was slow may have been lost by this very kill.
        call_back();
    }
    // The boot processor may run the shell.
    if partition != LAST {
        let reply = order(world, format!("start {}", NAMES[partition]));
        assert_eq!(
            reply,
            Outcome::Done,
            "start {}: {}",
            NAMES[partition],
            describe(world)
        );
        settle(world, SHORT_US);
        assert_eq!(
            world.state(partition),
            State::Running,
            "{}",
            describe(world)
        );
    }
}

/// Has the rescuer ask for it, and waits for the answer.
fn order(world: &World, order: String) -> Outcome {
    world.machine().order = Some(order.clone());
    let end = world.machine().clock + SETTLE_US;
    loop {
        step(world);
        if let Some(reply) = world.machine().reply.take() {
            return reply;
        }
        let is_late = world.machine().clock > end;
        assert!(!is_late, "{order} is not answered: {}", describe(world));
    }
}
