//! The EFI memory map.
//!
//! Source: UEFI 2.10 section 7.2.3 (EFI_BOOT_SERVICES.GetMemoryMap). Linux reads it beside the
//! e820 map: its decompressor puts the kernel only where this map says *conventional*, and it
//! maps only what has the runtime attribute for the runtime services.

use core::fmt;
use core::mem::{offset_of, size_of};

use bulkhead_memory::{PAGE, Region};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes from one descriptor to the next. More than a descriptor has, as in most firmware, so
/// that no reader gets away with its own idea of the size.
pub(super) const DESCRIPTOR_BYTES: usize = 48;
/// `EFI_MEMORY_DESCRIPTOR_VERSION`.
pub(super) const DESCRIPTOR_VERSION: u32 = 1;

/// `EFI_MEMORY_WB`: cacheable memory.
const WRITE_BACK: u64 = 1 << 3;
/// `EFI_MEMORY_RUNTIME`: needed while the runtime services are.
const RUNTIME: u64 = 1 << 63;

/// What a range of memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// RAM for the operating system.
    Conventional,
    /// RAM that holds what the loader loaded; the operating system's once it has read it.
    LoaderData,
    /// Code of the runtime services.
    RuntimeCode,
    /// Data of the runtime services.
    RuntimeData,
    /// RAM that holds ACPI tables.
    AcpiReclaim,
    /// Not for the operating system.
    Reserved,
    /// RAM that the boot services used; the operating system's.
    BootServicesData,
}

impl Kind {
    /// `EFI_MEMORY_TYPE`.
    const fn number(self) -> u32 {
        match self {
            Self::Reserved => 0,
            Self::LoaderData => 2,
            Self::BootServicesData => 4,
            Self::RuntimeCode => 5,
            Self::RuntimeData => 6,
            Self::Conventional => 7,
            Self::AcpiReclaim => 9,
        }
    }

    const fn attributes(self) -> u64 {
        match self {
            Self::RuntimeCode | Self::RuntimeData => WRITE_BACK | RUNTIME,
            _ => WRITE_BACK,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Conventional => "conventional",
            Self::LoaderData => "loader data",
            Self::RuntimeCode => "runtime code",
            Self::RuntimeData => "runtime data",
            Self::AcpiReclaim => "ACPI tables",
            Self::Reserved => "reserved",
            Self::BootServicesData => "boot data",
        })
    }
}

/// A range of the memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Where; page-aligned.
    pub region: Region,
    /// What.
    pub kind: Kind,
}

#[derive(IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct RawDescriptor {
    kind: U32,
    padding: U32,
    /// 8.
    physical_start: U64,
    virtual_start: U64,
    /// 24.
    pages: U64,
    attribute: U64,
    /// Not of the specification: up to [`DESCRIPTOR_BYTES`].
    beyond: U64,
}

const _: () = assert!(size_of::<RawDescriptor>() == DESCRIPTOR_BYTES);
const _: () = assert!(offset_of!(RawDescriptor, physical_start) == 8);
const _: () = assert!(offset_of!(RawDescriptor, pages) == 24);
const _: () = assert!(offset_of!(RawDescriptor, beyond) == 40);

impl Descriptor {
    pub(super) fn to_bytes(self) -> [u8; DESCRIPTOR_BYTES] {
        zerocopy::transmute!(RawDescriptor {
            kind: self.kind.number().into(),
            padding: U32::ZERO,
            physical_start: self.region.start().into(),
            virtual_start: U64::ZERO,
            pages: (self.region.size() / PAGE).into(),
            attribute: self.kind.attributes().into(),
            beyond: U64::ZERO,
        })
    }
}

/// Whether `map` is what [`build`](super::build) asks for.
///
/// # Errors
/// [`MapError`] names the first range that is not.
pub fn check_map(map: &[Descriptor]) -> Result<(), MapError> {
    for descriptor in map {
        let region = descriptor.region;
        if !region.start().is_multiple_of(PAGE) || !region.end().is_multiple_of(PAGE) {
            return Err(MapError::Unaligned { region });
        }
    }
    for pair in map.windows(2) {
        let (first, second) = (pair[0].region, pair[1].region);
        if first.end() > second.start() {
            return Err(MapError::Disordered { first, second });
        }
    }
    Ok(())
}

/// Why ranges are no memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// A range that is not made of whole pages.
    Unaligned {
        /// It.
        region: Region,
    },
    /// Two neighbours that overlap or are in the wrong order.
    Disordered {
        /// The one before.
        first: Region,
        /// The one behind.
        second: Region,
    },
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unaligned { region } => {
                write!(
                    f,
                    "the EFI memory map has {region}, which is not made of whole pages"
                )
            }
            Self::Disordered { first, second } => {
                write!(f, "the EFI memory map has {first} before {second}")
            }
        }
    }
}

impl core::error::Error for MapError {}
