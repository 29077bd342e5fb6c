//! The header that all tables but the RSDP share (ACPI §5.2.6, Table 5.4).

use alloc::vec::Vec;

use crate::bytes::{array_at, read, sums_to_zero, u8_at, u32_at};
use crate::problem::Note as _;
use crate::{MAX_TABLE_BYTES, PhysicalMemory, Problem, Signature};

/// Length of the header in bytes; what is particular to a table follows it.
pub(crate) const HEADER_BYTES: usize = 36;

/// A table that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Four characters, for example `APIC`.
    pub signature: [u8; 4],
    /// Physical address.
    pub address: u64,
    /// Length in bytes, header included.
    pub length: u32,
    /// Revision of the table's format.
    pub revision: u8,
    /// Who made it.
    pub oem_id: [u8; 6],
    /// Whether its bytes add up to 0.
    pub checksum_ok: bool,
}

impl TableInfo {
    /// The signature as something that prints.
    #[must_use]
    pub const fn name(&self) -> Signature {
        Signature(self.signature)
    }
}

/// Reads the table at `address`, which the table `named_by` points to. A bad checksum is
/// reported but does not hide the table.
pub(crate) fn read_table<'a>(
    memory: &'a dyn PhysicalMemory,
    address: u64,
    named_by: Signature,
    problems: &mut Vec<Problem>,
) -> Option<(TableInfo, &'a [u8])> {
    let unreachable = Problem::Unreachable { named_by, address };
    let Some(header) = read(memory, address, HEADER_BYTES) else {
        problems.note(unreachable);
        return None;
    };
    let signature: [u8; 4] = array_at(header, 0)?;
    let length = u32_at(header, 4)?;
    let bytes_wanted = usize::try_from(length).ok()?;
    let table = Signature(signature);
    if !(HEADER_BYTES..=MAX_TABLE_BYTES).contains(&bytes_wanted) {
        problems.note(Problem::AbsurdLength {
            table,
            address,
            length,
        });
        return None;
    }
    let Some(bytes) = read(memory, address, bytes_wanted) else {
        problems.note(unreachable);
        return None;
    };
    let checksum_ok = sums_to_zero(bytes);
    if !checksum_ok {
        problems.note(Problem::BadChecksum { table, address });
    }
    let info = TableInfo {
        signature,
        address,
        length,
        revision: u8_at(bytes, 8)?,
        oem_id: array_at(bytes, 10)?,
        checksum_ok,
    };
    Some((info, bytes))
}
