//! The machine: cores that take INIT at any step, a clock that moves when nobody makes progress.
//!
//! One thread of `shuttle` is one core. All threads share one thread of the host, so what lies
//! between two points below is one step.

use std::cell::Cell;

use bulkhead_lifecycle::Lifecycle;
use bulkhead_memory::Region;
use shuttle::rand::{Rng, thread_rng};

/// Cores of the machine; the first is its boot processor.
pub(crate) const CORES: usize = 9;
/// Partitions.
pub(crate) const PARTITIONS: usize = 5;

/// Two with control, a victim, the rescuer, and the last Linux, on the boot processor.
pub(crate) const NAMES: [&str; PARTITIONS] = ["a", "b", "c", "rescuer", "last"];
/// The partition that settles what is left, and that nobody ends while the others act.
pub(crate) const RESCUER: usize = 3;
/// The one on the boot processor.
pub(crate) const LAST: usize = 4;
/// Their cores, the boot core first; the last Linux has the boot processor with or without another.
const MEMBERS: [&[usize]; PARTITIONS] = [&[1, 2], &[3, 4], &[5, 6], &[7], &[0, 8]];

std::thread_local! {
    static IS_ALONE: Cell<bool> = const { Cell::new(false) };
    static ARE_SHARING: Cell<bool> = const { Cell::new(false) };
}

/// Says whether the boot processor is the last Linux's only core.
pub(crate) fn set_alone(is_alone: bool) {
    IS_ALONE.set(is_alone);
}

/// Says whether most partitions share low memory.
pub(crate) fn set_sharing(are_sharing: bool) {
    ARE_SHARING.set(are_sharing);
}

/// Whether a partition shares low memory with others.
pub(crate) fn shares_low(partition: usize) -> bool {
    ARE_SHARING.get() && partition != 1
}

/// A partition's cores, the boot core first.
pub(crate) fn members(partition: usize) -> &'static [usize] {
    let all = MEMBERS[partition];
    if partition == LAST && IS_ALONE.get() {
        &all[..1]
    } else {
        all
    }
}

/// The partition that a core belongs to.
pub(crate) fn owner(core: usize) -> usize {
    let owner = MEMBERS.iter().position(|cores| cores.contains(&core));
    owner.expect("every core belongs to one")
}

/// Where its RAM is.
pub(crate) fn region(partition: usize) -> Region {
    Region::new((partition as u64 + 1) << 30, 2 << 20).expect("it is low")
}

/// The lifecycle under test.
pub(crate) type Life = Lifecycle<PARTITIONS, CORES>;

/// Why a core's thread is unwound.
pub(crate) enum Stop {
    /// It took an INIT.
    Reset,
    /// It is the boot processor, and an interrupt led it out of its Linux.
    Detour,
    /// The schedule is over.
    Over,
}

/// What a core executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Bulkhead's code, not in a service.
    Bulkhead,
    /// A partition's Linux, or a service that returns to it.
    Linux(usize),
    /// Nothing, until a start-up IPI.
    Waiting,
    /// Nothing any more.
    Dead,
}

/// Where a start-up IPI leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Bulkhead's trampoline.
    Trampoline,
    /// A partition's Linux, started by another core of it.
    Linux(usize),
}

/// One core.
#[derive(Default)]
pub(crate) struct Core {
    pub(crate) mode: Option<Mode>,
    /// It took an INIT, and its thread does not know it yet.
    pub(crate) is_reset: bool,
    /// An INIT is on its way to it.
    pub(crate) is_called: bool,
    /// After so many steps another core of its Linux brings it up anew.
    pub(crate) fuse: Option<u32>,
    /// After so many steps it stands still for a while, as in System Management Mode.
    pub(crate) stall: Option<u32>,
    /// Number of its INITs.
    pub(crate) life: u64,
    /// Cores that it sent an INIT, and no start-up IPI yet.
    pub(crate) owes: Vec<usize>,
    pub(crate) entry: Option<Entry>,
    pub(crate) doorbell: bool,
    pub(crate) asked: bool,
    pub(crate) nmi: bool,
    /// It is in VMX operation: no INIT reaches it.
    pub(crate) in_vmx: bool,
    /// It does nothing until then, and loses start-up IPIs.
    pub(crate) frozen_until: u64,
    /// After a start-up IPI it stands still for so long.
    pub(crate) slowness: u64,
    /// It was frozen or slow once, so that it may be found lost.
    pub(crate) was_faulty: bool,
    /// It is between the end of a launch and its Linux.
    pub(crate) launching: Option<usize>,
    pub(crate) has_relaxed: bool,
    pub(crate) is_blocked: bool,
    /// What it would sleep for has come already.
    pub(crate) is_woken: bool,
    /// Its thread is over.
    pub(crate) is_gone: bool,
}

impl Core {
    /// Whether an INIT is on its way that it would take.
    pub(crate) fn has_init(&self) -> bool {
        self.is_called && !self.in_vmx
    }
}

/// What a partition's memory has seen.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Another's data is in it.
    pub(crate) is_foreign: bool,
    /// The core that writes it or its devices, and that core's number of INITs.
    pub(crate) writer: Option<(usize, u64)>,
    /// The shell stores another plan.
    pub(crate) is_replanned: bool,
    /// Linux's entries, and those that an INIT came before.
    pub(crate) entries: u32,
    pub(crate) lost_entries: u32,
    /// How often its memory began to be written, and its end was asked for.
    pub(crate) launches: u32,
    pub(crate) ends: u32,
    /// Those who ask for its end at this moment.
    pub(crate) ends_in_hand: u32,
    /// Both, when a core was told that its launch is begun.
    pub(crate) promised: Option<(u32, u32)>,
    /// When the mark was put for it, and whether its Linux was entered and did not write since.
    pub(crate) marked: u64,
    pub(crate) is_to_write: bool,
    /// When it was last seen to run: its launches and the count of its runs.
    pub(crate) counted: Option<(u32, u32)>,
}

/// The state that is not the lifecycle's.
pub(crate) struct Machine {
    pub(crate) clock: u64,
    pub(crate) cores: [Core; CORES],
    pub(crate) memory: [Memory; PARTITIONS],
    /// Actions left for all Linuxes and the operator.
    pub(crate) budget: u32,
    /// INITs left that go wrong.
    pub(crate) faults: u32,
    pub(crate) boot_processor_first: bool,
    /// The mark is in the low memory that partitions share.
    pub(crate) is_low_marked: bool,
    /// One that had it alone left data there.
    pub(crate) is_low_foreign: bool,
    /// The partition whose Linux reboots whenever it is entered: its policy must give up.
    pub(crate) rebooter: Option<usize>,
    pub(crate) steps_of_last: u32,
    /// What the rescuer is to ask for, and what it was told in the end.
    pub(crate) order: Option<String>,
    pub(crate) reply: Option<bulkhead_lifecycle::Outcome>,
    pub(crate) is_over: bool,
    /// The shell, if there is one, is to make new plans for what is at rest.
    pub(crate) wants_plans: bool,
    pub(crate) still: u32,
}

impl Machine {
    /// In the next steps of that core, a core of the same Linux may bring it up anew.
    pub(crate) fn light(&mut self, core: usize) {
        self.cores[core].fuse = one_in(6).then(|| thread_rng().gen_range(0..100));
        self.cores[core].stall = one_in(4).then(|| thread_rng().gen_range(0..100));
    }

    /// Neither happens any more.
    pub(crate) fn put_out(&mut self, core: usize) {
        (self.cores[core].fuse, self.cores[core].stall) = (None, None);
    }

    /// One step nearer to its standing still; whether it does now.
    pub(crate) fn is_stalled(&mut self, core: usize) -> bool {
        let stall = &mut self.cores[core].stall;
        let steps = *stall;
        *stall = steps.and_then(|steps| steps.checked_sub(1));
        steps == Some(0)
    }

    /// One step nearer to that; whether it happens now. Only if there is still such a core.
    pub(crate) fn burn(&mut self, core: usize) -> bool {
        let Some(steps) = self.cores[core].fuse else {
            return false;
        };
        self.cores[core].fuse = steps.checked_sub(1);
        let runs = |other: &usize| *other != core && self.runs_linux(*other);
        steps == 0 && core != 0 && members(owner(core)).iter().any(runs)
    }

    fn runs_linux(&self, core: usize) -> bool {
        let is_stuck = self.clock < self.cores[core].frozen_until;
        matches!(self.cores[core].mode, Some(Mode::Linux(_))) && !is_stuck
    }
}

/// Picks one.
pub(crate) fn pick<T: Copy>(of: &[T]) -> T {
    of[thread_rng().gen_range(0..of.len())]
}

/// One time in `n`.
pub(crate) fn one_in(n: u32) -> bool {
    thread_rng().gen_range(0..n) == 0
}
