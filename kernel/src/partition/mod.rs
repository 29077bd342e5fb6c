//! What cores do for partitions: park, launch, come back.
//!
//! * [`slot`]: the resident record of each partition.
//! * [`launch`]: applies a plan and enters a Linux.
//! * [`devices`]: sets devices up and silences them.
//! * [`runtime`]: the services that Linux calls as its firmware.
//! * [`call`], [`variables`], [`request`]: those of them that return.
//! * [`detour`]: how the machine's boot processor is taken out of a Linux.
//! * [`event`]: what happened, for the shell.
//!
//! Everything here runs on the partition's own cores and must work when no core runs the shell.

use crate::cpu::cores::Mail;
use crate::cpu::{apic, cores, gdt, halt_for_ever, mtrr, trap, tsc};
use slot::Phase;

pub(crate) mod call;
mod detour;
pub(crate) mod devices;
pub(crate) mod event;
pub(crate) mod launch;
mod linux_memory;
pub(crate) mod request;
pub(crate) mod runtime;
pub(crate) mod slot;
mod variables;

/// Why a core enters Bulkhead; `ap.S` and `runtime.S` have the numbers.
const REASON_STARTED: u64 = 0;
const REASON_ENDED: u64 = 1;
const REASON_BIOS_RESET: u64 = 2;

/// Microseconds after which a core looks again whether it is time to launch.
const TICK_US: u64 = 1000;

/// First Rust code of a core that enters from outside, on its own stack.
pub(crate) extern "C" fn core_main(reason: u64, kind: u64, partition: u64, status: u64) -> ! {
    // Linux may have left break points armed.
    // SAFETY: clears the debug control register; Bulkhead uses none.
    unsafe { core::arch::asm!("mov dr7, {0}", in(reg) 0u64, options(nomem, nostack)) };
    cores::load_segments();
    trap::load();
    trap::enable_machine_checks();
    mtrr::apply();
    apic::quiesce();
    match reason {
        REASON_STARTED => park(),
        REASON_ENDED => runtime::ended(partition as usize, kind as u32, status),
        REASON_BIOS_RESET => runtime::reset_by_bios(),
        _ => halt_for_ever(),
    }
}

/// Waits for the doorbell, launches what it brings, or launches again when that is due. A core
/// comes here on a fresh stack.
pub(crate) fn park() -> ! {
    let core = cores::current();
    core.parked();
    let mut waiting = None;
    loop {
        x86_64::instructions::interrupts::disable();
        match core.take_mail() {
            Some(Mail::Partition(partition)) => waiting = Some(partition),
            Some(Mail::Shell) => crate::operator::resume(),
            None => {}
        }
        if let Some(partition) = waiting {
            waiting = launch_if_due(partition);
            if waiting.is_none() {
                continue; // it is not to be launched: there may be new mail, or none
            }
        } else if core.is_boot() && !request::is_halted() {
            // The last Linux has ended and does not start again: the shell comes back.
            crate::operator::resume();
        }
        // Interrupts come after the next instruction, so a doorbell between the look and the halt
        // still wakes.
        x86_64::instructions::interrupts::enable_and_hlt();
    }
}

/// Launches the partition if it is to be launched now; gives it back if later, or if that is not
/// decided yet.
fn launch_if_due(partition: usize) -> Option<usize> {
    let slot = slot::get(partition)?;
    let is_decided = match slot.phase() {
        // Another core takes the cores back, this one among the first.
        Phase::Ending => false,
        Phase::Waiting => {
            tsc::now() >= slot.due() && slot.advance(Phase::Waiting, Phase::Launching)
        }
        Phase::Launching | Phase::Running | Phase::Idle => true,
    };
    if !is_decided {
        // The tick wakes this core to look again.
        apic::start_timer(TICK_US);
        return Some(partition);
    }
    apic::stop_timer();
    launch::run(partition);
    None
}

/// The segments for a Linux are the core's own.
const _: () = assert!(gdt::CODE.0 == 0x10 && gdt::DATA.0 == 0x18);
