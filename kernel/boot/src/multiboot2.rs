//! Multiboot2's boot information: tags, one behind the other.
//!
//! Source: Multiboot2 Specification 2.0, §3.6 "Boot information format"; of the frame buffer's tag GRUB's
//! `include/multiboot2.h`, whose reserved field has two bytes and not one.

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_linux::Channel;
use bulkhead_memory::Region;
use bulkhead_model::{FirmwareKind, MemoryKind, MemoryRange, map};

use crate::{BootInfo, FrameBuffer, Limits, Module};

/// Bytes of the size of it all, and a reserved word.
pub const HEADER_BYTES: usize = 8;
/// Of each tag: its type, and its size with this.
const TAG_HEADER_BYTES: usize = 8;
const ALIGNMENT: usize = 8;

const END: u32 = 0;
const COMMAND_LINE: u32 = 1;
const LOADER: u32 = 2;
const MODULE: u32 = 3;
const MEMORY_MAP: u32 = 6;
const FRAME_BUFFER: u32 = 8;
const EFI_SYSTEM_TABLE_32: u32 = 11;
const EFI_SYSTEM_TABLE_64: u32 = 12;
const OLD_ROOT_POINTER: u32 = 14;
const NEW_ROOT_POINTER: u32 = 15;
const EFI_MEMORY_MAP: u32 = 17;

/// A frame buffer with red, green and blue; the others have a palette or are text.
const DIRECT_COLOUR: u8 = 1;
/// Of an entry of the memory map what is known; the loader says how long it is, which may be more.
const AREA_BYTES: usize = 20;

/// How long the boot information says that it is, from the first bytes of it.
#[must_use]
pub const fn size(header: [u8; HEADER_BYTES]) -> u32 {
    u32::from_le_bytes([header[0], header[1], header[2], header[3]])
}

/// Reads boot information, which lies at physical `address`. The kernel's image is at `image`.
///
/// A tag that is cut off, or too short for what it is, is as if it were not there; nothing behind one that
/// is cut off, or shorter than its own header, is read.
#[must_use]
pub fn read(information: &[u8], address: u64, image: u64, limits: Limits) -> BootInfo {
    let all = Tags(information);
    let has = |kind| all.find(kind).is_some();
    let string = |kind| all.find(kind).map(|tag| text(tag.body)).unwrap_or_default();
    let is_uefi = has(EFI_SYSTEM_TABLE_64) || has(EFI_SYSTEM_TABLE_32) || has(EFI_MEMORY_MAP);
    let root_pointer = all
        .find(NEW_ROOT_POINTER)
        .or_else(|| all.find(OLD_ROOT_POINTER));
    BootInfo {
        loader: string(LOADER),
        firmware: if is_uefi {
            FirmwareKind::Uefi
        } else {
            FirmwareKind::Bios
        },
        command_line: string(COMMAND_LINE),
        memory: all
            .find(MEMORY_MAP)
            .map(|tag| memory(tag.body, limits))
            .unwrap_or_default(),
        modules: all
            .iter()
            .filter(|tag| tag.kind == MODULE)
            .filter_map(|tag| module(tag.body))
            .take(limits.images)
            .collect(),
        // A copy, inside the tag.
        rsdp: root_pointer.and_then(|tag| address.checked_add(tag.offset as u64)),
        smbios: None, // GRUB's tag is a copy of the entry point alone, and of BIOS
        efi_system_table: all
            .find(EFI_SYSTEM_TABLE_64)
            .and_then(|tag| u64_at(tag.body, 0)),
        image,
        screen: all
            .find(FRAME_BUFFER)
            .and_then(|tag| frame_buffer(tag.body))
            .and_then(|buffer| buffer.screen()),
        keep: Region::new(address, information.len() as u64),
    }
}

/// One tag.
#[derive(Clone, Copy)]
struct Tag<'a> {
    kind: u32,
    /// Where its body is in the information.
    offset: usize,
    body: &'a [u8],
}

/// All of them.
#[derive(Clone, Copy)]
struct Tags<'a>(&'a [u8]);

impl<'a> Tags<'a> {
    fn iter(self) -> impl Iterator<Item = Tag<'a>> {
        let mut at = HEADER_BYTES;
        core::iter::from_fn(move || {
            let kind = u32_at(self.0, at)?;
            let size = usize::try_from(u32_at(self.0, at + 4)?).ok()?;
            let offset = at + TAG_HEADER_BYTES;
            // None of one that is cut off, and none that ends before it begins.
            let body = self.0.get(offset..at.checked_add(size)?)?;
            at = at.checked_add(size)?.checked_next_multiple_of(ALIGNMENT)?;
            (kind != END).then_some(Tag { kind, offset, body })
        })
        .fuse()
    }

    fn find(self, kind: u32) -> Option<Tag<'a>> {
        self.iter().find(|tag| tag.kind == kind)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

/// Up to the zero that ends it, or to the end.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

/// A tag with the size and the version of its entries, and these.
fn memory(body: &[u8], limits: Limits) -> Vec<MemoryRange> {
    let entry_bytes = u32_at(body, 0).and_then(|bytes| usize::try_from(bytes).ok());
    let entry_bytes = entry_bytes.filter(|bytes| *bytes >= AREA_BYTES);
    let entries = body.get(8..).unwrap_or_default();
    // Without a size that can be right nothing is known of them.
    let entries = entry_bytes.map(|bytes| entries.chunks_exact(bytes));
    let ranges = entries.into_iter().flatten().filter_map(|entry| {
        let kind = match u32_at(entry, 16)? {
            1 => MemoryKind::Usable,
            3 => MemoryKind::AcpiTables,
            4 => MemoryKind::AcpiNvs,
            5 => MemoryKind::Bad,
            _ => MemoryKind::Reserved,
        };
        MemoryRange::new(u64_at(entry, 0)?, u64_at(entry, 8)?, kind)
    });
    map::bounded(ranges, limits.ranges)
}

/// From where to where it lies, and its command line.
fn module(body: &[u8]) -> Option<Module> {
    let (start, end) = (u32_at(body, 0)?, u32_at(body, 4)?);
    let region = Region::from_bounds(start.into(), end.into());
    Some(Module::new(&text(body.get(8..)?), "", region))
}

/// One that a Linux can be told of: neither text nor a palette.
fn frame_buffer(body: &[u8]) -> Option<FrameBuffer> {
    let byte = |at: usize| body.get(at).copied();
    if byte(21)? != DIRECT_COLOUR {
        return None;
    }
    let channel = |at: usize| {
        Some(Channel {
            position: byte(at)?,
            size: byte(at + 1)?,
        })
    };
    Some(FrameBuffer {
        address: u64_at(body, 0)?,
        pitch: u32_at(body, 8)?.into(),
        width: u32_at(body, 12)?.into(),
        height: u32_at(body, 16)?.into(),
        bits_per_pixel: byte(20)?.into(),
        colours: [channel(24)?, channel(26)?, channel(28)?],
    })
}
