//! The images' bytes: where the loader left them, never written, never given up.

use alloc::vec::Vec;

use bulkhead_memory::Region;
use spin::Once;

use crate::boot::Module;
use crate::mem::phys;

static PLACES: Once<Vec<Region>> = Once::new();

/// Remembers where the images are.
///
/// # Safety
/// 1. The loader wrote the modules into RAM.
/// 2. Nobody writes there from now on: the pages are never free.
pub(crate) unsafe fn keep(modules: &[Module]) {
    PLACES.call_once(|| modules.iter().filter_map(|module| module.region).collect());
}

/// The bytes of an image; none if there is no image just there.
pub(crate) fn bytes(region: Region) -> &'static [u8] {
    let is_image = PLACES.get().is_some_and(|places| places.contains(&region));
    if !is_image || !phys::reaches(region) {
        return &[];
    }
    // SAFETY: mapped RAM that nobody writes, by the contract of `keep`.
    unsafe { phys::bytes(region) }
}
