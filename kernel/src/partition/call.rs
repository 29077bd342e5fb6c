//! A call of a runtime service that returns to its Linux: who serves it, and how it answers.
//!
//! It runs on the caller's core, in Bulkhead's page tables, on the core's own stack, with
//! interrupts off. It takes no lock that any other core uses.
//!
//! Source: UEFI 2.10 §8.2 (variable services), appendix D (status codes).

use super::detour;
use super::linux_memory::LinuxMemory;
use super::slot::{self, Slot};
use super::variables;

/// Status codes; an error has the top bit set.
pub(super) mod status {
    const ERROR: u64 = 1 << 63;
    pub(crate) const SUCCESS: u64 = 0;
    pub(crate) const INVALID_PARAMETER: u64 = ERROR | 2;
    pub(crate) const UNSUPPORTED: u64 = ERROR | 3;
    pub(crate) const BUFFER_TOO_SMALL: u64 = ERROR | 5;
    pub(crate) const NOT_READY: u64 = ERROR | 6;
    pub(crate) const WRITE_PROTECTED: u64 = ERROR | 8;
    pub(crate) const NOT_FOUND: u64 = ERROR | 14;
    pub(crate) const ACCESS_DENIED: u64 = ERROR | 15;
}

/// Numbers of the services, in the table's order.
mod service {
    pub(super) const SET_VIRTUAL_ADDRESS_MAP: u64 = 4;
    pub(super) const GET_VARIABLE: u64 = 6;
    pub(super) const GET_NEXT_VARIABLE_NAME: u64 = 7;
    pub(super) const SET_VARIABLE: u64 = 8;
    pub(super) const QUERY_VARIABLE_INFO: u64 = 13;
}

/// What `core_call` in `ap.S` leaves on the stack.
#[repr(C)]
pub(crate) struct Call {
    service: u64,
    partition: u64,
    arguments: [u64; 5],
    cr3: u64,
    cr4: u64,
    /// Linux's stack pointer, at what `runtime.S` saved last.
    stack: u64,
}

impl Call {
    /// Linux's virtual address of the base in its interrupt table's pointer.
    pub(super) const fn interrupt_table_base(&self) -> u64 {
        /// Behind the descriptor table's pointer, and the limit.
        const OFFSET: u64 = 16 + 2;
        self.stack.wrapping_add(OFFSET)
    }
}

/// Serves a call; the result is its EFI status.
pub(crate) extern "C" fn serve(call: &Call) -> u64 {
    let Some(slot) = slot::get(call.partition as usize) else {
        return status::UNSUPPORTED;
    };
    let memory = LinuxMemory {
        cr3: call.cr3,
        cr4: call.cr4,
        regions: slot.memory(),
    };
    slot::reading(|| {
        detour::note(slot, call, &memory);
        answer(call, slot, &memory)
    })
    .unwrap_or(status::INVALID_PARAMETER)
}

/// `None` if an argument points to what is not the partition's.
fn answer(call: &Call, slot: &Slot, memory: &LinuxMemory<'_>) -> Option<u64> {
    let [first, second, third, fourth, fifth] = call.arguments;
    match call.service {
        // The 1:1 addresses stay in use.
        service::SET_VIRTUAL_ADDRESS_MAP => Some(status::SUCCESS),
        service::GET_VARIABLE => {
            variables::get(slot, memory, first, second, [third, fourth, fifth])
        }
        service::GET_NEXT_VARIABLE_NAME => variables::next(memory, first, second, third),
        service::SET_VARIABLE => {
            let caller = call.partition as usize;
            variables::set(caller, slot, memory, first, second, [third, fourth, fifth])
        }
        service::QUERY_VARIABLE_INFO => variables::query(memory, [second, third, fourth]),
        _ => Some(status::UNSUPPORTED),
    }
}
