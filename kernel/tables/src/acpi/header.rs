//! What all ACPI tables have in common.
//!
//! Source: ACPI 6.5 section 5.2.6 (System Description Table Header) and 5.2.3.2 (Generic Address
//! Structure).

use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Who made the tables.
pub(super) const OEM_ID: [u8; 6] = *b"BULKHD";
const OEM_TABLE_ID: [u8; 8] = *b"BULKHEAD";
const CREATOR_ID: [u8; 4] = *b"BKHD";

/// The header of every table but the RSDP.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
pub(super) struct Header {
    pub(super) signature: [u8; 4],
    /// Of the whole table, in bytes.
    length: U32,
    revision: u8,
    /// Makes the sum of the table's bytes 0.
    checksum: u8,
    oem_id: [u8; 6],
    oem_table_id: [u8; 8],
    oem_revision: U32,
    creator_id: [u8; 4],
    creator_revision: U32,
}

const _: () = assert!(size_of::<Header>() == 36);
const _: () = assert!(offset_of!(Header, length) == 4);
const _: () = assert!(offset_of!(Header, checksum) == CHECKSUM);
const CHECKSUM: usize = 9;

impl Header {
    /// The header of a table of `length` bytes, with the checksum still to be made.
    pub(super) fn new(signature: [u8; 4], revision: u8, length: usize) -> Self {
        Self {
            signature,
            length: length32(length).into(),
            revision,
            checksum: 0,
            oem_id: OEM_ID,
            oem_table_id: OEM_TABLE_ID,
            oem_revision: U32::new(1),
            creator_id: CREATOR_ID,
            creator_revision: U32::new(1),
        }
    }
}

/// A table's length, which no table made here comes near the limit of.
pub(super) fn length32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Sets a table's checksum, after everything else, whatever it was before.
pub(super) fn seal(table: &mut [u8]) {
    let sum = checksum(table);
    if let Some(field) = table.get_mut(CHECKSUM) {
        *field = field.wrapping_add(sum);
    }
}

/// What has to be added to the sum of `bytes` to make it 0.
pub(super) fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte))
}

/// A register somewhere; all zero is none.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
pub(super) struct GenericAddress {
    pub(super) space: u8,
    pub(super) bit_width: u8,
    pub(super) bit_offset: u8,
    pub(super) access_size: u8,
    pub(super) address: U64,
}

const _: () = assert!(size_of::<GenericAddress>() == 12);
