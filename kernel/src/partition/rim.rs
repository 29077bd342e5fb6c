//! The lifecycle's hardware: what `bulkhead-lifecycle` decides is done here.

use core::sync::atomic::{AtomicU32, Ordering};

use bulkhead_lifecycle::Hardware;

use super::plans::{self, Stored};
use super::{LIFE, detour, devices, launch, low, printed, stores};
use crate::cpu::{apic, cores, mtrr, smp, tsc};
use crate::iommu;
use crate::mem::phys;

/// The machine as seen from one core.
pub(crate) struct Rim {
    me: usize,
}

impl Rim {
    /// From the core that runs this.
    pub(crate) fn here() -> Self {
        Self {
            me: cores::current(),
        }
    }
}

/// Works on a plan on behalf of the lifecycle.
///
/// # Safety
/// To be called while the lifecycle asks for it: it does so on a core of a live partition, or on the
/// one that ends it.
unsafe fn with_plan(partition: usize, work: impl FnOnce(&Stored)) {
    // SAFETY: by the caller's contract. A partition without a plan is never launched.
    let _ = unsafe { plans::with(partition, work) };
}

/// Interrupts that this machine's cores were to send and could not, since boot.
static UNSENT: AtomicU32 = AtomicU32::new(0);

/// How many there were.
pub(crate) fn unsent() -> u32 {
    UNSENT.load(Ordering::Relaxed)
}

/// The lifecycle treats a core that can't be reached as one that does not answer: it waits, tries
/// again by a core that may be in another mode, and takes it for lost in the end. `log` tells why.
fn count_if_unsent(is_sent: bool) {
    if !is_sent {
        UNSENT.fetch_add(1, Ordering::Relaxed);
    }
}

impl Hardware for Rim {
    fn me(&self) -> usize {
        self.me
    }

    fn apic_id(&self, core: usize) -> u32 {
        cores::apic_id(core)
    }

    fn now(&self) -> u64 {
        tsc::now()
    }

    fn ticks(&self, us: u64) -> u64 {
        tsc::ticks(us)
    }

    fn relax(&self) {
        core::hint::spin_loop();
    }

    fn init(&self, core: usize) {
        // SAFETY: the lifecycle resets cores of partitions that end, and of none but these, and
        // never the machine's boot processor.
        count_if_unsent(unsafe { apic::send_init(cores::apic_id(core)) });
    }

    fn init_delay_us(&self) -> u64 {
        smp::init_delay_us()
    }

    fn startup(&self, core: usize) {
        count_if_unsent(apic::send_startup(
            cores::apic_id(core),
            smp::trampoline_page(),
        ));
    }

    fn doorbell(&self, core: usize) {
        count_if_unsent(apic::send_doorbell(cores::apic_id(core)));
    }

    fn is_boot_processor(&self, core: usize) -> bool {
        cores::is_boot(cores::apic_id(core))
    }

    fn is_too_early(&self, partition: usize) -> bool {
        detour::is_too_early(partition)
    }

    fn boot_processor_first(&self, partition: usize) -> bool {
        !detour::is_possible(partition)
    }

    fn ask(&self, partition: usize, core: usize) {
        // SAFETY: the lifecycle asks while the partition is ending, on a core that does the work or
        // asked for it.
        let is_laid = unsafe { detour::lay(partition) };
        if is_laid {
            count_if_unsent(detour::knock(cores::apic_id(core)));
        }
    }

    fn force(&self, partition: usize, core: usize) {
        // SAFETY: as above. Where no detour can be made its Linux gets the interrupt, and what it
        // makes of it is awaited.
        let _ = unsafe { detour::lay(partition) };
        self.startle(core);
    }

    fn startle(&self, core: usize) {
        count_if_unsent(apic::send_nmi(cores::apic_id(core)));
    }

    fn silence(&self, partition: usize) {
        let end = |stored: &Stored| {
            devices::silence(&stored.plan);
            if !iommu::detach(partition, stored.plan.domain.as_deref()) {
                LIFE.wall_stuck(partition);
            }
            // SAFETY: the lifecycle asks at an end only, once no core runs its Linux any more.
            unsafe { printed::keep(partition, stored) };
        };
        // SAFETY: the lifecycle asks.
        unsafe { with_plan(partition, end) };
    }

    fn set_up(&self, partition: usize, is_first: bool) {
        detour::forget(partition);
        stores::release(partition);
        // SAFETY: the lifecycle asks.
        unsafe { with_plan(partition, |stored| devices::prepare(&stored.plan, is_first)) };
    }

    fn clear(&self, partition: usize) {
        let clear = |stored: &Stored| {
            // What is cleared there may have been its own.
            let block = stored.plan.view.block;
            let is_cleared = |part| stored.plan.clear.iter().any(|region| region.overlaps(part));
            if is_cleared(block.variables) {
                stores::clear(partition);
            }
            if is_cleared(block.printed) {
                printed::clear(partition);
            }
            // SAFETY: no other core and no device uses that RAM: the lifecycle asks at a launch only,
            // when all other cores of the partition are parked and its devices are silent.
            unsafe { launch::clear(&stored.plan.clear) };
        };
        // SAFETY: the lifecycle asks.
        unsafe { with_plan(partition, clear) };
    }

    fn place(&self, partition: usize) -> u64 {
        let mut ticks = 0;
        let place = |stored: &Stored| {
            // SAFETY: a launch.
            unsafe { printed::begin(partition, stored) };
            // SAFETY: as in `clear`.
            ticks = unsafe { launch::place(&stored.plan) };
            iommu::attach(partition, stored.plan.domain.as_deref());
        };
        // SAFETY: the lifecycle asks.
        unsafe { with_plan(partition, place) };
        ticks
    }

    fn is_low_written(&self, partition: usize) -> bool {
        let mut is_written = true;
        // SAFETY: the lifecycle asks, on a core that is about to launch that partition.
        unsafe {
            with_plan(partition, |stored| {
                is_written = low::is_written(&stored.plan)
            })
        };
        is_written
    }

    fn mark_low(&self, partition: usize, clears: bool) {
        // SAFETY: the lifecycle asks, on the core that launches that partition, and has it clear where no
        // other that shares the memory runs.
        let mark = |stored: &Stored| unsafe { low::mark(&stored.plan, clears) };
        // SAFETY: the lifecycle asks.
        unsafe { with_plan(partition, mark) };
    }

    fn core_info(&self, partition: usize) -> [u64; 2] {
        let root = detour::root(partition).map_or(0, |root| root.0);
        [printed::vmcoreinfo(partition), root]
    }

    fn message(&self, at: u64) -> [u32; 4] {
        // SAFETY: memory of a link, which the ledger took of the RAM that is mapped; whoever writes it
        // meanwhile makes it another number, and each is checked.
        unsafe { phys::pointer::<[u32; 4]>(at).read_volatile() }
    }

    fn interrupt(&self, core: usize, vector: u8) {
        count_if_unsent(apic::send_fixed(cores::apic_id(core), vector));
    }

    fn hand_over(&self, _partition: usize) {
        apic::hand_over();
        mtrr::hand_over();
    }

    fn keep(&self) {
        apic::quiesce();
    }
}
