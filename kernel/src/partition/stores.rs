//! What each partition keeps in its firmware over its restarts: its variables and its clock.
//!
//! The variables lie in the partition's own RAM, in its firmware block, so that they cost none of
//! Bulkhead's. They are used by the partition's own cores while it is live; where they lie is said, and
//! forgotten, by the shell's core while it is at rest, as plans are.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use bulkhead_memory::Region;
use bulkhead_services::clock::Offset;
use bulkhead_services::{Book, STORE_BYTES, Store};

use crate::layout::MAX_PARTITIONS;
use crate::mem::phys;

/// Physical addresses, 0 for none: swapped by the shell's core; read by a live partition's cores.
static PLACES: [AtomicU64; MAX_PARTITIONS] = [const { AtomicU64::new(0) }; MAX_PARTITIONS];

static BOOKS: [Book; MAX_PARTITIONS] = [const { Book::new() }; MAX_PARTITIONS];

static OFFSETS: [Offset; MAX_PARTITIONS] = [const { Offset::new() }; MAX_PARTITIONS];

/// Works on the variables of a partition, if there are any.
///
/// # Safety
/// The partition is live, and this core is one of its own.
pub(super) unsafe fn with<T>(partition: usize, work: impl FnOnce(Option<Store<'_>>) -> T) -> T {
    let store = PLACES.get(partition).zip(BOOKS.get(partition));
    work(store.and_then(|(place, book)| {
        let place = place.load(Ordering::Acquire);
        let bytes = phys::pointer::<[AtomicU8; STORE_BYTES]>(place);
        // SAFETY: RAM of the partition, of that size, as long as it is live; its Linux may write there
        // too, so it is read and written as atomic bytes.
        (place != 0).then(|| Store::new(unsafe { &*bytes }, book))
    }))
}

/// The clock of a partition.
pub(super) fn offset(partition: usize) -> Option<&'static Offset> {
    OFFSETS.get(partition)
}

/// Lets go of what a core held that was reset. No core of the partition is in its store: it is being
/// launched.
pub(super) fn release(partition: usize) {
    if let Some(book) = BOOKS.get(partition) {
        book.begin();
    }
}

/// Empties the variables of a partition. No core of it is in its store.
pub(super) fn clear(partition: usize) {
    if let Some(book) = BOOKS.get(partition) {
        book.clear();
    }
}

/// Says where the variables of a partition lie. They are kept if they lie there already.
///
/// # Safety
/// 1. To be called by the shell's core alone, while the partition is at rest.
/// 2. `region` has [`STORE_BYTES`] and is of RAM that is the partition's until [`forget`].
pub(super) unsafe fn provide(partition: usize, region: Region) {
    if let Some(place) = PLACES.get(partition)
        && place.swap(region.start(), Ordering::AcqRel) != region.start()
    {
        clear(partition);
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
    if let Some(place) = PLACES.get(partition) {
        place.store(0, Ordering::Release);
    }
    clear(partition);
}
