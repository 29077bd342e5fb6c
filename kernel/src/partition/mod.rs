//! What cores do for partitions: park, launch, come back.
//!
//! What is to be done, and by whom, `bulkhead-lifecycle` decides, in one record for each partition
//! ([`LIFE`]); here it is done.
//!
//! * [`rim`]: the hardware that the lifecycle asks for.
//! * [`plans`]: what partitions are launched by.
//! * [`launch`]: applies a plan and enters a Linux.
//! * [`low`]: the memory below 640 KiB that several may share.
//! * [`devices`]: sets devices up and silences them.
//! * [`runtime`]: the services that Linux calls as its firmware.
//! * [`call`], [`linux_memory`]: those of them that return.
//! * [`stores`]: what each partition keeps in its firmware.
//! * [`printed`]: what each partition's Linux has printed.
//! * [`detour`]: how a core is taken out of a Linux where no INIT will do.
//!
//! Everything here runs on the partition's own cores and must work when no core runs the shell.

use bulkhead_lifecycle::{Duty, End, Lifecycle};

use crate::cpu::{apic, cores, gdt, halt_for_ever, mtrr, state, trap, virtualization};
use crate::layout::{MAX_CORES, MAX_PARTITIONS, vector};
use crate::reset_vector;
use rim::Rim;

pub(crate) mod call;
mod detour;
pub(crate) mod devices;
mod launch;
mod linux_memory;
mod low;
pub(crate) mod plans;
pub(crate) mod printed;
pub(crate) mod rim;
pub(crate) mod runtime;
pub(crate) mod stores;

/// All that is true of partitions and of what cores do.
pub(crate) static LIFE: Lifecycle<MAX_PARTITIONS, MAX_CORES> = Lifecycle::new();

/// Why a core enters Bulkhead: the entry code in assembly is given the numbers.
pub(crate) const REASON_STARTED: u64 = 0;
pub(crate) const REASON_ENDED: u64 = 1;
pub(crate) const REASON_BIOS_RESET: u64 = 2;

/// Microseconds after which a core looks again what there is to do, at first; and how often they are doubled.
const TICK_US: u64 = 1000;
const MOST_DOUBLED: u32 = 4;

/// First Rust code of a core that enters from outside, on its own stack.
#[expect(
    clippy::cast_possible_truncation,
    reason = "EFI's reset type has 32 bits; usize has 64 bits on x86-64"
)]
pub(crate) extern "C" fn core_main(reason: u64, kind: u64, partition: u64, _status: u64) -> ! {
    // Linux may have left break points armed.
    // SAFETY: clears the debug control register; Bulkhead uses none.
    unsafe { core::arch::asm!("mov dr7, {0}", in(reg) 0u64, options(nomem, nostack)) };
    cores::load_segments();
    trap::load();
    virtualization::leave();
    trap::unblock_nmis();
    trap::enable_machine_checks();
    state::put_back();
    mtrr::apply();
    apic::quiesce();
    let rim = Rim::here();
    match reason {
        REASON_STARTED => LIFE.started(&rim),
        REASON_ENDED => LIFE.ended(&rim, partition as usize, runtime::end(kind as u32)),
        REASON_BIOS_RESET => reset_by_bios(&rim),
        _ => halt_for_ever(),
    }
    park()
}

/// A Linux that could not call ResetSystem jumped to the BIOS on this core.
fn reset_by_bios(rim: &Rim) {
    let end = if reset_vector::take_warm_flag() {
        End::Rebooted
    } else {
        End::Failed
    };
    match LIFE.owner(rim) {
        Some(partition) => LIFE.ended(rim, partition, end),
        None => LIFE.parked(rim),
    }
}

/// Microseconds from that look of a waiting core to its next one: at most a quarter of what it has waited, so that
/// what it waits for is seen soon, and many that wait for long cost little.
const fn between_looks(looks: u32) -> u64 {
    let doubled = looks / 8;
    TICK_US
        << if doubled < MOST_DOUBLED {
            doubled
        } else {
            MOST_DOUBLED
        }
}

/// Does what there is to do, and waits for more. A core comes here on a fresh stack.
pub(crate) fn park() -> ! {
    let rim = Rim::here();
    let mut looks = 0;
    loop {
        x86_64::instructions::interrupts::disable();
        let duty = LIFE.duty(&rim);
        if looks > 0 && duty != Duty::Look {
            apic::stop_timer();
            looks = 0;
        }
        match duty {
            Duty::Launch(partition) => launch::run(&rim, partition),
            Duty::End(partition) => LIFE.finish(&rim, partition),
            Duty::Shell => crate::operator::resume(),
            // Interrupts come after the next instruction, so a doorbell between the look and the
            // halt still wakes.
            Duty::Rest => x86_64::instructions::interrupts::enable_and_hlt(),
            Duty::Look => {
                if looks == 0 || between_looks(looks) != between_looks(looks - 1) {
                    // It is woken, and no more.
                    apic::start_timer(vector::DOORBELL, between_looks(looks));
                }
                looks = looks.saturating_add(1);
                x86_64::instructions::interrupts::enable_and_hlt();
            }
        }
    }
}

/// The segments for a Linux are the core's own.
const _: () = assert!(gdt::CODE.0 == 0x10 && gdt::DATA.0 == 0x18);
