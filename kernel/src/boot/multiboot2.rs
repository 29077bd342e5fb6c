//! Entry as a Multiboot2 image.
//!
//! Source: Multiboot2 Specification 2.0, "Boot information format". The 32-bit part is in
//! `multiboot2.S`.

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_linux::{Channel, Screen};
use bulkhead_memory::Region;
use bulkhead_model::{FirmwareKind, MemoryKind, MemoryRange, map};
use multiboot2::{
    BootInformation, BootInformationHeader, FramebufferField, FramebufferType, MemoryAreaType,
    TagType,
};

use super::{BootInfo, Module};
use crate::cpu::stacks;
use crate::layout::MAX_RANGES;
use crate::mem::heap;
use crate::mem::paging::ImagePlace;

core::arch::global_asm!(
    include_str!("multiboot2.S"),
    area = sym stacks::BOOT_AREA,
    area_bytes = const size_of::<stacks::BootArea>(),
    main = sym enter,
    kernel_base = const crate::layout::KERNEL_BASE,
    options(att_syntax),
);

#[expect(
    clippy::cast_possible_truncation,
    reason = "usize has 64 bits on x86-64"
)]
extern "C" fn enter(information: u64, image: u64) -> ! {
    // SAFETY: the first thing that runs, once.
    unsafe { heap::init() };
    let header = core::ptr::with_exposed_provenance::<BootInformationHeader>(information as usize);
    // SAFETY: the loader's magic was checked, so this is its information structure, mapped one to
    // one and not written while it is read.
    let Ok(information) = (unsafe { BootInformation::load(header) }) else {
        crate::cpu::halt_for_ever()
    };
    crate::kmain(boot_info(&information, ImagePlace { physical: image }))
}

fn boot_info(information: &BootInformation, image: ImagePlace) -> BootInfo {
    let text = |value: Option<&str>| value.map_or_else(String::new, String::from);
    let uefi = information.efi_sdt64_tag().is_some()
        || information.efi_sdt32_tag().is_some()
        || information.efi_memory_map_tag().is_some();
    BootInfo {
        loader: text(
            information
                .boot_loader_name_tag()
                .and_then(|tag| tag.name().ok()),
        ),
        firmware: if uefi {
            FirmwareKind::Uefi
        } else {
            FirmwareKind::Bios
        },
        command_line: text(
            information
                .command_line_tag()
                .and_then(|tag| tag.cmdline().ok()),
        ),
        memory: memory(information),
        modules: modules(information),
        rsdp: rsdp(information),
        smbios: None, // GRUB has no such tag
        efi_system_table: information
            .efi_sdt64_tag()
            .map(|tag| tag.sdt_address() as u64),
        image,
        screen: screen(information),
        keep: Region::new(
            information.start_address() as u64,
            information.total_size() as u64,
        ),
    }
}

/// The frame buffer, if it is one that a Linux can be told of: neither text nor a palette.
fn screen(information: &BootInformation) -> Option<Screen> {
    let tag = information.framebuffer_tag()?.ok()?;
    let FramebufferType::RGB { red, green, blue } = tag.buffer_type().ok()? else {
        return None;
    };
    let mask = |field: FramebufferField| Channel {
        size: field.size,
        position: field.position,
    };
    let (red, green, blue) = (mask(red), mask(green), mask(blue));
    Some(Screen {
        base: tag.address(),
        size: u64::from(tag.pitch()) * u64::from(tag.height()),
        width: u16::try_from(tag.width()).ok()?,
        height: u16::try_from(tag.height()).ok()?,
        pitch: u16::try_from(tag.pitch()).ok()?,
        bits_per_pixel: tag.bpp(),
        red,
        green,
        blue,
        reserved: super::rest_of_pixel(tag.bpp(), [red, green, blue]),
        is_efi: true,
    })
}

fn memory(information: &BootInformation) -> Vec<MemoryRange> {
    let areas = information
        .memory_map_tag()
        .map_or(&[][..], |tag| tag.memory_areas());
    let ranges = areas.iter().filter_map(|area| {
        let kind = match area.typ() {
            MemoryAreaType::Available => MemoryKind::Usable,
            MemoryAreaType::AcpiAvailable => MemoryKind::AcpiTables,
            MemoryAreaType::ReservedHibernate => MemoryKind::AcpiNvs,
            MemoryAreaType::Defective => MemoryKind::Bad,
            _ => MemoryKind::Reserved,
        };
        MemoryRange::new(area.start_address(), area.size(), kind)
    });
    map::bounded(ranges, MAX_RANGES)
}

fn modules(information: &BootInformation) -> Vec<Module> {
    information
        .module_tags()
        .map(|tag| {
            let (start, end) = (tag.start_address(), tag.end_address());
            let region = Region::from_bounds(start.into(), end.into());
            Module::new(tag.cmdline().unwrap_or(""), "", region)
        })
        .take(crate::layout::MAX_IMAGES)
        .collect()
}

/// The loader brings a copy of the root pointer inside its tags: it lies after the tag's header.
fn rsdp(information: &BootInformation) -> Option<u64> {
    const TAG_HEADER: u64 = 8;
    let find = |wanted: TagType| {
        information
            .tags()
            .find(|tag| tag.header().typ == wanted)
            .map(|tag| core::ptr::from_ref(tag.header()).expose_provenance() as u64 + TAG_HEADER)
    };
    find(TagType::AcpiV2).or_else(|| find(TagType::AcpiV1))
}
