//! Virtual addresses by page tables that are not those in force: a Linux's, by which it tells its firmware where
//! something is, or by which its memory is read after its end.
//!
//! They are walked by hand, and what a processor would refuse is refused: an address that is not canonical, a page
//! that is not there, a write where a page or a table is read-only. Keys of protection, reserved bits but that of a
//! page's size, and what only user space may not do are not looked at.
//!
//! Source: Intel SDM Vol. 3A, "4-Level Paging and 5-Level Paging", "Canonical Addressing".

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

/// How many tables lie between an address and its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levels {
    /// Addresses of 48 bits.
    Four = 4,
    /// Addresses of 57 bits.
    Five = 5,
}

/// Page tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables {
    root: u64,
    levels: u32,
    /// Bits of an entry that are its address.
    address: u64,
}

/// An entry, and the level of its table, in which it is a page or leads to a table below.
#[derive(Clone, Copy)]
struct Entry {
    bits: u64,
    level: u32,
}

impl Entry {
    const fn is_page(self) -> bool {
        self.level == 0 || self.bits & HUGE != 0
    }
}

/// Bits of an address below those that choose an entry of that level.
const fn shift(level: u32) -> u32 {
    12 + 9 * level
}

/// Bytes that one entry of that level is for.
const fn size(level: u32) -> u64 {
    1 << shift(level)
}

impl Tables {
    /// By the two registers that say where they are and how many levels they have.
    #[must_use]
    pub const fn new(cr3: u64, cr4: u64) -> Self {
        let levels = if cr4 & LA57 == 0 {
            Levels::Four
        } else {
            Levels::Five
        };
        Self::at(cr3, levels, 0)
    }

    /// By their root, as CR3 has it. Of an entry's address those bits are none that say that a page is encrypted.
    #[must_use]
    pub const fn at(root: u64, levels: Levels, encrypted: u64) -> Self {
        let levels = levels as u32;
        Self {
            root: root & ADDRESS,
            levels,
            address: ADDRESS & !encrypted,
        }
    }

    /// Others of the same kind, by their root.
    #[must_use]
    pub const fn with_root(self, root: u64) -> Self {
        Self {
            root: root & ADDRESS,
            ..self
        }
    }

    /// The physical address behind a virtual one. `word` reads eight bytes at a physical address that is a
    /// multiple of eight, or refuses to. `None` if it is not to be used so, or `word` refused.
    pub fn physical(
        self,
        address: u64,
        access: Access,
        word: impl FnMut(u64) -> Option<u64>,
    ) -> Option<u64> {
        let needed = match access {
            Access::Read | Access::Force => PRESENT,
            Access::Write => PRESENT | WRITABLE,
        };
        let entry = self.walk(address, 0, needed, word)?;
        let offset = size(entry.level) - 1;
        (entry.level <= HIGHEST_PAGE)
            .then_some(entry.bits & self.address & !offset | address & offset)
    }

    /// Where the table lies to which the entry of `address` at that level leads, 1 and more: all of a Linux's tables
    /// have some in common. `None` if there is none, or a page in its place.
    pub fn below(
        self,
        address: u64,
        level: u32,
        word: impl FnMut(u64) -> Option<u64>,
    ) -> Option<u64> {
        let entry = self.walk(address, level, PRESENT, word)?;
        (entry.level == level && !entry.is_page()).then_some(entry.bits & self.address)
    }

    /// The first page in the upper half of all addresses, a kernel's: its virtual and its physical address. At most
    /// so many entries are looked at.
    pub fn first_of_kernel(
        self,
        entries: u32,
        mut word: impl FnMut(u64) -> Option<u64>,
    ) -> Option<(u64, u64)> {
        let top = self.levels - 1;
        // The bits above are those of the highest that is translated.
        let sign = u64::MAX << (12 + 9 * self.levels);
        let mut left = entries;
        (256..512).find_map(|index| {
            let at = sign | (index * size(top));
            self.first_below((self.root, index), (at, top), &mut left, &mut word)
        })
    }

    /// The same below the entry `index` of `table`, which is that of `at` in tables of that level.
    fn first_below(
        self,
        (table, index): (u64, u64),
        (at, level): (u64, u32),
        left: &mut u32,
        word: &mut impl FnMut(u64) -> Option<u64>,
    ) -> Option<(u64, u64)> {
        *left = left.checked_sub(1)?;
        let bits = word(table + index * 8)?;
        let entry = Entry { bits, level };
        if bits & PRESENT == 0 {
            return None;
        }
        if entry.is_page() {
            let page = bits & self.address & !(size(level) - 1);
            return (level <= HIGHEST_PAGE).then_some((at, page));
        }
        let table = bits & self.address;
        (0..512).find_map(|index| {
            let at = at + index * size(level - 1);
            self.first_below((table, index), (at, level - 1), left, word)
        })
    }

    /// The entry of `address` that is a page, or that of the `lowest` level. Each on the way has the bits `needed`.
    fn walk(
        self,
        address: u64,
        lowest: u32,
        needed: u64,
        mut word: impl FnMut(u64) -> Option<u64>,
    ) -> Option<Entry> {
        if !self.is_canonical(address) {
            return None;
        }
        let mut table = self.root;
        for level in (lowest..self.levels).rev() {
            let index = (address >> shift(level)) & 0x1ff;
            let bits = word(table + index * 8)?;
            if bits & needed != needed {
                return None;
            }
            let entry = Entry { bits, level };
            if level == lowest || entry.is_page() {
                return Some(entry);
            }
            table = bits & self.address;
        }
        None
    }

    /// Whether the bits that are not translated are all as the highest that is.
    const fn is_canonical(self, address: u64) -> bool {
        let unused = 64 - (12 + 9 * self.levels);
        address.cast_signed() << unused >> unused == address.cast_signed()
    }
}
