//! Filling in [`Machine`]: from the loader's record, firmware's tables, CPUID and PCI.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bulkhead_firmware::{Firmware, discover, find_rsdp};
use bulkhead_ledger::LOW_CHUNK_BYTES;
use bulkhead_linux::BzImage;
use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::budget::{self, Extent};
use bulkhead_model::{
    Com, Core, FirmwareKind, Image, ImageKind, Machine, MemoryKind, MemoryRange, Resident, Uart,
};
use bulkhead_shell::Options;

use crate::boot::BootInfo;
use crate::console::serial;
use crate::cpu::cores;
use crate::cpu::{apic, pic, tsc};
use crate::layout::{LARGEST, MP_DECOY};
use crate::legacy;
use crate::mem::{frames, heap, paging, phys};
use crate::partition::LIFE;
use crate::{pci, reset_vector};
use bulkhead_lifecycle::CoreState;

const GIB: u64 = 1 << 30;

/// The memory of a PC below the frame buffer and the BIOS.
const LOW_BYTES: u64 = 640 << 10;

/// Everything above this is not reached by the kernel's page tables.
const REACH: u64 = 512 * GIB;

/// Takes over memory: own page tables, and a ledger of what is free for the kernel to take.
/// Gives back the memory map as it will be described.
pub(crate) fn own_memory(info: &BootInfo) -> Vec<MemoryRange> {
    let ram = regions(info, |kind| kind == MemoryKind::Usable);
    let mut free: RegionSet = ram.iter().filter_map(|r| r.align_inward(PAGE)).collect();
    free.remove(info.image.region().align_outward(PAGE));
    for module in &info.modules {
        free.remove(module.region.align_outward(PAGE));
    }
    if let Some(keep) = info.keep {
        free.remove(keep.align_outward(PAGE));
    }
    frames::init(free);

    let cached = regions(info, |kind| !matches!(kind, MemoryKind::Reserved));
    let top = cached.iter().map(Region::end).max().unwrap_or(0);
    // SAFETY: once, on the boot processor, in the loader's mapping.
    unsafe { paging::activate(info.image, &cached, top.min(REACH)) };
    // SAFETY: once, and the tables are active.
    unsafe { heap::open(budget::heap_bytes(&LARGEST)) };
    info.memory
        .iter()
        .flat_map(|range| within_reach(*range))
        .collect()
}

/// Makes the heap as large as this machine needs.
pub(crate) fn settle_heap(info: &BootInfo, firmware: &Firmware) {
    let processors = firmware.madt.iter().flat_map(|madt| &madt.processors);
    let cores = processors.filter(|processor| processor.enabled).count();
    let low = regions(info, |kind| kind == MemoryKind::Usable);
    let low = Region::new(0, LOW_BYTES).map_or(0, |window| low.within(window).total());
    // Each partition has a core and a piece of low memory of its own.
    let pieces = usize::try_from(low / LOW_CHUNK_BYTES).unwrap_or(usize::MAX);
    let cores = cores.clamp(1, LARGEST.cores);
    let extent = Extent {
        cores,
        functions: pci::count(&firmware.ecam).min(LARGEST.functions),
        images: info.modules.len(),
        ranges: info.memory.len(),
        partitions: cores.min(pieces).min(LARGEST.partitions),
    };
    // SAFETY: once; `own_memory` has opened it.
    unsafe { heap::settle(budget::heap_bytes(&extent), budget::command_bytes(&extent)) };
}

/// A range as it is described: what the page tables do not reach is nobody's RAM.
fn within_reach(range: MemoryRange) -> impl Iterator<Item = MemoryRange> {
    let (start, end) = (range.region.start(), range.region.end());
    let near = Region::from_bounds(start, end.min(REACH)).map(|region| MemoryRange {
        region,
        kind: range.kind,
    });
    let far = Region::from_bounds(start.max(REACH), end).map(|region| MemoryRange {
        region,
        kind: MemoryKind::Reserved,
    });
    near.into_iter().chain(far)
}

fn regions(info: &BootInfo, wanted: impl Fn(MemoryKind) -> bool) -> RegionSet {
    info.memory
        .iter()
        .filter(|range| wanted(range.kind))
        .map(|range| range.region)
        .collect()
}

/// Reads firmware's tables; malformed ones are reported and survived.
pub(crate) fn read_firmware(info: &BootInfo) -> Firmware {
    match info.rsdp.or_else(|| find_rsdp(&phys::FirmwareMemory)) {
        Some(rsdp) => discover(&phys::FirmwareMemory, rsdp),
        None => Firmware::default(),
    }
}

/// Masks the pins of every I/O APIC that firmware names.
pub(crate) fn mask_io_apics(firmware: &Firmware) {
    for io_apic in firmware.madt.iter().flat_map(|madt| &madt.io_apics) {
        // SAFETY: firmware's MADT says that an I/O APIC is there, and no partition owns it yet.
        unsafe { pic::mask_io_apic(io_apic.address) };
    }
}

/// Enters the cores that firmware names; this one alone if it names none. Says how many were left
/// out because there are too many.
pub(crate) fn init_cores(firmware: &Firmware) -> usize {
    let mut ids: Vec<u32> = firmware
        .madt
        .iter()
        .flat_map(|madt| &madt.processors)
        .filter(|processor| processor.enabled)
        .map(|processor| processor.apic_id)
        .collect();
    ids.push(apic::id());
    ids.sort_unstable();
    ids.dedup();
    cores::init(&ids)
}

/// The whole description, after the cores were started.
/// From then on the console is where it was wanted.
pub(crate) fn describe(
    info: &BootInfo,
    options: &Options,
    firmware: Firmware,
    memory: &[MemoryRange],
) -> (Machine, serial::Choice) {
    let mut resident = frames::taken();
    resident.push(Resident {
        region: info.image.region().align_outward(PAGE),
        what: "kernel".to_string(),
    });
    let images = images(info, &mut resident);
    let madt = firmware.madt.unwrap_or_default();
    let boot_flags = firmware.fadt.as_ref().map(|fadt| fadt.boot_flags);
    let functions = pci::scan(&firmware.ecam);
    reset_vector::take(&functions);
    let known = serial::Known {
        firmware: firmware.console.as_ref(),
        functions: &functions,
        memory,
    };
    let console = serial::settle(options, &known);
    let machine = Machine {
        cores: describe_cores(&madt.processors),
        boot_core: apic::id(),
        memory: memory.to_vec(),
        resident,
        images,
        uarts: Com::ALL
            .into_iter()
            .filter(|com| console.com == Some(*com) || serial::is_present(*com))
            .map(|port| Uart {
                port,
                is_shell: console.com == Some(port),
            })
            .collect(),
        shell_function: console.function,
        shell_line: console.line.clone(),
        functions,
        routes: firmware.routes,
        overrides: madt.overrides,
        has_ps2: legacy::has_ps2(boot_flags),
        has_rtc: legacy::has_rtc(boot_flags),
        screen: info.screen,
        ecam: firmware.ecam,
        io_apics: madt.io_apics,
        tables: firmware.tables,
        problems: firmware.problems,
        local_apic_address: madt.local_apic_address,
        tsc_khz: tsc::khz(),
        firmware: info.firmware,
        loader: info.loader.clone(),
        cpu_model: cpu_model(),
    };
    (machine, console)
}

fn cpu_model() -> String {
    raw_cpuid::CpuId::new()
        .get_processor_brand_string()
        .map_or_else(String::new, |brand| brand.as_str().trim().to_string())
}

/// Bits of a local APIC ID that number threads in a core, and logical processors in a package.
fn topology_shifts() -> (u32, u32) {
    let cpuid = raw_cpuid::CpuId::new();
    if let Some(levels) = cpuid.get_extended_topology_info() {
        let shifts: Vec<u32> = levels
            .filter(|l| l.processors() != 0)
            .map(|l| l.shift_right_for_next_apic_id())
            .collect();
        if let (Some(first), Some(last)) = (shifts.first(), shifts.last()) {
            return if shifts.len() == 1 {
                (0, *first)
            } else {
                (*first, *last)
            };
        }
    }
    let logical = cpuid
        .get_feature_info()
        .filter(|features| features.has_htt())
        .map_or(1, |features| {
            u32::from(features.max_logical_processor_ids()).max(1)
        });
    (0, logical.next_power_of_two().trailing_zeros())
}

fn describe_cores(processors: &[bulkhead_firmware::Processor]) -> Vec<Core> {
    let (thread_bits, package_bits) = topology_shifts();
    (0..cores::count())
        .map(|index| {
            let apic_id = cores::apic_id(index);
            let acpi_uid = processors
                .iter()
                .find(|p| p.apic_id == apic_id)
                .map_or(apic_id, |p| p.acpi_uid);
            let package = apic_id.checked_shr(package_bits).unwrap_or(0);
            let within = apic_id - package.checked_shl(package_bits).unwrap_or(0);
            Core {
                apic_id,
                acpi_uid,
                package,
                core: within.checked_shr(thread_bits).unwrap_or(0),
                responding: LIFE.core_state(index) != CoreState::Absent,
            }
        })
        .collect()
}

/// Looks at each module; each becomes resident. The boot script is an image too.
fn images(info: &BootInfo, resident: &mut Vec<Resident>) -> Vec<Image> {
    info.modules
        .iter()
        .map(|module| {
            resident.push(Resident {
                region: module.region.align_outward(PAGE),
                what: format!("image \"{}\"", module.name),
            });
            // SAFETY: a module is the kernel's alone and is never written.
            let bytes = unsafe { phys::bytes(module.region) };
            Image {
                name: module.name.clone(),
                region: module.region,
                kind: image_kind(bytes),
            }
        })
        .collect()
}

fn image_kind(bytes: &[u8]) -> ImageKind {
    if !BzImage::looks_like(bytes) {
        return ImageKind::Data;
    }
    match BzImage::parse(bytes) {
        Ok(image) => ImageKind::Kernel(image),
        Err(error) => ImageKind::BadKernel(error),
    }
}

/// Puts an empty MP table where Linux looks first for the BIOS's.
///
/// A stock kernel with `CONFIG_X86_MPPARSE` that finds no I/O APIC in its MADT looks for the MP
/// table of the BIOS and would take the I/O APIC from it. It scans the first KiB of memory
/// before the BIOS's areas, and stops at the first floating pointer.
pub(crate) fn hide_mp_table(machine: &Machine) {
    if machine.firmware != FirmwareKind::Bios {
        return; // UEFI machines have none
    }
    let local_apic_address = machine.local_apic_address as u32;
    let table = bulkhead_tables::mp::decoy(MP_DECOY as u32, local_apic_address);
    // SAFETY: interrupt vectors of the real mode, which nobody runs any more; a reset of the
    // machine writes them anew.
    unsafe { phys::write(MP_DECOY, &table) };
}

/// The bytes of an image.
pub(crate) fn image_bytes(region: Region) -> &'static [u8] {
    // SAFETY: images are resident and never written.
    unsafe { phys::bytes(region) }
}
