//! The root pointer. Source: ACPI 6.5 section 5.2.5.3 (Root System Description Pointer).

use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes, KnownLayout, Unaligned};

use super::header::{OEM_ID, checksum, length32};

/// Bytes of it.
pub(super) const BYTES: usize = size_of::<Rsdp>();
/// The first checksum is of what ACPI 1.0 had.
const FIRST_PART: usize = 20;

#[derive(Clone, Copy, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Rsdp {
    signature: [u8; 8],
    checksum: u8,
    oem_id: [u8; 6],
    revision: u8,
    /// 0: there is only an XSDT.
    rsdt_address: U32,
    length: U32,
    xsdt_address: U64,
    extended_checksum: u8,
    reserved: [u8; 3],
}

const _: () = assert!(BYTES == 36);
const _: () = assert!(offset_of!(Rsdp, revision) == 15);
const _: () = assert!(offset_of!(Rsdp, xsdt_address) == 24);

/// The pointer to the XSDT at this address.
pub(super) fn rsdp(xsdt_address: u64) -> [u8; BYTES] {
    let mut rsdp = Rsdp {
        signature: *b"RSD PTR ",
        checksum: 0,
        oem_id: OEM_ID,
        revision: 2,
        rsdt_address: U32::ZERO,
        length: length32(BYTES).into(),
        xsdt_address: xsdt_address.into(),
        extended_checksum: 0,
        reserved: [0; 3],
    };
    rsdp.checksum = checksum(&rsdp.as_bytes()[..FIRST_PART]);
    rsdp.extended_checksum = checksum(rsdp.as_bytes());
    zerocopy::transmute!(rsdp)
}
