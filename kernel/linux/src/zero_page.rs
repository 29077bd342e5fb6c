//! The zero page's layout.
//!
//! Source: Linux `Documentation/arch/x86/zero-page.rst`, and `struct boot_params` of
//! `arch/x86/include/uapi/asm/bootparam.h`. Every field is little-endian and none is aligned.
//! What Bulkhead leaves at zero has no name here.

use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::boot_params::{EfiInfo, ZERO_PAGE_BYTES};
use crate::bzimage::header::{HEADER_LIMIT, HEADER_OFFSET};
use crate::e820::{E820Entry, MOST_ENTRIES};
use crate::screen::RawScreenInfo;

/// Low half of an address or size.
pub(crate) fn low(value: u64) -> U32 {
    U32::new((value & 0xffff_ffff) as u32)
}

/// High half.
pub(crate) fn high(value: u64) -> U32 {
    low(value >> 32)
}

/// `struct boot_params`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
pub(crate) struct ZeroPage {
    pub(crate) screen_info: RawScreenInfo,
    unused_040: [u8; 0x30],
    /// 0x070.
    pub(crate) acpi_rsdp_addr: U64,
    unused_078: [u8; 0x48],
    /// 0x0c0: high halves of what the setup header has the low halves of.
    pub(crate) ext_ramdisk_image: U32,
    pub(crate) ext_ramdisk_size: U32,
    pub(crate) ext_cmd_line_ptr: U32,
    unused_0cc: [u8; 0xf4],
    /// 0x1c0.
    pub(crate) efi_info: RawEfiInfo,
    unused_1e0: [u8; 8],
    /// 0x1e8.
    pub(crate) e820_entries: u8,
    unused_1e9: [u8; 3],
    /// 0x1ec: `enum efi_secureboot_mode`. Zero is "could not be determined", which a kernel warns of.
    pub(crate) secure_boot: u8,
    unused_1ed: [u8; 2],
    /// 0x1ef: zero says that the page was cleared before it was filled.
    sentinel: u8,
    unused_1f0: u8,
    /// 0x1f1.
    pub(crate) setup_header: [u8; HEADER_LIMIT - HEADER_OFFSET],
    unused_290: [u8; 0x40],
    /// 0x2d0.
    pub(crate) e820_table: [RawE820; MOST_ENTRIES],
    unused_cd0: [u8; 0x330],
}

const _: () = assert!(size_of::<ZeroPage>() == ZERO_PAGE_BYTES);
const _: () = assert!(offset_of!(ZeroPage, acpi_rsdp_addr) == 0x070);
const _: () = assert!(offset_of!(ZeroPage, ext_ramdisk_image) == 0x0c0);
const _: () = assert!(offset_of!(ZeroPage, efi_info) == 0x1c0);
const _: () = assert!(offset_of!(ZeroPage, e820_entries) == 0x1e8);
const _: () = assert!(offset_of!(ZeroPage, secure_boot) == 0x1ec);
const _: () = assert!(offset_of!(ZeroPage, sentinel) == 0x1ef);
const _: () = assert!(offset_of!(ZeroPage, setup_header) == HEADER_OFFSET);
const _: () = assert!(offset_of!(ZeroPage, e820_table) == 0x2d0);

/// `efi_secureboot_mode_disabled` (`include/linux/efi.h`).
pub(crate) const SECURE_BOOT_DISABLED: u8 = 2;

/// `struct efi_info`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
pub(crate) struct RawEfiInfo {
    /// `EL64`: the firmware is 64-bit.
    loader_signature: [u8; 4],
    systab: U32,
    memdesc_size: U32,
    memdesc_version: U32,
    memmap: U32,
    memmap_size: U32,
    systab_hi: U32,
    memmap_hi: U32,
}

const _: () = assert!(size_of::<RawEfiInfo>() == 0x20);

impl From<EfiInfo> for RawEfiInfo {
    fn from(efi: EfiInfo) -> Self {
        Self {
            loader_signature: *b"EL64",
            systab: low(efi.system_table),
            memdesc_size: efi.descriptor_bytes.into(),
            memdesc_version: efi.descriptor_version.into(),
            memmap: low(efi.memory_map),
            memmap_size: efi.memory_map_bytes.into(),
            systab_hi: high(efi.system_table),
            memmap_hi: high(efi.memory_map),
        }
    }
}

/// `struct boot_e820_entry`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
pub(crate) struct RawE820 {
    addr: U64,
    size: U64,
    kind: U32,
}

const _: () = assert!(size_of::<RawE820>() == 20);

impl From<E820Entry> for RawE820 {
    fn from(entry: E820Entry) -> Self {
        Self {
            addr: entry.region.start().into(),
            size: entry.region.size().into(),
            kind: (entry.kind as u32).into(),
        }
    }
}
