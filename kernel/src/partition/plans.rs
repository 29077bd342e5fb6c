//! The plans that partitions are launched by, and launched again by when nobody is left to make one.
//!
//! A plan is read by the cores of its own partition alone, and by the core that ends it, while it is
//! live; it is replaced by the shell's core alone, while it is at rest. So no reader has to be
//! counted, and none can be forgotten by being reset.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicPtr, Ordering};

use bulkhead_launch::LaunchPlan;
use bulkhead_memory::Region;
use bulkhead_tables::efi;

use super::{LIFE, printed, stores};
use crate::layout::MAX_PARTITIONS;

/// A plan, and the RAM of its partition.
pub(crate) struct Stored {
    pub(crate) plan: LaunchPlan,
    pub(crate) memory: Vec<Region>,
}

static PLANS: [AtomicPtr<Stored>; MAX_PARTITIONS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_PARTITIONS];

/// Works on the plan of a partition; `None` if it has none.
///
/// # Safety
/// As [`get`], for the time of `work`.
pub(crate) unsafe fn with<T>(partition: usize, work: impl FnOnce(&Stored) -> T) -> Option<T> {
    // SAFETY: the caller's duty.
    unsafe { get(partition) }.map(work)
}

/// The plan of a partition; `None` if it has none.
///
/// # Safety
/// As long as it is used:
/// 1. Either the partition is live, and this core is one of its own or the one that ends it;
/// 2. or this is the shell's core, and stores no plan.
pub(crate) unsafe fn get<'a>(partition: usize) -> Option<&'a Stored> {
    let stored = PLANS.get(partition)?.load(Ordering::Acquire);
    // SAFETY: it came from `Box::into_raw`, and is not replaced while the caller's duties hold: the
    // partition would have to be at rest, and this the shell's core.
    unsafe { stored.as_ref() }
}

/// Stores a new plan, or forgets it, and frees the old one. Whether that was possible: the partition
/// must be at rest, and no core lost from it.
///
/// # Safety
/// To be called by the shell's core alone, outside of [`with`].
pub(crate) unsafe fn store(partition: usize, plan: Option<LaunchPlan>) -> bool {
    let Some(place) = PLANS
        .get(partition)
        .filter(|_| LIFE.withdraw_plan(partition))
    else {
        return false;
    };
    let is_planned = plan.is_some();
    if let Some(plan) = &plan {
        // SAFETY: as this one: the shell's core, and the partition is at rest. The plan was made for
        // its claim, and says where its RAM is used for what.
        unsafe { stores::provide(partition, plan.view.block.variables) };
        // SAFETY: likewise.
        unsafe { printed::provide(partition, plan.view.block.printed) };
    }
    let new = plan.map_or(core::ptr::null_mut(), |plan| {
        let is_own = |d: &&efi::Descriptor| d.kind != efi::Kind::Reserved;
        let own = plan.view.efi.iter().filter(is_own);
        let memory = own.map(|d| d.region).collect();
        let plan = plan.without_view();
        Box::into_raw(Box::new(Stored { plan, memory }))
    });
    let old = place.swap(new, Ordering::AcqRel);
    if !old.is_null() {
        // SAFETY: it came from `Box::into_raw` above. Readers are cores of a live partition, and
        // this one is at rest: only this core could launch it.
        drop(unsafe { Box::from_raw(old) });
    }
    if is_planned {
        LIFE.provide_plan(partition);
    }
    true
}
