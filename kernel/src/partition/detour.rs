//! The way of the machine's boot processor out of a Linux that is ended: it must never get an INIT.
//!
//! A non-maskable interrupt reaches it whatever it does. But what Linux would make of one is not to
//! be relied on: a core that another one's panic has stopped never comes back from it. So, once that
//! Linux is at its end and its memory Bulkhead's, the first bytes of its handler are replaced by a
//! call of its own ResetSystem ([`bulkhead_linux::detour`]).
//!
//! Where the handler is, its interrupt table says, and where that is, each call of a runtime service
//! shows. Stock Linux makes the first one (SetVirtualAddressMap) while it boots, on one core, with
//! the table that all of its cores use until they end.

use bulkhead_linux::{GATE_BYTES, NMI_GATE, detour, handler};

use super::call::Call;
use super::linux_memory::LinuxMemory;
use super::runtime;
use super::slot::Slot;
use crate::cpu::cores::{Core, CoreState};
use crate::cpu::tsc;

/// How long the boot processor may take to park if the launch that it is at was called off, in
/// microseconds.
const LAUNCH_US: u64 = 2_000_000;
/// How long a Linux may take from its entry to its first call, in microseconds. One that takes
/// longer has come to grief.
const FIRST_CALL_US: u64 = 60_000_000;

/// CR4.FRED: events of that Linux do not go by its interrupt table.
const FRED: u64 = 1 << 32;

/// Where a Linux has its tables.
#[derive(Clone, Copy)]
pub(super) struct Tables {
    /// Virtual address of its interrupt table; never 0.
    pub(super) interrupts: u64,
    /// Its CR3 while it calls a service: its kernel's memory and its page of services.
    pub(super) cr3: u64,
    /// Its CR4.
    pub(super) cr4: u64,
}

impl Tables {
    const fn has_gates(&self) -> bool {
        self.cr4 & FRED == 0
    }
}

/// Remembers where the Linux that calls has its tables, if it may ever be needed.
pub(super) fn note(slot: &Slot, call: &Call, memory: &LinuxMemory<'_>) {
    if slot.boot_core().is_some_and(Core::is_boot)
        && let Some(interrupts) = memory.read_u64(call.interrupt_table_base())
    {
        slot.set_tables(Tables {
            interrupts,
            cr3: memory.cr3,
            cr4: memory.cr4,
        });
    }
}

/// Whether a Linux has been entered on the machine's boot processor and has yet to make its first
/// call. Until then an NMI is of no use, and while it unpacks itself would reset the machine.
pub(super) fn is_too_early(slot: &Slot) -> bool {
    let age = || tsc::us(tsc::now().saturating_sub(slot.entered()));
    let has_boot_processor = slot.boot_core().is_some_and(Core::is_boot);
    has_boot_processor && slot.tables().is_none() && age() < FIRST_CALL_US
}

/// Whether a detour can be made: it is known where, and that Linux has an interrupt table.
pub(super) fn is_possible(slot: &Slot) -> bool {
    slot.tables().is_some_and(|tables| tables.has_gates())
}

/// Makes an NMI to the machine's boot processor lead to Bulkhead. Where that is not possible its
/// Linux gets the NMI, and what it makes of it is awaited.
///
/// To be called by the core that ends the partition.
pub(super) fn lay(slot: &Slot, core: &Core) {
    if let Some(tables) = slot.tables() {
        // If the table leads nowhere, it is as if none were known.
        let _ = try_lay(slot, tables);
    } else {
        // Its launch may have been called off: then it parks by itself.
        tsc::wait_until(LAUNCH_US, || core.state() == CoreState::Parked);
    }
}

fn try_lay(slot: &Slot, tables: Tables) -> Option<()> {
    if !tables.has_gates() {
        return None;
    }
    let memory = LinuxMemory {
        cr3: tables.cr3,
        cr4: tables.cr4,
        regions: slot.memory(),
    };
    let mut gate = [0; GATE_BYTES];
    memory.read(tables.interrupts.checked_add(NMI_GATE)?, &mut gate)?;
    let code = detour(tables.cr3, runtime::reset_system(slot.plan()?));
    memory.write(handler(gate)?, &code)
}
