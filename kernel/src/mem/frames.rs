//! Whole pages for the kernel, taken from free RAM before anybody claims it.
//!
//! What is taken is resident, and never given back, but for what the heap turns out not to need.

use alloc::string::ToString;
use alloc::vec::Vec;

use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::Resident;

use crate::sync::IrqLock;

struct Frames {
    free: RegionSet,
    taken: Vec<Resident>,
}

static FRAMES: IrqLock<Frames> = IrqLock::new(Frames {
    free: RegionSet::new(),
    taken: Vec::new(),
});

/// Starts the ledger.
///
/// # Safety
/// 1. To be called once.
/// 2. `free` is RAM of which nothing is needed any more: neither the image nor what the loader
///    brought, and nothing of firmware's.
/// 3. Who uses RAM later asks [`taken`] what is not to be had.
pub(crate) unsafe fn init(free: RegionSet) {
    FRAMES.lock().free = free;
}

/// Takes `bytes` (rounded up to pages) of zeroed RAM above 1 MiB and below 4 GiB.
///
/// # Panics
/// If there is no such RAM: nothing can work then.
pub(crate) fn take(bytes: u64, what: &str) -> Region {
    let window = Region::from_bounds(1 << 20, 4 << 30).expect("constant");
    let region = take_within(bytes, window, what).expect("no free RAM below 4 GiB");
    // SAFETY: free RAM a moment ago, by the contract of `init`; ours now.
    unsafe { super::phys::clear(region) };
    region
}

/// Takes `bytes` (rounded up to pages) inside `window`, not cleared.
pub(crate) fn take_within(bytes: u64, window: Region, what: &str) -> Option<Region> {
    let mut frames = FRAMES.lock();
    let region = frames
        .free
        .within(window)
        .lowest_fit(bytes.next_multiple_of(PAGE), PAGE)?;
    frames.free.remove(region);
    frames.taken.push(Resident {
        region,
        what: what.to_string(),
    });
    Some(region)
}

/// Gives back all of a region that was taken but its first `kept` bytes, whole pages.
pub(crate) fn give_back(region: Region, kept: u64) {
    let mut frames = FRAMES.lock();
    let Some(rest) = Region::from_bounds(region.start().saturating_add(kept), region.end()) else {
        return;
    };
    let mut taken = frames.taken.iter_mut();
    if let Some(resident) = taken.find(|resident| resident.region == region)
        && let Some(region) = Region::new(region.start(), kept)
    {
        resident.region = region;
        frames.free.insert(rest);
    }
}

/// All that was taken, for the machine's description.
pub(crate) fn taken() -> Vec<Resident> {
    FRAMES.lock().taken.clone()
}
