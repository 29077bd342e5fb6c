//! The list of the other tables. Source: ACPI 6.5 section 5.2.8 (Extended System Description
//! Table).

use alloc::vec::Vec;
use core::mem::size_of;

use zerocopy::IntoBytes;

use super::header::{Header, seal};

/// The list of tables at these addresses; the DSDT is not among them, the FADT points to it.
pub(super) fn xsdt(addresses: &[u64]) -> Vec<u8> {
    let length = size_of::<Header>() + size_of_val(addresses);
    let mut table = Vec::with_capacity(length);
    table.extend_from_slice(Header::new(*b"XSDT", 1, length).as_bytes());
    table.extend(addresses.iter().flat_map(|address| address.to_le_bytes()));
    seal(&mut table);
    table
}
