//! Entries of the device table (AMD §2.2.2.1).

use super::{LEVEL_SHIFT, PRESENT, READ, SHAPE, WRITE};
use crate::Physical;

/// Bytes of one.
pub(super) const BYTES: u64 = 32;
/// TV: what is said of translation counts.
const TRANSLATES: u64 = 1 << 1;
/// In the second qword: the domain.
const DOMAIN: u64 = 0xffff;
/// In the third qword, IV: what is said of interrupts counts. With the rest 0 none passes, of no kind.
const BLOCKS_INTERRUPTS: u64 = 1;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry([u64; 4]);

impl Entry {
    /// Nothing passes: `empty` is a table of zeroes.
    pub(super) const fn blocked(empty: u64) -> Self {
        let level = (SHAPE.levels as u64) << LEVEL_SHIFT;
        Self([PRESENT | TRANSLATES | level | empty, 0, 0, 0])
    }

    /// What the page tables at `top` map.
    pub(super) const fn reaching(top: u64, domain: u16) -> Self {
        let level = (SHAPE.levels as u64) << LEVEL_SHIFT;
        let low = PRESENT | TRANSLATES | level | top | READ | WRITE;
        Self([low, domain as u64, 0, 0])
    }

    /// Everything, untranslated.
    pub(super) const fn passing(domain: u16) -> Self {
        Self([PRESENT | TRANSLATES | READ | WRITE, domain as u64, 0, 0])
    }

    /// The same without interrupts.
    pub(super) const fn without_interrupts(mut self) -> Self {
        self.0[2] = BLOCKS_INTERRUPTS;
        self
    }

    /// The same with what firmware's IVHD says of the sender (AMD §5.2.2.1, DTE setting): which kinds
    /// of interrupts that have no vector pass.
    pub(super) const fn with_settings(mut self, settings: u8) -> Self {
        let settings = settings as u64;
        self.0[1] |= (settings >> 4 & 0b11) << 40;
        self.0[2] |= (settings & 0b111) << 56 | (settings >> 6 & 0b11) << 62;
        self
    }

    /// Puts it into the table, in place of one that counts: in an order in which nothing passes but what the
    /// old one lets, or the new one does. Returns the domain of before.
    pub(super) fn store(self, hw: &impl Physical, at: u64, closes: bool) -> u16 {
        let before = Self::domain_at(hw, at);
        let [low, rest @ ..] = self.0;
        if closes {
            hw.store64(at, low);
        }
        for (place, word) in (1..).zip(rest) {
            hw.store64(at + place * 8, word);
        }
        if !closes {
            hw.store64(at, low);
        }
        before
    }

    /// The domain of the one in the table there.
    pub(super) fn domain_at(hw: &impl Physical, at: u64) -> u16 {
        u16::try_from(hw.load64(at + 8) & DOMAIN).unwrap_or_default()
    }

    /// Its domain.
    pub(super) fn domain(self) -> u16 {
        u16::try_from(self.0[1] & DOMAIN).unwrap_or_default()
    }
}
