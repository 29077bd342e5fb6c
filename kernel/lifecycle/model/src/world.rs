//! What happens to the machine's cores: steps, sleep, INIT and start-up IPIs, and the clock.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use bulkhead_lifecycle::{State, Verb};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::AtomicBool;
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread;

use crate::machine::{
    CORES, Core, Entry, Life, Machine, Memory, Mode, PARTITIONS, RESCUER, Stop, members, one_in,
    owner, pick, set_alone, set_sharing,
};

/// All of it.
pub(crate) struct World {
    pub(crate) life: Life,
    machine: Mutex<Machine>,
    /// By which a core that sleeps is woken. (A parked thread is woken by `shuttle` at random.)
    wakes: [(Sender<()>, Mutex<Receiver<()>>); CORES],
    switch: AtomicBool,
}

std::thread_local! {
    static WORLD: RefCell<Option<Arc<World>>> = const { RefCell::new(None) };
    /// The lifecycle's words are only looked at by a check.
    static IS_CHECK: Cell<bool> = const { Cell::new(false) };
    static IS_INSTALLED: Cell<bool> = const { Cell::new(false) };
    static TRACE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Whether what happens is written down: it is printed when a check fails.
pub(crate) fn traces() -> bool {
    std::env::var_os("MODEL_TRACE").is_some()
}

/// Prints what was written down.
pub(crate) fn print_trace() {
    TRACE.with(|trace| trace.borrow().iter().for_each(|line| eprintln!("{line}")));
}

/// Runs `look`, in which accesses to shared words are no steps.
pub(crate) fn check<T>(look: impl FnOnce() -> T) -> T {
    let before = IS_CHECK.replace(true);
    let seen = look();
    IS_CHECK.set(before);
    seen
}

/// Makes every access to a shared word of this host thread a step of the simulated core.
///
/// Once for each: what a failed schedule leaves behind still has the hook in use.
pub(crate) fn install() {
    if IS_INSTALLED.replace(true) {
        return;
    }
    bulkhead_lifecycle::model::set_hook(Some(Box::new(|access| {
        let world = WORLD.with(|world| world.borrow().clone());
        if let Some((world, me)) = world.zip(me())
            && !IS_CHECK.get()
        {
            world.point(me);
            if access == bulkhead_lifecycle::model::Access::Write {
                world.progress();
            }
        }
    })));
}

/// The core that this thread is; the first task is the clock, no core.
pub(crate) fn me() -> Option<usize> {
    shuttle::current::get_current_task().and_then(|task| usize::from(task).checked_sub(1))
}

impl World {
    /// A machine at rest.
    pub(crate) fn new() -> Arc<Self> {
        set_alone(one_in(2));
        set_sharing(one_in(2));
        let world = Arc::new(Self {
            life: Life::new(),
            machine: Mutex::new(Machine {
                clock: 1 << 20,
                cores: Default::default(),
                memory: [Memory {
                    is_foreign: true,
                    ..Memory::default()
                }; PARTITIONS],
                budget: thread_rng().gen_range(5..40),
                faults: if one_in(3) { 1 } else { 0 },
                boot_processor_first: one_in(2),
                is_low_marked: false,
                is_low_foreign: true,
                rebooter: one_in(4).then(|| pick(&[0, 1, 2])),
                steps_of_last: 0,
                order: None,
                reply: None,
                is_over: false,
                wants_plans: false,
                still: 0,
            }),
            wakes: std::array::from_fn(|_| {
                let (sender, receiver) = channel();
                (sender, Mutex::new(receiver))
            }),
            switch: AtomicBool::new(false),
        });
        world.life.enter_cores(CORES);
        TRACE.with(|trace| trace.borrow_mut().clear());
        WORLD.with(|current| *current.borrow_mut() = Some(world.clone()));
        world
    }

    /// The state. Never held over a point.
    pub(crate) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine
            .lock()
            .expect("no thread is unwound holding it")
    }

    /// Writes down what happens.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        if traces() {
            let clock = self.machine().clock;
            let who = me().map_or("clock".into(), |me| format!("core {me}"));
            let line = format!("{clock} {who}: {}", check(what));
            TRACE.with(|trace| trace.borrow_mut().push(line));
        }
    }

    /// A place where another core may go on, and where this one may be reset.
    pub(crate) fn point(&self, me: usize) {
        self.switch.load(Ordering::SeqCst);
        self.look_at_runs(owner(me));
        let is_stalled = self.machine().is_stalled(me);
        if is_stalled {
            // Until something comes for it, or nobody else has anything to do.
            self.block(me);
            self.machine().cores[me].is_woken = true;
        }
        self.arrive(me);
    }

    /// That who is seen to run is seen with the number of this run, and no other: at any step.
    fn look_at_runs(&self, partition: usize) {
        let Some(view) = check(|| self.life.view(partition)) else {
            return;
        };
        let mut machine = self.machine();
        let memory = &mut machine.memory[partition];
        if view.state == State::Running {
            let before = memory.counted.replace((memory.launches, view.runs));
            let is_same = before.is_none_or(|(launches, _)| launches == memory.launches);
            let runs = before.map_or(0, |(_, runs)| runs);
            assert!(
                if is_same && before.is_some() {
                    view.runs == runs
                } else {
                    view.runs > runs
                },
                "{partition} is seen to run with the count {} after {before:?}",
                view.runs
            );
        }
    }

    fn arrive(&self, me: usize) {
        let mut machine = self.machine();
        while machine.clock < machine.cores[me].frozen_until && !machine.is_over {
            drop(machine);
            self.block(me);
            machine = self.machine();
        }
        if machine.is_over {
            drop(machine);
            resume_unwind(Box::new(Stop::Over));
        }
        if machine.burn(me) {
            drop(machine);
            self.note(|| "is brought up anew by a core of its Linux".into());
            self.take_init(me);
            self.take_startup(me, Entry::Linux(owner(me)));
            machine = self.machine();
        }
        if machine.cores[me].has_init() && one_in(4) {
            drop(machine);
            self.take_init(me);
            machine = self.machine();
        }
        if std::mem::take(&mut machine.cores[me].is_reset) {
            drop(machine);
            self.note(|| "is reset".into());
            resume_unwind(Box::new(Stop::Reset));
        }
    }

    /// Something was done, for which others may be waiting.
    pub(crate) fn progress(&self) {
        let mut machine = self.machine();
        machine.still = 0;
        machine.cores.iter_mut().for_each(|c| c.has_relaxed = false);
    }

    /// This core looks again in a moment.
    pub(crate) fn relax(&self, me: usize) {
        self.machine().cores[me].has_relaxed = true;
        thread::yield_now();
        self.arrive(me);
    }

    /// This core sleeps until something comes for it.
    pub(crate) fn sleep(&self, me: usize) {
        self.block(me);
        self.arrive(me);
    }

    fn block(&self, me: usize) {
        let mut machine = self.machine();
        let core = &mut machine.cores[me];
        if !std::mem::take(&mut core.is_woken) {
            core.is_blocked = true;
            drop(machine);
            let wakes = self.wakes[me].1.lock().expect("it is this thread's alone");
            wakes.recv().expect("the other end lives as long");
        }
    }

    /// Something comes for a core.
    pub(crate) fn wake(&self, core: usize) {
        let mut machine = self.machine();
        let is_blocked = std::mem::take(&mut machine.cores[core].is_blocked);
        machine.cores[core].is_woken = !is_blocked;
        drop(machine);
        if is_blocked {
            self.wakes[core].0.send(()).expect("it lives as long");
        }
    }

    /// An INIT is sent to a core: it takes it at once, or a few steps later.
    pub(crate) fn send_init(&self, core: usize) {
        let is_taken = !self.machine().cores[core].in_vmx;
        // In VMX operation it is lost, or kept until the core leaves.
        self.machine().cores[core].is_called = is_taken || one_in(2);
        if is_taken && one_in(2) {
            self.take_init(core);
        } else {
            self.wake(core);
        }
    }

    /// The INIT arrives.
    pub(crate) fn take_init(&self, core: usize) {
        assert_ne!(core, 0, "the boot processor takes an INIT");
        let mut machine = self.machine();
        let target = &mut machine.cores[core];
        target.is_called = false;
        if target.mode == Some(Mode::Dead) {
            return;
        }
        target.owes.clear();
        (target.fuse, target.stall) = (None, None);
        if let Some(partition) = target.launching.take() {
            machine.memory[partition].lost_entries += 1;
        }
        if members(owner(core))[0] == core {
            machine.memory[owner(core)].is_to_write = false;
        }
        let target = &mut machine.cores[core];
        target.mode = Some(Mode::Waiting);
        target.is_reset = true;
        target.life += 1;
        (target.entry, target.doorbell) = (None, false);
        // An INIT clears what is pending.
        (target.asked, target.nmi) = (false, false);
        drop(machine);
        self.wake(core);
    }

    /// A start-up IPI arrives: lost, unless the core waits for one.
    /// It comes after the INIT that was sent before it.
    pub(crate) fn take_startup(&self, core: usize, entry: Entry) {
        if self.machine().cores[core].has_init() {
            self.take_init(core);
        }
        let mut machine = self.machine();
        let clock = machine.clock;
        let target = &mut machine.cores[core];
        if target.mode != Some(Mode::Waiting)
            || target.entry.is_some()
            || clock < target.frozen_until
        {
            return;
        }
        target.entry = Some(entry);
        if let Entry::Linux(partition) = entry {
            target.mode = Some(Mode::Linux(partition));
        }
        drop(machine);
        self.wake(core);
    }

    /// Moves the clock if every core waits for it.
    pub(crate) fn tick(&self) {
        let mut machine = self.machine();
        let waits = |core: &Core| core.has_relaxed || core.is_blocked || core.is_gone;
        if !machine.cores.iter().all(waits) {
            return;
        }
        machine.still += 1;
        let is_in = |state| (0..PARTITIONS).any(|partition| self.state(partition) == state);
        // A launch for which nobody does anything waits for others to write, half a minute.
        let is_long = is_in(State::Launching) && !is_in(State::Ending);
        let most = if is_long {
            4_000_000
        } else {
            20_000u64 << (machine.still / 16).min(6)
        };
        machine.clock += thread_rng().gen_range(50..most);
        machine.cores.iter_mut().for_each(|c| c.has_relaxed = false);
        drop(machine);
        for core in 0..CORES {
            if self.machine().cores[core].has_init() {
                self.take_init(core);
            }
            if core == 0 || core == members(RESCUER)[0] || !one_in(3) {
                self.wake(core);
            }
        }
    }

    /// Does what somebody asks for. Whoever is told by `is_begun` that a launch is begun has a promise;
    /// unless an end of the same partition is in hand, or was when its core was reset.
    pub(crate) fn asked<T>(
        &self,
        (verb, target): (Verb, usize),
        ask: impl FnOnce() -> T,
        is_begun: impl FnOnce(&T) -> bool,
    ) -> T {
        let ends = matches!(verb, Verb::Kill | Verb::Restart | Verb::Stop);
        let mut machine = self.machine();
        let memory = &mut machine.memory[target];
        let may_promise = memory.ends_in_hand == 0;
        if ends {
            memory.ends_in_hand += 1;
            memory.ends += 1;
        }
        let before = (memory.launches, memory.ends);
        drop(machine);
        let told = ask();
        let launches = matches!(verb, Verb::Start | Verb::Restart);
        let memory = &mut self.machine().memory[target];
        if ends {
            memory.ends_in_hand -= 1;
        }
        if launches && may_promise && is_begun(&told) {
            memory.promised = Some(before);
        }
        told
    }

    /// That nobody holds it to read its memory, while that changes.
    pub(crate) fn is_not_read(&self, partition: usize, what: &str) {
        let holder = check(|| self.life.view(partition)).and_then(|view| view.holder);
        assert!(
            holder.is_none() || what == "silence",
            "{what} of {partition}, which {holder:?} reads"
        );
    }

    /// Its state, seen by a check.
    pub(crate) fn state(&self, partition: usize) -> State {
        check(|| self.life.view(partition)).map_or(State::Defined, |view| view.state)
    }
}

impl World {
    /// As [`sleep`](Self::sleep), for a core that waits for a start-up IPI.
    pub(crate) fn sleep_in_init(&self, me: usize) {
        self.block(me);
        if self.machine().is_over {
            resume_unwind(Box::new(Stop::Over));
        }
    }
}
