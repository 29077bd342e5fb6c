//! A link's function as Linux reads it: what follows is what its code does with the registers.

use bulkhead_tables::link::{BYTES, ENTRY_BYTES, Link, Told, VECTORS, masked_table};
use proptest::prelude::*;

fn link(window: (u64, u64)) -> Link<'static> {
    Link {
        window,
        table_offset: 0x1000,
        is_second: true,
        names: ["web", "a-name-of-16-let"],
    }
}

/// Configuration space that is plain memory.
struct Memory(Vec<u8>);

impl Memory {
    fn new(link: &Link<'_>) -> Self {
        let mut bytes = link.to_bytes().to_vec();
        bytes.resize(4096, 0);
        Self(bytes)
    }

    fn read(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap())
    }

    fn write(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// `__pci_read_base()` up to 6.13: whether it finds something.
    fn sizes(&mut self, at: usize, mask: u32) -> bool {
        let before = self.read(at);
        self.write(at, before | mask);
        let size = self.read(at);
        self.write(at, before);
        size != u32::MAX && size & mask != 0
    }

    /// `pci_find_capability()`
    fn capability(&self, id: u8) -> Option<usize> {
        assert_ne!(self.read(4) >> 16 & 0x10, 0, "no list");
        let mut at = self.0[0x34] as usize;
        for _ in 0..48 {
            if at < 0x40 {
                return None;
            }
            assert_eq!(at % 4, 0);
            if self.0[at] == id {
                return Some(at);
            }
            at = self.0[at + 1] as usize;
        }
        panic!("the list goes round");
    }
}

#[test]
fn nothing_is_sized_and_nothing_stays_changed() {
    let mut memory = Memory::new(&link((0x4000_0000, 4 << 20)));
    let before = memory.0.clone();
    for bar in 0..6 {
        assert!(!memory.sizes(0x10 + 4 * bar, u32::MAX));
    }
    assert!(!memory.sizes(0x30, 0xffff_f800), "a ROM");
    assert_eq!(memory.0, before);
    assert_eq!(memory.0[0x0e], 0, "one function, a plain header");
    assert_eq!(memory.0[0x3d], 0, "no pin");
}

/// `pci_ea_init()` and `pci_ea_read()`
fn allocated(memory: &Memory) -> (u64, u64) {
    let at = memory.capability(0x14).unwrap();
    assert_eq!(memory.read(at) >> 16 & 0x3f, 1, "entries");
    let at = at + 4;
    let entry = memory.read(at);
    let size = ((entry & 7) + 1) << 2;
    assert_ne!(entry & 1 << 31, 0, "enabled");
    assert_eq!(entry >> 4 & 0xf, 0, "base address register 0");
    assert_eq!(entry >> 8 & 0xff, 0, "memory, not prefetchable");
    let (base, most) = (memory.read(at + 4), memory.read(at + 8));
    let mut end = 12;
    let mut start = u64::from(base & !3);
    if base & 2 != 0 {
        start |= u64::from(memory.read(at + end)) << 32;
        end += 4;
    }
    let mut offset = u64::from(most | 3);
    if most & 2 != 0 {
        offset |= u64::from(memory.read(at + end)) << 32;
        end += 4;
    }
    assert_eq!(size as usize, end, "EA entry size does not match");
    (start, start + offset)
}

proptest! {
    #[test]
    fn the_window_is_where_it_is(page in 0..1_u64 << 39, pages in 1..1_u64 << 19) {
        let window = (page << 12, pages << 12);
        let memory = Memory::new(&link(window));
        prop_assert_eq!(allocated(&memory), (window.0, window.0 + window.1 - 1));
        let told = Told::read(&memory.0).unwrap();
        prop_assert_eq!(told.window, window);
        prop_assert!(told.is_second);
        prop_assert_eq!(told.names, ["web", "a-name-of-16-let"]);
    }

    #[test]
    fn arbitrary_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Told::read(&bytes);
        let mut like = link((0, 4096)).to_bytes();
        for (to, byte) in like[4..].iter_mut().zip(&bytes) {
            *to = *byte;
        }
        let _ = Told::read(&like);
    }
}

#[test]
fn interrupts_are_msi_x_and_masked() {
    let memory = Memory::new(&link((0x4000_0000, 4 << 20)));
    let at = memory.capability(0x11).unwrap();
    assert_eq!(memory.read(at) >> 16, u32::from(VECTORS) - 1);
    assert_eq!(memory.read(at + 4), 0x1000, "BAR 0, this side's page");
    assert_eq!(memory.read(at + 8), 0x1800);
    let table = masked_table();
    assert_eq!(table.len(), usize::from(VECTORS) * ENTRY_BYTES);
    assert!(table.chunks(16).all(|entry| entry[12] & 1 == 1));
    assert!(usize::from(memory.0[memory.capability(9).unwrap() + 2]) + 0x70 == BYTES);
}
