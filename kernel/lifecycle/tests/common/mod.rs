//! A machine in one thread: a core does what it has to when the test says so, and the clock moves
//! only where the lifecycle waits.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::cell::{Cell, RefCell};

use bulkhead_lifecycle::{CoreState, Definition, Duty, End, Event, Hardware, Lifecycle, State};
use bulkhead_memory::Region;
use bulkhead_model::RestartPolicy;

pub(crate) const PARTITIONS: usize = 4;
pub(crate) const CORES: usize = 8;

/// The names of the partitions, and their cores; core 0 has the shell.
pub(crate) const NAMES: [&str; PARTITIONS] = ["one", "two", "three", "last"];
pub(crate) const MEMBERS: [&[usize]; PARTITIONS] = [&[1, 2], &[3, 4], &[5], &[0]];

/// Where each has its RAM.
pub(crate) static RAM: [Region; PARTITIONS] = [ram(1), ram(2), ram(3), ram(4)];

const fn ram(nth: u64) -> Region {
    match Region::new(nth << 30, 64 << 20) {
        Some(region) => region,
        None => panic!("it ends above all addresses"),
    }
}

/// One that has no right over others, shares nothing and has no agent.
pub(crate) fn definition(partition: usize, policy: RestartPolicy) -> Definition<'static> {
    Definition {
        name: NAMES[partition],
        cores: MEMBERS[partition],
        policy,
        has_control: false,
        shares_low: false,
        only: &[],
        memory: 64 << 20,
        regions: &RAM[partition..=partition],
        wants_dump: false,
        watchdog: 0,
    }
}

/// Whether a core is in VMX operation, and which interrupt brings it into Bulkhead's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum InVmx {
    #[default]
    Outside,
    /// Also the one that can be masked.
    InGuest,
    /// Only the other one.
    Hung,
}

/// What happens in the middle of a step.
pub(crate) type Happening = fn(&Machine);

pub(crate) struct Machine {
    pub(crate) life: Lifecycle<PARTITIONS, CORES>,
    pub(crate) clock: Cell<u64>,
    /// It does not take an INIT.
    pub(crate) is_deaf: [Cell<bool>; CORES],
    is_reset: [Cell<bool>; CORES],
    /// Whether it is in VMX operation.
    pub(crate) in_vmx: [Cell<InVmx>; CORES],
    /// An INIT is kept until it leaves VMX operation, and does not get lost.
    pub(crate) is_init_kept: Cell<bool>,
    pub(crate) is_early: Cell<bool>,
    /// What happens when the clock is read, after so many readings, once.
    pub(crate) at_reading: Cell<Option<(u32, Happening)>>,
    /// What happens when a core is asked about, after so many questions, once.
    pub(crate) at_question: Cell<Option<(u32, Happening)>>,
    /// What happens while images are copied, once.
    pub(crate) while_placing: Cell<Option<Happening>>,
    /// What happens while a core is led out, once.
    pub(crate) while_asking: Cell<Option<Happening>>,
    /// What happens whenever somebody waits.
    pub(crate) while_relaxing: Cell<Option<Happening>>,
    /// The mark is in the low memory that partitions share.
    pub(crate) is_low_marked: Cell<bool>,
    /// What is defined next waits for its dump.
    pub(crate) wants_dump: Cell<bool>,
    /// The local APIC ID of core 0; the others' follow by twos.
    pub(crate) first_id: Cell<u32>,
    /// What each entry of an MSI-X table says.
    pub(crate) message: Cell<[u32; 4]>,
    pub(crate) log: RefCell<Vec<String>>,
}

/// As seen from one core.
pub(crate) struct At<'a>(pub(crate) &'a Machine, pub(crate) usize);

impl Machine {
    /// Partitions one, two (with control), three, all planned, at rest; the shell runs.
    pub(crate) fn new(policy: RestartPolicy) -> Self {
        let machine = Self {
            life: Lifecycle::new(),
            clock: Cell::new(1 << 30),
            is_deaf: Default::default(),
            is_reset: Default::default(),
            in_vmx: Default::default(),
            is_init_kept: Cell::new(false),
            is_early: Cell::new(false),
            at_reading: Cell::new(None),
            at_question: Cell::new(None),
            while_placing: Cell::new(None),
            while_asking: Cell::new(None),
            while_relaxing: Cell::new(None),
            is_low_marked: Cell::new(false),
            wants_dump: Cell::new(false),
            first_id: Cell::new(0),
            message: Cell::default(),
            log: RefCell::default(),
        };
        machine.life.enter_cores(CORES);
        for core in 1..CORES {
            machine.life.set_core_state(core, CoreState::Parked);
        }
        machine.life.set_core_state(0, CoreState::Bulkhead);
        for partition in 0..PARTITIONS {
            machine.define(partition, policy, false);
        }
        machine
    }

    /// The same, and they share low memory.
    pub(crate) fn sharing(policy: RestartPolicy) -> Self {
        let machine = Self::new(policy);
        for partition in 0..PARTITIONS {
            machine.define(partition, policy, true);
        }
        machine
    }

    /// Defines it anew, and makes a plan.
    pub(crate) fn define(&self, partition: usize, policy: RestartPolicy, shares_low: bool) {
        self.life.publish(
            partition,
            Some(&Definition {
                has_control: partition == 1,
                shares_low,
                wants_dump: self.wants_dump.get(),
                ..definition(partition, policy)
            }),
        );
        self.life.provide_plan(partition);
    }

    pub(crate) fn at(&self, core: usize) -> At<'_> {
        At(self, core)
    }

    /// Every parked core does what it has to, until nobody has anything to do. Answers whether the
    /// shell came back.
    pub(crate) fn run(&self) -> bool {
        let mut is_back = false;
        let mut is_busy = true;
        while std::mem::take(&mut is_busy) {
            for core in 0..CORES {
                let hw = self.at(core);
                if self.life.core_state(core) != CoreState::Parked {
                    continue;
                }
                match self.life.duty(&hw) {
                    Duty::Launch(partition) => {
                        self.life.launch(&hw, partition);
                        is_busy = true;
                    }
                    Duty::End(partition) => {
                        self.life.finish(&hw, partition);
                        is_busy = true;
                    }
                    Duty::Shell => {
                        self.life.resume_shell(&hw);
                        is_back = true;
                    }
                    Duty::Look | Duty::Rest => {}
                }
            }
        }
        is_back
    }

    pub(crate) fn start(&self, partition: usize) {
        assert_eq!(self.life.start(&self.at(0), partition), Ok(()));
        self.run();
        assert_eq!(self.state(partition), State::Running);
    }

    /// Its Linux ends, on its boot core.
    pub(crate) fn end(&self, partition: usize, end: End) {
        self.life
            .ended(&self.at(MEMBERS[partition][0]), partition, end);
        self.run();
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.clock.set(self.clock.get() + ms * 1000);
        self.run();
    }

    /// Lets everybody go on for longer than each step of an end has, as often as it has steps.
    pub(crate) fn wait_out(&self) {
        for _ in 0..8 {
            self.pass(2_100);
            self.life.tend(&self.at(0));
            self.run();
        }
    }

    pub(crate) fn state(&self, partition: usize) -> State {
        self.life.view(partition).expect("there is one").state
    }

    pub(crate) fn runs(&self, partition: usize) -> u32 {
        self.life.view(partition).expect("there is one").runs
    }

    pub(crate) fn failures(&self, partition: usize) -> u32 {
        self.life.view(partition).expect("there is one").failures
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        std::iter::from_fn(|| self.life.next_event()).collect()
    }

    fn count_down(&self, until: &Cell<Option<(u32, Happening)>>) {
        if let Some((left, happen)) = until.take() {
            match left.checked_sub(1) {
                Some(left) => until.set(Some((left, happen))),
                None => happen(self),
            }
        }
    }

    /// An interrupt leads out of a Linux; on the way VMX operation ends.
    fn led_out(&self, core: usize) {
        let was_in_vmx = self.in_vmx[core].take() != InVmx::Outside;
        if !(was_in_vmx && self.is_init_kept.get()) {
            self.life.parked(&self.at(core));
        }
    }

    /// The interrupt by which it was asked reaches a core that had its interrupts off: it leaves VMX
    /// operation, takes the INIT that it had kept, and waits for a start-up IPI.
    pub(crate) fn led_out_late(&self, core: usize) {
        self.in_vmx[core].set(InVmx::Outside);
        self.is_reset[core].set(true);
    }

    fn note(&self, what: String) {
        self.log.borrow_mut().push(what);
    }

    /// What was done since the last look.
    pub(crate) fn done(&self) -> Vec<String> {
        self.log.take()
    }
}

impl Hardware for At<'_> {
    fn me(&self) -> usize {
        self.1
    }
    #[expect(clippy::cast_possible_truncation, reason = "it has a handful of cores")]
    fn apic_id(&self, core: usize) -> u32 {
        self.0.first_id.get() + core as u32 * 2
    }
    fn now(&self) -> u64 {
        self.0.count_down(&self.0.at_reading);
        self.0.clock.get()
    }
    fn ticks(&self, us: u64) -> u64 {
        us
    }
    fn relax(&self) {
        self.0.clock.set(self.0.clock.get() + 50);
        if let Some(happen) = self.0.while_relaxing.take() {
            happen(self.0);
            self.0.while_relaxing.set(Some(happen));
        }
    }
    fn init(&self, core: usize) {
        assert_ne!(core, 0, "INIT to the boot processor");
        self.0.note(format!("init {core}"));
        let takes_it = !self.0.is_deaf[core].get() && self.0.in_vmx[core].get() == InVmx::Outside;
        self.0.is_reset[core].set(takes_it);
    }
    fn init_delay_us(&self) -> u64 {
        10
    }
    fn startup(&self, core: usize) {
        if self.0.is_reset[core].take() {
            self.0.life.started(&self.0.at(core));
        }
    }
    fn doorbell(&self, core: usize) {
        self.0.note(format!("doorbell {core}"));
    }
    fn is_boot_processor(&self, core: usize) -> bool {
        self.0.count_down(&self.0.at_question);
        core == 0
    }
    fn is_too_early(&self, _: usize) -> bool {
        self.0.is_early.get()
    }
    fn boot_processor_first(&self, _: usize) -> bool {
        false
    }
    fn ask(&self, partition: usize, core: usize) {
        self.0.note(format!("ask {core} of {partition}"));
        if let Some(happen) = self.0.while_asking.take() {
            happen(self.0);
        }
        if core == 0 && !self.0.is_deaf[0].get() || self.0.in_vmx[core].get() == InVmx::InGuest {
            self.0.led_out(core);
        }
    }
    fn force(&self, partition: usize, core: usize) {
        self.0.note(format!("force {core} of {partition}"));
        if self.0.in_vmx[core].get() == InVmx::Hung {
            self.0.led_out(core);
        }
    }
    fn startle(&self, core: usize) {
        self.0.note(format!("startle {core}"));
    }
    fn silence(&self, partition: usize) {
        self.0.note(format!("silence {partition}"));
    }
    fn set_up(&self, partition: usize, is_first: bool) {
        self.0.note(format!("set_up {partition} {is_first}"));
    }
    fn clear(&self, partition: usize) {
        self.0.note(format!("clear {partition}"));
    }
    fn place(&self, partition: usize) -> u64 {
        self.0.note(format!("place {partition}"));
        if let Some(happen) = self.0.while_placing.take() {
            happen(self.0);
        }
        7
    }
    fn is_low_written(&self, _: usize) -> bool {
        !self.0.is_low_marked.get()
    }
    fn mark_low(&self, partition: usize, clears: bool) {
        if clears {
            self.0.note(format!("clear low {partition}"));
        }
        self.0.note(format!("mark {partition}"));
        self.0.is_low_marked.set(true);
    }
    fn core_info(&self, partition: usize) -> [u64; 2] {
        [RAM[partition].start() + 0x5000, 0x1234_5000]
    }
    fn message(&self, at: u64) -> [u32; 4] {
        self.0.note(format!("message {at:#x}"));
        self.0.message.get()
    }
    fn interrupt(&self, core: usize, vector: u8) {
        self.0.note(format!("interrupt {core} {vector:#x}"));
    }
    fn hand_over(&self, _: usize) {}
    fn keep(&self) {}
}
