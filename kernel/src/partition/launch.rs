//! Applying a plan: the only place where a partition's memory is written, and the point of no
//! return.
//!
//! It runs on the partition's own boot core, so that a restart needs no other, and a launch does
//! not hold up the shell.

use bulkhead_launch::LaunchPlan;
use bulkhead_memory::Region;

use super::rim::Rim;
use super::{LIFE, plans, runtime};
use crate::cpu::apic;
use crate::cpu::entropy;
use crate::cpu::tsc;
use crate::mem::phys;

core::arch::global_asm!(include_str!("enter.S"), options(att_syntax));

unsafe extern "C" {
    fn enter_linux(entry: u64, boot_params: u64) -> !;
}

/// Launches a partition on this core, its boot core, with interrupts off; comes back only if it
/// is not to be launched any more.
pub(super) fn run(rim: &Rim, partition: usize) {
    // What is still pending is the old kernel's; the new one must not find it.
    apic::drain_pending();
    if !LIFE.launch(rim, partition) {
        return;
    }
    // SAFETY: this is a core of that partition, which is live.
    let entry = unsafe {
        plans::with(partition, |stored| {
            (stored.plan.entry, stored.plan.boot_params)
        })
    };
    let (entry, boot_params) = entry.expect("what was launched has a plan");
    // SAFETY: the point of no return. The plan's bytes are in place; what follows is Linux, and
    // this core comes back only through `core_entry`.
    unsafe { enter_linux(entry, boot_params) }
}

/// Clears what others left in RAM of the claim: a list of the partition's plan.
///
/// # Safety
/// No other core and no device may use that memory.
pub(super) unsafe fn clear(regions: &[Region]) {
    for region in regions {
        // SAFETY: the plan was checked against the machine and all other claims, and by the
        // caller's contract this core alone uses the memory.
        unsafe { phys::clear(*region) };
    }
}

/// Writes every byte of the plan. The result is how long the images were copied, in ticks of the
/// time-stamp counter.
///
/// # Safety
/// No other core and no device may use the memory of the claim.
pub(super) unsafe fn place(plan: &LaunchPlan) -> u64 {
    let start = tsc::now();
    for copy in &plan.copies {
        // SAFETY: the sources are images, which no claim contains; the rest as above.
        unsafe { phys::copy(copy.from, copy.to) };
    }
    let copied = tsc::now() - start;
    for write in &plan.writes {
        // SAFETY: as above.
        unsafe { phys::write(write.to, &write.bytes) };
        if let Some(zeroes) = write.zeroes() {
            // SAFETY: as above.
            unsafe { phys::clear(zeroes) };
        }
    }
    let seeds = entropy::seeds();
    for (to, seed) in plan.seeds.into_iter().zip(&seeds) {
        // SAFETY: as above: places in the EFI tables, which are one of the writes.
        unsafe { phys::write(to, seed) };
    }
    // SAFETY: the services' page is one of the writes.
    unsafe { runtime::build_bridge(plan.view.block.runtime_code.start()) };
    copied
}
