//! What a partition is told about the machine: ACPI, EFI and SMBIOS tables, as bytes and addresses.
//!
//! Nothing here knows of a machine; the caller says what the partition has and where the tables
//! will lie, and gets the bytes to put there. Key types: [`acpi::View`] to [`acpi::Blob`],
//! [`efi::View`] to [`efi::Blob`],
//! [`smbios::View`] to [`smbios::Blob`]. Neighbours: `bulkhead-linux` makes the zero page that points
//! to both, `bulkhead-launch` decides the addresses.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
extern crate std;

pub mod acpi;
pub mod efi;
pub mod link;
pub mod mp;
pub mod smbios;
