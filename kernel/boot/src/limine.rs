//! Limine's responses, taken out of the loader's memory.
//!
//! Limine up to 8.2 knows revision 2 of the protocol at most and then serves that one. What differs for us
//! is only whether the ACPI root pointer is a virtual or a physical address, which its value tells, so the
//! revision in force is not asked for.
//!
//! Source: Limine `PROTOCOL.md` (8.x), base revision 3.

use alloc::format;
use alloc::string::String;

use bulkhead_memory::Region;
use bulkhead_model::{FirmwareKind, MemoryKind, MemoryRange, map};

use crate::{BootInfo, FrameBuffer, Limits, Module};

/// What is answered once. Addresses are as they came: physical, or in the direct map.
#[derive(Clone, Debug, Default)]
pub struct Responses<'a> {
    /// Where all of physical memory is mapped.
    pub direct_map: u64,
    /// The loader's name and version.
    pub loader: Option<(&'a str, &'a str)>,
    /// Whether UEFI started it.
    pub is_uefi: bool,
    /// The kernel's command line. It comes with the file: Limine 8.2 does not answer the request of its own.
    pub command_line: &'a [u8],
    /// ACPI's root pointer.
    pub rsdp: Option<u64>,
    /// SMBIOS's entry point, that of 64 bits if there are two.
    pub smbios: Option<u64>,
    /// Where the image is in physical memory, and where it is mapped.
    pub image: (u64, u64),
    /// The first frame buffer, if it has no palette.
    pub screen: Option<FrameBuffer>,
}

/// An entry of the memory map.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The first byte.
    pub base: u64,
    /// Bytes.
    pub length: u64,
    /// What it is.
    pub kind: MemoryKind,
}

/// A file.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// In the direct map. An empty file has a place of no meaning.
    pub address: u64,
    /// Bytes.
    pub size: u64,
    /// Where the loader found it.
    pub path: &'a [u8],
    /// What the loader's configuration says of it.
    pub command_line: &'a [u8],
}

impl Responses<'_> {
    /// The record of these, of that memory map, and of these files, for an image that is linked to be at
    /// `kernel_base`. None if the image's place can't be as it is told.
    #[must_use]
    pub fn read<'a>(
        &self,
        memory: impl Iterator<Item = Entry>,
        files: impl Iterator<Item = File<'a>>,
        kernel_base: u64,
        limits: Limits,
    ) -> Option<BootInfo> {
        let ranges = memory.filter_map(|entry| {
            let Entry { base, length, kind } = entry;
            MemoryRange::new(base, length, kind)
        });
        let (physical, mapped) = self.image;
        let image = kernel_base.checked_sub(mapped)?.checked_add(physical)?;
        Some(BootInfo {
            loader: self.loader.map_or_else(
                || String::from("Limine"),
                |(name, version)| format!("{name} {version}"),
            ),
            firmware: if self.is_uefi {
                FirmwareKind::Uefi
            } else {
                FirmwareKind::Bios
            },
            command_line: text(self.command_line),
            memory: map::bounded(ranges, limits.ranges),
            modules: files
                .map(|file| self.module(file))
                .take(limits.images)
                .collect(),
            rsdp: self.rsdp.map(|address| self.physical(address)),
            smbios: self.smbios.map(|address| self.physical(address)),
            efi_system_table: None, // SMBIOS is what it would be asked for
            image,
            screen: self.screen.and_then(|buffer| {
                let address = buffer.address.checked_sub(self.direct_map)?;
                FrameBuffer { address, ..buffer }.screen()
            }),
            keep: None,
        })
    }

    /// The physical address of what the loader gives either by that or in its direct map.
    const fn physical(&self, address: u64) -> u64 {
        match address.checked_sub(self.direct_map) {
            Some(physical) => physical,
            None => address,
        }
    }

    fn module(&self, file: File<'_>) -> Module {
        let start = file.address.checked_sub(self.direct_map);
        let region = start.and_then(|start| Region::new(start, file.size));
        Module::new(&text(file.command_line), &text(file.path), region)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
