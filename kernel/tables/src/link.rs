//! The configuration space of a link's PCI function, which lies in plain memory.
//!
//! What a Linux writes there is kept, and that is all: nobody acts on it. So nothing may depend on a
//! register that answers otherwise than it was written. Linux (`drivers/pci/probe.c`, `__pci_read_base()`)
//! sizes a base address register by writing ones, and takes one that reads back nothing but ones as
//! not there. The ROM's register is left with its low bits set, which makes that true of it, too (up to
//! 6.13; later ones find a ROM of 2 KiB, and no room for it). The addresses come from Enhanced Allocation
//! (`drivers/pci/pci.c`, `pci_ea_read()`), and are fixed by it.
//!
//! Source: PCI Express Base Specification 5.0 section 7.5.1 (type 0 header), 7.8.5 (Enhanced Allocation),
//! 7.7.2 (MSI-X), 7.9.4 (vendor-specific capability).

use alloc::string::String;
use core::mem::size_of;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Vendor and device: registered with nobody.
pub const ID: (u16, u16) = (0xb1f0, 0x1100);
/// What the vendor-specific capability begins with.
pub const MAGIC: [u8; 4] = *b"BLKH";
/// The form of all this.
pub const VERSION: u8 = 1;
/// Interrupts of each side.
pub const VECTORS: u8 = 4;
/// Bytes of an entry of an MSI-X table.
pub const ENTRY_BYTES: usize = 16;
/// Where the vendor-specific capability is.
pub const OWN: usize = 0x70;
/// Bytes of a name there, filled up with zeros.
pub const NAME_BYTES: usize = 16;

/// Where the pending bits are, behind the table.
const PENDING: u32 = 0x800;
/// Status: there are capabilities.
const CAPABILITIES: u16 = 1 << 4;
/// A base address of 64 bits, and an offset of 64 bits.
const IS_64: u32 = 1 << 1;
const ENABLED: u32 = 1 << 31;
/// The entry has no secondary properties.
const NO_SECONDARY: u32 = 0xff << 16;
/// Doublewords behind an entry's first one.
const ENTRY_SIZE: u32 = 4;

/// What a link's function says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// What base address register 0 shows: first address and number of bytes, in whole pages.
    pub window: (u64, u64),
    /// Where this side's MSI-X table is in it.
    pub table_offset: u32,
    /// Whether this is side 1.
    pub is_second: bool,
    /// The partition itself and the one at the other end.
    pub names: [&'a str; 2],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Function {
    vendor: U16,
    device: U16,
    command: U16,
    status: U16,
    revision: u8,
    class: [u8; 3],
    cache_and_type: [u8; 4],
    bars: [U32; 6],
    cardbus: U32,
    subsystem: [U16; 2],
    rom: U32,
    first_capability: u8,
    reserved: [u8; 7],
    interrupt: [u8; 4],
    /// At 0x40.
    allocation: Allocation,
    reserved2: [u8; 8],
    /// At 0x60.
    msix: Msix,
    reserved3: [u8; 4],
    /// At 0x70.
    own: Own,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Allocation {
    id: u8,
    next: u8,
    entries: U16,
    entry: U32,
    base: U32,
    most: U32,
    base_high: U32,
    most_high: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Msix {
    id: u8,
    next: u8,
    control: U16,
    table: U32,
    pending: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C, packed)]
struct Own {
    id: u8,
    next: u8,
    length: u8,
    version: u8,
    magic: [u8; 4],
    side: u8,
    vectors: u8,
    reserved: [u8; 6],
    names: [[u8; NAME_BYTES]; 2],
}

/// As the capability says it.
const OWN_BYTES: u8 = 0x30;

const _: () = assert!(size_of::<Own>() == OWN_BYTES as usize);
const _: () = assert!(core::mem::offset_of!(Function, rom) == 0x30);
const _: () = assert!(core::mem::offset_of!(Function, allocation) == 0x40);
const _: () = assert!(core::mem::offset_of!(Function, msix) == 0x60);
const _: () = assert!(core::mem::offset_of!(Function, own) == OWN);
/// Bytes that are written; the rest of the function's page, and of its bus, is zero: nobody is there.
pub const BYTES: usize = size_of::<Function>();

impl Link<'_> {
    /// The bytes at the beginning of its bus's configuration space.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let (first, size) = self.window;
        let most = size.saturating_sub(1);
        let function = Function {
            vendor: ID.0.into(),
            device: ID.1.into(),
            command: U16::ZERO,
            status: CAPABILITIES.into(),
            revision: VERSION,
            // A memory controller of no special kind: no driver takes it by its class.
            class: [0, 0x80, 0x05],
            cache_and_type: [0; 4],
            bars: [U32::ZERO; 6],
            cardbus: U32::ZERO,
            subsystem: [ID.0.into(), ID.1.into()],
            rom: U32::new(0x7ff),
            first_capability: 0x40,
            reserved: [0; 7],
            interrupt: [0; 4],
            allocation: Allocation {
                id: 0x14,
                next: 0x60,
                entries: U16::new(1),
                entry: (ENABLED | NO_SECONDARY | ENTRY_SIZE).into(),
                base: (low(first) & !3 | IS_64).into(),
                most: (low(most) & !3 | IS_64).into(),
                base_high: low(first >> 32).into(),
                most_high: low(most >> 32).into(),
            },
            reserved2: [0; 8],
            msix: Msix {
                id: 0x11,
                next: 0x70,
                control: u16::from(VECTORS - 1).into(),
                table: self.table_offset.into(),
                pending: (self.table_offset + PENDING).into(),
            },
            reserved3: [0; 4],
            own: Own {
                id: 0x09,
                next: 0,
                length: OWN_BYTES,
                version: VERSION,
                magic: MAGIC,
                side: u8::from(self.is_second),
                vectors: VECTORS,
                reserved: [0; 6],
                names: self.names.map(padded),
            },
        };
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(function.as_bytes());
        bytes
    }
}

/// An MSI-X table after a reset: every entry is masked.
#[must_use]
pub fn masked_table() -> [u8; VECTORS as usize * ENTRY_BYTES] {
    let mut table = [0; VECTORS as usize * ENTRY_BYTES];
    for entry in table.chunks_mut(ENTRY_BYTES) {
        if let Some(control) = entry.get_mut(12) {
            *control = 1;
        }
    }
    table
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn low(value: u64) -> u32 {
    value as u32
}

fn padded(name: &str) -> [u8; NAME_BYTES] {
    let mut bytes = [0; NAME_BYTES];
    for (to, byte) in bytes.iter_mut().zip(name.bytes()) {
        *to = byte;
    }
    bytes
}

/// What a Linux reads of a link in its function's configuration space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// First address and number of bytes of base address register 0.
    pub window: (u64, u64),
    /// Whether this is side 1.
    pub is_second: bool,
    /// The partition itself and the one at the other end.
    pub names: [String; 2],
}

impl Told {
    /// Reads it; `None` if that is no link of this form. What a Linux may have written there, and what it
    /// wrote wrongly, is not looked at.
    #[must_use]
    pub fn read(config: &[u8]) -> Option<Self> {
        let (function, _) = Function::read_from_prefix(config).ok()?;
        let id = (function.vendor.get(), function.device.get());
        let own = &function.own;
        if id != ID || own.magic != MAGIC || own.version != VERSION {
            return None;
        }
        let wide = |low: U32, high: U32| u64::from(high.get()) << 32 | u64::from(low.get() & !3);
        let allocation = &function.allocation;
        let first = wide(allocation.base, allocation.base_high);
        let most = wide(allocation.most, allocation.most_high) | 3;
        Some(Self {
            window: (first, most.checked_add(1)?),
            is_second: own.side == 1,
            names: [name(own.names[0])?, name(own.names[1])?],
        })
    }
}

/// A name is ASCII, as the shell has it.
fn name(bytes: [u8; NAME_BYTES]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let text = core::str::from_utf8(&bytes[..end.unwrap_or(NAME_BYTES)]).ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!text.is_empty() && text.bytes().all(is_plain)).then(|| text.into())
}
