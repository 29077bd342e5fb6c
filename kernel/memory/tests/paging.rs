//! Page tables walked by hand: pages of each size, and what a processor would refuse.

use std::collections::BTreeMap;

use bulkhead_memory::paging::{Access, Levels, Tables};

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const HUGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const LA57: u64 = 1 << 12;

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

/// What Linuxes have in common, and no two of them.
#[test]
fn where_an_entry_leads() {
    let address = 0xffff_ffff_8000_0000;
    let memory = Memory::with(4, address, 0, 0x7000, ALL);
    let word = |at: u64| memory.0.get(&at).copied();
    let below = |level| Tables::new(0x1000, 0).below(address, level, word);
    assert_eq!(
        [below(1), below(2), below(3)].map(Option::unwrap),
        [0x4000, 0x3000, 0x2000]
    );
    // A gigabyte away there is nothing, and a page is no table.
    let other = address + (1 << 30);
    assert_eq!(Tables::new(0x1000, 0).below(other, 2, word), None);
    let gigabyte = Memory::with(4, address, 2, 0x4000_0000, ALL);
    let word = |at: u64| gigabyte.0.get(&at).copied();
    assert_eq!(Tables::new(0x1000, 0).below(address, 2, word), None);
}

#[test]
fn a_kernels_first_page() {
    for (levels, cr4, address) in [
        (4, 0, 0xffff_8880_0000_0000),
        (5, LA57, 0xff11_0000_0000_0000),
    ] {
        for (level, physical) in [(0, 0x7000), (1, 0x20_0000), (2, 0x4000_0000)] {
            let memory = Memory::with(levels, address, level, physical, ALL);
            let tables = Tables::new(0x1000, cr4);
            let first = |entries| {
                tables.first_of_kernel(entries, |at| Some(memory.0.get(&at).copied().unwrap_or(0)))
            };
            assert_eq!(
                first(u32::MAX),
                Some((address, physical)),
                "{levels} {level}"
            );
            assert_eq!(first(3), None);
        }
    }
    // A program's half is none of it.
    let low = Memory::with(4, 0x7fff_ffff_f000, 0, 0x7000, ALL);
    let word = |at: u64| Some(low.0.get(&at).copied().unwrap_or(0));
    assert_eq!(Tables::new(0x1000, 0).first_of_kernel(u32::MAX, word), None);
}

/// Where Linux encrypts its memory an entry says so in a bit of its address.
#[test]
fn a_bit_that_says_encrypted_is_no_address() {
    let (address, bit) = (0xffff_8880_0000_0000, 1 << 47);
    let memory = Memory::with(4, address, 0, 0x7000, ALL | bit);
    let word = |at: u64| memory.0.get(&at).copied();
    let tables = Tables::at(0x1000, Levels::Four, bit);
    assert_eq!(tables.physical(address, Access::Read, word), Some(0x7000));
    assert_eq!(tables.below(address, 1, word), Some(0x4000));
    assert_eq!(
        Tables::new(0x1000, 0).physical(address, Access::Read, word),
        None
    );
}
