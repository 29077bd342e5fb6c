//! Physical memory through the identity map.
//!
//! Before [`super::paging::activate`] the loader's mapping is used: physical address plus a
//! constant offset (0 under Multiboot2, the higher-half direct map under Limine).

use core::marker::PhantomData;
use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_firmware::PhysicalMemory;
use bulkhead_memory::Region;

use crate::boot::Alone;

static OFFSET: AtomicU64 = AtomicU64::new(0);
/// One past the highest address that is mapped.
static LIMIT: AtomicU64 = AtomicU64::new(4 << 30);

/// Says where this core's page tables map physical memory: at `offset`, up to `limit`. The offset
/// is 0 once the identity map is active.
///
/// # Safety
/// 1. They do, readable and writable.
/// 2. They do for as long as this is not called again; pointers made before are not used any more.
pub(super) unsafe fn set_window(offset: u64, limit: u64) {
    OFFSET.store(offset, Ordering::Relaxed);
    LIMIT.store(limit, Ordering::Relaxed);
}

/// Tells where the loader maps physical memory below 4 GiB.
///
/// # Safety
/// The loader's page tables are in use, and map it there.
pub(crate) unsafe fn set_loader_offset(offset: u64) {
    // SAFETY: by the caller's contract; there are no pointers yet.
    unsafe { set_window(offset, 4 << 30) };
}

/// The loader's offset, to turn its pointers back into physical addresses.
pub(crate) fn offset() -> u64 {
    OFFSET.load(Ordering::Relaxed)
}

/// The pointer through which the kernel reaches physical address `address`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
pub(crate) fn pointer<T>(address: u64) -> *mut T {
    core::ptr::with_exposed_provenance_mut((address + offset()) as usize)
}

/// One past the highest address that is mapped.
pub(crate) fn reach() -> u64 {
    LIMIT.load(Ordering::Relaxed)
}

/// Whether all of the region is mapped.
pub(crate) fn reaches(region: Region) -> bool {
    region.end() <= reach()
}

/// The bytes of a region.
///
/// # Safety
/// The region must be mapped RAM or readable firmware memory that nobody writes while the slice lives.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
pub(crate) unsafe fn bytes<'a>(region: Region) -> &'a [u8] {
    // SAFETY: by the caller's contract.
    unsafe { core::slice::from_raw_parts(pointer(region.start()), region.size() as usize) }
}

/// Copies `from` to physical address `to`.
///
/// # Safety
/// Both ranges must be RAM that the caller owns, and must not overlap.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
pub(crate) unsafe fn copy(from: Region, to: u64) {
    // SAFETY: by the caller's contract.
    unsafe {
        core::ptr::copy_nonoverlapping::<u8>(
            pointer(from.start()),
            pointer(to),
            from.size() as usize,
        );
    }
}

/// Writes `bytes` at physical address `to`.
///
/// # Safety
/// The range must be RAM that the caller owns.
pub(crate) unsafe fn write(to: u64, bytes: &[u8]) {
    // SAFETY: by the caller's contract; `bytes` is the kernel's own memory, so they don't overlap.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), pointer(to), bytes.len()) }
}

/// Fills a region with zeros.
///
/// # Safety
/// The region must be RAM that the caller owns.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
pub(crate) unsafe fn clear(region: Region) {
    // SAFETY: by the caller's contract.
    unsafe { core::ptr::write_bytes::<u8>(pointer(region.start()), 0, region.size() as usize) }
}

/// Firmware's tables, read where firmware left them, while no Linux runs that could write there.
pub(crate) struct FirmwareMemory<'a>(PhantomData<&'a Alone>);

impl<'a> FirmwareMemory<'a> {
    /// All of it.
    pub(crate) const fn new(_: &'a Alone) -> Self {
        Self(PhantomData)
    }
}

impl PhysicalMemory for FirmwareMemory<'_> {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let region = Region::new(address, length as u64)?;
        if region.start() == 0 || !reaches(region) {
            return None;
        }
        // SAFETY: inside the identity map. The loader has handed over and no partition runs, so
        // that nobody writes firmware's tables; where the address is wrong the bytes are
        // meaningless, which the parsers expect.
        Some(unsafe { bytes(region) })
    }
}
