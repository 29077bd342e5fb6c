//! The small heap: part of the image, so that whatever it holds stays resident.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, addr_of_mut};

use linked_list_allocator::Heap;

use crate::layout::HEAP;
use crate::sync::IrqLock;

struct KernelHeap(IrqLock<Heap>);

#[global_allocator]
static ALLOCATOR: KernelHeap = KernelHeap(IrqLock::new(Heap::empty()));

#[repr(C, align(4096))]
struct Arena([u8; HEAP]);

#[unsafe(link_section = ".bss.page_aligned")]
static mut ARENA: Arena = Arena([0; HEAP]);

/// Makes the heap usable.
///
/// # Safety
/// To be called once, before the first allocation.
pub(crate) unsafe fn init() {
    // SAFETY: by the caller's contract nobody else has a pointer into the arena.
    unsafe { ALLOCATOR.0.lock().init(addr_of_mut!(ARENA).cast(), HEAP) };
}

/// Bytes in use and in all.
pub(crate) fn usage() -> (usize, usize) {
    let heap = ALLOCATOR.0.lock();
    (heap.used(), heap.size())
}

// SAFETY: the inner heap hands out disjoint, aligned blocks of the arena; the lock serializes it.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0
            .lock()
            .allocate_first_fit(layout)
            .map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if let Some(ptr) = NonNull::new(ptr) {
            // SAFETY: by `GlobalAlloc`'s contract the block came from `alloc` with this layout.
            unsafe { self.0.lock().deallocate(ptr, layout) };
        }
    }
}
