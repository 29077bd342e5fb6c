//! The resident record of each partition: what its own cores need to launch it again.
//!
//! The shell's core stores a plan while no core of the partition runs; the partition's cores only
//! read it. State is a compare-and-swap, so that of two cores that end a partition at once (or a
//! core and the shell) exactly one does the work.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use bulkhead_plan::LaunchPlan;

use crate::layout::MAX_PARTITIONS;

/// What the cores of a partition are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// No core runs it.
    Idle = 0,
    /// Its boot core applies the plan.
    Launching = 1,
    /// Its Linux runs.
    Running = 2,
    /// One core is taking the others back.
    Ending = 3,
}

/// One partition's record.
pub(crate) struct Slot {
    phase: AtomicU8,
    plan: AtomicPtr<LaunchPlan>,
    runs: AtomicU32,
    /// Time-stamp counter when the doorbell was rung, and when its kernel was entered.
    rung: AtomicU64,
    entered: AtomicU64,
}

static SLOTS: [Slot; MAX_PARTITIONS] = [const {
    Slot {
        phase: AtomicU8::new(0),
        plan: AtomicPtr::new(core::ptr::null_mut()),
        runs: AtomicU32::new(0),
        rung: AtomicU64::new(0),
        entered: AtomicU64::new(0),
    }
}; MAX_PARTITIONS];

/// The record of a partition; `None` for a number that none can have.
pub(crate) fn get(partition: usize) -> Option<&'static Slot> {
    SLOTS.get(partition)
}

impl Slot {
    /// The plan of the current or last run.
    pub(crate) fn plan(&self) -> Option<&LaunchPlan> {
        let plan = self.plan.load(Ordering::Acquire);
        // SAFETY: a plan is replaced only by the shell's core while the partition is idle, when no
        // other core reads it.
        unsafe { plan.as_ref() }
    }

    /// Stores a new plan and frees the old one. Only while idle, only by the shell's core.
    pub(crate) fn set_plan(&self, plan: LaunchPlan) {
        debug_assert_eq!(self.phase(), Phase::Idle);
        let old = self
            .plan
            .swap(Box::into_raw(Box::new(plan)), Ordering::AcqRel);
        if !old.is_null() {
            // SAFETY: it came from `Box::into_raw` above; idle, so nobody reads it.
            drop(unsafe { Box::from_raw(old) });
        }
    }

    /// What its cores are about.
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            1 => Phase::Launching,
            2 => Phase::Running,
            3 => Phase::Ending,
            _ => Phase::Idle,
        }
    }

    /// Moves from one phase to another; `false` if it was in a different one.
    pub(crate) fn advance(&self, from: Phase, to: Phase) -> bool {
        self.phase
            .compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Claims the work of ending a partition that is launching or running.
    pub(crate) fn begin_ending(&self) -> bool {
        self.advance(Phase::Running, Phase::Ending) || self.advance(Phase::Launching, Phase::Ending)
    }

    /// How often it was launched.
    pub(crate) fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Counts a launch.
    pub(crate) fn count_run(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Forgets a partition that was undefined, so that its number can serve another.
    pub(crate) fn reset_runs(&self) {
        self.runs.store(0, Ordering::Relaxed);
    }

    /// Remembers when the doorbell was rung.
    pub(crate) fn set_rung(&self, tsc: u64) {
        self.rung.store(tsc, Ordering::Relaxed);
    }

    /// Remembers when the kernel was entered.
    pub(crate) fn set_entered(&self, tsc: u64) {
        self.entered.store(tsc, Ordering::Relaxed);
    }

    /// Ticks of the time-stamp counter from doorbell to kernel entry of the last launch.
    pub(crate) fn launch_ticks(&self) -> u64 {
        let (rung, entered) = (
            self.rung.load(Ordering::Relaxed),
            self.entered.load(Ordering::Relaxed),
        );
        entered.saturating_sub(rung)
    }
}
