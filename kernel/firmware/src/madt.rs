//! MADT: processors and interrupt controllers (ACPI §5.2.12).

use alloc::vec::Vec;

use litemap::LiteMap;

use crate::bytes::{u8_at, u16_at, u32_at, u64_at};
use crate::entries::next_entry;
use crate::problem::Note as _;
use crate::{Problem, Signature};

/// Offset of the first entry: header, local APIC address, flags.
const ENTRIES_OFFSET: usize = 44;
/// More entries than any machine has.
const MAX_ENTRIES: usize = 8192;
/// More processors than any machine has, absent ones among them.
const MOST_PROCESSORS: usize = 1024;
/// More interrupts than ISA has.
const MOST_OVERRIDES: usize = 64;
/// As many as numbers of eight bits tell apart.
const MOST_IO_APICS: usize = 256;
/// `Enabled` in a processor's flags.
const FLAG_ENABLED: u32 = 1;
/// Destination that means all local APICs: no processor can have it (Intel SDM vol. 3 §11.6.2).
const XAPIC_BROADCAST: u32 = 0xff;
const X2APIC_BROADCAST: u32 = 0xffff_ffff;
const TABLE: Signature = Signature(*b"APIC");

/// Processors and interrupt controllers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Madt {
    /// Physical address of the local APICs' register page.
    pub local_apic_address: u64,
    /// Processors in the table's order, each local APIC ID once.
    pub processors: Vec<Processor>,
    /// I/O APICs in the table's order, at most 256, each address once.
    pub io_apics: Vec<IoApic>,
    /// How ISA interrupts are wired, where it isn't one to one.
    pub overrides: Vec<InterruptOverride>,
}

/// A logical processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Local APIC ID.
    pub apic_id: u32,
    /// ACPI processor UID.
    pub acpi_uid: u32,
    /// Whether it can be used now.
    pub enabled: bool,
}

/// An I/O APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoApic {
    /// Its ID.
    pub id: u8,
    /// Physical address of its register page.
    pub address: u64,
    /// Global system interrupt of its first pin.
    pub gsi_base: u32,
}

/// An ISA interrupt that arrives elsewhere than at the pin of its own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterruptOverride {
    /// ISA interrupt number.
    pub source: u8,
    /// Global system interrupt.
    pub gsi: u32,
    /// Polarity and trigger mode (MPS INTI flags, ACPI Table 5.26).
    pub flags: u16,
}

/// Reads a MADT; an entry that can't be used becomes a problem.
pub(crate) fn parse(table: &[u8], problems: &mut Vec<Problem>) -> Option<Madt> {
    let Some(mut rest) = table.get(ENTRIES_OFFSET..) else {
        problems.note(Problem::TooShort {
            table: TABLE,
            length: table.len(),
        });
        return None;
    };
    let mut madt = Madt {
        local_apic_address: u64::from(u32_at(table, 36)?),
        ..Madt::default()
    };
    let mut known = LiteMap::new();
    for _ in 0..MAX_ENTRIES {
        if rest.is_empty() {
            return Some(madt);
        }
        let offset = table.len() - rest.len();
        let Some(entry) = next_entry(TABLE, &mut rest, offset, problems) else {
            return Some(madt);
        };
        if add_entry(&mut madt, entry, &mut known, problems).is_none() {
            problems.note(Problem::BadEntryLength {
                table: TABLE,
                offset,
                length: u8_at(entry, 1).unwrap_or(0),
            });
        }
    }
    if !rest.is_empty() {
        problems.note(Problem::TooManyEntries {
            table: TABLE,
            read: MAX_ENTRIES,
        });
    }
    Some(madt)
}

/// Adds one entry (ACPI Table 5.21); `None` if it is too short for its type.
fn add_entry(
    madt: &mut Madt,
    entry: &[u8],
    known: &mut LiteMap<u32, usize>,
    problems: &mut Vec<Problem>,
) -> Option<()> {
    match u8_at(entry, 0)? {
        // Processor Local APIC (§5.2.12.2)
        0 => {
            let uid = u32::from(u8_at(entry, 2)?);
            let apic_id = u32::from(u8_at(entry, 3)?);
            let processor = Processor::new(apic_id, uid, u32_at(entry, 4)?);
            madt.add_processor(processor, XAPIC_BROADCAST, known, problems);
        }
        // I/O APIC (§5.2.12.3)
        1 => {
            let io_apic = IoApic {
                id: u8_at(entry, 2)?,
                address: u64::from(u32_at(entry, 4)?),
                gsi_base: u32_at(entry, 8)?,
            };
            madt.add_io_apic(io_apic, problems);
        }
        // Interrupt Source Override (§5.2.12.5)
        2 => {
            let interrupt = InterruptOverride {
                source: u8_at(entry, 3)?,
                gsi: u32_at(entry, 4)?,
                flags: u16_at(entry, 8)?,
            };
            if madt.overrides.len() < MOST_OVERRIDES {
                madt.overrides.push(interrupt);
            }
        }
        // Local APIC Address Override (§5.2.12.8)
        5 => madt.local_apic_address = u64_at(entry, 4)?,
        // Processor Local x2APIC (§5.2.12.12)
        9 => {
            let apic_id = u32_at(entry, 4)?;
            let flags = u32_at(entry, 8)?;
            let processor = Processor::new(apic_id, u32_at(entry, 12)?, flags);
            madt.add_processor(processor, X2APIC_BROADCAST, known, problems);
        }
        _ => {}
    }
    Some(())
}

impl Processor {
    fn new(apic_id: u32, acpi_uid: u32, flags: u32) -> Self {
        Self {
            apic_id,
            acpi_uid,
            enabled: flags & FLAG_ENABLED != 0,
        }
    }
}

impl Madt {
    /// Adds an I/O APIC whose registers are at an address of their own: two of one address would be
    /// one with two owners.
    fn add_io_apic(&mut self, io_apic: IoApic, problems: &mut Vec<Problem>) {
        let address = io_apic.address;
        if self.io_apics.iter().any(|known| known.address == address) {
            problems.note(Problem::RepeatedIoApic { address });
        } else if self.io_apics.len() == MOST_IO_APICS {
            problems.note(Problem::TooManyIoApics { address });
        } else {
            self.io_apics.push(io_apic);
        }
    }

    /// Adds a processor whose ID is new. Firmware fills unused entries with the ID 0 or 255 and
    /// clears their flags, so of two with one ID the enabled one counts, and only two enabled
    /// ones are worth a complaint. The same processor as type 0 and as type 9 is not.
    fn add_processor(
        &mut self,
        processor: Processor,
        broadcast: u32,
        known: &mut LiteMap<u32, usize>,
        problems: &mut Vec<Problem>,
    ) {
        let apic_id = processor.apic_id;
        if apic_id == broadcast {
            if processor.enabled {
                problems.note(Problem::BroadcastProcessor { apic_id });
            }
            return;
        }
        let count = self.processors.len();
        let earlier = known
            .get(&apic_id)
            .and_then(|&index| self.processors.get_mut(index));
        match earlier {
            None if count == MOST_PROCESSORS => {
                let problem = Problem::TooManyEntries {
                    table: TABLE,
                    read: MOST_PROCESSORS,
                };
                if processor.enabled && problems.last() != Some(&problem) {
                    problems.note(problem);
                }
            }
            None => {
                known.insert(apic_id, count);
                self.processors.push(processor);
            }
            Some(earlier) if !earlier.enabled && processor.enabled => *earlier = processor,
            Some(earlier) if processor.enabled && *earlier != processor => {
                problems.note(Problem::DuplicateProcessor { apic_id });
            }
            Some(_) => {}
        }
    }
}
