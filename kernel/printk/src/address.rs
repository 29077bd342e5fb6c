//! A Linux kernel's virtual addresses, by its own page tables.
//!
//! Source: Intel SDM Vol. 3A, "4-Level Paging and 5-Level Paging"; Linux,
//! `Documentation/arch/x86/x86_64/mm.rst`.

use bulkhead_memory::PAGE;

use crate::info::{Info, Key};
use crate::{Ram, word};

/// `__START_KERNEL_map`: where a kernel's own image is mapped, by [`Key::PhysBase`] off its place.
const IMAGE: u64 = 0xffff_ffff_8000_0000;

const PRESENT: u64 = 1;
const HUGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Page tables that a Linux was last seen to use: its CR3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root(pub u64);

/// The addresses of one kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    root: u64,
    phys_base: u64,
    levels: u32,
    /// Bits of an entry that are its address.
    address: u64,
    /// The page found last: virtual, physical.
    last: (u64, u64),
}

impl Space {
    pub(crate) fn new(info: &Info) -> Self {
        let phys_base = info.get(Key::PhysBase);
        Self {
            root: in_image(info.get(Key::Root), phys_base),
            phys_base,
            levels: if info.get(Key::FiveLevels) == 0 { 4 } else { 5 },
            address: ADDRESS & !info.get(Key::Encryption),
            // No page has this address.
            last: (1, 0),
        }
    }

    /// Whether it is the kernel whose tables `root` leads to. All tables of a Linux have the same entry
    /// for the gigabyte of its kernel's image, its EFI services' too, and no other kernel's have: it
    /// leads to a table in that image.
    pub(crate) fn belongs_to(&self, root: Root, ram: &impl Ram) -> bool {
        let gigabyte = |root| Some(self.entry(ram, root, IMAGE, 2)? & self.address);
        let own = gigabyte(self.root);
        own.is_some() && own == gigabyte(root.0 & ADDRESS)
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
            self.last = (at - offset, self.walk(ram, at - offset)?);
        }
        self.last.1.checked_add(offset)
    }

    fn walk(&self, ram: &impl Ram, at: u64) -> Option<u64> {
        (0..=2).rev().find_map(|level| {
            let entry = self.entry(ram, self.root, at, level)?;
            let size = PAGE << (9 * level);
            let is_page = level == 0 || entry & HUGE != 0;
            is_page.then_some(entry & self.address & !(size - 1) | at & (size - 1))
        })
    }

    /// The first page in the kernel's half: its virtual and its physical address. At most so many entries are
    /// looked at.
    pub(crate) fn first(&self, ram: &impl Ram, entries: u32) -> Option<(u64, u64)> {
        let top = self.levels - 1;
        let mut left = entries;
        (256..512).find_map(|index| {
            // The bits above are those of the highest that there is.
            let sign = u64::MAX << (12 + 9 * self.levels);
            let at = sign | index << (12 + 9 * top);
            self.first_below(ram, (self.root, index), (at, top), &mut left)
        })
    }

    /// The same below the entry `index` of `table`, which is that of `at` in tables of that level.
    fn first_below(
        &self,
        ram: &impl Ram,
        (table, index): (u64, u64),
        (at, level): (u64, u32),
        left: &mut u32,
    ) -> Option<(u64, u64)> {
        *left = left.checked_sub(1)?;
        let entry = word(ram, table.checked_add(index * 8)?)?;
        if entry & PRESENT == 0 {
            return None;
        }
        let size = PAGE << (9 * level);
        if level == 0 || level <= 2 && entry & HUGE != 0 {
            return Some((at, entry & self.address & !(size - 1)));
        }
        let below = size >> 9;
        (0..512).find_map(|index| {
            let table = entry & self.address;
            self.first_below(ram, (table, index), (at + index * below, level - 1), left)
        })
    }

    /// The entry of `at` in the table of that level, 0 for that of pages, below `root`.
    fn entry(&self, ram: &impl Ram, root: u64, at: u64, level: u32) -> Option<u64> {
        let mut table = root;
        for upper in (level..self.levels).rev() {
            let index = (at >> (12 + 9 * upper)) & 0x1ff;
            let entry = word(ram, table.checked_add(index * 8)?)?;
            if entry & PRESENT == 0 || upper > level && entry & HUGE != 0 {
                return None;
            }
            if upper == level {
                return Some(entry);
            }
            table = entry & self.address;
        }
        None
    }
}

const fn in_image(at: u64, phys_base: u64) -> u64 {
    at.wrapping_sub(IMAGE).wrapping_add(phys_base)
}
