//! The list of the other tables. Source: ACPI 6.5 section 5.2.8 (Extended System Description
//! Table).

use alloc::vec::Vec;
use core::mem::size_of;

use zerocopy::IntoBytes;

use super::header::{Header, seal};

/// A list with room for so many tables; the DSDT is not among them, the FADT points to it.
pub(super) fn xsdt(count: usize) -> Vec<u8> {
    let length = size_of::<Header>() + count * size_of::<u64>();
    let mut table = Vec::with_capacity(length);
    table.extend_from_slice(Header::new(*b"XSDT", 1, length).as_bytes());
    table.resize(length, 0);
    table
}

/// Lists the tables at these addresses.
pub(super) fn point(table: &mut [u8], addresses: &[u64]) {
    let bytes = addresses.iter().flat_map(|address| address.to_le_bytes());
    for (to, from) in table.iter_mut().skip(size_of::<Header>()).zip(bytes) {
        *to = from;
    }
    seal(table);
}
