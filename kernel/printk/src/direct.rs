//! Where a Linux has all of its RAM mapped, one address after the other: what a core of its memory has to
//! say for whoever reads virtual addresses in it.
//!
//! The kernel's half of an address space begins with that map (Linux,
//! `Documentation/arch/x86/x86_64/mm.rst`), at an address that is random to a gigabyte.

use crate::Ram;
use crate::address::Space;
use crate::info::Info;

/// Entries of page tables that are looked at for it.
const MOST_ENTRIES: u32 = 1 << 16;
/// What it begins at a multiple of.
const ALIGNED: u64 = 1 << 30;

/// The virtual address of physical address 0 in the direct map of the kernel whose VMCOREINFO is at `page`.
pub fn direct_map(ram: &impl Ram, page: u64) -> Option<u64> {
    let space = Space::new(&Info::read(ram, page)?);
    let (at, physical) = space.first(ram, MOST_ENTRIES)?;
    let base = at.checked_sub(physical)?;
    (base % ALIGNED == 0 && base >> 63 == 1).then_some(base)
}
