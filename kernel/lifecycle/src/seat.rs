//! Whether a core runs the shell, and whether it is wanted back.

use crate::hardware::Hardware;
use crate::life::Phase;
use crate::sync::Word32;
use crate::{CoreState, Lifecycle};

const RUNS: u32 = 0;
/// Its core is given to a last Linux, and takes the shell up again after it.
const LENT: u32 = 1;
/// Its core parks until somebody asks for it.
const HALTED: u32 = 2;
/// It panicked.
const DEAD: u32 = 3;

/// The shell's state.
pub(crate) struct Seat {
    state: Word32,
    is_wanted: Word32,
}

impl Seat {
    pub(crate) const fn new() -> Self {
        Self {
            state: Word32::new(RUNS),
            is_wanted: Word32::new(0),
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.state.load() == RUNS
    }

    /// Whether its core, if it has nothing else to do, is to run it again.
    pub(crate) fn is_to_come_back(&self) -> bool {
        match self.state.load() {
            LENT => true,
            HALTED => self.is_wanted.load() != 0,
            _ => false,
        }
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Whether a core runs the shell.
    pub fn shell_runs(&self) -> bool {
        self.seat.runs()
    }

    /// The shell's core leaves it for a last Linux.
    pub fn lend_shell_core(&self, hw: &impl Hardware) {
        self.leave(LENT);
        self.parked(hw);
    }

    /// The shell's core is to park until it is asked for.
    pub fn halt_shell(&self, hw: &impl Hardware) {
        self.seat.is_wanted.store(0);
        self.leave(HALTED);
        self.parked(hw);
    }

    /// The shell has panicked: from now on requests are carried out without it.
    pub fn bury_shell(&self) {
        self.leave(DEAD);
    }

    fn leave(&self, state: u32) {
        self.seat.state.store(state);
        self.refuse_passed();
    }

    /// The shell is back on its core.
    pub fn resume_shell(&self, hw: &impl Hardware) {
        self.seat.is_wanted.store(0);
        self.set_core_state(hw.me(), CoreState::Bulkhead);
        // What was passed to it when it left, too late for it to see, is not done days later.
        self.refuse_passed();
        self.seat.state.store(RUNS);
    }

    /// Wakes the shell's core if it parks; whether it does.
    pub(crate) fn want_shell(&self, hw: &impl Hardware) -> bool {
        let boot_processor = (0..C).find(|index| hw.is_boot_processor(*index));
        let Some((index, core)) = boot_processor.and_then(|i| Some((i, self.core(i)?))) else {
            return false;
        };
        // One that waits to launch a last Linux again is not free.
        let is_taken = self
            .slots
            .iter()
            .any(|slot| slot.phase() != Phase::Idle && slot.has_core(index));
        let is_halted = self.seat.state.load() == HALTED;
        if !is_halted || is_taken || core.state() != CoreState::Parked {
            return false;
        }
        self.seat.is_wanted.store(1);
        hw.doorbell(index);
        true
    }
}
