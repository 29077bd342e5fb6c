//! The way of a core out of a Linux that is ended, where no INIT will do.
//!
//! The machine's boot processor must never get one. And to a core in VMX operation none comes through:
//! any core of a Linux that has loaded `kvm_intel`, from 6.12 on.
//!
//! A non-maskable interrupt reaches it whatever it does. But what Linux would make of one is not to
//! be relied on: a core that another one's panic has stopped never comes back from it. So, once that
//! Linux is at its end and its memory Bulkhead's, the gate of that interrupt is made to lead to a
//! call of its own ResetSystem ([`bulkhead_linux::detour`]).
//!
//! Where the interrupt table is, each call of a runtime service shows. Stock Linux makes the first one
//! (SetVirtualAddressMap) while it boots, on one core, with the table that all of its cores use until
//! they end.
//!
//! After a kexec that table is not in force any more, and while the new kernel unpacks itself none
//! is: a non-maskable interrupt would reset the machine. Nobody can see from outside which it is. So
//! an ordinary interrupt is tried before, whose gate is changed in the same way: a Linux in good
//! health takes it, and one that unpacks itself has such interrupts off. It also is the one that takes
//! a core out of a virtual machine: KVM hands it on by the table, but a non-maskable one by another way.

use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_lifecycle::CallerMemory;
use bulkhead_linux::{GATE_BYTES, NMI, UNUSED, detour, gate_offset, handler, redirected};
use bulkhead_memory::paging::{self, Access};

use bulkhead_printk::Root;

use super::call::Call;
use super::linux_memory::LinuxMemory;
use super::{LIFE, plans, runtime};
use crate::cpu::{apic, cores, tsc};
use crate::layout::MAX_PARTITIONS;

/// How long a Linux may take from its entry to its first call, in microseconds. One that takes
/// longer has come to grief.
const FIRST_CALL_US: u64 = 60_000_000;

/// The ordinary interrupt: in every x86-64 Linux that of rescheduling, which each core takes
/// (`RESCHEDULE_VECTOR` in `arch/x86/include/asm/irq_vectors.h`).
const KNOCK: u8 = 0xfd;

/// CR4.FRED: events of that Linux do not go by its interrupt table.
const FRED: u64 = 1 << 32;

/// Where a Linux has its tables.
#[derive(Clone, Copy)]
struct Tables {
    /// Virtual address of its interrupt table; 0 if it has none, as with FRED.
    interrupts: u64,
    /// Its CR3 while it calls a service: its kernel's memory and its page of services. Never 0: RAM below
    /// 64 KiB is no Linux's.
    cr3: u64,
    /// Its CR4.
    cr4: u64,
}

/// Of each partition: interrupt table, CR3, CR4. The second is 0 until its Linux has called a
/// service. Stored by that Linux's own cores, one at a time; read once it ends.
static TABLES: [[AtomicU64; 3]; MAX_PARTITIONS] =
    [const { [const { AtomicU64::new(0) }; 3] }; MAX_PARTITIONS];

/// Nothing is known of the Linux that is about to be launched.
pub(super) fn forget(partition: usize) {
    if let Some([_, cr3, _]) = TABLES.get(partition) {
        cr3.store(0, Ordering::Release);
    }
}

fn tables(partition: usize) -> Option<Tables> {
    let [interrupts, cr3, cr4] = TABLES.get(partition)?;
    let cr3 = cr3.load(Ordering::Acquire);
    (cr3 != 0).then(|| Tables {
        interrupts: interrupts.load(Ordering::Relaxed),
        cr3,
        cr4: cr4.load(Ordering::Relaxed),
    })
}

/// The page tables that a partition's Linux was last seen to use.
pub(super) fn root(partition: usize) -> Option<Root> {
    tables(partition).map(|tables| Root(tables.cr3))
}

fn has_boot_processor(partition: usize) -> bool {
    let boot_core = LIFE.boot_core(partition);
    boot_core.is_some_and(|core| cores::is_boot(cores::apic_id(core)))
}

/// Remembers where the Linux that calls has its tables.
pub(super) fn note(partition: usize, call: &Call, memory: &LinuxMemory<'_>) {
    if let Some([interrupts, cr3, cr4]) = TABLES.get(partition)
        && let Some(address) = memory.read_u64(call.interrupt_table_base())
    {
        interrupts.store(address, Ordering::Relaxed);
        cr4.store(call.cr4, Ordering::Relaxed);
        cr3.store(call.cr3, Ordering::Release);
    }
}

/// Whether a Linux has been entered on the machine's boot processor and has yet to make its first
/// call. Until then an NMI is of no use, and while it unpacks itself would reset the machine.
pub(super) fn is_too_early(partition: usize) -> bool {
    let age = || tsc::us(tsc::now().saturating_sub(LIFE.entered(partition)));
    has_boot_processor(partition) && tables(partition).is_none() && age() < FIRST_CALL_US
}

/// Whether a detour can be made: it is known where, and that Linux has an interrupt table.
pub(super) fn is_possible(partition: usize) -> bool {
    tables(partition).is_some_and(|tables| tables.interrupts != 0 && tables.cr4 & FRED == 0)
}

/// Makes an NMI, and the ordinary interrupt of [`knock`], to any core of that Linux lead to Bulkhead;
/// whether that could be done. Where the table leads nowhere, it is as if none were known.
///
/// # Safety
/// 1. The partition is ending: nobody needs its Linux any more. Its cores may still run it.
/// 2. This core does that work or asked for it.
pub(super) unsafe fn lay(partition: usize) -> bool {
    let Some(tables) = tables(partition).filter(|_| is_possible(partition)) else {
        return false;
    };
    // SAFETY: by the caller's contract.
    let laid = unsafe {
        plans::with(partition, |stored| {
            let memory = LinuxMemory {
                tables: paging::Tables::new(tables.cr3, tables.cr4),
                // Both are read-only to it.
                writes: Access::Force,
                regions: &stored.memory,
            };
            let code = detour(tables.cr3, runtime::reset_system(&stored.plan));
            redirect(&memory, tables.interrupts, &code)
        })
    };
    laid.flatten().is_some()
}

/// First the detour, to which nothing leads yet; then the gates.
fn redirect(memory: &LinuxMemory<'_>, table: u64, code: &[u8]) -> Option<()> {
    let place = |vector| table.checked_add(gate_offset(vector));
    let gate = |vector| {
        let mut gate = [0; GATE_BYTES];
        memory.read(place(vector)?, &mut gate)?;
        Some(gate)
    };
    let target = handler(gate(UNUSED)?)?;
    memory.write(target, code)?;
    [NMI, KNOCK].into_iter().try_for_each(|vector| {
        let low = redirected(gate(vector)?, target)?;
        memory.write_word(place(vector)?, low)
    })
}

/// Sends the ordinary interrupt to a core for which a detour was laid.
pub(super) fn knock(apic_id: u32) -> bool {
    apic::send_fixed(apic_id, KNOCK)
}
