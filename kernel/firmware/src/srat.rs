//! SRAT: which processors and which memory belong together (ACPI §5.2.16).

use alloc::vec::Vec;

use bulkhead_memory::Region;

use crate::bytes::{u8_at, u32_at, u64_at};
use crate::entries::next_entry;
use crate::problem::Note as _;
use crate::{Problem, Signature};

/// Offset of the first entry: the header and twelve reserved bytes.
const ENTRIES_OFFSET: usize = 48;
/// More entries than any machine has.
const MAX_ENTRIES: usize = 8192;
/// More processors than any machine has.
const MAX_PROCESSORS: usize = 1024;
/// More ranges of memory than any machine has.
const MAX_RANGES: usize = 256;
const TABLE: Signature = Signature(*b"SRAT");
/// `Enabled` in every entry's flags.
const FLAG_ENABLED: u32 = 1;
/// The revision since which a proximity domain has 32 bits: what was reserved before need not be 0.
const LONG_DOMAINS: u8 = 2;

/// Which processors and which memory belong together: to one proximity domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affinity {
    /// Local APIC IDs and their domains, in the table's order.
    pub processors: Vec<(u32, u32)>,
    /// Ranges of addresses and their domains, in the table's order; some may have no memory.
    pub memory: Vec<(Region, u32)>,
}

/// Reads an SRAT; an entry that can't be used becomes a problem.
pub(crate) fn parse(table: &[u8], problems: &mut Vec<Problem>) -> Affinity {
    let mut affinity = Affinity::default();
    let (Some(mut rest), Some(revision)) = (table.get(ENTRIES_OFFSET..), u8_at(table, 8)) else {
        problems.note(Problem::TooShort {
            table: TABLE,
            length: table.len(),
        });
        return affinity;
    };
    let mut is_cut = false;
    for _ in 0..MAX_ENTRIES {
        if rest.is_empty() {
            break;
        }
        let offset = table.len() - rest.len();
        let Some(entry) = next_entry(TABLE, &mut rest, offset, problems) else {
            return affinity;
        };
        if affinity.add(entry, revision >= LONG_DOMAINS).is_none() {
            problems.note(Problem::BadEntryLength {
                table: TABLE,
                offset,
                length: u8_at(entry, 1).unwrap_or(0),
            });
        }
        // Of each kind the first ones count, in whatever order they stand.
        is_cut |= affinity.memory.len() > MAX_RANGES || affinity.processors.len() > MAX_PROCESSORS;
        affinity.memory.truncate(MAX_RANGES);
        affinity.processors.truncate(MAX_PROCESSORS);
    }
    if is_cut || !rest.is_empty() {
        let read = affinity.memory.len() + affinity.processors.len();
        problems.note(Problem::TooManyEntries { table: TABLE, read });
    }
    affinity
}

impl Affinity {
    /// Adds one entry; `None` if it is too short for its type.
    fn add(&mut self, entry: &[u8], has_long_domains: bool) -> Option<()> {
        let domain = |value: u32| {
            if has_long_domains {
                value
            } else {
                value & 0xff
            }
        };
        match u8_at(entry, 0)? {
            // Processor Local APIC/SAPIC Affinity (§5.2.16.1)
            0 => {
                let high = u32_at(entry, 8)? & !0xff;
                let low = u32::from(u8_at(entry, 2)?);
                let apic_id = u32::from(u8_at(entry, 3)?);
                if u32_at(entry, 4)? & FLAG_ENABLED != 0 {
                    self.processors.push((apic_id, domain(high | low)));
                }
            }
            // Memory Affinity (§5.2.16.2)
            1 => {
                let region = Region::new(u64_at(entry, 8)?, u64_at(entry, 16)?);
                let is_enabled = u32_at(entry, 28)? & FLAG_ENABLED != 0;
                // One of no bytes, or beyond all addresses, is of no use to anybody.
                if let (Some(region), true) = (region, is_enabled) {
                    self.memory.push((region, domain(u32_at(entry, 2)?)));
                }
            }
            // Processor Local x2APIC Affinity (§5.2.16.3)
            2 => {
                let (of, apic_id) = (u32_at(entry, 4)?, u32_at(entry, 8)?);
                if u32_at(entry, 12)? & FLAG_ENABLED != 0 {
                    self.processors.push((apic_id, domain(of)));
                }
            }
            _ => {}
        }
        Some(())
    }
}
