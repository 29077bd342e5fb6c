//! The devices of a partition between two of its runs: set up before, silent after.
//!
//! Nothing here allocates: it runs on whatever core ends or launches the partition, also when no
//! core runs the shell.

use bulkhead_conductor::packed;
use bulkhead_launch::LaunchPlan;
use bulkhead_pci::Stuck;
use bulkhead_pci::watchdog::Outcome;

use super::LIFE;
use crate::cpu::{pic, rtc};
use crate::pci::Ecam;

/// Makes the devices ready for a Linux. Before the first launch of a plan they are silenced as
/// well: firmware, or the partition's earlier claim, may have left them at work.
///
/// To be called before the partition's memory is written, by the core that launches it.
pub(super) fn prepare(plan: &LaunchPlan, is_first: bool) {
    rtc::before_launch(plan.rtc);
    if is_first {
        quiet(plan, false);
    }
    // SAFETY: the partition's functions; the core that launches it is the only one it has.
    let ecam = unsafe { Ecam::of_partition() };
    plan.grant.prepare(&ecam);
}

/// Stops the devices' watchdogs, keeps the devices from all memory and from interrupting, and resets
/// those that can be.
///
/// To be called once no core of the partition runs its Linux any more, before anything else is
/// done with its memory or its cores.
pub(super) fn silence(plan: &LaunchPlan) {
    quiet(plan, true);
    if plan.rtc {
        rtc::after_owner();
    }
}

/// The same; watchdogs that ran are told of if it `is_end`, and those that run on in any case.
fn quiet(plan: &LaunchPlan, is_end: bool) {
    for address in &plan.io_apics {
        // SAFETY: the firmware's MADT says that an I/O APIC is there, and its only owner does not
        // run.
        unsafe { pic::mask_io_apic(*address) };
    }
    // SAFETY: the partition's functions; no core runs its Linux any more.
    let ecam = unsafe { Ecam::of_partition() };
    // They go on counting while the rest takes its time.
    stop_watchdogs(plan, &ecam, [is_end, false]);
    plan.grant.quiet(&ecam, &ecam, &mut |stuck: Stuck| {
        let which = packed(stuck.address);
        if !stuck.reaches_memory {
            LIFE.device_stuck(plan.partition, which);
        // Behind an IOMMU it reaches nothing once the partition has ended.
        } else if plan.domain.is_none() {
            LIFE.device_reaches_memory(plan.partition, which);
        }
    });
    // What did not answer before does now, and what only a reset stops has had it.
    stop_watchdogs(plan, &ecam, [is_end, true]);
}

/// Stops the watchdogs. Those that were stopped are told of, and those that run on, as is asked for.
fn stop_watchdogs(plan: &LaunchPlan, ecam: &Ecam<'_>, [stopped, runs]: [bool; 2]) {
    let tell = |address, is_stopped| LIFE.watchdog(plan.partition, packed(address), is_stopped);
    plan.grant
        .stop_watchdogs(ecam, ecam, &mut |address, outcome| match outcome {
            Outcome::Stopped if stopped => tell(address, true),
            Outcome::Runs if runs => tell(address, false),
            _ => {}
        });
}
