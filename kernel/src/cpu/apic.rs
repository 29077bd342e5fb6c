//! The local APIC: who am I, acknowledge, be quiet; [`ipi`]: send to another. What is written to it,
//! [`bulkhead_processor::local`] says.
//!
//! The mode (xAPIC registers in memory, or x2APIC as model-specific registers) is read at each
//! use, because a Linux may have changed it on the core that comes back.
//!
//! Source: Intel SDM Vol. 3A, chapter "Advanced Programmable Interrupt Controller (APIC)".

mod id;
mod ipi;

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bulkhead_processor::apic::Mode;
use bulkhead_processor::local::{self, AtBoot, Reached, Registers, into_mode, msr};

use super::{read_msr, tsc, write_msr};
use crate::layout::vector;
use crate::mem::phys;

pub(crate) use id::id;
pub(crate) use ipi::{reaches, send_doorbell, send_fixed, send_init, send_nmi, send_startup};

const APIC_BASE: u32 = 0x1b;

/// Whether firmware had switched to x2APIC before we came.
static X2APIC_AT_BOOT: AtomicBool = AtomicBool::new(false);

static AT_BOOT: AtBoot = AtBoot::new();

static TIMER_TICKS_PER_MS: AtomicU64 = AtomicU64::new(0);

fn reached() -> Reached {
    // SAFETY: every processor with long mode has this register.
    Reached::by(unsafe { read_msr(APIC_BASE) })
}

/// The local APIC of this core, however it is reached.
struct Own;

impl Registers for Own {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each register that is read has 32 bits"
    )]
    fn read(&self, register: u32) -> u32 {
        match reached() {
            // SAFETY: the register page is mapped uncached; reading these has no side effect.
            Reached::Memory(base) => unsafe {
                phys::pointer::<u32>(base + u64::from(register)).read_volatile()
            },
            // SAFETY: the x2APIC mode has this register.
            Reached::Registers => unsafe { read_msr(msr(register)) as u32 },
            Reached::Off => 0,
        }
    }

    fn write(&self, register: u32, value: u32) {
        match reached() {
            // SAFETY: the core's own register page; callers write values of the manual.
            Reached::Memory(base) => unsafe {
                phys::pointer::<u32>(base + u64::from(register)).write_volatile(value);
            },
            // SAFETY: as above.
            Reached::Registers => unsafe { write_msr(msr(register), u64::from(value)) },
            Reached::Off => {}
        }
    }
}

/// The mode that firmware chose for the machine.
fn mode_at_boot() -> Mode {
    if X2APIC_AT_BOOT.load(Ordering::Relaxed) {
        Mode::Registers
    } else {
        Mode::Memory
    }
}

/// Makes this core's local APIC ready for Bulkhead, in the mode that firmware chose for the machine: a
/// Linux may have changed it.
pub(crate) fn quiesce() {
    // SAFETY: every processor with long mode has this register.
    let base = unsafe { read_msr(APIC_BASE) };
    for step in into_mode(base, mode_at_boot()) {
        // SAFETY: the register exists, and the transitions are those of the manual's state diagram.
        unsafe { write_msr(APIC_BASE, step) };
    }
    AT_BOOT.quiesce(&Own, vector::SPURIOUS);
}

/// Remembers the mode in which firmware left the boot processor's APIC, and what may be firmware's
/// in it. To be called before [`quiesce`].
pub(crate) fn record() {
    let is_x2apic = reached() == Reached::Registers;
    X2APIC_AT_BOOT.store(is_x2apic, Ordering::Relaxed);
    AT_BOOT.record(&Own);
}

/// Lets everything that is still pending from the old kernel come now, into our own handlers.
/// To be called with interrupts off, in our interrupt table.
pub(crate) fn drain_pending() {
    local::drain_pending(&Own, || {
        x86_64::instructions::interrupts::enable();
        x86_64::instructions::nop();
        x86_64::instructions::interrupts::disable();
    });
}

/// Leaves the local APIC as Linux finds it after a reset.
pub(crate) fn hand_over() {
    AT_BOOT.hand_over(&Own, vector::SPURIOUS);
}

/// Acknowledges the interrupt being handled.
pub(crate) fn end_of_interrupt() {
    local::end_of_interrupt(&Own);
}

/// Acknowledges `vector` if it is in service; says whether it was.
pub(crate) fn end_of_interrupt_if_in_service(vector: u8) -> bool {
    local::end_of_interrupt_if_in_service(&Own, vector)
}

/// Measures the timer's rate against the time-stamp counter.
pub(crate) fn calibrate_timer() {
    let rate = local::measure_timer(&Own, &mut tsc::Tsc::new());
    TIMER_TICKS_PER_MS.store(rate, Ordering::Relaxed);
}

/// Stops this core's tick.
pub(crate) fn stop_timer() {
    local::stop_timer(&Own);
}

/// Starts a tick on this core: that vector every `us` microseconds.
pub(crate) fn start_timer(number: u8, us: u64) {
    let ticks = TIMER_TICKS_PER_MS.load(Ordering::Relaxed) * us / 1000;
    local::start_timer(&Own, number, ticks);
}
