//! The table of all cores: who they are, where each one's stack is. What each is doing stands in the
//! lifecycle's records ([`crate::partition::LIFE`]), under the same number.
//!
//! The words here are atomics, never behind a lock: any of these cores may be reset by INIT at any
//! instruction.

use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bulkhead_lifecycle::CoreState;

use super::apic;
use super::gdt::Segments;
use crate::layout::{CORE_STACK, MAX_CORES};
use crate::mem::frames;
use crate::partition::LIFE;

/// One core: what the lifecycle does not know of it.
struct Core {
    apic_id: AtomicU32,
    /// Where it was lost: vector, instruction, page-fault address.
    fault: [AtomicU64; 3],
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

/// What each core has of its own in memory: emergency stacks and tables, then its stack.
#[repr(C, align(4096))]
struct Area {
    segments: Segments,
    stack: [u8; CORE_STACK],
}

static mut BOOT_SEGMENTS: core::mem::MaybeUninit<Segments> = core::mem::MaybeUninit::zeroed();

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
            LIFE.set_core_state(index, CoreState::Bulkhead);
        }
    }
    COUNT.store(known, Ordering::Release);
    apic_ids.len() - known
}

/// Whether that is the machine's boot processor.
pub(crate) fn is_boot(apic_id: u32) -> bool {
    apic_id == BOOT_CORE.load(Ordering::Relaxed)
}

/// Whether this is the machine's boot processor.
pub(crate) fn is_boot_core() -> bool {
    is_boot(apic::id())
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
