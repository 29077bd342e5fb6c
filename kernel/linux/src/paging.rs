//! A Linux's virtual addresses by its own page tables, for what it points to when it calls its firmware.
//!
//! The tables are not those in force, so they are walked by hand, and what a processor would refuse is
//! refused: an address that is not canonical, a page that is not there, a write where a page or a table is
//! read-only. Keys of protection, reserved bits but that of a page's size, and what only user space may not do are not looked at.
//!
//! Source: Intel SDM Vol. 3A, "4-Level Paging and 5-Level Paging", "Canonical Addressing".

use bulkhead_memory::PAGE;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const HUGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// CR4.LA57: tables of five levels.
const LA57: u64 = 1 << 12;
/// The highest level whose entries can be pages, of 1 GiB; 0 is that of pages of 4 KiB.
const HIGHEST_PAGE: u32 = 2;

/// What is to be done at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Writing whatever the tables say of it: for a Linux at its end, whose memory is nobody's.
    Force,
}

/// Page tables of a Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    root: u64,
    levels: u32,
}

impl Tables {
    /// By the two registers that say where they are and how many levels they have.
    #[must_use]
    pub const fn new(cr3: u64, cr4: u64) -> Self {
        Self {
            root: cr3 & ADDRESS,
            levels: if cr4 & LA57 == 0 { 4 } else { 5 },
        }
    }

    /// The physical address behind a virtual one. `entry` reads eight bytes at a physical address that is a
    /// multiple of eight, or refuses to. `None` if it is not to be used so, or `entry` refused.
    pub fn physical(
        self,
        address: u64,
        access: Access,
        mut entry: impl FnMut(u64) -> Option<u64>,
    ) -> Option<u64> {
        if !self.is_canonical(address) {
            return None;
        }
        let needed = match access {
            Access::Read | Access::Force => PRESENT,
            Access::Write => PRESENT | WRITABLE,
        };
        let mut table = self.root;
        for level in (0..self.levels).rev() {
            let shift = 12 + 9 * level;
            let index = (address >> shift) & 0x1ff;
            let entry = entry(table + index * 8)?;
            if entry & needed != needed {
                return None;
            }
            let is_page = level == 0 || entry & HUGE != 0;
            if is_page && level > HIGHEST_PAGE {
                return None;
            }
            if is_page {
                let size = PAGE << (9 * level);
                return Some(entry & ADDRESS & !(size - 1) | address & (size - 1));
            }
            table = entry & ADDRESS;
        }
        None
    }

    /// Whether the bits that are not translated are all as the highest that is.
    const fn is_canonical(self, address: u64) -> bool {
        let unused = 64 - (12 + 9 * self.levels);
        address.cast_signed() << unused >> unused == address.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    /// Tables by address, each entry by its own.
    #[derive(Default)]
    struct Memory(BTreeMap<u64, u64>);

    impl Memory {
        /// One page of that level, at `physical`, below tables at 0x1000, 0x2000 and so on; every entry with
        /// `flags`.
        fn with(levels: u32, address: u64, level: u32, physical: u64, flags: u64) -> Self {
            let mut memory = Self::default();
            let mut table = 0x1000;
            for upper in (level..levels).rev() {
                let index = (address >> (12 + 9 * upper)) & 0x1ff;
                let huge = if level > 0 { HUGE } else { 0 };
                let entry = if upper == level {
                    physical | huge
                } else {
                    table + 0x1000
                };
                memory.0.insert(table + index * 8, entry | flags);
                table += 0x1000;
            }
            memory
        }

        fn find(&self, cr4: u64, address: u64, access: Access) -> Option<u64> {
            let tables = Tables::new(0x1000, cr4);
            tables.physical(address, access, |at| self.0.get(&at).copied())
        }
    }

    const ALL: u64 = PRESENT | WRITABLE;

    #[test]
    fn pages_of_each_size_are_found() {
        let address = 0xffff_8123_4567_89ab;
        for (level, physical, wanted) in [
            (0, 0x4000_0000, 0x4000_09ab),
            (1, 0x4000_0000, 0x4007_89ab),
            (2, 0x4000_0000, 0x4567_89ab),
        ] {
            let memory = Memory::with(4, address, level, physical, ALL);
            for access in [Access::Read, Access::Write, Access::Force] {
                assert_eq!(memory.find(0, address, access), Some(wanted), "{level}");
            }
            assert_eq!(memory.find(0, address ^ 1 << 40, Access::Read), None);
        }
        let half_a_tebibyte = Memory::with(4, address, 3, 0, ALL);
        assert_eq!(half_a_tebibyte.find(0, address, Access::Read), None);
        let five = Memory::with(5, 0x00ab_8123_4567_89ab, 0, 0x7000, ALL);
        assert_eq!(
            five.find(LA57, 0x00ab_8123_4567_89ab, Access::Read),
            Some(0x79ab)
        );
        assert_eq!(five.find(0, 0x00ab_8123_4567_89ab, Access::Read), None);
    }

    /// At whatever level a processor would look at it.
    #[test]
    fn what_is_read_only_is_not_written() {
        let address = 0xffff_ffff_8100_0000;
        let whole = Memory::with(4, address, 0, 0x7000, ALL);
        let places: Vec<u64> = whole.0.keys().copied().collect();
        for place in places {
            let mut memory = Memory(whole.0.clone());
            memory
                .0
                .entry(place)
                .and_modify(|entry| *entry &= !WRITABLE);
            assert_eq!(memory.find(0, address, Access::Write), None, "{place:#x}");
            assert_eq!(memory.find(0, address, Access::Read), Some(0x7000));
            assert_eq!(memory.find(0, address, Access::Force), Some(0x7000));
            memory.0.entry(place).and_modify(|entry| *entry &= !PRESENT);
            for access in [Access::Read, Access::Write, Access::Force] {
                assert_eq!(memory.find(0, address, access), None, "{place:#x}");
            }
        }
    }

    /// The bits below lead to a page; those above are none of a processor's addresses.
    #[test]
    fn what_is_not_canonical_is_refused() {
        let high = 0xffff_8000_0000_1000;
        let memory = Memory::with(4, high, 0, 0x7000, ALL);
        assert_eq!(memory.find(0, high, Access::Read), Some(0x7000));
        for address in [
            0x8000_0000_1000,
            0x0001_8000_0000_1000,
            0x7fff_8000_0000_1000,
        ] {
            assert_eq!(memory.find(0, address, Access::Read), None, "{address:#x}");
        }
        let low = Memory::with(4, 0x7fff_ffff_f000, 0, 0x7000, ALL);
        assert_eq!(low.find(0, 0x7fff_ffff_f000, Access::Read), Some(0x7000));
        assert_eq!(low.find(0, 0xffff_7fff_ffff_f000, Access::Read), None);
    }

    #[test]
    fn what_can_not_be_read_is_no_table() {
        let tables = Tables::new(u64::MAX, u64::MAX);
        let mut asked = Vec::new();
        let entry = |at| {
            asked.push(at);
            (asked.len() < 3).then_some(!HUGE)
        };
        assert_eq!(tables.physical(u64::MAX, Access::Read, entry), None);
        assert_eq!(asked, [ADDRESS + 0xff8; 3]);
    }
}
