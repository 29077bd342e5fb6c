//! Whatever happens, in whatever order: no partition is stuck, no RAM of others is seen, every
//! request is answered, and what `list` says is true.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what the tests cast is made up here and fits"
)]

mod board;
mod names;
mod walls;
mod world;

use bulkhead_conductor::How;
use bulkhead_fake::{MIB, at, claim, with_initrd};
use bulkhead_lifecycle::End;
use bulkhead_model::{Change, RestartPolicy, Right};
use proptest::collection::vec;
use proptest::prelude::*;

use board::{At, BOOT, Board, CORES, Cut};
use world::{NAMES, World};

#[derive(Clone, Debug)]
enum Step {
    Define(usize, Vec<u32>, u64, RestartPolicy, bool),
    Set(usize, u64),
    Undefine(usize),
    Launch(usize, bool),
    /// Is killed meanwhile.
    LaunchCut(usize, Cut),
    /// With an initial RAM disk, or without one.
    Initrd(usize, bool),
    Kill(usize),
    Handoff(usize),
    Halt,
    Panic,
    /// A Linux ends itself, on its first core or its last one.
    Ends(usize, End, bool),
    /// A Linux asks: of whom, for what, and whether its core is reset at that step.
    Asks(usize, &'static str, usize, Option<u32>),
    /// Somebody is killed, and the worker of that end is reset at that step.
    KillCut(usize, u32),
    Deaf(usize),
    Hears(usize),
    /// More events than are kept.
    Flood,
    Time(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    let cores = prop::sample::select(vec![
        vec![1],
        vec![2, 3],
        vec![4],
        vec![5, 6, 7],
        vec![3, 4],
        vec![0],
        vec![0, 8],
    ]);
    let memory = prop::sample::select(vec![0x1000_0000, 0x2000_0000, 0x2800_0000, 0x1_0000_0000]);
    let end = || prop::sample::select(End::ALL[..3].to_vec());
    let verb = prop::sample::select(vec!["start", "kill", "restart", "shell"]);
    let cut = prop::option::of(0u32..60);
    prop_oneof![
        6 => (name(), cores, memory.clone(), prop::sample::select(RestartPolicy::ALL.to_vec()), any::<bool>())
            .prop_map(|(n, c, m, p, k)| Step::Define(n, c, m, p, k)),
        2 => (name(), memory).prop_map(|(n, m)| Step::Set(n, m)),
        1 => name().prop_map(Step::Undefine),
        6 => (name(), any::<bool>()).prop_map(|(n, again)| Step::Launch(n, again)),
        2 => (name(), prop::sample::select(vec![Cut::Clearing, Cut::Copying]))
            .prop_map(|(n, c)| Step::LaunchCut(n, c)),
        1 => (name(), any::<bool>()).prop_map(|(n, has)| Step::Initrd(n, has)),
        3 => name().prop_map(Step::Kill),
        2 => name().prop_map(Step::Handoff),
        1 => Just(Step::Halt),
        4 => (name(), end(), any::<bool>()).prop_map(|(n, e, last)| Step::Ends(n, e, last)),
        8 => (name(), verb, name(), cut).prop_map(|(n, v, t, c)| Step::Asks(n, v, t, c)),
        2 => (name(), 0u32..200).prop_map(|(n, c)| Step::KillCut(n, c)),
        1 => (0..10usize).prop_map(Step::Deaf),
        2 => (0..10usize).prop_map(Step::Hears),
        1 => Just(Step::Flood),
        1 => (0..70_000_000u64).prop_map(Step::Time),
    ]
}

fn take(world: &mut World, step: &Step) {
    let board = std::rc::Rc::clone(&world.board);
    let lives = world.lives();
    let running = |n: usize| {
        let found = (0..board::PARTITIONS)
            .find(|id| lives.name(*id).is_some_and(|x| x.as_str() == NAMES[n]));
        found.filter(|id| (0..CORES).any(|core| board.at(core) == At::Linux(*id)))
    };
    let shell = world.shell_runs();
    match step {
        Step::Define(n, cores, memory, policy, control) if shell => {
            let change = Change {
                restart: Some(*policy),
                control: Some(if *control { Right::All } else { Right::No }),
                ..claim(cores, &[at(128 * MIB, Some(*memory))])
            };
            world.define(NAMES[*n], change);
        }
        Step::Set(n, memory) if shell => world.set(
            NAMES[*n],
            Change {
                memory: Some(vec![at(128 * MIB, Some(*memory))]),
                ..Change::default()
            },
        ),
        Step::Undefine(n) if shell => world.undefine(NAMES[*n]),
        Step::Launch(n, again) if shell => {
            let how = if *again { How::Restart } else { How::Start };
            world.launch(NAMES[*n], how);
        }
        Step::LaunchCut(n, cut) if shell => {
            board.cut.set(Some(*cut));
            world.launch(NAMES[*n], How::Start);
            world.settle();
            board.cut.set(None);
        }
        Step::Initrd(n, has) if shell => {
            let change = Change {
                initrds: Some(Vec::new()),
                ..Change::default()
            };
            world.set(NAMES[*n], if *has { with_initrd(change) } else { change });
        }
        Step::Kill(n) if shell => world.kill(NAMES[*n]),
        Step::Handoff(n) if shell => world.launch(NAMES[*n], How::Handoff),
        Step::Halt if shell => world.halt(),
        Step::Panic if shell => world.panic(),
        Step::Ends(n, end, last) => {
            if let Some(id) = running(*n) {
                let mut cores = (0..CORES).filter(|core| board.at(*core) == At::Linux(id));
                let core = if *last {
                    cores.next_back()
                } else {
                    cores.next()
                };
                world.end(core.expect("it runs"), id, *end);
            }
        }
        Step::Asks(n, verb, target, cut) => {
            if let Some((id, core)) = running(*n).and_then(|id| Some((id, world.core_of(id)?))) {
                let text = format!(
                    "{verb} {}",
                    if *verb == "shell" { "" } else { NAMES[*target] }
                );
                // The boot processor's own Linux does not reset it.
                world.ask(core, id, &text, cut.filter(|_| core != BOOT));
            }
        }
        Step::KillCut(n, steps) => {
            if let Some(id) = running(*n) {
                let killer = Board::seen_from(&board, if shell { BOOT } else { 9 });
                let _ = lives.kill(&killer, id);
                world.settle_with(Some(*steps));
            }
        }
        Step::Deaf(core) => board.deaf.borrow_mut()[*core] = true,
        Step::Hears(core) => {
            board.deaf.borrow_mut()[*core] = false;
            let hw = Board::seen_from(&board, *core);
            if lives.core_state(*core) == bulkhead_lifecycle::CoreState::Lost && *core != BOOT {
                // It gets the INIT that was on its way to it, and the start-up IPI.
                board.go(*core, At::Bulkhead);
                lives.started(&hw);
            }
        }
        Step::Flood => (0..300).for_each(|which| lives.device_stuck(0, which)),
        Step::Time(us) => board.pass(*us),
        _ => {}
    }
}

/// How many stories: more by `BULKHEAD_CASES`.
fn cases() -> u32 {
    let asked = std::env::var("BULKHEAD_CASES").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_stuck_and_nothing_is_given_away(steps in vec(any_step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            take(&mut world, step);
            world.settle();
            world.judge();
        }
    }

    #[test]
    fn control_goes_on_without_the_shell(
        before in vec(any_step(), 1..25),
        after in vec(any_step(), 1..25),
    ) {
        let mut world = World::new();
        for step in before.iter().chain([&Step::Panic]).chain(&after) {
            take(&mut world, step);
            world.settle();
            world.judge();
        }
    }
}

/// Both cores of a launch that is called off come only by its doorbell.
#[test]
fn deaf_cores_of_a_launch_called_off() {
    let mut world = World::new();
    let steps = [
        Step::Define(2, vec![2, 3], 0x1000_0000, RestartPolicy::Never, false),
        Step::Deaf(3),
        Step::Deaf(2),
        Step::LaunchCut(2, Cut::Clearing),
    ];
    for step in &steps {
        take(&mut world, step);
        world.settle();
        world.judge();
    }
}

/// Where images go nothing is cleared, since they overwrite it: which a launch has not done that was cut short.
#[test]
fn what_was_not_overwritten_is_cleared_by_the_next_launch() {
    let mut world = World::new();
    let define = || Step::Define(0, vec![1], 0x1000_0000, RestartPolicy::Never, false);
    for step in [
        define(),
        Step::Launch(0, false),
        Step::Kill(0),
        Step::Undefine(0),
        define(),
        Step::Initrd(0, true),
        Step::LaunchCut(0, Cut::Copying),
        Step::Initrd(0, false),
        Step::Launch(0, false),
    ] {
        take(&mut world, &step);
        world.settle();
        world.judge();
    }
    assert!(world.core_of(0).is_some(), "it runs");
}

/// What a partition kept in its firmware goes with its definition, and with nothing less.
#[test]
fn what_was_kept_goes_with_the_definition() {
    let mut world = World::new();
    let step = |world: &mut World, step: Step| {
        take(world, &step);
        world.settle();
    };
    let define = || Step::Define(0, vec![1], 0x1000_0000, RestartPolicy::Never, false);
    step(&mut world, define());
    for again in [false, true] {
        step(&mut world, Step::Launch(0, again));
        step(&mut world, Step::Kill(0));
    }
    assert_eq!(world.board.forgotten.borrow().len(), 0);
    step(&mut world, Step::Undefine(0));
    step(&mut world, define());
    assert_eq!(world.board.forgotten.borrow().len(), 1);
}

/// A shell that waits does next to nothing: it asks a thousand times a second.
#[test]
fn who_was_not_asked_looks_at_no_partition() {
    use bulkhead_lifecycle::model::set_hook;
    use std::{cell::Cell, rc::Rc};

    let mut world = World::new();
    let partition = Step::Define(0, vec![1], 0x1000_0000, RestartPolicy::Never, true);
    let asked = Step::Define(1, vec![4], 0x2000_0000, RestartPolicy::Never, false);
    for step in [partition, asked, Step::Launch(0, false)] {
        take(&mut world, &step);
        world.settle();
    }
    let accesses = |world: &mut World| {
        let count = Rc::new(Cell::new(0));
        let counter = count.clone();
        set_hook(Some(Box::new(move |_| counter.set(counter.get() + 1))));
        let line = world.conductor.next_line().map(|(_, line)| line);
        set_hook(None);
        (count.get(), line)
    };
    let whole = accesses(&mut world);
    assert_eq!(whole.1, None);
    // At once again: less than one look at each.
    let again = accesses(&mut world);
    assert!(again.0 < board::PARTITIONS, "{} accesses", again.0);
    // But who asks is heard at once.
    world.ask(1, 0, &format!("start {}", NAMES[1]), None);
    let (_, line) = accesses(&mut world);
    let line = line.expect("the request is done");
    assert!(line.contains("asked to start"), "{line}");
    // And work that was left is found although nothing is heard of it.
    while accesses(&mut world).1.is_some() {}
    world.board.pass(10_000);
    assert!(accesses(&mut world).0 >= board::PARTITIONS);
    // What they ask in, which is most of it, is not looked at each time: who was reset before the shell
    // was told is heard later.
    world.settle();
    world.ask(1, 0, &format!("kill {}", NAMES[1]), None);
    assert!(world.lives().was_asked(), "the shell was told: no more");
    world.board.pass(10_000);
    assert_eq!(accesses(&mut world).1, None, "not yet");
    world.board.pass(130_000);
    let (_, line) = accesses(&mut world);
    let line = line.expect("the request is done");
    assert!(line.contains("asked to kill"), "{line}");
}

/// Who saw no shell a moment ago may begin a launch at any step of a change: either that is refused,
/// or the launch is.
#[test]
fn a_launch_that_begins_meanwhile_keeps_what_it_was_planned_for() {
    use bulkhead_lifecycle::model::set_hook;
    use std::{cell::Cell, rc::Rc};

    let mut was = [false; 2];
    for (step, is_undefined) in (0..400).flat_map(|step| [(step, false), (step, true)]) {
        let mut world = World::new();
        let define = |n, core, at| Step::Define(n, vec![core], at, RestartPolicy::Never, false);
        for step in [
            define(0, 1, 0x1000_0000),
            Step::Launch(0, false),
            Step::Kill(0),
        ] {
            take(&mut world, &step);
            world.settle();
        }
        let (lives, other) = (world.lives(), Board::seen_from(&world.board, 9));
        let is_launched = Rc::new(Cell::new(false));
        let (launched, accesses) = (Rc::clone(&is_launched), Cell::new(0));
        set_hook(Some(Box::new(move |_| {
            accesses.set(accesses.get() + 1);
            if accesses.get() == step {
                launched.set(lives.start(&other, 0).is_ok());
            }
        })));
        let is_changed = if is_undefined {
            world.conductor.undefine(NAMES[0]).is_ok()
        } else {
            let to = Change {
                memory: Some(vec![at(128 * MIB, Some(0x2000_0000))]),
                ..Change::default()
            };
            world.conductor.set(NAMES[0], to).is_ok()
        };
        set_hook(None);
        assert!(!(is_changed && is_launched.get()), "{step}: both");
        was[0] |= is_changed && step > 0;
        was[1] |= is_launched.get();
        world.settle();
        world.judge();
        for step in [define(1, 4, 0x1000_0000), Step::Launch(1, false)] {
            take(&mut world, &step);
            world.settle();
            world.judge();
        }
    }
    assert_eq!(was, [true; 2]);
}
