//! The table of all cores: who they are, where each one's stack is. What each is doing stands in the
//! lifecycle's records ([`crate::partition::LIFE`]), under the same number.
//!
//! The words here are atomics, never behind a lock: any of these cores may be reset by INIT at any
//! instruction.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use bulkhead_lifecycle::CoreState;

use super::apic;
use super::gdt::Segments;
use super::stacks;
use crate::partition::LIFE;

/// One core: what the lifecycle does not know of it. The entry code looks it up by its ID; its layout
/// is known to `ap.S`.
#[repr(C)]
pub(super) struct Core {
    apic_id: u64,
    /// Where its stack begins.
    top: u64,
    /// Its descriptor table.
    table: u64,
    /// Whether a non-maskable interrupt came since the core entered the service of a call: it was
    /// meant for its Linux. Cleared and taken by `ap.S` and `runtime.S`.
    nmi: AtomicU64,
    /// Where it was lost: vector, instruction, page-fault address.
    fault: [AtomicU64; 3],
}

/// Where the entry code finds each word.
impl Core {
    pub(super) const TOP: usize = core::mem::offset_of!(Self, top);
    pub(super) const TABLE: usize = core::mem::offset_of!(Self, table);
    pub(super) const NMI: usize = core::mem::offset_of!(Self, nmi);
}

// It looks the core's number up at the beginning of each entry.
const _: () = assert!(core::mem::offset_of!(Core, apic_id) == 0);

impl Core {
    #[expect(clippy::cast_possible_truncation, reason = "it was made of 32 bits")]
    const fn id(&self) -> u32 {
        self.apic_id as u32
    }
}

/// The table: as long as the machine has cores. Both are written once, the length last, before any
/// core but this one runs. The entry code has them too.
pub(super) static CORES: AtomicPtr<Core> = AtomicPtr::new(core::ptr::null_mut());
pub(super) static COUNT: AtomicUsize = AtomicUsize::new(0);

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

/// All cores of the table; none before [`init`].
fn all() -> &'static [Core] {
    let count = count();
    if count == 0 {
        return &[];
    }
    // SAFETY: `init` has leaked so many there, and stored their number last.
    unsafe { core::slice::from_raw_parts(CORES.load(Ordering::Relaxed), count) }
}

/// Enters all cores of the machine, at most [`MAX_CORES`](crate::layout::MAX_CORES), and gives each but
/// the boot processor, which is one of them, a stack. Counts once.
pub(crate) fn init(apic_ids: &[u32]) {
    let known = apic_ids.len();
    let others = apic_ids.iter().filter(|id| !is_boot(**id)).count() as u64;
    // SAFETY: called once, on the boot processor, before it starts the others.
    unsafe { stacks::map(others) };
    let mut numbers = 0..others;
    let enter = |apic_id: &u32| {
        let (segments, top) = if is_boot(*apic_id) {
            // Its stack is part of the image; it comes back to it like any other core.
            ((&raw const BOOT_SEGMENTS).cast(), stacks::boot_top())
        } else {
            let number = numbers.next().expect("counted above");
            let top = stacks::of(number).top - SEGMENTS_BYTES;
            (segments_above(top).cast_const(), top)
        };
        Core {
            apic_id: u64::from(*apic_id),
            top,
            table: Segments::table_address(segments) as u64,
            nmi: AtomicU64::new(0),
            fault: [const { AtomicU64::new(0) }; 3],
        }
    };
    let cores: Vec<Core> = apic_ids.iter().map(enter).collect();
    super::state::init(known);
    LIFE.enter_cores(known);
    CORES.store(
        Box::leak(cores.into_boxed_slice()).as_mut_ptr(),
        Ordering::Relaxed,
    );
    COUNT.store(known, Ordering::Release);
    if let Some(boot) = all().iter().position(|core| is_boot(core.id())) {
        LIFE.set_core_state(boot, CoreState::Bulkhead);
    }
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
    all().get(index).map_or(u32::MAX, Core::id)
}

/// The number of the core with that local APIC ID.
pub(crate) fn find(apic_id: u32) -> Option<usize> {
    all().iter().position(|core| core.id() == apic_id)
}

/// This core's entry, if it is in the table.
fn own() -> Option<&'static Core> {
    let apic_id = apic::id();
    all().iter().find(|core| core.id() == apic_id)
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
    Some(own()?.top)
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
    if let Some(core) = own() {
        core.nmi.store(1, Ordering::Relaxed);
    }
}

/// Records that this core took an exception in Bulkhead's own code.
pub(crate) fn lost(vector: u8, instruction: u64, address: u64) {
    if let Some(index) = find(apic::id()) {
        let values = [u64::from(vector), instruction, address];
        for (word, value) in all()[index].fault.iter().zip(values) {
            word.store(value, Ordering::Relaxed);
        }
        LIFE.set_core_state(index, CoreState::Lost);
    }
}

/// Vector, instruction and page-fault address at which a core was lost.
pub(crate) fn fault(index: usize) -> [u64; 3] {
    let fault = |core: &Core| {
        core.fault
            .each_ref()
            .map(|word| word.load(Ordering::Relaxed))
    };
    all().get(index).map_or([0; 3], fault)
}
