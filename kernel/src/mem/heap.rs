//! The small heap: whatever it holds stays resident.
//!
//! It begins with an arena in the image. Once RAM is known it gets one of its own, [`open`], with room
//! for the largest machine; once the machine is known it keeps what that one needs, [`settle`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, addr_of_mut};
use core::sync::atomic::{AtomicUsize, Ordering};

use bulkhead_memory::Region;
use spin::Once;

use super::arenas::{Arenas, Usage};
use super::{frames, phys};
use crate::layout::{BOOT_HEAP, EARLY_HEAP, FIRST_HEAP};
use crate::sync::IrqLock;

struct KernelHeap(IrqLock<Arenas>);

#[global_allocator]
static ALLOCATOR: KernelHeap = KernelHeap(IrqLock::new(Arenas::new()));

#[repr(C, align(4096))]
struct Arena([u8; EARLY_HEAP]);

#[unsafe(link_section = ".bss.page_aligned")]
static mut ARENA: Arena = Arena([0; EARLY_HEAP]);

/// What a command may need, in bytes.
static KEPT: AtomicUsize = AtomicUsize::new(BOOT_HEAP);

/// The RAM of the main arena, before it is settled how much of it is needed.
static ROOM: Once<Region> = Once::new();

/// Makes the heap usable.
///
/// # Safety
/// To be called once, before the first allocation.
pub(crate) unsafe fn init() {
    let arena = addr_of_mut!(ARENA).cast();
    // SAFETY: by the caller's contract nobody else has a pointer into the arena.
    unsafe { ALLOCATOR.0.lock().init_early(arena, EARLY_HEAP) };
}

/// Takes RAM for the main arena, up to `most` bytes: as much as there is in one piece, if that is
/// less, and [`BOOT_HEAP`] at least. For now [`FIRST_HEAP`] of it are used, and more if the boot needs it.
///
/// # Panics
/// If there are not even as many: nothing can work then.
///
/// # Safety
/// To be called once, when the kernel's own page tables are active.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
pub(crate) unsafe fn open(most: usize) {
    let window = Region::from_bounds(1 << 20, 4 << 30).expect("constant");
    let halves = core::iter::successors(Some(most), |bytes| Some(bytes / 2));
    let sizes = halves.take_while(|bytes| *bytes > BOOT_HEAP);
    let room = sizes
        .chain([BOOT_HEAP])
        .find_map(|bytes| frames::take_within(bytes as u64, window, "heap"))
        .expect("no free RAM below 4 GiB");
    let mut arenas = ALLOCATOR.0.lock();
    arenas.look_what_is_left();
    // SAFETY: free RAM a moment ago and ours now, mapped one to one for ever.
    unsafe { arenas.init_main(phys::pointer(room.start()), FIRST_HEAP) };
    // SAFETY: the same, up to what is given back when it is settled.
    unsafe { arenas.let_grow(room.size() as usize - FIRST_HEAP) };
    drop(arenas);
    ROOM.call_once(|| room);
}

/// Makes the main arena as large as the machine needs beyond what was left of the early one when it
/// was [opened](open), and gives the rest of its RAM back. Of that, `kept` bytes are for commands
/// ([`spare`]).
///
/// # Safety
/// To be called once, after [`open`].
pub(crate) unsafe fn settle(bytes: usize, kept: usize) {
    KEPT.store(kept, Ordering::Relaxed);
    let Some(room) = ROOM.get() else { return };
    let mut arenas = ALLOCATOR.0.lock();
    let bytes = bytes.saturating_sub(arenas.left());
    let size = arenas.settle(bytes);
    drop(arenas);
    if size < bytes {
        log::warn!("heap: {bytes} bytes are wanted, there are {size}");
    }
    frames::give_back(*room, size as u64);
}

/// What is in use.
pub(crate) fn usage() -> Usage {
    ALLOCATOR.0.lock().usage()
}

/// Bytes of the largest free block, to a KiB.
pub(crate) fn largest_free() -> usize {
    ALLOCATOR.0.lock().largest_free()
}

/// Bytes of the largest free block that no command will miss.
pub(crate) fn spare() -> usize {
    largest_free().saturating_sub(KEPT.load(Ordering::Relaxed))
}

// SAFETY: the inner heap hands out disjoint, aligned blocks of its arenas; the lock serializes it.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.lock().allocate(layout)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if let Some(ptr) = NonNull::new(ptr) {
            // SAFETY: by `GlobalAlloc`'s contract the block came from `alloc` with this layout.
            unsafe { self.0.lock().deallocate(ptr, layout) };
        }
    }
}
