//! A machine whose cores do one thing after the other, each of which may be cut short by a reset.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bulkhead_conductor::Stage;
use bulkhead_fake::RESIDENT;
use bulkhead_launch::{LaunchPlan, ResidentCode, Write};
use bulkhead_lifecycle::{Hardware, Lifecycle, State};
use bulkhead_memory::{Region, RegionSet};
use bulkhead_tables::efi;

/// Partitions and cores.
pub(crate) const PARTITIONS: usize = 8;
pub(crate) const CORES: usize = 16;
pub(crate) type Lives = Lifecycle<PARTITIONS, CORES>;

/// The machine's boot processor.
pub(crate) const BOOT: usize = 0;

/// What a core runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// Bulkhead's code: it looks what its duty is.
    Bulkhead,
    /// The shell.
    Shell,
    /// Nothing: it was reset, and waits for a start-up IPI.
    Reset,
    /// A partition's Linux.
    Linux(usize),
}

/// Where a launch may be cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// What others left in its RAM is cleared.
    Clearing,
    /// Its images are copied: the first of them is.
    Copying,
}

/// What unwinds out of whatever a core was doing when it is reset.
pub(crate) struct WasReset;

/// The machine.
pub(crate) struct Board {
    pub(crate) lives: &'static Lives,
    pub(crate) at: RefCell<[At; CORES]>,
    /// Cores that no INIT, and no interrupt, takes out of what they run.
    pub(crate) deaf: RefCell<[bool; CORES]>,
    pub(crate) now: Cell<u64>,
    plans: RefCell<Vec<Option<LaunchPlan>>>,
    /// Where what each partition's Linux printed is kept, from a plan until it is forgotten.
    rooms: RefCell<[Option<Region>; PARTITIONS]>,
    /// Whose firmware was cleared.
    pub(crate) forgotten: RefCell<Vec<usize>>,
    /// The RAM of each partition, as its plan has it.
    ram: RefCell<Vec<Vec<Region>>>,
    /// Whose data is where: of each definition that ever ran, by a number of its own.
    data: RefCell<BTreeMap<usize, RegionSet>>,
    /// Which definition each partition is now.
    pub(crate) incarnation: RefCell<[usize; PARTITIONS]>,
    /// Where the next launch is cut short by a kill.
    pub(crate) cut: Cell<Option<Cut>>,
}

/// The machine as seen from one of its cores.
#[derive(Clone)]
pub(crate) struct Hw {
    pub(crate) me: usize,
    pub(crate) board: Rc<Board>,
}

impl Board {
    pub(crate) fn new(cores: usize) -> Rc<Self> {
        let lives: &'static Lives = Box::leak(Box::new(Lives::new()));
        lives.enter_cores(CORES);
        let board = Rc::new(Self {
            lives,
            at: RefCell::new([At::Reset; CORES]),
            deaf: RefCell::new([false; CORES]),
            now: Cell::new(1_000_000),
            forgotten: RefCell::new(Vec::new()),
            plans: RefCell::new((0..PARTITIONS).map(|_| None).collect()),
            rooms: RefCell::default(),
            ram: RefCell::new(vec![Vec::new(); PARTITIONS]),
            data: RefCell::default(),
            incarnation: RefCell::new([0; PARTITIONS]),
            cut: Cell::new(None),
        });
        let boot = Self::seen_from(&board, BOOT);
        lives.bring_up(&boot, cores);
        lives.resume_shell(&boot);
        board.at.borrow_mut()[BOOT] = At::Shell;
        board
    }

    pub(crate) fn seen_from(this: &Rc<Self>, me: usize) -> Hw {
        Hw {
            me,
            board: Rc::clone(this),
        }
    }

    /// Time goes on.
    pub(crate) fn pass(&self, us: u64) {
        self.now.set(self.now.get() + us);
    }

    pub(crate) fn at(&self, core: usize) -> At {
        self.at.borrow()[core]
    }

    pub(crate) fn go(&self, core: usize, at: At) {
        self.at.borrow_mut()[core] = at;
    }

    /// Its Linux was entered: nothing of others may be in its RAM, and all of it is its own now.
    pub(crate) fn enter(&self, partition: usize) {
        let own = self.incarnation.borrow()[partition];
        let regions = self.ram.borrow()[partition].clone();
        let mut data = self.data.borrow_mut();
        for (owner, set) in data.iter().filter(|(owner, _)| **owner != own) {
            for region in &regions {
                let left: Vec<Region> = set.within(*region).iter().collect();
                assert!(
                    left.is_empty(),
                    "data of {owner} in RAM of {own}: {left:x?}"
                );
            }
        }
        let set = data.entry(own).or_default();
        regions.iter().for_each(|region| set.insert(*region));
    }

    /// What a launch without the shell would use of each partition, or a look at what it printed.
    pub(crate) fn in_reach(&self, partition: usize) -> Vec<Region> {
        let room = self.rooms.borrow()[partition];
        let is_planned = self.plans.borrow()[partition].is_some();
        let ram = self.ram.borrow()[partition].clone();
        let planned = ram.into_iter().filter(|_| is_planned);
        planned.chain(room).collect()
    }

    fn forget(&self, region: Region) {
        self.data
            .borrow_mut()
            .values_mut()
            .for_each(|set| set.remove(region));
    }

    /// If its launch is to be cut short there: the partition is killed, and this core reset.
    fn cut_short(this: &Rc<Self>, me: usize, partition: usize, here: Cut) {
        if this.cut.get() == Some(here) {
            this.cut.set(None);
            let killer = (0..CORES).find(|core| *core != me && *core != BOOT);
            let killer = Self::seen_from(this, killer.expect("there are others"));
            let _ = this.lives.kill(&killer, partition);
            std::panic::resume_unwind(Box::new(WasReset));
        }
    }

    /// No core of that partition may be in its Linux, but those that are lost.
    fn nobody_runs(&self, partition: usize) {
        for core in 0..CORES {
            let runs = self.at(core) == At::Linux(partition);
            let is_lost = self.lives.is_lost_from(core, partition);
            assert!(!runs || is_lost, "core {core} still runs {partition}");
        }
    }
}

impl Hardware for Hw {
    fn me(&self) -> usize {
        self.me
    }

    fn apic_id(&self, core: usize) -> u32 {
        core as u32
    }

    fn now(&self) -> u64 {
        self.board.now.get()
    }

    fn ticks(&self, us: u64) -> u64 {
        us
    }

    fn relax(&self) {
        self.board.pass(50_000);
    }

    fn init(&self, core: usize) {
        assert_ne!(core, BOOT, "INIT to the machine's boot processor");
        assert_ne!(core, self.me, "INIT to itself");
        if self.board.deaf.borrow()[core] {
            return;
        }
        if let At::Linux(partition) = self.board.at(core) {
            let state = self.board.lives.view(partition).unwrap().state;
            assert_eq!(state, State::Ending, "INIT to core {core} of {partition}");
        }
        self.board.go(core, At::Reset);
    }

    fn init_delay_us(&self) -> u64 {
        0
    }

    fn startup(&self, core: usize) {
        if self.board.at(core) == At::Reset && !self.board.deaf.borrow()[core] {
            self.board.go(core, At::Bulkhead);
            self.board
                .lives
                .started(&Board::seen_from(&self.board, core));
        }
    }

    fn doorbell(&self, _core: usize) {}

    fn is_boot_processor(&self, core: usize) -> bool {
        core == BOOT
    }

    fn is_too_early(&self, _partition: usize) -> bool {
        false
    }

    fn boot_processor_first(&self, _partition: usize) -> bool {
        false
    }

    fn ask(&self, partition: usize, core: usize) {
        self.force(partition, core);
    }

    fn force(&self, partition: usize, core: usize) {
        if self.board.at(core) == At::Linux(partition) && !self.board.deaf.borrow()[core] {
            self.board.go(core, At::Bulkhead);
            self.board
                .lives
                .parked(&Board::seen_from(&self.board, core));
        }
    }

    fn startle(&self, _: usize) {}
    fn silence(&self, partition: usize) {
        self.board.nobody_runs(partition);
    }

    fn is_low_written(&self, _partition: usize) -> bool {
        true // at once
    }

    fn mark_low(&self, _partition: usize, _clears: bool) {}

    fn set_up(&self, partition: usize, _is_first: bool) {
        self.board.nobody_runs(partition);
    }

    fn clear(&self, partition: usize) {
        self.board.nobody_runs(partition);
        Board::cut_short(&self.board, self.me, partition, Cut::Clearing);
        let plans = self.board.plans.borrow();
        let plan = plans[partition].as_ref().expect("it was launched");
        plan.clear
            .iter()
            .for_each(|region| self.board.forget(*region));
    }

    fn place(&self, partition: usize) -> u64 {
        self.board.nobody_runs(partition);
        let plans = self.board.plans.borrow();
        let plan = plans[partition].as_ref().expect("it was launched");
        for (number, copy) in plan.copies.iter().enumerate() {
            if number == 1 {
                Board::cut_short(&self.board, self.me, partition, Cut::Copying);
            }
            copy.target()
                .into_iter()
                .for_each(|region| self.board.forget(region));
        }
        let writes = plan.writes.iter().filter_map(Write::target);
        writes.for_each(|region| self.board.forget(region));
        1
    }

    fn hand_over(&self, _partition: usize) {}

    fn keep(&self) {}
}

impl Stage for Hw {
    fn forget(&mut self, partition: usize) {
        self.board.forgotten.borrow_mut().push(partition);
        self.vacate(partition);
    }

    fn vacate(&mut self, partition: usize) {
        self.board.rooms.borrow_mut()[partition] = None;
    }

    fn wipe(&mut self, region: Region) {
        self.board.forget(region);
    }

    fn store(&mut self, partition: usize, plan: Option<LaunchPlan>) -> bool {
        if !self.board.lives.withdraw_plan(partition) {
            return false;
        }
        if let Some(plan) = &plan {
            self.board.lives.provide_plan(partition);
            self.board.rooms.borrow_mut()[partition] = Some(plan.view.block.printed);
            let own = plan
                .view
                .efi
                .iter()
                .filter(|d| d.kind != efi::Kind::Reserved);
            self.board.ram.borrow_mut()[partition] = own.map(|d| d.region).collect();
        }
        self.board.plans.borrow_mut()[partition] = plan;
        true
    }

    fn resident_code(&self) -> ResidentCode {
        RESIDENT
    }
}
