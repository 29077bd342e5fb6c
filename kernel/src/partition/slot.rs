//! The resident record of each partition: what its own cores need to launch it again.
//!
//! The shell's core stores a plan while no core of the partition runs; the partition's cores only
//! read it. The phase is a compare-and-swap, so that of two cores that end a partition at once (or
//! a core and the shell) exactly one does the work.

use alloc::boxed::Box;
use alloc::vec::Vec;
use arrayvec::ArrayString;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use bulkhead_launch::LaunchPlan;
use bulkhead_memory::Region;
use bulkhead_model::{MAX_NAME_BYTES, RestartPolicy};
use bulkhead_tables::efi;

use super::detour::Tables;
use super::request::Outcome;
use crate::cpu::cores::{self, Core};
use crate::cpu::tsc;
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
    /// It ended, and its boot core waits to launch it again.
    Waiting = 4,
}

impl Phase {
    const ALL: [Self; 5] = [
        Self::Idle,
        Self::Launching,
        Self::Running,
        Self::Ending,
        Self::Waiting,
    ];

    fn from_byte(byte: u8) -> Self {
        Self::ALL
            .into_iter()
            .find(|phase| *phase as u8 == byte)
            .unwrap_or(Self::Idle)
    }

    /// As `Partitions` shows it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Idle => "stopped",
            Self::Launching => "launching",
            Self::Running => "running",
            Self::Ending => "ending",
            Self::Waiting => "waiting",
        }
    }
}

/// A plan, and the RAM of its partition.
struct Stored {
    plan: LaunchPlan,
    memory: Vec<Region>,
}

/// One partition's record.
pub(crate) struct Slot {
    phase: AtomicU8,
    stored: AtomicPtr<Stored>,
    runs: AtomicU32,
    /// Launches of the stored plan: only the first clears what others left.
    launches: AtomicU32,
    /// Failures in a row.
    failures: AtomicU32,
    /// Time-stamp counter when the doorbell was rung, and when its kernel was entered.
    rung: AtomicU64,
    entered: AtomicU64,
    /// Ticks that copying the images took.
    copied: AtomicU64,
    /// Time-stamp counter at which a waiting partition is launched again.
    due: AtomicU64,
    /// Where its Linux has its tables ([`Tables`]); the first is 0 until it has called a service.
    tables: [AtomicU64; 3],
    outcome: AtomicU8,
    has_control: AtomicBool,
}

static SLOTS: [Slot; MAX_PARTITIONS] = [const {
    Slot {
        phase: AtomicU8::new(0),
        stored: AtomicPtr::new(core::ptr::null_mut()),
        runs: AtomicU32::new(0),
        launches: AtomicU32::new(0),
        failures: AtomicU32::new(0),
        rung: AtomicU64::new(0),
        entered: AtomicU64::new(0),
        copied: AtomicU64::new(0),
        due: AtomicU64::new(0),
        tables: [const { AtomicU64::new(0) }; 3],
        outcome: AtomicU8::new(0),
        has_control: AtomicBool::new(false),
    }
}; MAX_PARTITIONS];

/// Cores that are serving a call and may hold references to any plan.
static READERS: AtomicU32 = AtomicU32::new(0);
/// How long to wait for them, in microseconds: a call takes far less.
const READERS_US: u64 = 100_000;

/// Runs `serve` while no plan is freed.
pub(super) fn reading<T>(serve: impl FnOnce() -> T) -> T {
    READERS.fetch_add(1, Ordering::SeqCst);
    let result = serve();
    READERS.fetch_sub(1, Ordering::SeqCst);
    result
}

/// The record of a partition; `None` for a number that none can have.
pub(crate) fn get(partition: usize) -> Option<&'static Slot> {
    SLOTS.get(partition)
}

/// All records.
pub(super) fn all() -> impl Iterator<Item = &'static Slot> {
    SLOTS.iter()
}

/// The record of the partition of that name, and its number.
pub(super) fn find(name: &str) -> Option<(usize, &'static Slot)> {
    SLOTS
        .iter()
        .enumerate()
        .find(|(_, slot)| slot.plan().is_some_and(|plan| plan.name == name))
}

impl Slot {
    fn stored(&self) -> Option<&Stored> {
        let stored = self.stored.load(Ordering::Acquire);
        // SAFETY: a plan is replaced only by the shell's core while the partition is idle, and freed
        // only when no core of another partition is `reading`.
        unsafe { stored.as_ref() }
    }

    /// The plan of the current, last or next run.
    pub(crate) fn plan(&self) -> Option<&LaunchPlan> {
        self.stored().map(|stored| &stored.plan)
    }

    /// The boot core of its plan.
    pub(super) fn boot_core(&self) -> Option<&'static Core> {
        self.plan().and_then(|plan| cores::find(plan.boot_core))
    }

    /// The RAM of the partition.
    pub(super) fn memory(&self) -> &[Region] {
        self.stored().map_or(&[], |stored| &stored.memory)
    }

    /// Its name.
    pub(super) fn name(&self) -> ArrayString<MAX_NAME_BYTES> {
        self.plan()
            .and_then(|plan| ArrayString::from(&plan.name).ok())
            .unwrap_or_default()
    }

    /// Stores a new plan and frees the old one. Only while idle, only by the shell's core.
    pub(crate) fn set_plan(&self, plan: LaunchPlan) {
        debug_assert_eq!(self.phase(), Phase::Idle);
        self.has_control.store(plan.control, Ordering::Relaxed);
        self.launches.store(0, Ordering::Relaxed);
        let is_own = |d: &&efi::Descriptor| d.kind != efi::Kind::Reserved;
        let memory = plan
            .view
            .efi
            .iter()
            .filter(is_own)
            .map(|d| d.region)
            .collect();
        self.replace(Box::into_raw(Box::new(Stored { plan, memory })));
    }

    /// Forgets a partition that is no more, so that its number can serve another. Only while idle,
    /// only by the shell's core.
    pub(crate) fn retire(&self) {
        self.replace(core::ptr::null_mut());
        self.runs.store(0, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
        self.has_control.store(false, Ordering::Relaxed);
        self.set_outcome(Outcome::None);
    }

    fn replace(&self, new: *mut Stored) {
        let old = self.stored.swap(new, Ordering::AcqRel);
        if old.is_null() {
            return;
        }
        // A core of another partition may be looking names up. One that was reset while it did so
        // never says that it is done: the old plan is left to it then.
        if tsc::wait_until(READERS_US, || READERS.load(Ordering::SeqCst) == 0) {
            // SAFETY: it came from `Box::into_raw` in `set_plan`; nobody reads it any more.
            drop(unsafe { Box::from_raw(old) });
        }
    }

    /// What its cores are about.
    pub(crate) fn phase(&self) -> Phase {
        Phase::from_byte(self.phase.load(Ordering::Acquire))
    }

    /// Moves from one phase to another; `false` if it was in a different one.
    pub(crate) fn advance(&self, from: Phase, to: Phase) -> bool {
        self.phase
            .compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Claims the work of ending a partition that is live in any way.
    pub(crate) fn begin_ending(&self) -> bool {
        self.begin_ending_early() || self.begin_ending_entered()
    }

    /// Claims the work of ending a partition whose Linux was entered.
    pub(super) fn begin_ending_entered(&self) -> bool {
        self.advance(Phase::Running, Phase::Ending)
    }

    /// Claims the work of ending a partition whose Linux is about to be entered.
    pub(super) fn begin_ending_early(&self) -> bool {
        [Phase::Launching, Phase::Waiting]
            .into_iter()
            .any(|from| self.advance(from, Phase::Ending))
    }

    /// How often it was launched.
    pub(crate) fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Counts a launch, whose Linux nothing is known of yet; whether it is the first of its plan.
    pub(super) fn count_run(&self) -> bool {
        self.tables[0].store(0, Ordering::Release);
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.launches.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Sets the number of failures in a row.
    pub(crate) fn set_failures(&self, count: u32) {
        self.failures.store(count, Ordering::Relaxed);
    }

    /// The policy of its plan.
    pub(super) fn policy(&self) -> RestartPolicy {
        self.plan()
            .map_or(RestartPolicy::Never, |plan| plan.restart)
    }

    /// Remembers when the doorbell was rung.
    pub(super) fn set_rung(&self, tsc: u64) {
        self.rung.store(tsc, Ordering::Relaxed);
    }

    /// Remembers when the kernel was entered.
    pub(super) fn set_entered(&self, tsc: u64) {
        self.entered.store(tsc, Ordering::Relaxed);
    }

    /// When the kernel was entered.
    pub(crate) fn entered(&self) -> u64 {
        self.entered.load(Ordering::Relaxed)
    }

    /// Ticks of the time-stamp counter from doorbell to kernel entry of the last launch.
    pub(crate) fn launch_ticks(&self) -> u64 {
        self.entered()
            .saturating_sub(self.rung.load(Ordering::Relaxed))
    }

    /// Ticks that copying the images took in the last launch.
    pub(crate) fn copy_ticks(&self) -> u64 {
        self.copied.load(Ordering::Relaxed)
    }

    /// Remembers how long the images were copied.
    pub(super) fn set_copied(&self, ticks: u64) {
        self.copied.store(ticks, Ordering::Relaxed);
    }

    /// When a waiting partition is launched again.
    pub(super) fn due(&self) -> u64 {
        self.due.load(Ordering::Acquire)
    }

    /// Sets when a waiting partition is launched again.
    pub(super) fn set_due(&self, tsc: u64) {
        self.due.store(tsc, Ordering::Release);
    }

    /// Remembers where its Linux has its tables. Only by a core of its Linux.
    pub(super) fn set_tables(&self, tables: Tables) {
        let [interrupts, cr3, cr4] = &self.tables;
        cr3.store(tables.cr3, Ordering::Relaxed);
        cr4.store(tables.cr4, Ordering::Relaxed);
        interrupts.store(tables.interrupts, Ordering::Release);
    }

    /// Where its Linux has its tables; `None` if it has not called a service yet.
    pub(super) fn tables(&self) -> Option<Tables> {
        let [interrupts, cr3, cr4] = &self.tables;
        let interrupts = interrupts.load(Ordering::Acquire);
        (interrupts != 0).then(|| Tables {
            interrupts,
            cr3: cr3.load(Ordering::Relaxed),
            cr4: cr4.load(Ordering::Relaxed),
        })
    }

    /// Whether it may ask for the launch and the end of others.
    pub(super) fn has_control(&self) -> bool {
        self.has_control.load(Ordering::Relaxed)
    }

    /// How its last request ended.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome::from_byte(self.outcome.load(Ordering::Relaxed))
    }

    /// Remembers how its last request ended.
    pub(super) fn set_outcome(&self, outcome: Outcome) {
        self.outcome.store(outcome as u8, Ordering::Relaxed);
    }
}
