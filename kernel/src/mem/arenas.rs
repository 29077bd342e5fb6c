//! The heap's two arenas, and what is in use of them.
//!
//! The early one is part of the image: what is needed before RAM is known. The main one is RAM of
//! its own, as much as the machine needs (`bulkhead_model::budget`) beyond what the early one has
//! left. Tests of the shell include this file, so that they run on the kernel's own allocator.
//!
//! What is small and what stays fills the early arena, which is looked at first; the main one is left
//! in larger pieces.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use linked_list_allocator::Heap;

/// How exactly [`largest_free`] looks, in bytes.
const STEP: usize = 1 << 10;

/// By multiples of how much the main one grows, in bytes: it ends with a page.
const GROWTH: usize = 4 << 10;

/// Two arenas, first fit.
pub(crate) struct Arenas {
    early: Heap,
    main: Heap,
    left: usize,
    /// Bytes behind the main arena that it may grow into.
    room: usize,
    peak: usize,
}

/// What is in use, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// In use now.
    pub(crate) used: usize,
    /// In use at most, ever.
    pub(crate) peak: usize,
    /// In all.
    pub(crate) size: usize,
}

impl Arenas {
    /// No arena yet: nothing can be allocated.
    pub(crate) const fn new() -> Self {
        Self {
            early: Heap::empty(),
            main: Heap::empty(),
            left: 0,
            room: 0,
            peak: 0,
        }
    }

    /// Gives it the early arena.
    ///
    /// # Safety
    /// 1. To be called once.
    /// 2. The `bytes` at `start` are the heap's alone, for ever.
    pub(crate) unsafe fn init_early(&mut self, start: *mut u8, bytes: usize) {
        // SAFETY: by the caller's contract.
        unsafe { self.early.init(start, bytes) };
    }

    /// Gives it the main arena.
    ///
    /// # Safety
    /// As for [`Self::init_early`].
    pub(crate) unsafe fn init_main(&mut self, start: *mut u8, bytes: usize) {
        // SAFETY: by the caller's contract.
        unsafe { self.main.init(start, bytes) };
    }

    /// Looks what is left of the early arena, before a main one is there: in bytes of its largest free
    /// block, to a KiB. The main arena may be smaller by as much.
    pub(crate) fn look_what_is_left(&mut self) {
        self.left = largest_free(&mut self.early);
    }

    /// What was left.
    pub(crate) const fn left(&self) -> usize {
        self.left
    }

    /// Lets the main arena grow by so many bytes, as they are needed.
    ///
    /// # Safety
    /// 1. There is a main arena.
    /// 2. The `bytes` behind it are the heap's alone, until [`Self::settle`].
    #[allow(
        dead_code,
        reason = "tests that include this file know the machine beforehand"
    )]
    pub(crate) const unsafe fn let_grow(&mut self, bytes: usize) {
        self.room = bytes;
    }

    /// Makes the main arena so large, if it is smaller and may grow so far, and lets it grow no more: how
    /// large it is for ever.
    #[allow(
        dead_code,
        reason = "tests that include this file know the machine beforehand"
    )]
    pub(crate) fn settle(&mut self, bytes: usize) -> usize {
        let missing = bytes.saturating_sub(self.main.size());
        self.grow(missing.next_multiple_of(GROWTH).min(self.room));
        self.room = 0;
        self.main.size()
    }

    /// By no more than it has room for.
    fn grow(&mut self, bytes: usize) {
        if bytes > 0 {
            self.room -= bytes;
            // SAFETY: who let it grow proved that these are the heap's alone.
            unsafe { self.main.extend(bytes) };
        }
    }

    /// A block of the early arena, else of the main one; null if neither has room.
    pub(crate) fn allocate(&mut self, layout: Layout) -> *mut u8 {
        let block = self.early.allocate_first_fit(layout);
        let block = block.or_else(|()| self.main.allocate_first_fit(layout));
        let block = block.or_else(|()| {
            let wanted = layout.size().saturating_add(layout.align()).max(STEP);
            let wanted = wanted.checked_next_multiple_of(GROWTH).ok_or(())?;
            self.grow(wanted.min(self.room));
            self.main.allocate_first_fit(layout)
        });
        self.peak = self.peak.max(self.early.used() + self.main.used());
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// It came from [`Self::allocate`] with this layout, and nobody uses it any more.
    pub(crate) unsafe fn deallocate(&mut self, block: NonNull<u8>, layout: Layout) {
        let address = block.as_ptr();
        let is_early = self.early.bottom() <= address && address < self.early.top();
        let arena = if is_early {
            &mut self.early
        } else {
            &mut self.main
        };
        // SAFETY: by the caller's contract; the arenas are disjoint, so it is this one's.
        unsafe { arena.deallocate(block, layout) };
    }

    /// What is in use.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            used: self.early.used() + self.main.used(),
            peak: self.peak,
            size: self.early.size() + self.main.size(),
        }
    }

    /// Bytes of the largest free block of the main arena, to a KiB: what a command that needs no
    /// more will find, however the rest of the arena is cut up.
    pub(crate) fn largest_free(&mut self) -> usize {
        largest_free(&mut self.main)
    }
}

fn largest_free(heap: &mut Heap) -> usize {
    let (mut fits, mut fails) = (0, heap.free() + STEP);
    while fails - fits > STEP {
        let half = fits + (fails - fits) / 2;
        if would_fit(heap, half) {
            fits = half;
        } else {
            fails = half;
        }
    }
    fits
}

fn would_fit(heap: &mut Heap, bytes: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(bytes, 1) else {
        return false;
    };
    let Ok(block) = heap.allocate_first_fit(layout) else {
        return false;
    };
    // SAFETY: it was allocated just now, with this layout, and nobody else knows of it.
    unsafe { heap.deallocate(block, layout) };
    true
}
