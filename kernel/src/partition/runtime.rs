//! The firmware services of a partition, on Bulkhead's side.
//!
//! The template in `runtime.S` is completed once with what is the same for all partitions. A plan
//! has its partition's number in it; what depends on the page's address, the launch fills in.

use alloc::vec::Vec;
use core::fmt;

use bulkhead_launch::{LaunchPlan, ResidentCode};
use bulkhead_model::{Decision, Ending, counts_as_consecutive};
use spin::Once;

use super::event::{self, Kind};
use super::slot::{self, Phase};
use super::{detour, devices, launch, park};
use crate::cpu::cores::{self, Core, CoreState};
use crate::cpu::{apic, smp, trap, tsc};
use crate::mem::{paging, phys};
use crate::reset_vector;

core::arch::global_asm!(include_str!("runtime.S"), options(att_syntax));

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

/// Distance between the entries of two services in `runtime.S`, in bytes.
const SERVICE_STRIDE: u64 = 16;
/// Number of services in the table (UEFI 2.10 §4.5).
const SERVICES: usize = 14;
/// ResetSystem's place in it.
const RESET_SYSTEM: usize = 10;

/// ResetSystem's kind for power-off (UEFI 2.10 §8.5.1, `EfiResetShutdown`).
const RESET_SHUTDOWN: u32 = 2;
/// After a panic: `reboot=panic_cold`.
const RESET_COLD: u32 = 0;
/// For a reboot that was asked for: `reboot=warm` (`docs/parameters.md`).
const RESET_WARM: u32 = 1;

struct Template {
    code: Vec<u8>,
    services: [u16; SERVICES],
}

static TEMPLATE: Once<Template> = Once::new();

/// Completes the template; after the page tables are active.
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
pub(crate) fn resident_code() -> ResidentCode<'static> {
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
            phys::write(gates + vector * 16, &trap::gate(place(handler)));
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

/// A Linux called ResetSystem on this core, which may be any core of the partition.
pub(super) fn ended(partition: usize, kind: u32, _status: u64) -> ! {
    if let Some(slot) = slot::get(partition)
        && slot.begin_ending()
    {
        // With mail it waits where it parks until it is decided what follows; without, the machine's
        // boot processor would take the shell up at once.
        if let Some(core) = slot.boot_core().filter(|core| core.is_boot()) {
            core.post(partition);
        }
        let all_came = take_back_cores(partition, Some(apic::id()));
        silence(slot);
        conclude(partition, slot, kind, all_came);
    }
    park()
}

/// A Linux that could not call ResetSystem jumped to the BIOS on this core.
pub(super) fn reset_by_bios() -> ! {
    let apic_id = apic::id();
    let owner = slot::all().position(|slot| {
        let has_core = |plan: &bulkhead_launch::LaunchPlan| plan.cores().any(|id| id == apic_id);
        slot.phase() == Phase::Running && slot.plan().is_some_and(has_core)
    });
    let kind = if reset_vector::take_warm_flag() {
        RESET_WARM
    } else {
        RESET_COLD
    };
    match owner {
        Some(partition) => ended(partition, kind, 0),
        None => park(),
    }
}

/// Says how the partition ended, and does what its policy says. If a core did not come back nothing
/// may follow: it may still run the old kernel, in memory that a launch would write.
fn conclude(partition: usize, slot: &slot::Slot, kind: u32, all_came: bool) {
    let ending = match kind {
        RESET_SHUTDOWN => Ending::PoweredOff,
        RESET_WARM => Ending::Rebooted,
        _ => Ending::Failed,
    };
    let uptime_ms = tsc::now().saturating_sub(slot.entered()) / tsc::khz();
    let in_a_row = if counts_as_consecutive(uptime_ms) {
        slot.failures()
    } else {
        0
    };
    let failures = if ending == Ending::Failed {
        in_a_row + 1
    } else {
        0
    };
    slot.set_failures(failures);
    let what = match ending {
        Ending::PoweredOff => Kind::PoweredOff,
        Ending::Rebooted => Kind::Rebooted,
        Ending::Failed => Kind::Failed,
    };
    event::post(what, partition, failures);
    if !all_came {
        slot.advance(Phase::Ending, Phase::Idle);
        return;
    }
    match slot.policy().after(ending, failures) {
        Decision::Stay => stay(partition, slot),
        Decision::GiveUp => {
            event::post(Kind::GaveUp, partition, failures);
            stay(partition, slot);
        }
        Decision::Restart { delay_ms } => {
            slot.set_due(tsc::now() + delay_ms * tsc::khz());
            event::post(Kind::Restarting, partition, delay_ms as u32);
            slot.advance(Phase::Ending, Phase::Waiting);
            if let Some(plan) = slot.plan() {
                launch::wake(partition, slot, plan.boot_core);
            }
        }
    }
}

/// It stays ended, its cores parked.
fn stay(partition: usize, slot: &slot::Slot) {
    let boot_core = slot.plan().map_or(0, |plan| plan.boot_core);
    slot.advance(Phase::Ending, Phase::Idle);
    event::post(Kind::Parked, partition, boot_core);
}

/// Why a partition is not ended by force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is ending by itself, or does not run.
    NotLive,
    /// Its Linux has just been entered on the machine's boot processor.
    TooEarly,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLive => "it is ending by itself",
            Self::TooEarly => "it has only begun to boot; try again",
        })
    }
}

/// Ends a partition by force: whether all its cores came back.
pub(crate) fn kill(partition: usize, slot: &slot::Slot) -> Result<bool, Refusal> {
    end_by_force(partition, slot, Phase::Idle)
}

/// The same, and then its boot core launches it again.
pub(super) fn restart(partition: usize, slot: &slot::Slot) -> Result<bool, Refusal> {
    end_by_force(partition, slot, Phase::Launching)
}

fn end_by_force(partition: usize, slot: &slot::Slot, next: Phase) -> Result<bool, Refusal> {
    if !slot.begin_ending_early() {
        if detour::is_too_early(slot) {
            return Err(Refusal::TooEarly);
        }
        if !slot.begin_ending_entered() {
            return Err(Refusal::NotLive);
        }
    }
    // As in `ended`.
    if let Some(core) = slot.boot_core().filter(|_| next == Phase::Launching) {
        core.post(partition);
    }
    let all_came = take_back_cores(partition, None);
    silence(slot);
    event::post(Kind::Killed, partition, 0);
    slot.set_rung(tsc::now());
    slot.advance(Phase::Ending, if all_came { next } else { Phase::Idle });
    Ok(all_came)
}

/// Silences the devices of a partition whose cores are taken back.
fn silence(slot: &slot::Slot) {
    if let Some(plan) = slot.plan() {
        devices::silence(plan);
    }
}

/// Takes every core of the partition but `except` out of its old kernel and parks it; whether all
/// came.
///
/// To be called by the one that moved the partition to [`Phase::Ending`].
fn take_back_cores(partition: usize, except: Option<u32>) -> bool {
    let Some((slot, plan)) = slot::get(partition).and_then(|slot| Some((slot, slot.plan()?)))
    else {
        return true;
    };
    let mut all_came = true;
    // The machine's boot processor last, so that no other core runs that Linux when the detour is
    // made. Without one that Linux will panic, and look in vain for cores that are gone.
    let boot_is_first = !detour::is_possible(slot);
    for boots_turn in [boot_is_first, !boot_is_first] {
        let wanted = plan
            .cores()
            .filter(|id| Some(*id) != except)
            .filter_map(cores::find)
            .filter(|core| core.is_boot() == boots_turn);
        for core in wanted {
            all_came &= take_back(partition, slot, core);
        }
    }
    all_came
}

fn take_back(partition: usize, slot: &slot::Slot, core: &Core) -> bool {
    if core.is_boot() {
        detour::lay(slot, core);
    }
    let came = cores::retake(core);
    if !came {
        core.set_state(CoreState::Lost);
        event::post(Kind::CoreLost, partition, core.apic_id());
    }
    came
}
