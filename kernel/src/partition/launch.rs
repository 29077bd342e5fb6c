//! Applying a plan: the only place where a partition's memory is written, and the point of no
//! return.
//!
//! It runs on the partition's own boot core, so that a restart needs no other, and a launch does
//! not hold up the shell.

use bulkhead_launch::LaunchPlan;

use super::devices;
use super::event::{self, Kind};
use super::slot::{self, Phase, Slot};
use super::{park, runtime};
use crate::cpu::cores::{self, CoreState};
use crate::cpu::{apic, halt_for_ever, mtrr, tsc};
use crate::mem::phys;

core::arch::global_asm!(include_str!("enter.S"), options(att_syntax));

unsafe extern "C" {
    fn enter_linux(entry: u64, boot_params: u64) -> !;
}

/// Stores the plan and wakes the partition's boot core, which carries it out.
///
/// The partition must be idle and its cores parked: the target of the doorbell's vector must not
/// be a live Linux.
pub(crate) fn ring(slot: &Slot, plan: LaunchPlan) {
    let (partition, boot_core) = (plan.partition, plan.boot_core);
    slot.set_plan(plan);
    slot.advance(Phase::Idle, Phase::Launching);
    wake(partition, slot, boot_core);
}

/// Rings the doorbell of a parked boot core for a partition that is launching or waiting.
pub(super) fn wake(partition: usize, slot: &Slot, boot_core: u32) {
    slot.set_rung(tsc::now());
    if let Some(core) = cores::find(boot_core) {
        core.post(partition);
        apic::send_doorbell(boot_core);
    }
}

/// Stores the plan and launches it on this very core, which leaves the shell for it.
pub(crate) fn take_over(slot: &Slot, plan: LaunchPlan) {
    let partition = plan.partition;
    slot.set_plan(plan);
    slot.advance(Phase::Idle, Phase::Launching);
    slot.set_rung(tsc::now());
    run(partition);
}

/// Launches a partition on this core, its boot core, with interrupts off; comes back only if it
/// is not to be launched any more.
pub(crate) fn run(partition: usize) {
    let Some(slot) = slot::get(partition) else {
        return;
    };
    if slot.phase() != Phase::Launching {
        return; // killed before it began
    }
    let Some(plan) = slot.plan() else { return };
    cores::current().set_state(CoreState::Running);
    apic::drain_pending();
    let is_first = slot.count_run();
    devices::prepare(plan, is_first);
    // SAFETY: the plan was checked against the machine and all other claims; the partition's other
    // cores are parked, so its memory is this core's alone.
    slot.set_copied(unsafe { apply(plan, is_first) });
    enter(partition, slot, plan)
}

/// Writes every byte of the plan. Only the first launch of a plan clears what others left in the
/// RAM: after that it is the partition's own. The result is how long the images were copied, in
/// ticks of the time-stamp counter.
///
/// # Safety
/// No other core and no device may use the memory of the claim.
unsafe fn apply(plan: &LaunchPlan, is_first: bool) -> u64 {
    // SAFETY: by the caller's contract; sources are images, which no claim contains; the services'
    // page is one of the writes.
    unsafe {
        for region in plan.clear.iter().filter(|_| is_first) {
            phys::clear(*region);
        }
        let start = tsc::now();
        for copy in &plan.copies {
            phys::copy(copy.from, copy.to);
        }
        let copied = tsc::now() - start;
        for write in &plan.writes {
            phys::write(write.to, &write.bytes);
        }
        runtime::build_bridge(plan.view.block.runtime_code.start());
        copied
    }
}

fn enter(partition: usize, slot: &Slot, plan: &LaunchPlan) -> ! {
    for apic_id in &plan.other_cores {
        if let Some(core) = cores::find(*apic_id) {
            core.set_state(CoreState::Running);
        }
    }
    apic::hand_over();
    mtrr::hand_over();
    slot.set_entered(tsc::now());
    if !slot.advance(Phase::Launching, Phase::Running) {
        // Killed meanwhile. Whoever did it resets this core; but nobody may reset the machine's
        // boot processor, which therefore parks by itself.
        if cores::is_boot_core() {
            apic::quiesce();
            park();
        }
        halt_for_ever();
    }
    event::post(Kind::Launched, partition, plan.boot_core);
    // SAFETY: the point of no return. The plan's bytes are in place; what follows is Linux, and
    // this core comes back only through `core_entry`.
    unsafe { enter_linux(plan.entry, plan.boot_params) }
}
