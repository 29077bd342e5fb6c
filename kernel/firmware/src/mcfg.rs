//! MCFG: where PCI Express configuration space is mapped (PCI Firmware Specification 3.3 §4.1.2).

use alloc::vec::Vec;

use bulkhead_pci::EcamRange;

use crate::bytes::{u8_at, u16_at, u64_at};
use crate::problem::Note as _;
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

/// What makes the range unusable, if anything does.
fn fault(range: &EcamRange) -> Option<&'static str> {
    if range.last_bus < range.first_bus {
        Some("its last bus is below its first")
    } else if range.base == 0 || !range.base.is_multiple_of(BUS_BYTES) {
        Some("its address is 0 or not a multiple of 1 MiB")
    } else if range
        .base
        .checked_add(BUS_BYTES * (u64::from(range.last_bus) + 1))
        .is_none()
    {
        Some("it runs past the end of the address space")
    } else {
        None
    }
}

fn share_buses(one: &EcamRange, other: &EcamRange) -> bool {
    one.segment == other.segment
        && one.first_bus <= other.last_bus
        && other.first_bus <= one.last_bus
}

/// Reads the ranges of an MCFG; each that can't be used becomes a problem.
pub(crate) fn parse(table: &[u8], problems: &mut Vec<Problem>) -> Vec<EcamRange> {
    let mut ranges: Vec<EcamRange> = Vec::new();
    let Some(entries) = table.get(ENTRIES_OFFSET..) else {
        problems.note(Problem::TooShort {
            table: TABLE,
            length: table.len(),
        });
        return ranges;
    };
    if entries.len() / ENTRY_BYTES > MAX_ENTRIES {
        problems.note(Problem::TooManyEntries {
            table: TABLE,
            read: MAX_ENTRIES,
        });
    } else if !entries.len().is_multiple_of(ENTRY_BYTES) {
        let whole = entries.len() / ENTRY_BYTES * ENTRY_BYTES;
        problems.note(Problem::TruncatedEntry {
            table: TABLE,
            offset: ENTRIES_OFFSET + whole,
        });
    }
    let whole = entries.chunks_exact(ENTRY_BYTES).take(MAX_ENTRIES);
    for (index, range) in whole.filter_map(parse_entry).enumerate() {
        let repeated = ranges.iter().any(|other| share_buses(other, &range));
        match fault(&range) {
            Some(reason) => problems.note(Problem::BadEcam { index, reason }),
            None if repeated => problems.note(Problem::BadEcam {
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
