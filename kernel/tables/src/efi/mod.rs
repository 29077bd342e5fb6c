//! The EFI tables of a partition.
//!
//! A partition's firmware is Bulkhead: its runtime services are resident code, and `ResetSystem`
//! is how a partition comes back. The kernel is entered as an EFI boot loader would after
//! `ExitBootServices`: the zero page points to the system table and to the memory map.

mod crc;
mod memory_map;
mod seeds;
mod services;
mod tables;
#[cfg(test)]
mod tests;

use alloc::vec;
use alloc::vec::Vec;

pub use memory_map::{Descriptor, Kind, MapError, check_map};
pub use seeds::SEED_BYTES;
pub use services::Services;

use memory_map::{DESCRIPTOR_BYTES, DESCRIPTOR_VERSION};
use tables::{
    CONFIGURATION_TABLE_BYTES, Pointers, RT_PROPERTIES_BYTES, RUNTIME_SERVICES_BYTES,
    SYSTEM_TABLE_BYTES, VENDOR,
};

/// What the EFI tables of a partition say.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Physical address where the blob will lie, page-aligned. Its pages have to be
    /// [`Kind::RuntimeData`] in `map`: Linux reads the tables through its EFI page tables, which
    /// have nothing else.
    pub base: u64,
    /// The memory map: ascending, page-aligned, without overlap ([`check_map`]).
    pub map: &'a [Descriptor],
    /// Physical address of the RSDP.
    pub rsdp: u64,
    /// Physical address of SMBIOS's entry point.
    pub smbios: u64,
    /// The runtime services.
    pub services: Services,
}

/// Tables as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Where the bytes have to lie.
    pub base: u64,
    /// System table, runtime services table, configuration table, which services there are, seeds, vendor text, memory map: as
    /// many as [`size_for`] says.
    pub bytes: Vec<u8>,
    /// Physical address of the system table.
    pub system_table: u64,
    /// Physical address of the memory map.
    pub memory_map: u64,
    /// Bytes of the memory map.
    pub memory_map_bytes: u32,
    /// Bytes from one descriptor to the next.
    pub descriptor_bytes: u32,
    /// Version of a descriptor.
    pub descriptor_version: u32,
    /// Physical address of the `setup_data` that has a seed.
    pub setup_data: u64,
    /// Physical addresses of the two seeds: [`SEED_BYTES`] each, which are zero here. Each launch
    /// fills them in.
    pub seeds: [u64; 2],
}

// Where the parts lie in the blob; each start is a multiple of 8, as UEFI 2.10 section 2.3.1 asks
// for what holds 64-bit values.
const SYSTEM_TABLE: usize = 0;
const RUNTIME_SERVICES: usize = SYSTEM_TABLE + SYSTEM_TABLE_BYTES;
const CONFIGURATION_TABLE: usize = RUNTIME_SERVICES + RUNTIME_SERVICES_BYTES;
const RT_PROPERTIES: usize = CONFIGURATION_TABLE + CONFIGURATION_TABLE_BYTES;
const SETUP_DATA: usize = RT_PROPERTIES + RT_PROPERTIES_BYTES;
const SEED_TABLE: usize = SETUP_DATA + seeds::SETUP_DATA_BYTES;
const VENDOR_TEXT: usize = (SEED_TABLE + seeds::TABLE_BYTES).next_multiple_of(8);
const MEMORY_MAP: usize = (VENDOR_TEXT + VENDOR.len()).next_multiple_of(8);
const _: () = assert!(RUNTIME_SERVICES.is_multiple_of(8));
const _: () = assert!(CONFIGURATION_TABLE.is_multiple_of(8));
const _: () = assert!(RT_PROPERTIES.is_multiple_of(8));
const _: () = assert!(SETUP_DATA.is_multiple_of(8));
const _: () = assert!(SEED_TABLE.is_multiple_of(8));

/// Makes the tables.
#[must_use]
pub fn build(view: &View<'_>) -> Blob {
    debug_assert_eq!(check_map(view.map), Ok(()));
    let at = |offset: usize| view.base.wrapping_add(offset as u64);
    let system_table = tables::system_table(&Pointers {
        vendor: at(VENDOR_TEXT),
        runtime_services: at(RUNTIME_SERVICES),
        configuration_table: at(CONFIGURATION_TABLE),
    });
    let mut bytes = vec![0; MEMORY_MAP];
    let mut put = |offset: usize, part: &[u8]| {
        for (to, from) in bytes.iter_mut().skip(offset).zip(part) {
            *to = *from;
        }
    };
    put(SYSTEM_TABLE, &system_table);
    put(RUNTIME_SERVICES, &tables::runtime_services(&view.services));
    let (seed, properties) = (at(SEED_TABLE), at(RT_PROPERTIES));
    let configuration = tables::configuration_table(view.rsdp, view.smbios, seed, properties);
    put(CONFIGURATION_TABLE, &configuration);
    put(RT_PROPERTIES, &tables::rt_properties());
    put(SETUP_DATA, &seeds::setup_data());
    put(SEED_TABLE, &seeds::table());
    put(VENDOR_TEXT, &VENDOR);
    bytes.extend(view.map.iter().flat_map(|descriptor| descriptor.to_bytes()));
    Blob {
        base: view.base,
        system_table: at(SYSTEM_TABLE),
        memory_map: at(MEMORY_MAP),
        memory_map_bytes: u32::try_from(bytes.len() - MEMORY_MAP).unwrap_or(u32::MAX),
        descriptor_bytes: u32::try_from(DESCRIPTOR_BYTES).unwrap_or(u32::MAX),
        descriptor_version: DESCRIPTOR_VERSION,
        setup_data: at(SETUP_DATA),
        seeds: [
            at(SETUP_DATA + seeds::SETUP_DATA_HEADER),
            at(SEED_TABLE + seeds::TABLE_HEADER),
        ],
        bytes,
    }
}

/// Bytes of the blob with a memory map of that many descriptors.
#[must_use]
pub fn size_for(descriptors: usize) -> u64 {
    (MEMORY_MAP as u64).saturating_add((descriptors as u64).saturating_mul(DESCRIPTOR_BYTES as u64))
}
