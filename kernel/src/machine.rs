//! Looking at the machine: what `bulkhead-describe` makes the description of.
//!
//! Nothing here writes to hardware, but [`mask_io_apics`] and [`hide_mp_table`], which say so.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bulkhead_describe::cores::{FoundCore, ToStart, Topology, to_start};
use bulkhead_describe::images::Module;
use bulkhead_describe::{Found, ShellLine};
use bulkhead_firmware::{
    Firmware, Identity, discover, find_rsdp, find_smbios, read_identity, smbios_of_efi,
};
use bulkhead_lifecycle::CoreState;
use bulkhead_memory::{PAGE, RegionSet};
use bulkhead_model::budget::Extent;
use bulkhead_model::{Com, FirmwareKind, Machine, MemoryRange, map};
use bulkhead_pci::Function;

use crate::boot::{Alone, BootInfo};
use crate::console::keyboard;
use crate::cpu::{apic, cores, pic, tsc};
use crate::images;
use crate::layout::{LARGEST, MAX_CORES, MP_DECOY};
use crate::mem::paging::ImagePlace;
use crate::mem::{frames, phys};
use crate::partition::LIFE;

/// The memory map as it is described, once the kernel's own page tables are active.
pub(crate) fn memory(info: &BootInfo) -> Vec<MemoryRange> {
    map::within_reach(&info.memory, phys::reach())
}

/// RAM of which nothing is needed any more, for the kernel to take.
pub(crate) fn free(info: &BootInfo) -> RegionSet {
    let modules = info.modules.iter().filter_map(|module| module.region);
    let kept = modules
        .chain([ImagePlace::of(info).region()])
        .chain(info.keep);
    map::free(&info.memory, kept)
}

/// What this machine is for the heap's budget.
pub(crate) fn extent(info: &BootInfo, firmware: &Firmware, functions: usize) -> Extent {
    let processors = firmware.madt.iter().flat_map(|madt| &madt.processors);
    let cores = processors.filter(|processor| processor.enabled).count();
    let cores = cores.clamp(1, LARGEST.cores);
    Extent {
        cores,
        functions: functions.min(LARGEST.functions),
        images: info.modules.len(),
        ranges: info.memory.len(),
        // Each partition has a core.
        partitions: cores.min(LARGEST.partitions),
        performance: firmware.performance.bytes(),
    }
}

/// Reads firmware's tables; malformed ones are reported and survived.
pub(crate) fn read_firmware(alone: &Alone, info: &BootInfo) -> Firmware {
    let memory = phys::FirmwareMemory::new(alone);
    match info.rsdp.or_else(|| find_rsdp(&memory)) {
        Some(rsdp) => discover(&memory, rsdp),
        None => Firmware::default(),
    }
}

/// Reads what firmware's SMBIOS says that the machine is; nothing where it says nothing.
pub(crate) fn identity(alone: &Alone, info: &BootInfo) -> Identity {
    let memory = phys::FirmwareMemory::new(alone);
    let by_efi = || smbios_of_efi(&memory, info.efi_system_table?);
    let by_search = || {
        let is_bios = info.firmware == FirmwareKind::Bios;
        is_bios.then(|| find_smbios(&memory)).flatten()
    };
    let entry_point = info.smbios.or_else(by_efi).or_else(by_search);
    entry_point
        .and_then(|entry_point| read_identity(&memory, entry_point))
        .unwrap_or_default()
}

/// Masks the pins of every I/O APIC that firmware names.
///
/// # Safety
/// `firmware` is what the machine's own tables say: there is an I/O APIC where it says so.
pub(crate) unsafe fn mask_io_apics(_: &Alone, firmware: &Firmware) {
    for io_apic in firmware.madt.iter().flat_map(|madt| &madt.io_apics) {
        // SAFETY: an I/O APIC by the caller's contract, and no partition runs that could own it.
        unsafe { pic::mask_io_apic(io_apic.address) };
    }
}

/// Enters the cores that firmware names; this one alone if it names none. Says which, and how many were
/// left out.
pub(crate) fn init_cores(firmware: &Firmware) -> ToStart {
    // In xAPIC mode an INIT to core 256 would go to core 0, and one to core 255 to all.
    let found = to_start(firmware, apic::id(), apic::reaches, MAX_CORES);
    cores::init(&found.ids);
    found
}

/// The whole description, after everything was looked at.
pub(crate) fn describe(
    alone: &Alone,
    info: &BootInfo,
    memory: Vec<MemoryRange>,
    firmware: Firmware,
    functions: Vec<Function>,
    ports: Vec<Com>,
    line: &ShellLine,
) -> Machine {
    let modules = info.modules.iter().map(|module| Module {
        name: module.name.clone(),
        region: module.region,
        bytes: module.region.map_or(&[], images::bytes),
        told: module.told,
    });
    bulkhead_describe::describe(Found {
        loader: info.loader.clone(),
        firmware_kind: info.firmware,
        screen: info.screen,
        memory,
        kernel: ImagePlace::of(info).kept().align_outward(PAGE),
        taken: frames::taken(),
        modules: modules.collect(),
        firmware,
        cores: found_cores(),
        boot_core: apic::id(),
        topology: Topology::of(&|leaf, subleaf| {
            let found = raw_cpuid::cpuid!(leaf, subleaf);
            [found.eax, found.ebx, found.ecx, found.edx]
        }),
        functions,
        ports,
        line: line.clone(),
        has_ps2: keyboard::answers(alone),
        tsc_khz: tsc::khz(),
        cpu_model: cpu_model(),
        identity: identity(alone, info),
    })
}

fn found_cores() -> Vec<FoundCore> {
    let found = |index| FoundCore {
        apic_id: cores::apic_id(index),
        responding: LIFE.core_state(index) != CoreState::Absent,
    };
    (0..cores::count()).map(found).collect()
}

fn cpu_model() -> String {
    raw_cpuid::CpuId::new()
        .get_processor_brand_string()
        .map_or_else(String::new, |brand| brand.as_str().trim().to_string())
}

/// Writes an empty MP table to where Linux looks first for the BIOS's.
///
/// A stock kernel with `CONFIG_X86_MPPARSE` that finds no I/O APIC in its MADT looks for the MP
/// table of the BIOS and would take the I/O APIC from it. It scans the first KiB of memory
/// before the BIOS's areas, and stops at the first floating pointer.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it lies in the first KiB of memory"
)]
pub(crate) fn hide_mp_table(_: &Alone, machine: &Machine) {
    if machine.firmware != FirmwareKind::Bios {
        return; // UEFI machines have none
    }
    let table = bulkhead_tables::mp::decoy(MP_DECOY as u32, machine.local_apic_address);
    // SAFETY: interrupt vectors of the real mode, which nobody runs, as no partition does; a reset
    // of the machine writes them anew.
    unsafe { phys::write(MP_DECOY, &table) };
}
