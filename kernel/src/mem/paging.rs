//! The kernel's own page tables: one set, shared by every core, resident for ever.
//!
//! All physical memory is mapped one to one, and the image at its virtual address. Two roots lead
//! to the same tables: one for four-level and one for five-level paging, because a Linux that
//! calls a runtime service may have switched its core to five levels (CR4.LA57), and that can't
//! be changed without leaving long mode. In the five-level root the entries 0 and 511 both point
//! to the four-level root: addresses below 2^47 and in the top 2 GiB then mean the same in either.
//!
//! Accessed and dirty bits are set beforehand, so that no core ever writes to the shared tables.
//!
//! Source: Intel SDM Vol. 3A, chapter "Paging".

use core::ptr::{addr_of, addr_of_mut};

use bulkhead_memory::{LARGE_PAGE, PAGE, Region, RegionSet};
use bulkhead_model::map;
use x86_64::registers::control::{Cr3, Cr3Flags, Cr4, Cr4Flags};
use x86_64::registers::model_specific::{Efer, EferFlags};
use x86_64::structures::paging::PhysFrame;
use x86_64::{PhysAddr, VirtAddr};

use super::phys;
use crate::boot::BootInfo;
use crate::cpu::stacks;
use crate::layout::KERNEL_BASE;

mod device;
mod high;
mod window;

pub(crate) use device::{map_registers, map_screen};
use high::{has_gigabyte_pages, map_above_4_gib};
pub(crate) use window::map_window;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const WRITE_THROUGH: u64 = 1 << 3;
const CACHE_DISABLE: u64 = 1 << 4;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const HUGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
/// The address in an entry that leads to a table.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

const TABLE: u64 = PRESENT | WRITABLE | ACCESSED;
/// Entry 3 of the page-attribute table: uncached after a reset, and write-combining on the shell's
/// core ([`crate::cpu::mtrr::write_combining`]). Whichever a core has, it caches nothing.
const WRITE_COMBINING: u64 = CACHE_DISABLE | WRITE_THROUGH;
const LEAF: u64 = PRESENT | WRITABLE | ACCESSED | DIRTY;

const GIB: u64 = 1 << 30;
const ENTRIES: usize = 512;

#[repr(C, align(4096))]
struct Table([u64; ENTRIES]);

/// The tables whose number is known beforehand.
#[repr(C)]
struct Tables {
    root5: Table,
    root4: Table,
    /// The first 512 GiB; tables of those above are taken from RAM as they are needed.
    low: Table,
    /// The first 4 GiB in 2 MiB pages, but for the first 2 MiB.
    low_directories: [Table; 4],
    /// The first 2 MiB in 4 KiB pages: fixed-range MTRRs give them mixed memory types.
    first: Table,
    /// The top 512 GiB.
    high: Table,
    high_directory: Table,
    /// The image, in 4 KiB pages.
    image: Table,
}

const EMPTY: Table = Table([0; ENTRIES]);

#[unsafe(link_section = ".bss.page_aligned")]
static mut TABLES: Tables = Tables {
    root5: EMPTY,
    root4: EMPTY,
    low: EMPTY,
    low_directories: [EMPTY; 4],
    first: EMPTY,
    high: EMPTY,
    high_directory: EMPTY,
    image: EMPTY,
};

/// Where the image lies physically and what its parts may do.
#[derive(Clone, Copy)]
pub(crate) struct ImagePlace {
    /// Physical address of [`KERNEL_BASE`].
    physical: u64,
}

unsafe extern "C" {
    static boot_code_end: u8;
    static text_end: u8;
    static rodata_end: u8;
    static image_end: u8;
}

impl ImagePlace {
    /// Where the loader says that it has put it.
    pub(crate) const fn of(info: &BootInfo) -> Self {
        Self {
            physical: info.image,
        }
    }

    /// Bytes from the first to the last of the image, `.bss` included.
    pub(crate) fn bytes() -> u64 {
        addr_of!(image_end) as u64 - KERNEL_BASE
    }

    /// The image in physical memory.
    pub(crate) fn region(self) -> Region {
        Region::new(self.physical, Self::bytes()).expect("not empty")
    }

    /// What of it stays after the boot ([`give_up_boot_code`]).
    pub(crate) fn kept(self) -> Region {
        let start = self.physical_of(&raw const boot_code_end);
        Region::from_bounds(start, self.region().end()).expect("the boot's code is not all of it")
    }

    /// Physical address of something in the image.
    fn physical_of<T>(self, pointer: *const T) -> u64 {
        pointer as u64 - KERNEL_BASE + self.physical
    }
}

/// Physical addresses of the two roots, for cores that come from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roots {
    /// For four-level paging.
    pub(crate) four_level: u64,
    /// For five-level paging.
    pub(crate) five_level: u64,
}

static ROOTS: spin::Once<Roots> = spin::Once::new();

/// Whether Bulkhead's own tables are in use.
pub(crate) fn is_active() -> bool {
    ROOTS.get().is_some()
}

/// The roots.
pub(crate) fn roots() -> Roots {
    *ROOTS.get().expect("set by activate()")
}

/// Unmaps the code of the boot, at the beginning of the image: its memory is no longer Bulkhead's (the
/// machine's description has only [`ImagePlace::kept`]). That nothing calls it any more is computed
/// when the kernel is built (`tests/src/depth`); if anything did, it would be a fault that says so.
///
/// # Safety
/// 1. To be called on the boot processor, after [`activate`], before anybody else is given that memory.
/// 2. The caller is not part of that code and does not return to it.
pub(crate) unsafe fn give_up_boot_code() {
    let all = addr_of_mut!(TABLES);
    // SAFETY: only the boot processor changes the tables, and it has no other reference; that cores
    // read them meanwhile does not matter, for none uses these entries.
    let image = unsafe { &mut (*all).image };
    let pages = (&raw const boot_code_end as u64 - KERNEL_BASE) / PAGE;
    for (page, entry) in (0..pages).zip(&mut image.0) {
        *entry = 0;
        // The boot processor alone has run it. What another looked up ahead of time does no harm.
        x86_64::instructions::tlb::flush(VirtAddr::new(KERNEL_BASE + page * PAGE));
    }
}

/// Where something of the image lies physically, by its address there.
pub(crate) fn physical(address: u64) -> u64 {
    let root = &raw const TABLES as u64 + core::mem::offset_of!(Tables, root4) as u64;
    address - root + roots().four_level
}

/// Builds the tables and switches this core to them.
///
/// `cached` is all RAM and everything else that must be mapped cacheable; the rest of the address
/// space is mapped uncached, up to where that ends or the first 4 GiB do ([`phys::reach`]).
///
/// # Safety
/// To be called once, on the boot processor, while the loader's mapping is active.
pub(crate) unsafe fn activate(image: ImagePlace, cached: &RegionSet) -> Roots {
    let tables = addr_of_mut!(TABLES);
    // SAFETY: called once, on one core, by the caller's contract: nobody else has a reference.
    let tables = unsafe { &mut *tables };
    let roots = Roots {
        four_level: image.physical_of(&raw const tables.root4),
        five_level: image.physical_of(&raw const tables.root5),
    };
    tables.root5.0[0] = roots.four_level | TABLE;
    tables.root5.0[ENTRIES - 1] = roots.four_level | TABLE;
    tables.root4.0[0] = image.physical_of(&raw const tables.low) | TABLE;
    tables.root4.0[ENTRIES - 1] = image.physical_of(&raw const tables.high) | TABLE;

    map_low(tables, image, cached);
    let reach = map::reach(cached, has_gigabyte_pages());
    map_above_4_gib(tables, cached, reach / GIB);
    map_image(tables, image);

    // SAFETY: no-execute is used in the tables below; the flag only widens what entries may say.
    unsafe { Efer::update(|flags| flags.insert(EferFlags::NO_EXECUTE_ENABLE)) };
    // SAFETY: the running code and its stack lie in the image, which is mapped at the same
    // virtual address by the new tables.
    unsafe { install(roots) };
    // SAFETY: so the tables say; no pointer by the loader's mapping is in use any more.
    unsafe { phys::set_window(0, reach) };
    ROOTS.call_once(|| roots);
    roots
}

/// Loads the root into this core, which uses four-level paging.
///
/// # Safety
/// The caller's code and stack must be in the image.
unsafe fn install(roots: Roots) {
    let root = if Cr4::read().contains(Cr4Flags::L5_PAGING) {
        roots.five_level
    } else {
        roots.four_level
    };
    // SAFETY: what is mapped stays so; only that some of it outlives a change of tables ends.
    unsafe { Cr4::update(|flags| flags.remove(Cr4Flags::PAGE_GLOBAL)) };
    // SAFETY: the tables are complete; by the caller's contract what runs stays mapped.
    unsafe {
        Cr3::write(
            PhysFrame::containing_address(PhysAddr::new(root)),
            Cr3Flags::empty(),
        );
    }
}

fn caching(cached: &RegionSet, start: u64, size: u64) -> u64 {
    let page = Region::new(start, size).expect("not empty");
    if cached.overlaps(page) {
        0
    } else {
        CACHE_DISABLE
    }
}

fn map_low(tables: &mut Tables, image: ImagePlace, cached: &RegionSet) {
    for (gib, directory) in tables.low_directories.iter_mut().enumerate() {
        for (index, entry) in directory.0.iter_mut().enumerate() {
            let start = gib as u64 * GIB + index as u64 * LARGE_PAGE;
            *entry = start | LEAF | HUGE | caching(cached, start, LARGE_PAGE);
        }
        tables.low.0[gib] = image.physical_of(&raw const *directory) | TABLE;
    }
    for (index, entry) in tables.first.0.iter_mut().enumerate() {
        // Memory types below 1 MiB come from the fixed-range MTRRs alone.
        *entry = (index as u64 * PAGE) | LEAF;
    }
    tables.low_directories[0].0[0] = image.physical_of(&raw const tables.first) | TABLE;
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
fn map_image(tables: &mut Tables, image: ImagePlace) {
    let offset = KERNEL_BASE & (GIB - 1);
    tables.high.0[(KERNEL_BASE >> 30) as usize & (ENTRIES - 1)] =
        image.physical_of(&raw const tables.high_directory) | TABLE;
    tables.high_directory.0[(offset / LARGE_PAGE) as usize] =
        image.physical_of(&raw const tables.image) | TABLE;
    let (text, rodata) = (addr_of!(text_end) as u64, addr_of!(rodata_end) as u64);
    let pages = ImagePlace::bytes().div_ceil(PAGE);
    assert!(
        pages as usize <= ENTRIES,
        "the image must fit one page table"
    );
    for page in 0..pages {
        let address = KERNEL_BASE + page * PAGE;
        let rights = match address {
            a if a < text => PRESENT | ACCESSED,
            a if a < rodata => PRESENT | ACCESSED | NO_EXECUTE,
            a if stacks::is_boot_guard(a) => 0,
            _ => LEAF | NO_EXECUTE,
        };
        let physical = image.physical + page * PAGE;
        tables.image.0[page as usize] = if rights == 0 { 0 } else { physical | rights };
    }
}
