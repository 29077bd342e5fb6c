//! MCFG: where PCI Express configuration space is mapped (PCI Firmware Specification 3.3 §4.1.2).

use alloc::vec::Vec;

use crate::bytes::{u8_at, u16_at, u64_at};
use crate::{Problem, Signature};

/// Offset of the first entry: the header and eight reserved bytes.
const ENTRIES_OFFSET: usize = 44;
/// Length of an entry in bytes.
const ENTRY_BYTES: usize = 16;
/// More ranges than any machine has.
const MAX_ENTRIES: usize = 256;
/// Configuration space of one bus, in bytes: 32 devices of 8 functions of 4 KiB.
const BUS_BYTES: u64 = 1 << 20;
const TABLE: Signature = Signature(*b"MCFG");

/// Memory-mapped configuration space (ECAM) of some buses of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcamRange {
    /// Physical address of *bus 0*, whether or not that bus belongs to the range.
    pub base: u64,
    /// PCI segment group (a "domain" in Linux).
    pub segment: u16,
    /// First bus of the range.
    pub first_bus: u8,
    /// Last bus of the range.
    pub last_bus: u8,
}

impl EcamRange {
    /// Physical address of a function's 4 KiB of configuration space; `None` if the bus is not
    /// in the range or the device or function number is too large.
    #[must_use]
    pub fn function_address(&self, bus: u8, device: u8, function: u8) -> Option<u64> {
        let in_range =
            (self.first_bus..=self.last_bus).contains(&bus) && device < 32 && function < 8;
        let offset = u64::from(bus) << 20 | u64::from(device) << 15 | u64::from(function) << 12;
        in_range.then_some(self.base.checked_add(offset)?)
    }

    fn shares_buses(&self, other: &Self) -> bool {
        self.segment == other.segment
            && self.first_bus <= other.last_bus
            && other.first_bus <= self.last_bus
    }

    /// What makes the range unusable, if anything does.
    fn fault(&self) -> Option<&'static str> {
        if self.last_bus < self.first_bus {
            Some("its last bus is below its first")
        } else if self.base == 0 || !self.base.is_multiple_of(BUS_BYTES) {
            Some("its address is 0 or not a multiple of 1 MiB")
        } else if self
            .base
            .checked_add(BUS_BYTES * (u64::from(self.last_bus) + 1))
            .is_none()
        {
            Some("it runs past the end of the address space")
        } else {
            None
        }
    }
}

/// Reads the ranges of an MCFG; each that can't be used becomes a problem.
pub(crate) fn parse(table: &[u8], problems: &mut Vec<Problem>) -> Vec<EcamRange> {
    let mut ranges: Vec<EcamRange> = Vec::new();
    let Some(entries) = table.get(ENTRIES_OFFSET..) else {
        problems.push(Problem::TooShort {
            table: TABLE,
            length: table.len(),
        });
        return ranges;
    };
    if entries.len() / ENTRY_BYTES > MAX_ENTRIES {
        problems.push(Problem::TooManyEntries {
            table: TABLE,
            read: MAX_ENTRIES,
        });
    } else if !entries.len().is_multiple_of(ENTRY_BYTES) {
        let whole = entries.len() / ENTRY_BYTES * ENTRY_BYTES;
        problems.push(Problem::TruncatedEntry {
            table: TABLE,
            offset: ENTRIES_OFFSET + whole,
        });
    }
    let whole = entries.chunks_exact(ENTRY_BYTES).take(MAX_ENTRIES);
    for (index, range) in whole.filter_map(parse_entry).enumerate() {
        let repeated = ranges.iter().any(|other| other.shares_buses(&range));
        match range.fault() {
            Some(reason) => problems.push(Problem::BadEcam { index, reason }),
            None if repeated => problems.push(Problem::BadEcam {
                index,
                reason: "an earlier entry has some of its buses",
            }),
            None => ranges.push(range),
        }
    }
    ranges
}

fn parse_entry(entry: &[u8]) -> Option<EcamRange> {
    Some(EcamRange {
        base: u64_at(entry, 0)?,
        segment: u16_at(entry, 8)?,
        first_bus: u8_at(entry, 10)?,
        last_bus: u8_at(entry, 11)?,
    })
}
