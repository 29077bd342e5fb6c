//! A Linux kernel's virtual addresses, by its own page tables.
//!
//! Source: Linux, `Documentation/arch/x86/x86_64/mm.rst`.

use bulkhead_memory::PAGE;
use bulkhead_memory::paging::{Access, Levels, Tables};

use crate::info::{Info, Key};
use crate::{Ram, word};

/// `__START_KERNEL_map`: where a kernel's own image is mapped, by [`Key::PhysBase`] off its place.
const IMAGE: u64 = 0xffff_ffff_8000_0000;
/// That of tables whose entries are for a gigabyte.
const GIGABYTE: u32 = 2;

/// Page tables that a Linux was last seen to use: its CR3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root(pub u64);

/// The addresses of one kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    tables: Tables,
    phys_base: u64,
    /// The page found last: virtual, physical.
    last: (u64, u64),
}

impl Space {
    pub(crate) fn new(info: &Info) -> Self {
        let phys_base = info.get(Key::PhysBase);
        let levels = if info.get(Key::FiveLevels) == 0 {
            Levels::Four
        } else {
            Levels::Five
        };
        let root = in_image(info.get(Key::Root), phys_base);
        Self {
            tables: Tables::at(root, levels, info.get(Key::Encryption)),
            phys_base,
            // No page has this address.
            last: (1, 0),
        }
    }

    /// Whether it is the kernel whose tables `root` leads to. All tables of a Linux have the same entry
    /// for the gigabyte of its kernel's image, its EFI services' too, and no other kernel's have: it
    /// leads to a table in that image.
    pub(crate) fn belongs_to(&self, root: Root, ram: &impl Ram) -> bool {
        let below = |tables: Tables| tables.below(IMAGE, GIGABYTE, |at| word(ram, at));
        let own = below(self.tables);
        own.is_some() && own == below(self.tables.with_root(root.0))
    }

    /// Reads at a virtual address.
    pub(crate) fn read(&mut self, ram: &impl Ram, at: u64, into: &mut [u8]) -> Option<()> {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = at.checked_add(done as u64)?;
            let room = (PAGE - at % PAGE).min(rest.len() as u64);
            #[expect(clippy::cast_possible_truncation, reason = "a page at most")]
            let piece = rest.get_mut(..room as usize)?;
            ram.read(self.physical(ram, at)?, piece)?;
            done += piece.len();
        }
        Some(())
    }

    pub(crate) fn word(&mut self, ram: &impl Ram, at: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(ram, at, &mut bytes)?;
        Some(u64::from_le_bytes(bytes))
    }

    fn physical(&mut self, ram: &impl Ram, at: u64) -> Option<u64> {
        let offset = at % PAGE;
        if at >= IMAGE {
            return Some(in_image(at, self.phys_base));
        }
        if self.last.0 != at - offset {
            let page = at - offset;
            let found = self.tables.physical(page, Access::Read, |at| word(ram, at));
            self.last = (page, found?);
        }
        self.last.1.checked_add(offset)
    }

    /// The first page in the kernel's half: its virtual and its physical address. At most so many entries are
    /// looked at.
    pub(crate) fn first(&self, ram: &impl Ram, entries: u32) -> Option<(u64, u64)> {
        self.tables.first_of_kernel(entries, |at| word(ram, at))
    }
}

const fn in_image(at: u64, phys_base: u64) -> u64 {
    at.wrapping_sub(IMAGE).wrapping_add(phys_base)
}
