//! Base address registers (PCI §6.2.5.1).

use alloc::vec::Vec;

use bulkhead_memory::Region;

use crate::WindowKind;
use crate::config::Registers;
use crate::register::BARS;

/// BARs of a function that is no bridge; a bridge has [`BRIDGE_BARS`].
pub(crate) const ENDPOINT_BARS: u8 = 6;
/// BARs of a bridge.
pub(crate) const BRIDGE_BARS: u8 = 2;

const IO: u32 = 1 << 0;
const TYPE: u32 = 0b110;
const TYPE_64: u32 = 0b100;
const PREFETCHABLE: u32 = 1 << 3;

/// Room for registers that a function asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Index of the (first) register, below 6.
    pub index: u8,
    /// I/O or memory, and how wide the address is.
    pub kind: BarKind,
    /// Reads have no side effects, writes may be merged.
    pub prefetchable: bool,
    /// Bytes (ports for I/O), a power of two; the address is a multiple of it.
    pub size: u64,
    /// Where it is; `None`: nowhere, since the firmware left it at 0.
    pub address: Option<u64>,
}

/// Kinds of BARs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// I/O ports.
    Io,
    /// Memory below 4 GiB.
    Memory32,
    /// Memory anywhere; takes two registers.
    Memory64,
}

impl Bar {
    /// What it occupies; `None` if unassigned, or if its address and size wrap.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        Region::new(self.address?, self.size)
    }

    /// The kind of window it belongs into by its own words.
    pub(crate) fn window_kind(&self) -> WindowKind {
        match self.kind {
            BarKind::Io => WindowKind::Io,
            _ if self.prefetchable => WindowKind::Prefetchable,
            _ => WindowKind::Memory,
        }
    }

    /// The values of its register and, of a wide one, the next.
    pub(crate) fn values(&self) -> (u32, Option<u32>) {
        let address = self.address.unwrap_or(0);
        let prefetchable = if self.prefetchable { PREFETCHABLE } else { 0 };
        let lower = (address & 0xffff_ffff) as u32;
        match self.kind {
            BarKind::Io => (lower & !0b11 | IO, None),
            BarKind::Memory32 => (lower & !0xf | prefetchable, None),
            BarKind::Memory64 => (
                lower & !0xf | TYPE_64 | prefetchable,
                Some((address >> 32) as u32),
            ),
        }
    }
}

/// Sizes the first `count` BARs by writing ones and puts them back. The caller has turned the
/// function's decode off: for a moment the registers hold the top of the address space.
pub(crate) fn size(registers: Registers<'_>, count: u8) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut index = 0;
    while index < count {
        let value = registers.read(offset(index));
        let wide = value & IO == 0 && value & TYPE == TYPE_64;
        // All ones: the function has vanished. A wide one in the last register has no upper half.
        let usable = value != u32::MAX && !(wide && index + 1 == count);
        if usable {
            bars.extend(size_one(registers, index, value, wide));
        }
        index += if wide { 2 } else { 1 };
    }
    bars.shrink_to_fit(); // they are kept
    bars
}

fn size_one(registers: Registers<'_>, index: u8, value: u32, wide: bool) -> Option<Bar> {
    let probe = |index| {
        let register = offset(index);
        let found = registers.read(register);
        registers.write(register, u32::MAX);
        let mask = registers.read(register);
        registers.write(register, found);
        (found, mask)
    };
    let (_, mask) = probe(index);
    if mask == u32::MAX {
        return None;
    }
    let (upper, upper_mask) = if wide { probe(index + 1) } else { (0, 0) };
    let is_io = value & IO != 0;
    let (kind, address, mask, all) = if is_io {
        // The upper 16 bits may be wired to 0; the lowest set bit is all that counts.
        (
            BarKind::Io,
            u64::from(value & !0b11),
            u64::from(mask & !0b11),
            u64::from(!0b11u16),
        )
    } else if wide {
        let join = |low: u32, high: u32| u64::from(low & !0xf) | u64::from(high) << 32;
        (
            BarKind::Memory64,
            join(value, upper),
            join(mask, upper_mask),
            !0xf,
        )
    } else {
        // Type 01 (below 1 MiB, PCI 2.x) and the reserved 11 are taken as 32-bit, as Linux does.
        (
            BarKind::Memory32,
            u64::from(value & !0xf),
            u64::from(mask & !0xf),
            u64::from(!0xfu32),
        )
    };
    let size = size_of_mask(address, mask, all);
    (size != 0).then_some(Bar {
        index,
        kind,
        prefetchable: !is_io && value & PREFETCHABLE != 0,
        size,
        address: (address != 0).then_some(address),
    })
}

/// The size that a BAR at `address` has, of which `mask` can be set, and `all` if it were the whole
/// address space: a power of two, or 0 if the BAR is not there (Linux's `pci_size()`).
fn size_of_mask(address: u64, mask: u64, all: u64) -> u64 {
    // The lowest bit that can be set.
    let size = mask & mask.wrapping_neg();
    // What can't be written, and would not reach to the end of the address space, is a register of
    // some other use: host bridges of AMD's 780 and 880 have one.
    let is_fixed = mask == address;
    if is_fixed && (address | size.saturating_sub(1)) & all != all {
        return 0;
    }
    size
}

pub(crate) fn offset(index: u8) -> u16 {
    BARS + 4 * u16::from(index)
}
