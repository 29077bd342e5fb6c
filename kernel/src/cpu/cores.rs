//! The table of all cores: who they are, where each one's stack is. What each is doing stands in the
//! lifecycle's records ([`crate::partition::LIFE`]), under the same number.
//!
//! The words here are atomics, never behind a lock: any of these cores may be reset by INIT at any
//! instruction.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bulkhead_lifecycle::CoreState;

use super::apic;
use super::gdt::Segments;
use super::stacks;
use crate::layout::MAX_CORES;
use crate::partition::LIFE;

/// One core: what the lifecycle does not know of it.
struct Core {
    apic_id: AtomicU32,
    /// Where it was lost: vector, instruction, page-fault address.
    fault: [AtomicU64; 3],
}

/// What the entry code looks up: where a core's stack begins. Layout known to `ap.S`.
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

/// Where the entry code finds each word.
impl StackEntry {
    pub(super) const TOP: usize = core::mem::offset_of!(Self, top);
    pub(super) const TABLE: usize = core::mem::offset_of!(Self, table);
    pub(super) const NMI: usize = core::mem::offset_of!(Self, nmi);
}

// It looks the core's number up at the beginning of each entry.
const _: () = assert!(core::mem::offset_of!(StackEntry, apic_id) == 0);

static CORES: [Core; MAX_CORES] = [const {
    Core {
        apic_id: AtomicU32::new(u32::MAX),
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

static mut BOOT_SEGMENTS: core::mem::MaybeUninit<Segments> = core::mem::MaybeUninit::zeroed();

/// Enters the boot processor, and gives it its tables: first of all, and once more when Bulkhead's
/// page tables are active, because its emergency stacks are other ones from then on.
pub(crate) fn init_boot_core(apic_id: u32) {
    BOOT_CORE.store(apic_id, Ordering::Relaxed);
    let segments = (&raw mut BOOT_SEGMENTS).cast();
    // SAFETY: only the boot processor comes here, at boot or after it owned a Linux; the stacks are
    // its own.
    unsafe { Segments::load(segments, stacks::boot_emergencies()) };
}

/// A core's segments lie at the top of its stack's memory.
pub(super) const SEGMENTS_BYTES: u64 = (size_of::<Segments>() as u64).next_multiple_of(16);

/// Enters all cores of the machine and gives each but the boot processor a stack.
///
/// Cores beyond [`MAX_CORES`] are left out: the return value says how many.
pub(crate) fn init(apic_ids: &[u32]) -> usize {
    let known = apic_ids.len().min(MAX_CORES);
    let others = apic_ids[..known].iter().filter(|id| !is_boot(**id)).count() as u64;
    // SAFETY: called once, on the boot processor, before it starts the others.
    unsafe { stacks::map(others) };
    let mut numbers = 0..others;
    for (index, &apic_id) in apic_ids[..known].iter().enumerate() {
        let (segments, top) = if is_boot(apic_id) {
            // Its stack is part of the image; it comes back to it like any other core.
            ((&raw const BOOT_SEGMENTS).cast(), stacks::boot_top())
        } else {
            let number = numbers.next().expect("counted above");
            let top = stacks::of(number).top - SEGMENTS_BYTES;
            (segments_above(top).cast_const(), top)
        };
        let table = Segments::table_address(segments) as u64;
        CORE_STACKS[index].table.store(table, Ordering::Relaxed);
        CORES[index].apic_id.store(apic_id, Ordering::Relaxed);
        CORE_STACKS[index].top.store(top, Ordering::Relaxed);
        CORE_STACKS[index]
            .apic_id
            .store(u64::from(apic_id), Ordering::Release);
        if is_boot(apic_id) {
            LIFE.set_core_state(index, CoreState::Bulkhead);
        }
    }
    super::state::init(known);
    COUNT.store(known, Ordering::Release);
    apic_ids.len() - known
}

/// Whether that is the machine's boot processor.
pub(crate) fn is_boot(apic_id: u32) -> bool {
    apic_id == BOOT_CORE.load(Ordering::Relaxed)
}

/// Whether this is the machine's boot processor: the only one that runs before it is known.
pub(crate) fn is_boot_core() -> bool {
    is_boot(apic::id()) || BOOT_CORE.load(Ordering::Relaxed) == u32::MAX
}

/// How many cores there are. They are numbered from 0, ascending by local APIC ID.
pub(crate) fn count() -> usize {
    COUNT.load(Ordering::Acquire)
}

/// The local APIC ID of the core with that number.
pub(crate) fn apic_id(index: usize) -> u32 {
    CORES
        .get(index)
        .map_or(u32::MAX, |core| core.apic_id.load(Ordering::Relaxed))
}

/// The number of the core with that local APIC ID.
pub(crate) fn find(apic_id: u32) -> Option<usize> {
    let mut cores = CORES[..count()].iter();
    cores.position(|core| core.apic_id.load(Ordering::Relaxed) == apic_id)
}

/// What the core with that local APIC ID is doing.
pub(crate) fn state(apic_id: u32) -> CoreState {
    find(apic_id).map_or(CoreState::Absent, |index| LIFE.core_state(index))
}

/// The number of this core.
pub(crate) fn current() -> usize {
    find(apic::id()).expect("only cores of the table run Bulkhead's code")
}

/// Loads this core's own descriptor tables: it comes from elsewhere.
pub(crate) fn load_segments() {
    let apic_id = apic::id();
    if is_boot(apic_id) {
        init_boot_core(apic_id);
        return;
    }
    let top = own_stack().expect("only cores of the table run Bulkhead's code");
    let emergencies = stacks::ending_at(top + SEGMENTS_BYTES).emergencies;
    // SAFETY: the area was taken for this core alone and is resident.
    unsafe { Segments::load(segments_above(top), emergencies) };
}

/// Where this core's stack begins, if it is in the table.
fn own_stack() -> Option<u64> {
    let apic_id = u64::from(apic::id());
    let mut entries = CORE_STACKS.iter();
    let entry = entries.find(|entry| entry.apic_id.load(Ordering::Relaxed) == apic_id)?;
    Some(entry.top.load(Ordering::Relaxed))
}

/// Counts one more stop of this core since it entered Bulkhead's code; how many there were before.
pub(crate) fn count_stop() -> u32 {
    let segments = if is_boot_core() {
        (&raw const BOOT_SEGMENTS).cast()
    } else {
        own_stack().map_or(core::ptr::null(), |top| segments_above(top).cast_const())
    };
    if segments.is_null() {
        return 0;
    }
    // SAFETY: a core loads its segments before anything else; the boot processor's are zero before.
    unsafe { Segments::count_stop(segments) }
}

/// The segments of the core whose stack begins below `top`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
fn segments_above(top: u64) -> *mut Segments {
    core::ptr::with_exposed_provenance_mut(top as usize)
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
    if let Some(index) = find(apic::id()) {
        let values = [u64::from(vector), instruction, address];
        for (word, value) in CORES[index].fault.iter().zip(values) {
            word.store(value, Ordering::Relaxed);
        }
        LIFE.set_core_state(index, CoreState::Lost);
    }
}

/// Vector, instruction and page-fault address at which a core was lost.
pub(crate) fn fault(index: usize) -> [u64; 3] {
    [0, 1, 2].map(|word: usize| CORES[index].fault[word].load(Ordering::Relaxed))
}
