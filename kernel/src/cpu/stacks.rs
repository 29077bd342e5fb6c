//! Every stack, each with a page below it that is not mapped: what does not fit is a fault that says
//! so, never a silent write to what lies below.
//!
//! A core has four: one for what it does, and one for each kind of trap that may come when the first
//! can't be trusted. All cores' areas have the same shape, from below:
//!
//! ```text
//! page 0 guard  1 double fault  2 guard  3 NMI  4 guard  5 machine check  6, 7 guard  8.. the stack
//! ```
//!
//! The boot processor's area is in the image, because its stack is needed first of all. Its first
//! eight pages are the tables of the climb from 32 bits (`multiboot2.S`) until Bulkhead's own are
//! loaded; so neither emergency stacks nor guards cost anything there. The other cores' areas are in
//! a window of the page tables, and guards take no memory: that of the boot processor's guards, which
//! nothing reaches by its place in the image, serves the first of them. The deepest path on each is
//! computed when it is built (`tests/src/depth`).

use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_memory::{PAGE, Region};

use super::cores;
use crate::layout::{BOOT_STACK, CORE_STACK, EMERGENCY_STACK, STACK_WINDOW};
use crate::mem::{frames, paging, phys};

/// Pages of an area below the stack itself.
const BELOW: usize = 8;
const EMERGENCIES: usize = 3;
#[expect(clippy::cast_possible_truncation, reason = "it is 4096")]
const PAGE_BYTES: usize = PAGE as usize;
const _: () = assert!(EMERGENCY_STACK == PAGE_BYTES && CORE_STACK.is_multiple_of(PAGE_BYTES));

/// Pages of another core's area, guards included.
const WINDOW_PAGES: u64 = (BELOW + CORE_STACK / PAGE_BYTES) as u64;
/// Those of them that are memory.
const FRAMES: u64 = (EMERGENCIES + CORE_STACK / PAGE_BYTES) as u64;

/// Which pages of an area are guards.
const GUARDS: [u64; BELOW - EMERGENCIES] = [0, 2, 4, 6, 7];

/// The boot processor's area.
#[repr(C, align(4096))]
pub(crate) struct BootArea {
    below: [[u8; PAGE_BYTES]; BELOW],
    stack: [u8; BOOT_STACK],
}

#[unsafe(link_section = ".bss.page_aligned")]
pub(crate) static mut BOOT_AREA: BootArea = BootArea {
    below: [[0; PAGE_BYTES]; BELOW],
    stack: [0; BOOT_STACK],
};

/// Bytes of a stack of the boot processor, of another core, and of an emergency's, for the program
/// that computes the deepest paths.
#[used]
#[unsafe(no_mangle)]
static STACK_BYTES: [u64; 3] = [
    BOOT_STACK as u64,
    CORE_STACK as u64 - cores::SEGMENTS_BYTES,
    EMERGENCY_STACK as u64,
];

/// How many cores have areas in the window.
static WINDOW_CORES: AtomicU64 = AtomicU64::new(0);

/// Top of the boot processor's stack.
pub(crate) fn boot_top() -> u64 {
    boot_area() + size_of::<BootArea>() as u64
}

fn boot_area() -> u64 {
    &raw const BOOT_AREA as u64
}

/// Tops of the boot processor's emergency stacks, as the IST numbers them. Until Bulkhead's page
/// tables are active the loader's may lie there, and the deepest part of the stack serves, which
/// the way to them does not reach.
pub(super) fn boot_emergencies() -> [u64; EMERGENCIES] {
    if paging::is_active() {
        emergencies(boot_area())
    } else {
        let bottom = boot_area() + (BELOW * PAGE_BYTES) as u64;
        [1, 2, 3].map(|page| bottom + page * PAGE)
    }
}

fn emergencies(area: u64) -> [u64; EMERGENCIES] {
    [2, 4, 6].map(|page| area + page * PAGE)
}

/// Whether a page of an area is a guard.
fn is_guard(page: u64) -> bool {
    GUARDS.contains(&page)
}

/// Whether an address of the image is a guard of the boot processor's.
pub(crate) fn is_boot_guard(address: u64) -> bool {
    address
        .checked_sub(boot_area())
        .is_some_and(|offset| is_guard(offset / PAGE))
}

/// Whether a stack that has run over would be written at this address.
pub(super) fn is_any_guard(address: u64) -> bool {
    let end = WINDOW_CORES.load(Ordering::Relaxed) * WINDOW_PAGES;
    let page = address.checked_sub(STACK_WINDOW).map(|at| at / PAGE);
    let is_in_window = page.is_some_and(|page| page < end && is_guard(page % WINDOW_PAGES));
    is_in_window || is_boot_guard(address)
}

/// The stacks of one core in the window.
pub(super) struct Stacks {
    /// Top of its stack.
    pub(super) top: u64,
    /// Tops of its emergency stacks, as the IST numbers them.
    pub(super) emergencies: [u64; EMERGENCIES],
}

/// Those of the core whose stack ends at `top`.
pub(super) fn ending_at(top: u64) -> Stacks {
    Stacks {
        top,
        emergencies: emergencies(top - WINDOW_PAGES * PAGE),
    }
}

/// Those of the core that is the `number`th in the window.
pub(super) fn of(number: u64) -> Stacks {
    ending_at(STACK_WINDOW + (number + 1) * WINDOW_PAGES * PAGE)
}

/// The memory of the areas in the window, frame by frame: first what lies behind the boot processor's
/// guards, then what is taken for it.
struct Frames {
    taken: u64,
}

impl Frames {
    /// So many, zeroed: those of one area at least, which are more than there are guards.
    ///
    /// # Safety
    /// To be called once, after Bulkhead's page tables were activated.
    unsafe fn take(count: u64) -> Self {
        for page in GUARDS {
            if let Some(region) = Region::new(Self::behind(page), PAGE) {
                // SAFETY: the image's own, not mapped at its place there. The tables of the climb
                // were in it, which no core uses since others are loaded.
                unsafe { phys::clear(region) };
            }
        }
        let more = count - GUARDS.len() as u64;
        Self {
            taken: frames::take(more * PAGE, "core stacks").start(),
        }
    }

    fn behind(page: u64) -> u64 {
        paging::physical(boot_area() + page * PAGE)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "usize has 64 bits on x86-64"
    )]
    fn get(&self, number: u64) -> u64 {
        match GUARDS.get(number as usize) {
            Some(page) => Self::behind(*page),
            None => self.taken + (number - GUARDS.len() as u64) * PAGE,
        }
    }
}

/// Takes memory for the areas of so many cores and maps them.
///
/// # Safety
/// To be called once, on the boot processor, after Bulkhead's page tables were activated and before
/// another core uses them.
pub(super) unsafe fn map(cores: u64) {
    if cores == 0 {
        return;
    }
    // SAFETY: by the caller's contract.
    let memory = unsafe { Frames::take(cores * FRAMES) };
    let frame_of = |page: u64| {
        let (core, page) = (page / WINDOW_PAGES, page % WINDOW_PAGES);
        let frame = match page {
            _ if is_guard(page) => return None,
            1 | 3 | 5 => page / 2,
            _ => page - (BELOW - EMERGENCIES) as u64,
        };
        Some(memory.get(core * FRAMES + frame))
    };
    // SAFETY: by the caller's contract; the frames were just taken, each for one page.
    unsafe { paging::map_window(STACK_WINDOW, cores * WINDOW_PAGES, frame_of) };
    WINDOW_CORES.store(cores, Ordering::Relaxed);
}
