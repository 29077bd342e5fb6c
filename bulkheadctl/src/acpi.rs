//! ACPI tables as Linux shows them, laid out as firmware's memory once more.
//!
//! Linux shows tables without the addresses that they had. So they get new ones, and a root pointer and an
//! XSDT of their own lead to them: addresses in problems are of this layout.

use std::collections::BTreeMap;

use bulkhead_firmware::PhysicalMemory;

use crate::pack::Pack;

/// Length of the header that all tables share (ACPI §5.2.6).
pub const HEADER_BYTES: usize = 36;
/// Offset of the checksum in it.
const CHECKSUM: usize = 9;
/// Where the FADT has the DSDT's address, in 32 and in 64 bits (ACPI table 5.9).
const FADT_DSDT: usize = 40;
const FADT_X_DSDT: usize = 140;
/// Where the layout begins: below 4 GiB.
const BASE: u64 = 0x1000_0000;
const ALIGNMENT: u64 = 64;
/// More tables than that are not laid out; the parsers take no more either.
const MOST_TABLES: usize = 512;

/// The memory that holds the tables.
#[derive(Debug, Default)]
pub struct Tables {
    /// By address.
    placed: BTreeMap<u64, Vec<u8>>,
    /// Of the root pointer.
    pub rsdp: Option<u64>,
}

impl PhysicalMemory for Tables {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let (start, bytes) = self.placed.range(..=address).next_back()?;
        let from = usize::try_from(address - start).ok()?;
        bytes.get(from..from.checked_add(length)?)
    }
}

impl Tables {
    /// Lays out the tables of `pack`: those that Linux loaded later (`dynamic`) are not the
    /// firmware's list, and left out.
    #[must_use]
    pub fn of(pack: &Pack) -> Self {
        let mut tables: Vec<(&str, &[u8])> = pack
            .below("acpi/")
            .filter(|(name, _)| !name.contains('/') && *name != "FACS")
            .filter(|(_, bytes)| bytes.len() >= HEADER_BYTES)
            .take(MOST_TABLES)
            .collect();
        if tables.is_empty() {
            return Self::default();
        }
        // `SSDT2` comes before `SSDT10`.
        tables.sort_by_key(|(name, _)| {
            let digits = name.get(4..).and_then(|digits| digits.parse().ok());
            (
                name.get(..4).unwrap_or(name).to_string(),
                digits.unwrap_or(0u32),
            )
        });
        let mut layout = Self::default();
        let mut next = BASE;
        let mut place = |bytes: Vec<u8>| {
            let at = next;
            next = (at + bytes.len() as u64).next_multiple_of(ALIGNMENT);
            layout.placed.insert(at, bytes);
            at
        };
        let dsdt = tables.iter().find(|(name, _)| *name == "DSDT");
        let dsdt = dsdt.map(|(_, bytes)| place(bytes.to_vec()));
        let mut list = Vec::new();
        for (name, bytes) in tables.iter().filter(|(name, _)| *name != "DSDT") {
            let mut bytes = bytes.to_vec();
            if let (true, Some(dsdt)) = (name.starts_with("FACP"), dsdt) {
                point_to(&mut bytes, dsdt);
            }
            list.push(place(bytes));
        }
        let root = place(xsdt(&list));
        layout.rsdp = Some(place(root_pointer(root)));
        layout
    }
}

/// The sum of all bytes, of which a right table has 0.
#[must_use]
pub fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// Changes a table's checksum so that the sum of all bytes is `wanted`.
pub fn keep_sum(bytes: &mut [u8], wanted: u8) {
    let difference = wanted.wrapping_sub(sum(bytes));
    if let Some(checksum) = bytes.get_mut(CHECKSUM) {
        *checksum = checksum.wrapping_add(difference);
    }
}

fn point_to(fadt: &mut [u8], dsdt: u64) {
    let before = sum(fadt);
    let words: [(usize, &[u8]); 2] = [
        (FADT_DSDT, &dsdt.to_le_bytes()[..4]),
        (FADT_X_DSDT, &dsdt.to_le_bytes()),
    ];
    for (at, value) in words {
        if let Some(word) = fadt.get_mut(at..at + value.len()) {
            word.copy_from_slice(value);
        }
    }
    keep_sum(fadt, before);
}

fn xsdt(list: &[u64]) -> Vec<u8> {
    let length = u32::try_from(HEADER_BYTES + 8 * list.len()).unwrap_or(u32::MAX);
    let mut table = b"XSDT".to_vec();
    table.extend(length.to_le_bytes());
    table.extend([1, 0]);
    table.resize(HEADER_BYTES, 0);
    table.extend(list.iter().flat_map(|address| address.to_le_bytes()));
    keep_sum(&mut table, 0);
    table
}

/// ACPI §5.2.5.3.
fn root_pointer(xsdt: u64) -> Vec<u8> {
    let mut pointer = b"RSD PTR ".to_vec();
    pointer.resize(36, 0);
    pointer[15] = 2;
    pointer[20] = 36;
    pointer[24..32].copy_from_slice(&xsdt.to_le_bytes());
    pointer[8] = 0u8.wrapping_sub(sum(&pointer[..20]));
    pointer[32] = 0u8.wrapping_sub(sum(&pointer));
    pointer
}
