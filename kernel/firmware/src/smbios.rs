//! Which machine this is: what firmware's SMBIOS says of it, not trusted.
//!
//! Source: DMTF DSP0134 (System Management BIOS Reference Specification 3.7) section 5.2 (entry
//! points) and 6.1 (structures); UEFI 2.10 section 4.3 and 4.6 (how EFI leads there). Nothing depends
//! on it but the names of partitions' identities, so what is malformed is simply not there.

use alloc::string::String;

use crate::PhysicalMemory;
use crate::bytes::{array_at, read, sums_to_zero, u8_at, u16_at, u32_at, u64_at};

/// What tells this machine from any other; default where firmware does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The system's UUID as SMBIOS has it, with three little-endian fields in front; `None` if it is
    /// one that many machines have.
    pub uuid: Option<[u8; 16]>,
    /// Who made the system.
    pub vendor: String,
    /// What the vendor calls it.
    pub product: String,
    /// The system's serial number; empty if it is one that many machines have.
    pub serial: String,
}

/// Where a BIOS has its entry point.
const BIOS_AREA: u64 = 0xf_0000;
const BIOS_AREA_BYTES: usize = 0x1_0000;
/// An entry point lies at a multiple of this.
const ALIGNMENT: usize = 16;
/// Bytes of the longest entry point that is known.
const ENTRY_BYTES: usize = 0x1f;
/// The most structures that are looked at; real machines have a few hundred.
const MOST_STRUCTURES: usize = 4096;
/// The most bytes of structures that are looked at.
const MOST_BYTES: usize = 1 << 20;
/// Texts are cut there.
const MOST_CHARACTERS: usize = 48;

const SYSTEM: u8 = 1;
const END: u8 = 127;
const HEADER_BYTES: usize = 4;

/// `SMBIOS3_TABLE_GUID` and `SMBIOS_TABLE_GUID`, the better one first.
const GUIDS: [[u8; 16]; 2] = [
    [
        0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3,
        0x94,
    ],
    [
        0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1,
        0x4d,
    ],
];
/// The most entries of EFI's configuration table that are looked at.
const MOST_ENTRIES: usize = 256;

/// Finds the entry point in the memory of a BIOS; that of version 3 if there are both.
#[must_use]
pub fn find_smbios(memory: &dyn PhysicalMemory) -> Option<u64> {
    let area = read(memory, BIOS_AREA, BIOS_AREA_BYTES)?;
    let of = |anchor: &[u8]| {
        let mut offsets = (0..BIOS_AREA_BYTES).step_by(ALIGNMENT);
        offsets.find(|at| {
            let found = area.get(*at..).unwrap_or_default();
            found.starts_with(anchor) && structures(found).is_some()
        })
    };
    let offset = of(b"_SM3_").or_else(|| of(b"_SM_"))?;
    Some(BIOS_AREA + offset as u64)
}

/// Finds the entry point by the EFI system table, of 64 bits, at that address.
#[must_use]
pub fn smbios_of_efi(memory: &dyn PhysicalMemory, system_table: u64) -> Option<u64> {
    let table = read(memory, system_table, 120)?;
    if !table.starts_with(b"IBI SYST") {
        return None;
    }
    let entries = usize::try_from(u64_at(table, 104)?).ok()?.min(MOST_ENTRIES);
    let list = read(memory, u64_at(table, 112)?, entries.checked_mul(24)?)?;
    let of = |guid: &[u8; 16]| {
        let mut entries = list.chunks_exact(24);
        let entry = entries.find(|entry| entry.starts_with(guid))?;
        u64_at(entry, 16)
    };
    GUIDS.iter().find_map(of)
}

/// Reads what the structures say that the entry point at that address leads to.
#[must_use]
pub fn read_identity(memory: &dyn PhysicalMemory, entry_point: u64) -> Option<Identity> {
    let (address, length) = structures(read(memory, entry_point, ENTRY_BYTES)?)?;
    let table = read(memory, address, length)?;
    let mut rest = table;
    for _ in 0..MOST_STRUCTURES {
        let (kind, length) = (u8_at(rest, 0)?, usize::from(u8_at(rest, 1)?));
        let fields = rest.get(..length)?;
        if length < HEADER_BYTES || kind == END {
            return None;
        }
        let strings = rest.get(length..)?;
        if kind == SYSTEM {
            return Some(identity(fields, strings));
        }
        let end = strings.windows(2).position(|pair| pair == [0, 0])?;
        rest = strings.get(end + 2..)?;
    }
    None
}

/// Address and length of the structures by an entry point, if it is one.
fn structures(entry: &[u8]) -> Option<(u64, usize)> {
    let is_sound = |at: usize, least: usize| {
        let length = usize::from(u8_at(entry, at)?);
        let whole = entry.get(..length.max(least))?;
        (length >= least && sums_to_zero(whole)).then_some(())
    };
    let (address, length) = if entry.starts_with(b"_SM3_") {
        is_sound(6, 0x18)?;
        let length = usize::try_from(u32_at(entry, 0x0c)?).ok()?;
        (u64_at(entry, 0x10)?, length)
    } else if entry.starts_with(b"_SM_") {
        is_sound(5, 0x1e)?;
        let length = usize::from(u16_at(entry, 0x16)?);
        (u32_at(entry, 0x18)?.into(), length)
    } else {
        return None;
    };
    Some((address, length.min(MOST_BYTES)))
}

/// What the structure of type 1 says.
fn identity(fields: &[u8], strings: &[u8]) -> Identity {
    let text = |offset| string(strings, u8_at(fields, offset).unwrap_or(0));
    let serial = text(7);
    Identity {
        uuid: array_at(fields, 8).filter(is_of_one),
        vendor: text(4),
        product: text(5),
        serial: if is_filler(&serial) {
            String::new()
        } else {
            serial
        },
    }
}

/// String number `number`, from 1, as printable ASCII; empty if there is none.
fn string(strings: &[u8], number: u8) -> String {
    let mut all = strings.split(|byte| *byte == 0);
    let before = usize::from(number).checked_sub(1);
    let found = before
        .and_then(|before| all.nth(before))
        .unwrap_or_default();
    let shown = found.iter().filter(|byte| (0x20..0x7f).contains(*byte));
    let text: String = shown
        .take(MOST_CHARACTERS)
        .map(|byte| char::from(*byte))
        .collect();
    text.trim().into()
}

/// Whether it can be the UUID of one machine only: "not present", "not set" (DSP0134 section 7.2.1),
/// and the one that a widespread firmware ships with are of many.
fn is_of_one(uuid: &[u8; 16]) -> bool {
    // 03000200-0400-0500-0006-000700080009.
    const AS_SHIPPED: [u8; 16] = [0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9];
    let is_shipped = *uuid == AS_SHIPPED;
    !is_shipped && uuid.iter().any(|byte| *byte != 0) && uuid.iter().any(|byte| *byte != 0xff)
}

/// Whether a serial number is what a firmware has before anybody has set one.
fn is_filler(serial: &str) -> bool {
    const FILLERS: [&str; 9] = [
        "to be filled by o.e.m.",
        "default string",
        "system serial number",
        "not specified",
        "not applicable",
        "none",
        "n/a",
        "0123456789",
        "123456789",
    ];
    let lower = serial.to_ascii_lowercase();
    FILLERS.contains(&lower.as_str())
        || lower
            .bytes()
            .all(|byte| matches!(byte, b'0' | b' ' | b'x' | b'.' | b'-'))
}
