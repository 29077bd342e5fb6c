//! The table of all cores: who they are, what each is doing, where its stack is.
//!
//! The words here are atomics, never behind a lock: any of these cores may be reset by INIT at any
//! instruction. A core's own state is stored by that core (Release) and read by others (Acquire);
//! `Lost` and `Absent` are stored by the core that waited in vain.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::gdt::Segments;
use super::{apic, smp};
use crate::layout::{CORE_STACK, MAX_CORES};
use crate::mem::frames;

/// What a core is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CoreState {
    /// Did not answer when it was started.
    Absent = 0,
    /// Waits for a doorbell in Bulkhead's code.
    Parked = 1,
    /// Belongs to a running partition.
    Running = 2,
    /// Runs Bulkhead's shell.
    Bulkhead = 3,
    /// Took an exception in Bulkhead's code, or did not come back.
    Lost = 4,
}

impl CoreState {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Parked,
            2 => Self::Running,
            3 => Self::Bulkhead,
            4 => Self::Lost,
            _ => Self::Absent,
        }
    }

    /// As the shell shows it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Parked => "parked",
            Self::Running => "running",
            Self::Bulkhead => "bulkhead",
            Self::Lost => "lost",
        }
    }
}

/// One core.
pub(crate) struct Core {
    apic_id: AtomicU32,
    state: AtomicU8,
    /// The partition to launch, plus one; 0 for none. Stored by whoever rings the doorbell.
    mailbox: AtomicU32,
    /// How often it parked: tells a new parking from an old one.
    parkings: AtomicU32,
    /// Where it was lost: vector, instruction, page-fault address.
    fault: [AtomicU64; 3],
}

/// In a mailbox: run the shell.
const MAIL_SHELL: u32 = u32::MAX;

/// What a parked core is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mail {
    /// Launch that partition, or wait until its launch is due.
    Partition(usize),
    /// Run the shell (the machine's boot processor only).
    Shell,
}

/// What the entry code looks up: the top of a core's stack. Layout known to `ap.S`.
#[repr(C)]
pub(super) struct StackEntry {
    apic_id: AtomicU64,
    top: AtomicU64,
    /// The core's descriptor table.
    table: AtomicU64,
    /// Whether a non-maskable interrupt came since the core entered the service of a call: it was
    /// meant for its Linux. Cleared and taken by `ap.S` and `runtime.S`.
    nmi: AtomicU64,
}

static CORES: [Core; MAX_CORES] = [const {
    Core {
        apic_id: AtomicU32::new(u32::MAX),
        state: AtomicU8::new(0),
        mailbox: AtomicU32::new(0),
        parkings: AtomicU32::new(0),
        fault: [const { AtomicU64::new(0) }; 3],
    }
}; MAX_CORES];

#[unsafe(no_mangle)]
pub(super) static CORE_STACKS: [StackEntry; MAX_CORES] = [const {
    StackEntry {
        apic_id: AtomicU64::new(u64::MAX),
        top: AtomicU64::new(0),
        table: AtomicU64::new(0),
        nmi: AtomicU64::new(0),
    }
}; MAX_CORES];

static COUNT: AtomicUsize = AtomicUsize::new(0);
static BOOT_CORE: AtomicU32 = AtomicU32::new(u32::MAX);

/// What each core has of its own in memory: emergency stacks and tables, then its stack.
#[repr(C, align(4096))]
struct Area {
    segments: Segments,
    stack: [u8; CORE_STACK],
}

static mut BOOT_SEGMENTS: core::mem::MaybeUninit<Segments> = core::mem::MaybeUninit::zeroed();

impl Core {
    /// Local APIC ID.
    pub(crate) fn apic_id(&self) -> u32 {
        self.apic_id.load(Ordering::Relaxed)
    }

    /// What it is doing.
    pub(crate) fn state(&self) -> CoreState {
        CoreState::from_byte(self.state.load(Ordering::Acquire))
    }

    /// Says what it is doing now.
    pub(crate) fn set_state(&self, state: CoreState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Counts one more parking and says so.
    pub(crate) fn parked(&self) {
        self.parkings.fetch_add(1, Ordering::Relaxed);
        self.set_state(CoreState::Parked);
    }

    /// How often it parked.
    pub(crate) fn parkings(&self) -> u32 {
        self.parkings.load(Ordering::Acquire)
    }

    /// Puts a partition in its mailbox; the doorbell is rung separately.
    pub(crate) fn post(&self, partition: usize) {
        self.mailbox.store(partition as u32 + 1, Ordering::Release);
    }

    /// Asks a parked boot processor to run the shell again.
    pub(crate) fn post_shell(&self) {
        self.mailbox.store(MAIL_SHELL, Ordering::Release);
    }

    /// Takes what is in the mailbox.
    pub(crate) fn take_mail(&self) -> Option<Mail> {
        match self.mailbox.swap(0, Ordering::Acquire) {
            0 => None,
            MAIL_SHELL => Some(Mail::Shell),
            number => Some(Mail::Partition(number as usize - 1)),
        }
    }

    /// Whether it is the machine's boot processor.
    pub(crate) fn is_boot(&self) -> bool {
        is_boot(self.apic_id())
    }

    /// Vector, instruction and page-fault address at which it was lost.
    pub(crate) fn fault(&self) -> [u64; 3] {
        [0, 1, 2].map(|word: usize| self.fault[word].load(Ordering::Relaxed))
    }
}

/// Enters the boot processor, and gives it its tables.
pub(crate) fn init_boot_core(apic_id: u32) {
    BOOT_CORE.store(apic_id, Ordering::Relaxed);
    // SAFETY: only the boot processor comes here, once or again after it owned a Linux.
    unsafe { Segments::load((&raw mut BOOT_SEGMENTS).cast()) };
}

/// Enters all cores of the machine and gives each but the boot processor a stack.
///
/// Cores beyond [`MAX_CORES`] are left out: the return value says how many.
pub(crate) fn init(apic_ids: &[u32]) -> usize {
    let known = apic_ids.len().min(MAX_CORES);
    let area_bytes = size_of::<Area>() as u64;
    let others = apic_ids[..known].iter().filter(|id| !is_boot(**id)).count() as u64;
    let areas = (others > 0).then(|| frames::take(area_bytes * others, "core stacks"));
    let mut next = areas.map_or(0, |region| region.start());
    for (index, &apic_id) in apic_ids[..known].iter().enumerate() {
        let (segments, top) = if is_boot(apic_id) {
            // Its stack is part of the image; it comes back to it like any other core.
            let stack = &raw const crate::BOOT_STACK;
            (
                (&raw const BOOT_SEGMENTS).cast(),
                stack as u64 + crate::layout::BOOT_STACK as u64,
            )
        } else {
            next += area_bytes;
            let area = area_below(next);
            // SAFETY: only the address of a field is computed, inside the core's area.
            (unsafe { &raw const (*area).segments }, next)
        };
        let table = Segments::table_address(segments) as u64;
        CORE_STACKS[index].table.store(table, Ordering::Relaxed);
        CORES[index].apic_id.store(apic_id, Ordering::Relaxed);
        CORE_STACKS[index].top.store(top, Ordering::Relaxed);
        CORE_STACKS[index]
            .apic_id
            .store(u64::from(apic_id), Ordering::Release);
        if is_boot(apic_id) {
            CORES[index].set_state(CoreState::Bulkhead);
        }
    }
    COUNT.store(known, Ordering::Release);
    apic_ids.len() - known
}

fn is_boot(apic_id: u32) -> bool {
    apic_id == BOOT_CORE.load(Ordering::Relaxed)
}

/// Whether this is the machine's boot processor.
pub(crate) fn is_boot_core() -> bool {
    is_boot(apic::id())
}

/// All cores, ascending by local APIC ID.
pub(crate) fn all() -> &'static [Core] {
    &CORES[..COUNT.load(Ordering::Acquire)]
}

/// The core with that local APIC ID.
pub(crate) fn find(apic_id: u32) -> Option<&'static Core> {
    all().iter().find(|core| core.apic_id() == apic_id)
}

/// This core.
pub(crate) fn current() -> &'static Core {
    find(apic::id()).expect("only cores of the table run Bulkhead's code")
}

/// Loads this core's own descriptor tables: it comes from elsewhere.
pub(crate) fn load_segments() {
    let apic_id = apic::id();
    if is_boot(apic_id) {
        init_boot_core(apic_id);
        return;
    }
    let entry = CORE_STACKS
        .iter()
        .find(|e| e.apic_id.load(Ordering::Relaxed) == u64::from(apic_id));
    let top = entry
        .expect("only cores of the table run Bulkhead's code")
        .top
        .load(Ordering::Relaxed);
    // SAFETY: the area was taken for this core alone and is resident.
    unsafe { Segments::load(&raw mut (*area_below(top)).segments) };
}

/// The area of the core whose stack ends at `top`.
fn area_below(top: u64) -> *mut Area {
    core::ptr::with_exposed_provenance_mut(top as usize - size_of::<Area>())
}

/// Records that a non-maskable interrupt came to this core while it ran Bulkhead's code.
pub(super) fn note_nmi() {
    let apic_id = u64::from(apic::id());
    let is_own = |entry: &&StackEntry| entry.apic_id.load(Ordering::Relaxed) == apic_id;
    if let Some(entry) = CORE_STACKS.iter().find(is_own) {
        entry.nmi.store(1, Ordering::Relaxed);
    }
}

/// Records that this core took an exception in Bulkhead's own code.
pub(crate) fn lost(vector: u8, instruction: u64, address: u64) {
    if let Some(core) = find(apic::id()) {
        for (word, value) in core
            .fault
            .iter()
            .zip([u64::from(vector), instruction, address])
        {
            word.store(value, Ordering::Relaxed);
        }
        core.set_state(CoreState::Lost);
    }
}

/// How long a Linux may take from a non-maskable interrupt to its ResetSystem, in microseconds, if
/// it gets it: it panics, waits a second (`panic=1`) and resets. Less than the 10 s after which the
/// Linux that asked for it, and waits with interrupts off, would take its own core for hung.
const NMI_ANSWER_US: u64 = 8_000_000;

/// Takes a core out of whatever it runs; says whether it parked.
///
/// By INIT and a start-up IPI into the trampoline. The machine's boot processor must never get an
/// INIT: it would run the firmware. It gets a non-maskable interrupt, which leads to Bulkhead if a
/// detour was laid; else its Linux panics on it (`unknown_nmi_panic`) and comes back by ResetSystem,
/// unless it is too broken for that.
pub(crate) fn retake(core: &Core) -> bool {
    let before = core.parkings();
    let came_back = || core.parkings() != before;
    if core.is_boot() && core.state() == CoreState::Parked {
        return true; // its launch is not due yet
    }
    if core.is_boot() {
        apic::send_nmi(core.apic_id());
        return super::tsc::wait_until(NMI_ANSWER_US, came_back);
    }
    smp::start(core.apic_id(), came_back)
}
