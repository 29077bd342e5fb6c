//! Reading and writing a Linux's memory by its own virtual addresses, for the arguments of a
//! runtime service that it called.
//!
//! Its page tables are walked by hand, since they are not the ones in force. Nothing that they say
//! is trusted: every address must lie in the RAM of that partition.
//!
//! Source: Intel SDM Vol. 3A, "4-Level Paging and 5-Level Paging".

use bulkhead_lifecycle::CallerMemory;
use bulkhead_memory::Region;

use crate::mem::phys;

const PRESENT: u64 = 1;
const HUGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const LA57: u64 = 1 << 12;
const PAGE: u64 = 4096;

/// A Linux's address space during one call.
pub(super) struct LinuxMemory<'a> {
    /// Its CR3 and CR4.
    pub(super) cr3: u64,
    pub(super) cr4: u64,
    /// The partition's RAM.
    pub(super) regions: &'a [Region],
}

impl CallerMemory for LinuxMemory<'_> {
    fn read(&self, from: u64, into: &mut [u8]) -> Option<()> {
        let mut place = Place::NONE;
        for (byte, address) in into.iter_mut().zip(0u64..) {
            let physical = self.follow(&mut place, from.checked_add(address)?)?;
            // SAFETY: RAM of the partition, whose Linux waits for this call to end.
            *byte = unsafe { phys::pointer::<u8>(physical).read_volatile() };
        }
        Some(())
    }

    fn write(&self, to: u64, bytes: &[u8]) -> Option<()> {
        let mut place = Place::NONE;
        for (byte, address) in bytes.iter().zip(0u64..) {
            let physical = self.follow(&mut place, to.checked_add(address)?)?;
            // SAFETY: as in `read`.
            unsafe { phys::pointer::<u8>(physical).write_volatile(*byte) };
        }
        Some(())
    }
}

/// The page that was found last: its virtual and its physical address.
struct Place(u64, u64);

impl Place {
    /// No page has this address.
    const NONE: Self = Self(1, 0);
}

impl LinuxMemory<'_> {
    /// Writes eight bytes in one piece, to a multiple of eight: for what other cores read meanwhile.
    pub(super) fn write_word(&self, to: u64, word: u64) -> Option<()> {
        let physical = self.physical(to).filter(|at| at % 8 == 0)?;
        // SAFETY: RAM of the partition, whose Linux waits for this call to end, or is at its end.
        unsafe { phys::pointer::<u64>(physical).write_volatile(word) };
        Some(())
    }

    /// The physical address behind a virtual one. The page tables are walked once for a page: claims
    /// are made of whole ones.
    fn follow(&self, place: &mut Place, address: u64) -> Option<u64> {
        let offset = address & (PAGE - 1);
        if place.0 != address - offset {
            let page = self.physical(address)? - offset;
            *place = Place(address - offset, page);
        }
        Some(place.1 + offset)
    }

    /// The physical address behind a virtual one.
    fn physical(&self, address: u64) -> Option<u64> {
        let levels = if self.cr4 & LA57 != 0 { 5 } else { 4 };
        let mut table = self.cr3 & ADDRESS;
        for level in (0..levels).rev() {
            let shift = 12 + 9 * level;
            let index = (address >> shift) & 0x1ff;
            let entry = self.owned(table + index * 8)?;
            // SAFETY: RAM of the partition; tables are 8-byte aligned.
            let entry = unsafe { phys::pointer::<u64>(entry).read_volatile() };
            if entry & PRESENT == 0 {
                return None;
            }
            if level == 0 || (entry & HUGE != 0 && level <= 2) {
                let size = PAGE << (9 * level);
                let base = entry & ADDRESS & !(size - 1);
                return self.owned(base + (address & (size - 1)));
            }
            table = entry & ADDRESS;
        }
        None
    }

    /// The address itself, if it is the partition's.
    fn owned(&self, address: u64) -> Option<u64> {
        let is_owned = self.regions.iter().any(|region| region.contains(address));
        is_owned.then_some(address)
    }
}
