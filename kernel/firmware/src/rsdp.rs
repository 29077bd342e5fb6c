//! The root pointer: where it is, and what it points to (ACPI §5.2.5).

use alloc::vec::Vec;

use crate::bytes::{read, sums_to_zero, u8_at, u16_at, u32_at, u64_at};
use crate::problem::Note as _;
use crate::{PhysicalMemory, Problem, Signature};

/// What an RSDP begins with.
const SIGNATURE: &[u8; 8] = b"RSD PTR ";
/// Length of the part that revision 0 defines and the first checksum covers.
const FIRST_BYTES: usize = 20;
/// Length of the whole, from revision 2 on.
const WHOLE_BYTES: usize = 36;
/// An RSDP that is searched for lies at a multiple of this.
const ALIGNMENT: usize = 16;
/// Name under which the RSDP appears in problems.
const NAME: Signature = Signature(*b"RSDP");

/// Holds the real-mode segment of the extended BIOS data area.
const EBDA_SEGMENT_ADDRESS: u64 = 0x40e;
/// How much of the extended BIOS data area may hold an RSDP, in bytes.
const EBDA_BYTES: usize = 1024;
/// The BIOS's read-only area.
const BIOS_AREA: u64 = 0xe_0000;
/// Length of that area in bytes.
const BIOS_AREA_BYTES: usize = 0x2_0000;

/// Finds the RSDP in the places a BIOS may put it (ACPI §5.2.5.1): the first KiB of the
/// extended BIOS data area, then 0xe0000-0xfffff. For when the loader named none.
#[must_use]
pub fn find_rsdp(memory: &dyn PhysicalMemory) -> Option<u64> {
    let ebda = read(memory, EBDA_SEGMENT_ADDRESS, 2)
        .and_then(|bytes| u16_at(bytes, 0))
        .map(|segment| u64::from(segment) << 4);
    ebda.filter(|address| *address != 0)
        .and_then(|address| scan(memory, address, EBDA_BYTES))
        .or_else(|| scan(memory, BIOS_AREA, BIOS_AREA_BYTES))
}

fn scan(memory: &dyn PhysicalMemory, start: u64, length: usize) -> Option<u64> {
    let area = read(memory, start, length)?;
    (0..length).step_by(ALIGNMENT).find_map(|offset| {
        let candidate = area.get(offset..offset + FIRST_BYTES)?;
        let found = candidate.starts_with(SIGNATURE) && sums_to_zero(candidate);
        found.then_some(start + offset as u64)
    })
}

/// What an RSDP points to; 0 where it points nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rsdp {
    pub(crate) rsdt: u64,
    pub(crate) xsdt: u64,
}

/// Reads the RSDP at `address`. A bad checksum is reported and survived, a bad signature not.
pub(crate) fn parse(
    memory: &dyn PhysicalMemory,
    address: u64,
    problems: &mut Vec<Problem>,
) -> Option<Rsdp> {
    let Some(first) =
        read(memory, address, FIRST_BYTES).filter(|bytes| bytes.starts_with(SIGNATURE))
    else {
        problems.note(Problem::NoRsdp { address });
        return None;
    };
    let bad_checksum = Problem::BadChecksum {
        table: NAME,
        address,
    };
    let rsdt = u64::from(u32_at(first, 16)?);
    let revision = u8_at(first, 15)?;
    if !sums_to_zero(first) {
        problems.note(bad_checksum);
    }
    if revision < 2 {
        return Some(Rsdp { rsdt, xsdt: 0 });
    }
    let Some(whole) = read(memory, address, WHOLE_BYTES) else {
        problems.note(Problem::TooShort {
            table: NAME,
            length: FIRST_BYTES,
        });
        return Some(Rsdp { rsdt, xsdt: 0 });
    };
    if !sums_to_zero(whole) {
        problems.note(bad_checksum);
    }
    Some(Rsdp {
        rsdt,
        xsdt: u64_at(whole, 24)?,
    })
}
