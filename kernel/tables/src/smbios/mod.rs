//! What a partition is told of itself as a computer: SMBIOS 3.
//!
//! Source: DMTF DSP0134, System Management BIOS Reference Specification 3.7: section 5.2.2 (the
//! 64-bit entry point), 6.1 (structures and their strings), 7 (each type). A kernel finds the entry
//! point by EFI's configuration table ([`crate::efi::View::smbios`]); the search through 0xf0000 to
//! 0xfffff that a kernel without EFI makes finds that of the machine, which is not the partition's.
//!
//! What is not known is said to be unknown, never made up. A partition is no virtual machine, and the
//! flag for that stays clear.

mod structure;
mod types;

pub use types::PRODUCT;

use alloc::vec;
use alloc::vec::Vec;

use bulkhead_memory::Region;

/// What a partition is, as far as SMBIOS has a word for it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Physical address where the blob will lie: a multiple of 16.
    pub base: u64,
    /// The partition's name.
    pub name: &'a str,
    /// Its UUID as RFC 9562 orders the bytes.
    pub uuid: [u8; 16],
    /// Its serial number.
    pub serial: &'a str,
    /// The processor's brand string; may be empty.
    pub processor: &'a str,
    /// The rate of the time-stamp counter in MHz; 0 if it is not known.
    pub mhz: u64,
    /// The packages in which it has cores.
    pub packages: &'a [Package],
    /// Its RAM, ascending.
    pub memory: &'a [Region],
}

/// What a partition has of a processor package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// The package's number in the machine.
    pub number: u32,
    /// Physical cores of which it has at least one thread.
    pub cores: usize,
    /// Threads, which the operator calls cores: each has a local APIC ID.
    pub threads: usize,
}

/// The entry point and the structures as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Where the bytes have to lie; the entry point is the first of them.
    pub base: u64,
    /// All of it. How many bytes does not depend on the base.
    pub bytes: Vec<u8>,
}

/// Bytes of the entry point, which is of version 3.
const ENTRY_BYTES: u8 = 24;
/// Where the structures begin.
const STRUCTURES: u8 = 32;
/// SMBIOS 3.7.0; the last byte is the revision of the entry point's layout.
const VERSION: [u8; 4] = [3, 7, 0, 1];

/// Makes the tables.
#[must_use]
pub fn build(view: &View<'_>) -> Blob {
    let mut bytes = vec![0; usize::from(STRUCTURES)];
    types::push_all(view, &mut bytes);
    let mut blob = Blob { base: 0, bytes };
    blob.move_to(view.base);
    blob
}

impl Blob {
    /// Has it lie at another address. How large it is, is known before it is known where.
    pub fn move_to(&mut self, base: u64) {
        self.base = base;
        let length = self.bytes.len().saturating_sub(STRUCTURES.into());
        let entry = entry_point(base.wrapping_add(STRUCTURES.into()), length);
        for (to, from) in self.bytes.iter_mut().zip(entry) {
            *to = from;
        }
    }
}

/// The 64-bit entry point of so many bytes of structures at that address.
fn entry_point(structures: u64, length: usize) -> Vec<u8> {
    let mut entry = Vec::with_capacity(ENTRY_BYTES.into());
    entry.extend_from_slice(b"_SM3_");
    entry.extend_from_slice(&[0, ENTRY_BYTES]); // 5: the checksum
    entry.extend_from_slice(&VERSION);
    entry.push(0);
    // 12: the most that the structures have.
    entry.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    entry.extend_from_slice(&structures.to_le_bytes());
    let sum = entry.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    if let Some(checksum) = entry.get_mut(5) {
        *checksum = sum;
    }
    entry
}
