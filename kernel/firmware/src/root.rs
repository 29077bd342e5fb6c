//! The root table: the list of all others (ACPI §5.2.7 RSDT, §5.2.8 XSDT).

use alloc::vec::Vec;

use crate::bytes::{u32_at, u64_at};
use crate::header::{HEADER_BYTES, TableInfo, read_table};
use crate::problem::Note as _;
use crate::rsdp::Rsdp;
use crate::{PhysicalMemory, Problem, Signature};

/// More tables than any machine has; firmware in the field stays below 100.
const MAX_ENTRIES: usize = 256;

/// The root table and the addresses it lists, in its order.
pub(crate) struct Root {
    pub(crate) table: TableInfo,
    pub(crate) entries: Vec<u64>,
}

/// Reads the XSDT, or the RSDT where there is no usable XSDT.
pub(crate) fn parse(
    memory: &dyn PhysicalMemory,
    rsdp: Rsdp,
    problems: &mut Vec<Problem>,
) -> Option<Root> {
    let root = parse_one(memory, rsdp.xsdt, *b"XSDT", 8, problems)
        .or_else(|| parse_one(memory, rsdp.rsdt, *b"RSDT", 4, problems));
    if root.is_none() {
        problems.note(Problem::NoRootTable);
    }
    root
}

fn parse_one(
    memory: &dyn PhysicalMemory,
    address: u64,
    signature: [u8; 4],
    entry_bytes: usize,
    problems: &mut Vec<Problem>,
) -> Option<Root> {
    if address == 0 {
        return None;
    }
    let (table, bytes) = read_table(memory, address, Signature(*b"RSDP"), problems)?;
    if table.signature != signature {
        problems.note(Problem::WrongSignature {
            expected: Signature(signature),
            found: table.name(),
            address,
        });
        return None;
    }
    let body = bytes.get(HEADER_BYTES..)?;
    if body.len() / entry_bytes > MAX_ENTRIES {
        problems.note(Problem::TooManyEntries {
            table: table.name(),
            read: MAX_ENTRIES,
        });
    }
    let entries = body
        .chunks_exact(entry_bytes)
        .take(MAX_ENTRIES)
        .filter_map(|entry| u64_at(entry, 0).or_else(|| u32_at(entry, 0).map(u64::from)))
        .collect();
    Some(Root { table, entries })
}
