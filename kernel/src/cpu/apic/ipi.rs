//! Interrupts from one core to another.
//!
//! Source: Intel SDM Vol. 3A, "Issuing Interprocessor Interrupts", "ICR Operation in x2APIC Mode".

use bulkhead_processor::apic::{Command, Destination};
use bulkhead_processor::local::{Registers, msr, register};

use super::{Own, mode_at_boot, reached};
use crate::cpu::{tsc, write_msr};
use crate::layout::vector;

const DELIVERY_INIT: u32 = 0b101 << 8;
const DELIVERY_NMI: u32 = 0b100 << 8;
const DELIVERY_STARTUP: u32 = 0b110 << 8;
const LEVEL_ASSERT: u32 = 1 << 14;
const SEND_PENDING: u32 = 1 << 12;

/// Whether cores of that ID can be sent anything in the mode that firmware chose.
pub(crate) fn reaches(id: u32) -> bool {
    Destination::new(id, mode_at_boot()).is_some()
}

/// Sends a command to the core of that ID; says whether it was sent. It is not if this core's APIC is
/// off, or in a mode that can't address that ID alone.
fn send(id: u32, low: u32) -> bool {
    let destination = reached().mode().and_then(|mode| Destination::new(id, mode));
    let Some(destination) = destination else {
        return false;
    };
    match destination.command(low) {
        Command::Registers(value) => {
            fence();
            // SAFETY: x2APIC has one 64-bit command register.
            unsafe { write_msr(msr(register::COMMAND_LOW), value) };
        }
        Command::Memory { high, low } => {
            Own.write(register::COMMAND_HIGH, high);
            Own.write(register::COMMAND_LOW, low);
            // Bounded: a core that can't deliver must not hang this one.
            let _ = tsc::wait_until(1_000, || {
                Own.read(register::COMMAND_LOW) & SEND_PENDING == 0
            });
        }
    }
    true
}

/// Waits until all that this core stored is visible to the others.
///
/// A write of an x2APIC register does not wait for that, unlike one of xAPIC's in uncached memory, nor
/// is it ordered by a release store: the doorbell could be heard before the mailbox is filled. Both
/// instructions are needed: the first waits for the stores, the second keeps the write from beginning
/// before the first is done (Intel SDM Vol. 3A, "MSR Access in x2APIC Mode"). Of the registers that
/// Bulkhead writes in that mode only the command register acts on another core: an end-of-interrupt
/// is of interrupts between cores or of this core's own timer, and the timer does not use deadlines.
fn fence() {
    // SAFETY: every processor with long mode has both; they change no register. Without `nomem`, so
    // that the compiler keeps stores before them too.
    unsafe { core::arch::asm!("mfence", "lfence", options(nostack, preserves_flags)) };
}

/// Rings the doorbell of a core that is parked; says whether it was rung.
pub(crate) fn send_doorbell(id: u32) -> bool {
    send_fixed(id, vector::DOORBELL)
}

/// Sends an interrupt of that vector; says whether it was sent.
pub(crate) fn send_fixed(id: u32, vector: u8) -> bool {
    send(id, LEVEL_ASSERT | u32::from(vector))
}

/// Sends INIT: the core forgets what it did and waits for a start-up IPI. Says whether it was sent.
///
/// # Safety
/// 1. Never to the machine's boot processor: it would run the firmware.
/// 2. Nothing that the core was doing may be needed by anybody.
pub(crate) unsafe fn send_init(id: u32) -> bool {
    send(id, LEVEL_ASSERT | DELIVERY_INIT)
}

/// Sends a start-up IPI for the page of that number; says whether it was sent.
pub(crate) fn send_startup(id: u32, page: u8) -> bool {
    send(id, LEVEL_ASSERT | DELIVERY_STARTUP | u32::from(page))
}

/// Sends a non-maskable interrupt; says whether it was sent.
pub(crate) fn send_nmi(id: u32) -> bool {
    send(id, LEVEL_ASSERT | DELIVERY_NMI)
}
