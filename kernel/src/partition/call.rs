//! A call of a runtime service that returns to its Linux: who serves it, and how it answers.
//!
//! It runs on the caller's core, in Bulkhead's page tables, on the core's own stack, with
//! interrupts off. It waits for no core but another one of the same partition, in its store, and for a
//! bounded time.
//!
//! Source: UEFI 2.10 §8.2 (variable services), appendix D (status codes).

use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_lifecycle::{CallerMemory, Status, Variables};
use bulkhead_memory::paging::{Access, Tables};
use bulkhead_services::{Store, clock};

use super::linux_memory::LinuxMemory;
use super::rim::Rim;
use super::{LIFE, detour, plans, stores};
use crate::cpu::{rtc, state, tsc};

/// Numbers of the services, in the table's order.
mod service {
    pub(super) const GET_TIME: u64 = 0;
    pub(super) const SET_TIME: u64 = 1;
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
    pub(super) cr3: u64,
    pub(super) cr4: u64,
    /// Linux's stack pointer, at what `runtime.S` saved last.
    stack: u64,
}

// `core_call` pushes its words, the last field first.
const _: () = assert!(size_of::<Call>() == 10 * 8 && core::mem::offset_of!(Call, stack) == 9 * 8);

impl Call {
    /// Linux's virtual address of the base in its interrupt table's pointer.
    pub(super) const fn interrupt_table_base(&self) -> u64 {
        /// Behind the descriptor table's pointer, and the limit.
        const OFFSET: u64 = 16 + 2;
        self.stack.wrapping_add(OFFSET)
    }
}

/// Serves a call; the result is its EFI status. Does not return to a Linux that is being ended.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
pub(crate) extern "C" fn serve(call: &Call) -> u64 {
    let caller = call.partition as usize;
    let _time = state::own_time();
    let begun = tsc::now();
    let rim = Rim::here();
    LIFE.tend(&rim);
    let serve = |store: Option<Store<'_>>| {
        let work = |stored: &plans::Stored| {
            let memory = LinuxMemory {
                tables: Tables::new(call.cr3, call.cr4),
                writes: Access::Write,
                regions: &stored.memory,
            };
            detour::note(caller, call, &memory);
            answer(call, &rim, &memory, store).unwrap_or(Status::InvalidParameter)
        };
        // SAFETY: this is a core of the partition whose Linux calls, which is live.
        unsafe { plans::with(caller, work) }
    };
    // SAFETY: as above.
    let status = unsafe { stores::with(caller, serve) };
    if LIFE.is_ending(caller) {
        // The core that ends it takes this one, or waits for it. Nothing of that Linux is needed.
        super::core_main(super::REASON_ENDED, 0, call.partition, 0);
    }
    LONGEST.fetch_max(tsc::now().saturating_sub(begun), Ordering::Relaxed);
    status.unwrap_or(Status::Unsupported) as u64
}

/// The longest call that returned to its Linux so far, in ticks: that Linux had its interrupts off
/// meanwhile.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// The same in microseconds.
pub(crate) fn longest_us() -> u64 {
    tsc::us(LONGEST.load(Ordering::Relaxed))
}

/// `None` if an argument points to what is not the partition's.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
fn answer(
    call: &Call,
    rim: &Rim,
    memory: &LinuxMemory<'_>,
    store: Option<Store<'_>>,
) -> Option<Status> {
    let [first, second, third, fourth, fifth] = call.arguments;
    let variables = Variables {
        lifecycle: &LIFE,
        hardware: rim,
        memory,
        caller: call.partition as usize,
        store,
    };
    match call.service {
        service::GET_TIME => get_time(call, memory),
        service::SET_TIME => set_time(call, memory),
        // The 1:1 addresses stay in use.
        service::SET_VIRTUAL_ADDRESS_MAP => Some(Status::Success),
        service::GET_VARIABLE => variables.get(first, second, [third, fourth, fifth]),
        service::GET_NEXT_VARIABLE_NAME => variables.next(first, second, third),
        service::SET_VARIABLE => variables.set(first, second, [third, fourth, fifth]),
        service::QUERY_VARIABLE_INFO => variables.query(first, [second, third, fourth]),
        _ => Some(Status::Unsupported),
    }
}

/// GetTime: the addresses of an `EFI_TIME` and, or null, of its capabilities.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
fn get_time(call: &Call, memory: &LinuxMemory<'_>) -> Option<Status> {
    let [time, capabilities, ..] = call.arguments;
    let offset = stores::offset(call.partition as usize)?;
    let Some(now) = rtc::now_ns().and_then(|now| offset.get(now)) else {
        return Some(Status::DeviceError);
    };
    memory.write(time, &now)?;
    if capabilities != 0 {
        memory.write(capabilities, &clock::capabilities())?;
    }
    Some(Status::Success)
}

/// SetTime: the address of an `EFI_TIME`. It sets the caller's clock and no other.
#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
fn set_time(call: &Call, memory: &LinuxMemory<'_>) -> Option<Status> {
    let [time, ..] = call.arguments;
    let mut bytes = [0; clock::TIME_BYTES];
    memory.read(time, &mut bytes)?;
    let offset = stores::offset(call.partition as usize)?;
    let Some(now) = rtc::now_ns() else {
        return Some(Status::DeviceError);
    };
    offset.set(now, &bytes)?;
    Some(Status::Success)
}
