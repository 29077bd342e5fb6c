//! Entry by the Limine boot protocol, base revision 3: what is asked for, and what is answered, as
//! [`Responses`] wants it.
//!
//! Everything returned lies in memory that is reclaimed later, so all of it is copied.

use bulkhead_boot::FrameBuffer;
use bulkhead_boot::limine::{Entry, File, Responses};
use bulkhead_linux::Channel;
use bulkhead_model::MemoryKind;
use limine::BaseRevision;
use limine::firmware_type::FirmwareType;
use limine::framebuffer::MemoryModel;
use limine::memory_map::EntryType;
use limine::request::{
    BootloaderInfoRequest, ExecutableAddressRequest, ExecutableFileRequest, FirmwareTypeRequest,
    FramebufferRequest, HhdmRequest, MemoryMapRequest, ModuleRequest, RequestsEndMarker,
    RequestsStartMarker, RsdpRequest, SmbiosRequest,
};

use super::{BootInfo, LIMITS};
use crate::cpu::stacks;
use crate::layout::KERNEL_BASE;
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
    let direct_map = HHDM.get_response()?.offset();
    // SAFETY: Limine's page tables, with its higher-half direct map (`PROTOCOL.md`, "HHDM").
    unsafe { phys::set_loader_offset(direct_map) };
    let address = ADDRESS.get_response()?;
    let memory = MEMORY.get_response()?.entries().iter().map(|entry| Entry {
        base: entry.base,
        length: entry.length,
        kind: kind_of(entry.entry_type),
    });
    let files = MODULES.get_response().map_or(&[][..], |r| r.modules());
    let files = files.iter().map(|file| File {
        address: file.addr() as u64,
        size: file.size(),
        path: file.path().to_bytes(),
        command_line: file.string().to_bytes(),
    });
    let responses = Responses {
        direct_map,
        loader: LOADER.get_response().map(|r| (r.name(), r.version())),
        is_uefi: matches!(
            FIRMWARE.get_response().map(|r| r.firmware_type()),
            Some(FirmwareType::UEFI_64 | FirmwareType::UEFI_32)
        ),
        command_line: EXECUTABLE
            .get_response()
            .map_or(&[], |r| r.file().string().to_bytes()),
        rsdp: RSDP.get_response().map(|r| r.address() as u64),
        smbios: SMBIOS.get_response().and_then(|r| {
            let found = r.entry_64().or(r.entry_32())?;
            Some(found.get() as u64)
        }),
        image: (address.physical_base(), address.virtual_base()),
        screen: screen(),
    };
    responses.read(memory, files, KERNEL_BASE, LIMITS)
}

/// The first frame buffer, if it has no palette.
fn screen() -> Option<FrameBuffer> {
    let buffer = SCREEN.get_response()?.framebuffers().next()?;
    let channel = |size, position| Channel { size, position };
    (buffer.memory_model() == MemoryModel::RGB).then(|| FrameBuffer {
        address: buffer.addr() as u64,
        pitch: buffer.pitch(),
        width: buffer.width(),
        height: buffer.height(),
        bits_per_pixel: buffer.bpp(),
        colours: [
            channel(buffer.red_mask_size(), buffer.red_mask_shift()),
            channel(buffer.green_mask_size(), buffer.green_mask_shift()),
            channel(buffer.blue_mask_size(), buffer.blue_mask_shift()),
        ],
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
