//! Where a loader jumps to.
//!
//! Which protocol booted us is decided by which entry symbol was jumped to: [`limine`] or
//! [`multiboot2`]. Each has what it is told copied into a [`BootInfo`] and calls [`crate::kmain`].

use core::marker::PhantomData;

use bulkhead_boot::Limits;
pub(crate) use bulkhead_boot::{BootInfo, Module};

use crate::layout::{MAX_IMAGES, MAX_RANGES};

pub(crate) mod limine;
pub(crate) mod multiboot2;

/// What the rest of the kernel has room for.
const LIMITS: Limits = Limits {
    ranges: MAX_RANGES,
    images: MAX_IMAGES,
};

/// Proof that no partition has been launched: all hardware is the boot processor's, which runs this.
/// What is done to a device then disturbs nobody.
///
/// Whoever launches partitions takes it by value; so a step that asks for it comes before.
pub(crate) struct Alone(PhantomData<*mut ()>);

impl Alone {
    /// Says so.
    ///
    /// # Safety
    /// 1. This is the boot processor, and no other core runs anything but Bulkhead's parked code.
    /// 2. No partition is launched while the value exists.
    pub(crate) const unsafe fn new() -> Self {
        Self(PhantomData)
    }
}
