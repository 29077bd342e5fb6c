//! What a core had in its registers when it first came up: firmware's choices, not Bulkhead's.

use crate::cpuid::Features;
use crate::table::TABLE;

/// How many registers are remembered at most.
pub const SLOTS: usize = {
    let (mut slots, mut row) = (0, 0);
    while row < TABLE.len() {
        if TABLE[row].action.restores() {
            slots += TABLE[row].count.highest() as usize;
        }
        row += 1;
    }
    slots
};

const _: () = assert!(SLOTS <= u64::BITS as usize, "the marks are one word");

/// The registers of one core that are given back to it, as they were at boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootValues {
    values: [u64; SLOTS],
    /// A bit for each that could be read.
    known: u64,
}

impl BootValues {
    /// Reads them; `read` gives nothing for one that the processor does not have after all.
    pub fn read(features: &Features, mut read: impl FnMut(u32) -> Option<u64>) -> Self {
        let mut boot = Self {
            values: [0; SLOTS],
            known: 0,
        };
        for (slot, register) in slots(features) {
            if let Some(value) = read(register) {
                boot.values[slot] = value;
                boot.known |= 1 << slot;
            }
        }
        boot
    }

    /// What that register had, if it was read.
    #[must_use]
    pub fn get(&self, features: &Features, register: u32) -> Option<u64> {
        let (slot, _) = slots(features).find(|(_, number)| *number == register)?;
        (self.known >> slot & 1 == 1).then(|| self.values[slot])
    }

    /// How many were read.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.known.count_ones()
    }
}

/// The registers to remember that a processor has, and where. Each kind has room for as many as
/// there can be, so that a place does not depend on the processor.
fn slots(features: &Features) -> impl Iterator<Item = (usize, u32)> {
    TABLE
        .iter()
        .filter(|row| row.action.restores())
        .scan(0, |next, row| {
            let first = *next;
            *next += row.count.highest() as usize;
            Some((first, row))
        })
        .flat_map(move |(first, row)| (first..).zip(row.registers(features)))
}
