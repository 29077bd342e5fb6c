//! What each partition keeps in its firmware over its restarts: its variables and its clock.
//!
//! Used by the partition's own cores while it is live; made and dropped by the shell's core while it
//! is at rest, as plans are. A partition without one, for want of memory, can keep nothing and is told
//! so by the status of a write.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicPtr, Ordering};

use bulkhead_services::Store;
use bulkhead_services::clock::Offset;

use crate::layout::MAX_PARTITIONS;

/// Swapped by the shell's core; read by a live partition's cores.
static STORES: [AtomicPtr<Store>; MAX_PARTITIONS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_PARTITIONS];

static OFFSETS: [Offset; MAX_PARTITIONS] = [const { Offset::new() }; MAX_PARTITIONS];

/// Works on the variables of a partition, if there are any.
///
/// # Safety
/// The partition is live, and this core is one of its own.
pub(super) unsafe fn with<T>(partition: usize, work: impl FnOnce(Option<&Store>) -> T) -> T {
    let store = STORES.get(partition);
    let store = store.map_or(core::ptr::null_mut(), |store| store.load(Ordering::Acquire));
    // SAFETY: it came from `Box::into_raw`, and is dropped only while the partition is at rest.
    work(unsafe { store.as_ref() })
}

/// The clock of a partition.
pub(super) fn offset(partition: usize) -> Option<&'static Offset> {
    OFFSETS.get(partition)
}

/// Gives a partition an empty store, unless it has one.
///
/// # Safety
/// To be called by the shell's core alone, while the partition is at rest.
pub(super) unsafe fn provide(partition: usize) {
    if let Some(place) = STORES.get(partition)
        && place.load(Ordering::Acquire).is_null()
        && let Some(store) = Store::try_new()
    {
        place.store(Box::into_raw(Box::new(store)), Ordering::Release);
    }
}

/// Drops what a partition kept.
///
/// # Safety
/// As [`provide`].
pub(crate) unsafe fn forget(partition: usize) {
    if let Some(offset) = OFFSETS.get(partition) {
        offset.clear();
    }
    if let Some(place) = STORES.get(partition) {
        let old = place.swap(core::ptr::null_mut(), Ordering::AcqRel);
        if !old.is_null() {
            // SAFETY: it came from `Box::into_raw` above, and no core of the partition looks at it.
            drop(unsafe { Box::from_raw(old) });
        }
    }
}
