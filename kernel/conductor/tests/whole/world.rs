//! The operator, the partitions' Linuxes, and what becomes of them all.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use bulkhead_conductor::{Conductor, How};
use bulkhead_fake::machine;
use bulkhead_lifecycle::{Duty, End, Outcome, State, model};
use bulkhead_memory::Region;
use bulkhead_model::{Change, Machine};

use crate::board::{At, BOOT, Board, CORES, Hw, Lives, PARTITIONS, WasReset};

/// Names of the partitions.
pub(crate) const NAMES: [&str; 4] = ["one", "two", "three", "last"];

/// What passes between two looks of a core that waits, in microseconds.
const LOOK_US: u64 = 200_000;

/// Everything.
pub(crate) struct World {
    pub(crate) board: Rc<Board>,
    pub(crate) conductor: Conductor<'static, Hw, PARTITIONS, 16>,
    incarnations: usize,
    /// Whether the shell has panicked.
    is_dead: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(machine())
    }

    pub(crate) fn of(machine: Machine) -> Self {
        let board = Board::new(machine.cores.len());
        let conductor = Conductor::new(board.lives, Board::seen_from(&board, BOOT), machine);
        let mut world = Self {
            board,
            conductor,
            incarnations: 0,
            is_dead: false,
        };
        world.settle();
        world
    }

    pub(crate) fn lives(&self) -> &'static Lives {
        self.board.lives
    }

    pub(crate) fn shell_runs(&self) -> bool {
        self.board.at(BOOT) == At::Shell && !self.is_dead
    }

    fn id(&self, name: &str) -> Option<usize> {
        self.conductor.ledger().find(name).map(|p| p.id)
    }

    /// A core in the Linux of that partition.
    pub(crate) fn core_of(&self, partition: usize) -> Option<usize> {
        (0..CORES).find(|core| self.board.at(*core) == At::Linux(partition))
    }

    // --- at the shell ------------------------------------------------------------------------------

    pub(crate) fn define(&mut self, name: &str, change: Change) {
        if self.conductor.define(name, change).is_ok() {
            self.incarnations += 1;
            let id = self.id(name).expect("just defined");
            self.board.incarnation.borrow_mut()[id] = self.incarnations;
        }
    }

    pub(crate) fn set(&mut self, name: &str, change: Change) {
        let _ = self.conductor.set(name, change);
    }

    pub(crate) fn undefine(&mut self, name: &str) {
        let _ = self.conductor.undefine(name);
    }

    pub(crate) fn launch(&mut self, name: &str, how: How) {
        if self.conductor.launch(name, how).is_ok() && how == How::Handoff {
            self.conductor.prepare();
            self.leave();
            self.lives()
                .lend_shell_core(&Board::seen_from(&self.board, BOOT));
        }
    }

    pub(crate) fn kill(&mut self, name: &str) {
        self.conductor.observe();
        let _ = self.conductor.kill(name);
    }

    pub(crate) fn halt(&mut self) {
        self.conductor.prepare();
        self.leave();
        self.lives()
            .halt_shell(&Board::seen_from(&self.board, BOOT));
    }

    fn leave(&self) {
        self.board.go(BOOT, At::Bulkhead);
    }

    pub(crate) fn panic(&mut self) {
        self.lives().bury_shell();
        self.lives()
            .set_core_state(BOOT, bulkhead_lifecycle::CoreState::Lost);
        self.board.go(BOOT, At::Reset);
        self.is_dead = true;
    }

    // --- in a Linux --------------------------------------------------------------------------------

    /// It ends itself on one of its cores.
    pub(crate) fn end(&self, core: usize, partition: usize, end: End) {
        self.board.go(core, At::Bulkhead);
        let hw = Board::seen_from(&self.board, core);
        self.lives().ended(&hw, partition, end);
    }

    /// It asks for something, and its core is reset by a sibling after so many steps, if any.
    pub(crate) fn ask(&self, core: usize, partition: usize, text: &str, steps: Option<u32>) {
        let hw = Board::seen_from(&self.board, core);
        cut_short(steps, || {
            self.lives().ask(&hw, partition, Some(text));
        });
        if self.lives().is_ending(partition) && self.board.at(core) == At::Linux(partition) {
            self.end(core, partition, End::Failed);
        }
    }

    // --- all of it ---------------------------------------------------------------------------------

    /// Lets every core do what it has to do, until nothing is left; `steps` cuts the first end
    /// short that a core works on.
    pub(crate) fn settle_with(&mut self, mut steps: Option<u32>) {
        for _ in 0..20_000 {
            let mut is_idle = true;
            for core in 0..CORES {
                is_idle &= self.turn(core, &mut steps);
            }
            if is_idle {
                return;
            }
        }
        panic!("never settles: {}", self.describe());
    }

    pub(crate) fn settle(&mut self) {
        self.settle_with(None);
    }

    /// One look of one core; whether it had nothing to do.
    fn turn(&mut self, core: usize, steps: &mut Option<u32>) -> bool {
        let board = Rc::clone(&self.board);
        let hw = Board::seen_from(&board, core);
        match board.at(core) {
            At::Shell if !self.is_dead => {
                let is_idle = self.conductor.next_line().is_none() && self.is_at_rest();
                if !is_idle {
                    board.pass(LOOK_US);
                }
                is_idle
            }
            At::Bulkhead => match self.lives().duty(&hw) {
                Duty::Rest => true,
                Duty::Look => {
                    board.pass(LOOK_US);
                    false
                }
                Duty::Shell => {
                    self.lives().resume_shell(&hw);
                    board.go(core, At::Shell);
                    false
                }
                Duty::End(partition) => {
                    let is_whole = cut_short(steps.take(), || self.lives().finish(&hw, partition));
                    // Who resets it is of its own partition, or ends that: nobody does once that end
                    // is behind it.
                    if !is_whole && core != BOOT && self.is_in(partition, State::Ending) {
                        board.go(core, At::Reset);
                    }
                    false
                }
                Duty::Launch(partition) => {
                    let mut is_entered = false;
                    if cut_short(None, || is_entered = self.lives().launch(&hw, partition))
                        && is_entered
                    {
                        board.enter(partition);
                        for member in self.lives().members(partition) {
                            board.go(member, At::Linux(partition));
                        }
                    }
                    false
                }
            },
            At::Linux(partition) => {
                // Each Linux calls a service now and then, and time goes on.
                self.lives().outcome(&hw, partition);
                if self.lives().is_ending(partition) {
                    // No service returns to a Linux that is being ended.
                    self.end(core, partition, End::Failed);
                    return false;
                }
                let rests = self.is_at_rest();
                if !rests {
                    board.pass(LOOK_US);
                }
                rests
            }
            At::Shell | At::Reset => true,
        }
    }

    fn is_in(&self, partition: usize, state: State) -> bool {
        self.lives().view(partition).unwrap().state == state
    }

    fn is_at_rest(&self) -> bool {
        (0..PARTITIONS).all(|partition| {
            let state = self.lives().view(partition).unwrap().state;
            !matches!(state, State::Launching | State::Ending | State::Waiting)
        })
    }

    /// What must hold whenever everything has settled.
    pub(crate) fn judge(&mut self) {
        let somebody_looks =
            (0..CORES).any(|core| matches!(self.board.at(core), At::Linux(_))) || self.shell_runs();
        assert!(!somebody_looks || self.is_at_rest(), "{}", self.describe());
        for partition in 0..PARTITIONS {
            let view = self.lives().view(partition).unwrap();
            for core in self.lives().members(partition) {
                let runs = self.board.at(core) == At::Linux(partition);
                let is_lost = self.lives().is_lost_from(core, partition);
                if view.state == State::Running {
                    assert!(runs, "core {core}: {}", self.describe());
                } else if !is_lost && somebody_looks {
                    assert!(!runs, "core {core}: {}", self.describe());
                }
            }
            if self.core_of(partition).is_some() && view.state == State::Running {
                let hw = Board::seen_from(&self.board, self.core_of(partition).unwrap());
                let outcome = self.lives().outcome(&hw, partition);
                assert!(!outcome.is_open(), "{outcome:?}: {}", self.describe());
                assert_ne!(outcome, Outcome::Unanswered);
            }
        }
        self.judge_plans();
        if self.shell_runs() {
            self.conductor.observe();
            for partition in self.conductor.ledger() {
                let view = self.lives().view(partition.id).unwrap();
                let life = &partition.life;
                assert_eq!((life.state, life.runs), (view.state, view.runs));
                for core in &life.lost_cores {
                    assert!(partition.claim.cores.contains(core), "it gave {core} away");
                }
            }
        }
    }

    /// Nothing that could be launched uses memory outside of its owner's claim, and nothing that could be
    /// read as its own is there: also if the shell panics now.
    fn judge_plans(&self) {
        for id in 0..PARTITIONS {
            let partition = self.conductor.ledger().by_id(id);
            let claim = partition.map_or(Vec::new(), |p| p.claim.regions());
            let is_own = |region: &Region| claim.iter().any(|own| own.contains_region(*region));
            for region in self.board.in_reach(id) {
                assert!(is_own(&region), "{id} uses {region}, and has {claim:x?}");
            }
        }
    }

    fn describe(&self) -> String {
        let views = (0..PARTITIONS).filter_map(|partition| {
            let name = self.lives().name(partition)?;
            Some(format!("{name}: {:?}", self.lives().view(partition)?))
        });
        let cores: Vec<_> = (0..CORES)
            .map(|core| (self.board.at(core), self.lives().core_state(core)))
            .collect();
        format!("{:#?}\n{cores:?}", views.collect::<Vec<_>>())
    }
}

/// Runs `work` on a core that is reset after so many accesses to shared words; whether it came to its
/// end.
fn cut_short(steps: Option<u32>, work: impl FnOnce()) -> bool {
    if let Some(steps) = steps {
        let left = Cell::new(steps);
        model::set_hook(Some(Box::new(move |_| {
            if left.get() == 0 {
                resume_unwind(Box::new(WasReset));
            }
            left.set(left.get() - 1);
        })));
    }
    let done = catch_unwind(AssertUnwindSafe(work));
    model::set_hook(None);
    match done {
        Ok(()) => true,
        Err(cause) if cause.is::<WasReset>() => false,
        Err(cause) => resume_unwind(cause),
    }
}
