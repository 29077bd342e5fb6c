//! IVRS: the table of AMD's IOMMUs (AMD §5.2).

use alloc::vec::Vec;

use bulkhead_firmware::Signature;
use bulkhead_firmware::bytes::{u8_at, u16_at, u64_at};
use bulkhead_memory::Region;

use crate::dmar::{MAX_RESERVED, MAX_UNITS};
use crate::find::{Iommus, Reserved, Unit, Who};
use crate::structures;

const TABLE: Signature = Signature(*b"IVRS");
/// More ranges of requesters than any machine's table has.
const MAX_RANGES: usize = 4096;
/// Of a unit with performance counters and without, in bytes.
const REGISTERS_BYTES: u64 = 16 << 10;

/// Requester IDs (bus, device, function) from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// The first.
    pub first: u16,
    /// The last, at least as large.
    pub last: u16,
    /// What they all send in place of their own ID, if not that.
    pub alias: Option<u16>,
    /// What firmware says of them (AMD §5.2.2.1, DTE setting): which interrupts without a vector pass.
    pub settings: u8,
}

impl IdRange {
    /// Whether it has all of a segment.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.first == 0 && self.last == u16::MAX
    }

    /// Whether it has that ID.
    #[must_use]
    pub const fn contains(&self, id: u16) -> bool {
        self.first <= id && id <= self.last
    }
}

/// Adds what the table says to `iommus`.
pub(crate) fn parse(table: &[u8], iommus: &mut Iommus) {
    // Of each unit, the kind of the block that counts: the newest that firmware has for it.
    let mut kinds: Vec<u8> = Vec::new();
    let mut left = MAX_RANGES;
    let is_unit = |kind| matches!(kind, 0x10 | 0x11 | 0x40);
    structures::each(TABLE, table, iommus, is_unit, |block, iommus| {
        match u8_at(block, 0) {
            Some(kind) if is_unit(kind) => add_unit(kind, block, iommus, &mut kinds, &mut left),
            Some(kind @ 0x20..=0x22) => add_memory(kind, block, iommus),
            _ => Some(()),
        }
    });
}

/// IVHD (AMD §5.2.2).
fn add_unit(
    kind: u8,
    block: &[u8],
    iommus: &mut Iommus,
    kinds: &mut Vec<u8>,
    left: &mut usize,
) -> Option<()> {
    let base = u64_at(block, 8)?;
    let is_aligned = base != 0 && base.is_multiple_of(REGISTERS_BYTES);
    let entries = block.get(if kind == 0x10 { 24 } else { 40 }..)?;
    let (ids, senders) = ids(entries, left)?;
    let unit = Unit {
        segment: u16_at(block, 16)?,
        registers: Region::new(base, REGISTERS_BYTES).filter(|_| is_aligned)?,
        who: Who::Ids(ids),
        flags: u8_at(block, 1)?,
        senders,
    };
    let mut known = iommus.units.iter();
    match known.position(|other| other.registers == unit.registers) {
        // An older kind of block for the same unit.
        Some(at) if kinds.get(at).is_none_or(|known| *known > kind) => {}
        // Two of one kind.
        Some(at) if kinds.get(at) == Some(&kind) => return None,
        Some(at) => {
            kinds[at] = kind;
            iommus.units[at] = unit;
        }
        None if iommus.units.len() == MAX_UNITS => return None,
        None => {
            iommus.units.push(unit);
            kinds.push(kind);
        }
    }
    Some(())
}

/// The functions of a unit (AMD §5.2.2.1), and what else sends interrupts; `None` if a length in the list can't be true, or a range has
/// no end. What is not known is passed over.
fn ids(mut list: &[u8], left: &mut usize) -> Option<(Vec<IdRange>, Vec<IdRange>)> {
    let (mut ids, mut senders) = (Vec::new(), Vec::new());
    // Where a range has begun, and what its functions send.
    let mut begun: Option<IdRange> = None;
    while !list.is_empty() {
        let kind = u8_at(list, 0)?;
        let length = match kind {
            0..=63 => 4,
            64..=127 => 8,
            // With the length of its last part, a name.
            240 => 22 + usize::from(u8_at(list, 21)?),
            _ => return None,
        };
        let (entry, behind) = list.split_at_checked(length)?;
        list = behind;
        let id = u16_at(entry, 1)?;
        let settings = u8_at(entry, 3)?;
        let one = |id, alias| IdRange {
            first: id,
            last: id,
            alias,
            settings,
        };
        *left = left.checked_sub(1)?;
        match kind {
            // Padding, and what every function has by default.
            0 => {}
            1 => ids.push(IdRange {
                first: 0,
                last: u16::MAX,
                alias: None,
                settings,
            }),
            2 | 70 => ids.push(one(id, None)),
            66 => ids.push(one(id, u16_at(entry, 5))),
            3 | 71 => begun = Some(one(id, None)),
            67 => begun = Some(one(id, u16_at(entry, 5))),
            4 => {
                let begun = begun.take()?;
                ids.push(IdRange {
                    last: Some(id).filter(|last| begun.first <= *last)?,
                    ..begun
                });
            }
            // An I/O APIC, an HPET.
            72 => senders.push(one(u16_at(entry, 5)?, None)),
            // Devices that only ACPI names (240).
            _ => {}
        }
    }
    begun.is_none().then_some((ids, senders))
}

/// IVMD (AMD §5.2.2.2). Memory that devices may not reach at all is nothing to keep.
fn add_memory(kind: u8, block: &[u8], iommus: &mut Iommus) -> Option<()> {
    const UNITY: u8 = 1;
    const EXCLUSION: u8 = 1 << 3;
    let (first, last) = match (kind, u16_at(block, 4)?) {
        (0x20, _) => (0, u16::MAX),
        (0x21, id) => (id, id),
        (_, id) => (id, u16_at(block, 6)?),
    };
    let region = Region::new(u64_at(block, 16)?, u64_at(block, 24)?)?;
    if first > last || iommus.reserved.len() == MAX_RESERVED {
        return None;
    }
    // What an exclusion range is for devices: not translated, so reached.
    if u8_at(block, 1)? & (UNITY | EXCLUSION) != 0 {
        let ids = IdRange {
            first,
            last,
            alias: None,
            settings: 0,
        };
        let who = Who::Ids([ids].into());
        let segment = None;
        iommus.reserved.push(Reserved {
            region,
            segment,
            who,
        });
    }
    Some(())
}
