//! Reading and writing a Linux's memory by its own virtual addresses, for the arguments of a
//! runtime service that it called.
//!
//! Its page tables are walked by hand ([`bulkhead_memory::paging`]), since they are not the ones in force. Nothing
//! that they say is trusted: every address must lie in the RAM of that partition.

use bulkhead_lifecycle::CallerMemory;
use bulkhead_memory::paging::{Access, Tables};
use bulkhead_memory::{PAGE, Region};

use crate::mem::phys;

/// A Linux's address space during one call.
pub(super) struct LinuxMemory<'a> {
    pub(super) tables: Tables,
    /// How it is written to: [`Access::Write`], but for a Linux at its end.
    pub(super) writes: Access,
    /// The partition's RAM.
    pub(super) regions: &'a [Region],
}

impl CallerMemory for LinuxMemory<'_> {
    fn read(&self, from: u64, into: &mut [u8]) -> Option<()> {
        let mut place = Place::new(Access::Read);
        for (byte, address) in into.iter_mut().zip(0u64..) {
            let physical = self.follow(&mut place, from.checked_add(address)?)?;
            // SAFETY: RAM of the partition, whose Linux waits for this call to end.
            *byte = unsafe { phys::pointer::<u8>(physical).read_volatile() };
        }
        Some(())
    }

    fn write(&self, to: u64, bytes: &[u8]) -> Option<()> {
        let mut place = Place::new(self.writes);
        // All of it, or nothing.
        let end = to.checked_add(bytes.len() as u64)?;
        let mut at = to;
        while at < end {
            self.follow(&mut place, at)?;
            at = (at | (PAGE - 1)).saturating_add(1);
        }
        for (byte, address) in bytes.iter().zip(to..) {
            let physical = self.follow(&mut place, address)?;
            // SAFETY: as in `read`.
            unsafe { phys::pointer::<u8>(physical).write_volatile(*byte) };
        }
        Some(())
    }
}

/// The page that was found last.
struct Place {
    access: Access,
    /// Its virtual and its physical address.
    page: (u64, u64),
}

impl Place {
    const fn new(access: Access) -> Self {
        // No page has this address.
        let page = (1, 0);
        Self { access, page }
    }
}

impl LinuxMemory<'_> {
    /// Writes eight bytes in one piece, to a multiple of eight: for what other cores read meanwhile.
    pub(super) fn write_word(&self, to: u64, word: u64) -> Option<()> {
        let physical = self.physical(to, self.writes).filter(|at| at % 8 == 0)?;
        // SAFETY: RAM of the partition, whose Linux waits for this call to end, or is at its end.
        unsafe { phys::pointer::<u64>(physical).write_volatile(word) };
        Some(())
    }

    /// The physical address behind a virtual one. The page tables are walked once for a page: claims
    /// are made of whole ones.
    fn follow(&self, place: &mut Place, address: u64) -> Option<u64> {
        let offset = address & (PAGE - 1);
        if place.page.0 != address - offset {
            let page = self.physical(address - offset, place.access)?;
            place.page = (address - offset, page);
        }
        Some(place.page.1 + offset)
    }

    /// The physical address behind a virtual one.
    fn physical(&self, address: u64, access: Access) -> Option<u64> {
        let entry = |at| {
            let at = self.owned(at)?;
            // SAFETY: RAM of the partition; tables are 8-byte aligned.
            Some(unsafe { phys::pointer::<u64>(at).read_volatile() })
        };
        self.owned(self.tables.physical(address, access, entry)?)
    }

    /// The address itself, if it is the partition's.
    fn owned(&self, address: u64) -> Option<u64> {
        let is_owned = self.regions.iter().any(|region| region.contains(address));
        is_owned.then_some(address)
    }
}
