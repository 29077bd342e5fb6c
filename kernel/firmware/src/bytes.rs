//! Little-endian fields at byte offsets; `None` past the end.

use crate::PhysicalMemory;

/// The byte at an offset.
#[must_use]
pub fn u8_at(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(offset).copied()
}

/// The number of two bytes at an offset.
#[must_use]
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array_at(bytes, offset).map(u32::from_le_bytes)
}

/// The number of eight bytes at an offset.
#[must_use]
pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array_at(bytes, offset).map(u64::from_le_bytes)
}

/// The `N` bytes at `offset`.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// Whether the bytes add up to 0 modulo 256, as every ACPI checksum demands.
pub(crate) fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

/// Exactly `length` bytes of `memory`, whatever its implementor returns.
pub(crate) fn read(memory: &dyn PhysicalMemory, address: u64, length: usize) -> Option<&[u8]> {
    address.checked_add(length as u64)?;
    memory.bytes(address, length)?.get(..length)
}
