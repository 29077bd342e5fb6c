//! Entry by the Limine boot protocol, base revision 3.
//!
//! Limine up to 8.2 knows revision 2 at most and then serves that one. What differs for us is only
//! whether the ACPI root pointer is a virtual or a physical address, which its value tells, so the
//! revision in force is not asked for.
//!
//! Source: Limine `PROTOCOL.md` (8.x). Everything returned lies in memory that is reclaimed
//! later, so all of it is copied.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_linux::{Channel, Screen};
use bulkhead_memory::Region;
use bulkhead_model::{FirmwareKind, MemoryKind, MemoryRange, map};
use limine::BaseRevision;
use limine::firmware_type::FirmwareType;
use limine::framebuffer::MemoryModel;
use limine::memory_map::EntryType;
use limine::request::{
    BootloaderInfoRequest, ExecutableAddressRequest, ExecutableFileRequest, FirmwareTypeRequest,
    FramebufferRequest, HhdmRequest, MemoryMapRequest, ModuleRequest, RequestsEndMarker,
    RequestsStartMarker, RsdpRequest, SmbiosRequest,
};

use super::{BootInfo, Module};
use crate::cpu::stacks;
use crate::layout::MAX_RANGES;
use crate::mem::paging::ImagePlace;
use crate::mem::{heap, phys};

#[used]
#[unsafe(link_section = ".requests_start_marker")]
static START: RequestsStartMarker = RequestsStartMarker::new();
#[used]
#[unsafe(link_section = ".requests")]
static BASE_REVISION: BaseRevision = BaseRevision::with_revision(3);
#[used]
#[unsafe(link_section = ".requests")]
static LOADER: BootloaderInfoRequest = BootloaderInfoRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static FIRMWARE: FirmwareTypeRequest = FirmwareTypeRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static HHDM: HhdmRequest = HhdmRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static MEMORY: MemoryMapRequest = MemoryMapRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static MODULES: ModuleRequest = ModuleRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static RSDP: RsdpRequest = RsdpRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static SMBIOS: SmbiosRequest = SmbiosRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static EXECUTABLE: ExecutableFileRequest = ExecutableFileRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static ADDRESS: ExecutableAddressRequest = ExecutableAddressRequest::new();
#[used]
#[unsafe(link_section = ".requests")]
static SCREEN: FramebufferRequest = FramebufferRequest::new();
#[used]
#[unsafe(link_section = ".requests_end_marker")]
static END: RequestsEndMarker = RequestsEndMarker::new();

/// Where Limine jumps to: leaves its stack for our own, which is part of the image.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn limine_start() -> ! {
    core::arch::naked_asm!(
        "cli",
        "cld",
        "lea rsp, [rip + {area} + {size}]",
        "xor ebp, ebp",
        "call {main}",
        "ud2",
        area = sym stacks::BOOT_AREA,
        size = const size_of::<stacks::BootArea>(),
        main = sym enter,
    )
}

extern "C" fn enter() -> ! {
    // SAFETY: the first thing that runs, once.
    unsafe { heap::init() };
    match boot_info() {
        Some(info) => crate::kmain(info),
        // Without these answers nothing at all is known of the machine, not even a console.
        None => crate::cpu::halt_for_ever(),
    }
}

fn boot_info() -> Option<BootInfo> {
    let offset = HHDM.get_response()?.offset();
    // SAFETY: Limine's page tables, with its higher-half direct map (`PROTOCOL.md`, "HHDM").
    unsafe { phys::set_loader_offset(offset) };
    let address = ADDRESS.get_response()?;
    let memory =
        MEMORY.get_response()?.entries().iter().filter_map(|entry| {
            MemoryRange::new(entry.base, entry.length, kind_of(entry.entry_type))
        });
    Some(BootInfo {
        loader: LOADER.get_response().map_or_else(
            || String::from("Limine"),
            |r| format!("{} {}", r.name(), r.version()),
        ),
        firmware: match FIRMWARE.get_response().map(|r| r.firmware_type()) {
            Some(FirmwareType::UEFI_64 | FirmwareType::UEFI_32) => FirmwareKind::Uefi,
            _ => FirmwareKind::Bios,
        },
        // With the file, not by a request of its own, which Limine 8.2 does not answer.
        command_line: EXECUTABLE.get_response().map_or_else(String::new, |r| {
            r.file().string().to_string_lossy().into_owned()
        }),
        memory: map::bounded(memory, MAX_RANGES),
        modules: modules(offset),
        rsdp: RSDP
            .get_response()
            .map(|r| physical(r.address() as u64, offset)),
        smbios: SMBIOS.get_response().and_then(|r| {
            let found = r.entry_64().or(r.entry_32())?;
            Some(physical(found.get() as u64, offset))
        }),
        efi_system_table: None, // SMBIOS is what it would be asked for
        image: ImagePlace {
            physical: address.physical_base()
                + (crate::layout::KERNEL_BASE - address.virtual_base()),
        },
        screen: screen(offset),
        keep: None,
    })
}

/// The physical address of what the loader gives either by that or in its direct map at `offset`.
const fn physical(address: u64, offset: u64) -> u64 {
    if address >= offset {
        address - offset
    } else {
        address
    }
}

/// The first frame buffer, if it is one that a Linux can be told of.
fn screen(offset: u64) -> Option<Screen> {
    let buffer = SCREEN.get_response()?.framebuffers().next()?;
    if buffer.memory_model() != MemoryModel::RGB {
        return None;
    }
    let channel = |size, position| Channel { size, position };
    let short = |value: u64| u16::try_from(value).ok();
    let bits_per_pixel = u8::try_from(buffer.bpp()).ok()?;
    let red = channel(buffer.red_mask_size(), buffer.red_mask_shift());
    let green = channel(buffer.green_mask_size(), buffer.green_mask_shift());
    let blue = channel(buffer.blue_mask_size(), buffer.blue_mask_shift());
    Some(Screen {
        base: (buffer.addr() as u64).checked_sub(offset)?,
        size: buffer.pitch().checked_mul(buffer.height())?,
        width: short(buffer.width())?,
        height: short(buffer.height())?,
        pitch: short(buffer.pitch())?,
        bits_per_pixel,
        red,
        green,
        blue,
        reserved: super::rest_of_pixel(bits_per_pixel, [red, green, blue]),
        is_efi: true,
    })
}

fn kind_of(entry: EntryType) -> MemoryKind {
    match entry {
        EntryType::USABLE
        | EntryType::BOOTLOADER_RECLAIMABLE
        | EntryType::EXECUTABLE_AND_MODULES => MemoryKind::Usable,
        EntryType::ACPI_RECLAIMABLE => MemoryKind::AcpiTables,
        EntryType::ACPI_NVS => MemoryKind::AcpiNvs,
        EntryType::BAD_MEMORY => MemoryKind::Bad,
        _ => MemoryKind::Reserved,
    }
}

fn modules(offset: u64) -> Vec<Module> {
    let files = MODULES.get_response().map_or(&[][..], |r| r.modules());
    files
        .iter()
        .map(|file| {
            // An empty file has a place of no meaning.
            let start = (file.addr() as u64).checked_sub(offset);
            let region = start.and_then(|start| Region::new(start, file.size()));
            let path = file.path().to_str().unwrap_or("");
            let command_line = file.string().to_str().unwrap_or("");
            Module::new(command_line, path, region)
        })
        .take(crate::layout::MAX_IMAGES)
        .collect()
}
