//! The bytes of the EFI tables.
//!
//! Source: UEFI 2.10 section 4.2.1 (EFI_TABLE_HEADER), 4.3.1 (EFI_SYSTEM_TABLE), 4.5.1
//! (EFI_RUNTIME_SERVICES), 4.6 (EFI_CONFIGURATION_TABLE).

use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::Services;
use super::crc::crc32;

/// UEFI 2.10.
const REVISION: u32 = 2 << 16 | 100;
/// Who made the tables, in UTF-16 with a terminating zero: `Bulkhead`.
pub(super) const VENDOR: [u8; 18] = *b"B\0u\0l\0k\0h\0e\0a\0d\0\0\0";
/// `EFI_ACPI_20_TABLE_GUID`, 8868e871-e4f1-11d3-bc22-0080c73c8881.
pub(super) const ACPI_20_GUID: [u8; 16] = [
    0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81,
];
/// `SMBIOS3_TABLE_GUID`, f2fd1544-9794-4a2c-992e-e5bbcf20e394.
pub(super) const SMBIOS3_GUID: [u8; 16] = [
    0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94,
];

#[derive(FromZeros, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Header {
    signature: [u8; 8],
    revision: U32,
    /// Of the whole table, in bytes.
    header_size: U32,
    /// 16: of the whole table, with this field 0.
    crc32: U32,
    reserved: U32,
}

const _: () = assert!(size_of::<Header>() == 24);
const _: () = assert!(offset_of!(Header, crc32) == 16);

impl Header {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "both tables have far less than 4 GiB"
    )]
    fn new(signature: &[u8; 8], size: usize) -> Self {
        let mut header = Self::new_zeroed();
        header.signature = *signature;
        header.revision = U32::new(REVISION);
        header.header_size = U32::new(size as u32);
        header
    }
}

#[derive(FromZeros, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct SystemTable {
    header: Header,
    /// 24.
    firmware_vendor: U64,
    firmware_revision: U32,
    padding: U32,
    /// 40: input, output and error console, each a handle and an interface: none.
    consoles: [U64; 6],
    /// 88.
    runtime_services: U64,
    /// 96: none: boot services have been exited.
    boot_services: U64,
    /// 104.
    configuration_entries: U64,
    configuration_table: U64,
}

const _: () = assert!(size_of::<SystemTable>() == SYSTEM_TABLE_BYTES);
const _: () = assert!(offset_of!(SystemTable, firmware_vendor) == 24);
const _: () = assert!(offset_of!(SystemTable, runtime_services) == 88);
const _: () = assert!(offset_of!(SystemTable, configuration_entries) == 104);

/// Bytes of the system table.
pub(super) const SYSTEM_TABLE_BYTES: usize = 120;
/// Bytes of the runtime services table.
pub(super) const RUNTIME_SERVICES_BYTES: usize = 24 + 14 * 8;
/// `LINUX_EFI_RANDOM_SEED_TABLE_GUID`, 1ce1e5bc-7ceb-42f2-81e5-8aadf180f57b.
pub(super) const RANDOM_SEED_GUID: [u8; 16] = [
    0xbc, 0xe5, 0xe1, 0x1c, 0xeb, 0x7c, 0xf2, 0x42, 0x81, 0xe5, 0x8a, 0xad, 0xf1, 0x80, 0xf5, 0x7b,
];
/// `EFI_RT_PROPERTIES_TABLE_GUID`, eb66918a-7eef-402a-842e-931d21c38ae9.
const RT_PROPERTIES_GUID: [u8; 16] = [
    0x8a, 0x91, 0x66, 0xeb, 0xef, 0x7e, 0x2a, 0x40, 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9,
];
/// Entries of the configuration table.
const CONFIGURATION_ENTRIES: usize = 4;
/// Bytes of one.
const ENTRY_BYTES: usize = 24;
/// Bytes of the configuration table.
pub(super) const CONFIGURATION_TABLE_BYTES: usize = CONFIGURATION_ENTRIES * ENTRY_BYTES;

/// Addresses of what the system table points to.
pub(super) struct Pointers {
    pub(super) vendor: u64,
    pub(super) runtime_services: u64,
    pub(super) configuration_table: u64,
}

/// The system table.
pub(super) fn system_table(to: &Pointers) -> [u8; SYSTEM_TABLE_BYTES] {
    let mut table = SystemTable::new_zeroed();
    table.header = Header::new(b"IBI SYST", SYSTEM_TABLE_BYTES);
    table.firmware_vendor = to.vendor.into();
    table.firmware_revision = U32::new(1);
    table.runtime_services = to.runtime_services.into();
    table.configuration_entries = U64::new(CONFIGURATION_ENTRIES as u64);
    table.configuration_table = to.configuration_table.into();
    table.header.crc32 = crc32(table.as_bytes()).into();
    zerocopy::transmute!(table)
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct RuntimeServices {
    header: Header,
    /// 24: in the order of [`Services`].
    services: [U64; 14],
}

const _: () = assert!(size_of::<RuntimeServices>() == RUNTIME_SERVICES_BYTES);
const _: () = assert!(offset_of!(RuntimeServices, services) == 24);

/// The runtime services table.
pub(super) fn runtime_services(services: &Services) -> [u8; RUNTIME_SERVICES_BYTES] {
    let mut table = RuntimeServices {
        header: Header::new(b"RUNTSERV", RUNTIME_SERVICES_BYTES),
        services: services.to_array().map(U64::new),
    };
    table.header.crc32 = crc32(table.as_bytes()).into();
    zerocopy::transmute!(table)
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct ConfigurationEntry {
    guid: [u8; 16],
    table: U64,
}

const _: () = assert!(size_of::<ConfigurationEntry>() == ENTRY_BYTES);

/// Bytes of the table of services.
pub(super) const RT_PROPERTIES_BYTES: usize = 8;

/// Which services do something: those that the kernel's `partition/call.rs` serves, and `ResetSystem`.
/// Firmware that has not all has to tell (`EFI_RT_PROPERTIES_TABLE`, UEFI 2.10 §4.6.2).
pub(super) const fn rt_properties() -> [u8; RT_PROPERTIES_BYTES] {
    const GET_TIME: u16 = 0x1;
    const SET_TIME: u16 = 0x2;
    const VARIABLES: u16 = 0x10 | 0x20 | 0x40;
    const SET_VIRTUAL_ADDRESS_MAP: u16 = 0x80;
    const RESET_SYSTEM: u16 = 0x400;
    const QUERY_VARIABLE_INFO: u16 = 0x2000;
    let served = GET_TIME
        | SET_TIME
        | VARIABLES
        | SET_VIRTUAL_ADDRESS_MAP
        | RESET_SYSTEM
        | QUERY_VARIABLE_INFO;
    let [low, high] = served.to_le_bytes();
    // Version 1, and its own length.
    [1, 0, 8, 0, low, high, 0, 0]
}

/// The configuration table: the RSDP, SMBIOS's entry point, the seed for Linux, and which services
/// there are.
pub(super) fn configuration_table(
    rsdp: u64,
    smbios: u64,
    seed: u64,
    rt_properties: u64,
) -> [u8; CONFIGURATION_TABLE_BYTES] {
    let entry = |guid, table: u64| ConfigurationEntry {
        guid,
        table: table.into(),
    };
    zerocopy::transmute!([
        entry(ACPI_20_GUID, rsdp),
        entry(SMBIOS3_GUID, smbios),
        entry(RANDOM_SEED_GUID, seed),
        entry(RT_PROPERTIES_GUID, rt_properties),
    ])
}
