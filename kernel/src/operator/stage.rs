//! What the conductor, which runs on the shell's core, needs of the kernel.

use alloc::string::String;

use bulkhead_conductor::Stage;
use bulkhead_launch::{LaunchPlan, ResidentCode};
use bulkhead_memory::Region;

use crate::mem::phys;
use crate::partition::rim::Rim;
use crate::partition::{plans, printed, runtime, stores};
use crate::usb;

impl Stage for Rim {
    fn store(&mut self, partition: usize, plan: Option<LaunchPlan>) -> bool {
        if let Some(plan) = &plan {
            // It is about to be launched, or could be while this core is away.
            usb::lend_to(&plan.grant);
        }
        // SAFETY: the only conductor is the shell's, on the shell's core, and no work on a plan of
        // its calls back here.
        unsafe { plans::store(partition, plan) }
    }

    fn forget(&mut self, partition: usize) {
        // SAFETY: as above; the partition is at rest, and has no definition any more.
        unsafe { stores::forget(partition) };
        self.vacate(partition);
    }

    fn vacate(&mut self, partition: usize) {
        // SAFETY: the only conductor is the shell's, on the shell's core; it asks for partitions at rest.
        unsafe { printed::forget(partition) };
    }

    fn wipe(&mut self, region: Region) {
        // SAFETY: the ledger has just found that it is RAM that nobody has, and that a launch by the
        // claims that have it from now on is not possible before this returns.
        unsafe { phys::clear(region) };
    }

    fn reason(&self, partition: usize, run: u32) -> Option<String> {
        Some(String::from(printed::reason(partition, run)?.as_str()))
    }

    fn resident_code(&self) -> ResidentCode {
        runtime::resident_code()
    }
}
