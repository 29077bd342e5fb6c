//! The firmware services of a partition, on Bulkhead's side.
//!
//! The template in `runtime.S` is completed once with what is the same for all partitions. A plan
//! has its partition's number in it; what depends on the page's address, the launch fills in.

use alloc::vec::Vec;

use bulkhead_launch::{LaunchPlan, ResidentCode};
use bulkhead_lifecycle::End;
use bulkhead_processor::gate::interrupt_gate;
use spin::Once;

use crate::cpu::{gdt, smp, trap};
use crate::mem::{paging, phys};

core::arch::global_asm!(
    include_str!("runtime.S"),
    services = const SERVICES,
    service_stride = const SERVICE_STRIDE,
    reset_system = const RESET_SYSTEM,
    machine_check = const trap::MACHINE_CHECK,
    reason_ended = const super::REASON_ENDED,
    options(att_syntax),
);

unsafe extern "C" {
    static runtime_code: u8;
    static runtime_root4: u8;
    static runtime_root5: u8;
    static runtime_entry: u8;
    static runtime_call_entry: u8;
    static runtime_services: u8;
    static runtime_end: u8;
    static bridge_gates: u8;
    static bridge_descriptors: u8;
    static bridge_gates_pointer: u8;
    static bridge_descriptors_pointer: u8;
    static bridge_nmi: u8;
    static bridge_machine_check: u8;
}

/// Distance between the entries of two services, in bytes: each fits.
const SERVICE_STRIDE: u64 = 16;
/// Number of services in the table (UEFI 2.10 §4.5).
const SERVICES: usize = 14;
/// ResetSystem's place in it.
const RESET_SYSTEM: usize = 10;

/// ResetSystem's kind for power-off (UEFI 2.10 §8.5.1, `EfiResetShutdown`).
const RESET_SHUTDOWN: u32 = 2;
/// For a reboot that was asked for: `reboot=warm` (`docs/parameters.md`).
const RESET_WARM: u32 = 1;

struct Template {
    code: Vec<u8>,
    services: [u16; SERVICES],
}

static TEMPLATE: Once<Template> = Once::new();

/// Completes the template; after the page tables are active.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the services lie in one page; usize has 64 bits on x86-64"
)]
pub(crate) fn init() {
    // SAFETY: only addresses of assembly symbols are taken, and the bytes between the first and
    // the last are read-only data of the image.
    let (code, start, words, services) = unsafe {
        let start = &raw const runtime_code as u64;
        let length = &raw const runtime_end as u64 - start;
        (
            core::slice::from_raw_parts(&raw const runtime_code, length as usize),
            start,
            [
                &raw const runtime_root4,
                &raw const runtime_root5,
                &raw const runtime_entry,
                &raw const runtime_call_entry,
            ],
            &raw const runtime_services as u64,
        )
    };
    let mut code = code.to_vec();
    let roots = paging::roots();
    let values = [
        roots.four_level,
        roots.five_level,
        smp::entry_address(),
        smp::call_address(),
    ];
    for (word, value) in words.into_iter().zip(values) {
        let offset = (word as u64 - start) as usize;
        code[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }
    let first = services - start;
    let services = core::array::from_fn(|index| (first + index as u64 * SERVICE_STRIDE) as u16);
    TEMPLATE.call_once(|| Template { code, services });
}

/// What a plan needs to know of the template.
pub(crate) fn resident_code() -> ResidentCode {
    let template = TEMPLATE.get().expect("init() ran at boot");
    ResidentCode {
        code: &template.code,
        partition_id_offset: 0,
        services: template.services,
    }
}

/// Where a partition's ResetSystem is: in its page of services, which its Linux maps one to one.
pub(super) fn reset_system(plan: &LaunchPlan) -> u64 {
    let offset = resident_code().services[RESET_SYSTEM];
    plan.view.block.runtime_code.start() + u64::from(offset)
}

/// Completes the bridge (`runtime.S`) in a partition's page of services at `page`.
///
/// # Safety
/// The page must hold the template and be this core's alone.
#[expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "writes to one page, all by the one contract"
)]
pub(super) unsafe fn build_bridge(page: u64) {
    let start = &raw const runtime_code as u64;
    let place = |symbol: *const u8| page + (symbol as u64 - start);
    let base_of = |pointer: *const u8| place(pointer) + 2; // behind the limit
    // SAFETY: addresses of symbols of the template; the writes stay in the page, which is this
    // core's by the caller's contract.
    unsafe {
        let gates = place(&raw const bridge_gates);
        for (vector, handler) in [
            (trap::NMI, &raw const bridge_nmi),
            (trap::MACHINE_CHECK, &raw const bridge_machine_check),
        ] {
            phys::write(
                gates + vector * 16,
                &interrupt_gate(place(handler), gdt::CODE.0),
            );
        }
        phys::write(
            base_of(&raw const bridge_gates_pointer),
            &gates.to_le_bytes(),
        );
        phys::write(
            base_of(&raw const bridge_descriptors_pointer),
            &place(&raw const bridge_descriptors).to_le_bytes(),
        );
    }
}

/// How a run ended that called ResetSystem with that kind: everything but a power-off and a reboot
/// that was asked for is a panic (`reboot=warm,panic_cold`, `docs/parameters.md`).
pub(super) const fn end(kind: u32) -> End {
    match kind {
        RESET_SHUTDOWN => End::PoweredOff,
        RESET_WARM => End::Rebooted,
        _ => End::Failed,
    }
}
