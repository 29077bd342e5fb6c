//! A global allocator that is the kernel's own, for what a test wants measured.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
use std::alloc::System;
use std::cell::Cell;
use std::sync::Mutex;

#[path = "../../../kernel/src/mem/arenas.rs"]
mod arenas;

use arenas::Arenas;
pub(crate) use arenas::Usage;

struct Switched;

#[global_allocator]
static ALLOCATOR: Switched = Switched;

/// The arena of the test that runs, and where it lies.
static ARENA: Mutex<(Arenas, usize, usize)> = Mutex::new((Arenas::new(), 0, 0));
/// Held by the test that has the arena.
static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
    static HIGH: Cell<usize> = const { Cell::new(0) };
    static REFUSED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: a block is the arena's or the system's, and its address tells which.
unsafe impl GlobalAlloc for Switched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_INSIDE.get() {
            let mut arena = ARENA.lock().unwrap();
            let block = arena.0.allocate(layout);
            let used = arena.0.usage().used;
            drop(arena);
            HIGH.set(HIGH.get().max(used));
            if !block.is_null() {
                return block;
            }
            // The kernel would panic. Here the test goes on, to say how often it would have.
            REFUSED.set(REFUSED.get() + 1);
        }
        // SAFETY: by the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let mut arena = ARENA.lock().unwrap();
        let (arenas, start, end) = &mut *arena;
        if (*start..*end).contains(&block.addr()) {
            let block = NonNull::new(block).unwrap();
            // SAFETY: it lies in the arena, so it came from there.
            unsafe { arenas.deallocate(block, layout) };
        } else {
            // SAFETY: by the caller's contract.
            unsafe { System.dealloc(block, layout) };
        }
    }
}

/// What the kernel's boot leaves of its early arena, about.
const EARLY: usize = 16 << 10;

/// Runs `test` with arenas of `bytes` in all, alone: as the kernel has them, a small early one, and a
/// main one that is smaller by what is left of that.
pub(crate) fn with_arena(bytes: usize, test: impl FnOnce()) {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let layout = Layout::from_size_align(bytes, 4096).unwrap();
    // SAFETY: the size is not 0. Never freed: blocks of a test that failed may be in use still.
    let start = unsafe { System.alloc(layout) };
    let mut arena = Arenas::new();
    // SAFETY: it was allocated just now, for this alone.
    unsafe { arena.init_early(start, EARLY) };
    arena.look_what_is_left();
    assert!((EARLY - 1024..=EARLY).contains(&arena.left()));
    // SAFETY: the same, behind it.
    unsafe { arena.init_main(start.wrapping_add(EARLY), bytes - EARLY) };
    *ARENA.lock().unwrap() = (arena, start.addr(), start.addr() + bytes);
    REFUSED.set(0);
    test();
}

/// Runs `work` with all that it allocates in the arena.
pub(crate) fn inside<T>(work: impl FnOnce() -> T) -> T {
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            IS_INSIDE.set(self.0);
        }
    }
    let _leave = Leave(IS_INSIDE.replace(true));
    work()
}

/// Runs `work` with nothing in the arena.
pub(crate) fn outside<T>(work: impl FnOnce() -> T) -> T {
    let was = IS_INSIDE.replace(false);
    let result = work();
    IS_INSIDE.set(was);
    result
}

/// What is in use of the arena.
pub(crate) fn usage() -> Usage {
    ARENA.lock().unwrap().0.usage()
}

/// Bytes of the largest free block.
pub(crate) fn largest_free() -> usize {
    ARENA.lock().unwrap().0.largest_free()
}

/// How often this thread's allocations found no room.
pub(crate) fn refused() -> usize {
    REFUSED.get()
}

/// The most that was in use since this was last asked.
pub(crate) fn high() -> usize {
    HIGH.replace(0)
}
