//! What a loader hands over, as one owned record that no longer depends on the loader.
//!
//! [`multiboot2`] reads the tags of one protocol, [`limine`] the responses of the other. It is the first
//! that runs, before there is a console: whatever is wrong with what a loader says, the record is made
//! without it, so that the rest of the kernel can say what is missing.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_describe::images::read_line;
use bulkhead_linux::{Channel, Screen};
use bulkhead_memory::Region;
use bulkhead_model::{FirmwareKind, MemoryRange, Told};

pub mod limine;
pub mod multiboot2;

/// Everything that the loader said.
#[derive(Clone, Debug)]
pub struct BootInfo {
    /// Name and version of the loader.
    pub loader: String,
    /// Which firmware started the machine.
    pub firmware: FirmwareKind,
    /// The kernel's own command line.
    pub command_line: String,
    /// The memory map, as untidy as it came (`bulkhead_model::map`); at most [`Limits::ranges`]. What
    /// the loader calls reclaimable is usable; the image and the modules lie in usable RAM and are not
    /// cut out.
    pub memory: Vec<MemoryRange>,
    /// Files, each with the name it was given; at most [`Limits::images`].
    pub modules: Vec<Module>,
    /// Physical address of the ACPI root pointer, or a copy of it.
    pub rsdp: Option<u64>,
    /// Physical address of SMBIOS's entry point, if the loader says it.
    pub smbios: Option<u64>,
    /// Physical address of the EFI system table, if the loader says it; it has 64 bits.
    pub efi_system_table: Option<u64>,
    /// Physical address of the kernel's image.
    pub image: u64,
    /// The linear frame buffer that the loader set up. To a Linux it is one of EFI, whatever
    /// firmware the machine has: Debian's newer cloud kernels have no driver for VESA's.
    pub screen: Option<Screen>,
    /// RAM to keep until the record has been read, beyond modules: the loader's own tables that
    /// hold the root pointer's copy.
    pub keep: Option<Region>,
}

/// How much of it there may be. What is beyond is left out.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Ranges of the memory map.
    pub ranges: usize,
    /// Files.
    pub images: usize,
}

/// A file that the loader brought.
#[derive(Clone, Debug)]
pub struct Module {
    /// The name: the first word of its command line, or the last component of its path.
    pub name: String,
    /// Its bytes; `None` if it has none.
    pub region: Option<Region>,
    /// What the rest of its command line says of them.
    pub told: Told,
}

impl Module {
    /// The file with that command line and path in the loader's configuration.
    fn new(command_line: &str, path: &str, region: Option<Region>) -> Self {
        let (named, told) = read_line(command_line);
        let file = path.rsplit('/').next().unwrap_or(path);
        Self {
            name: String::from(named.unwrap_or(file)),
            region,
            told,
        }
    }
}

/// A linear frame buffer without a palette, in a loader's words.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameBuffer {
    /// Address of the first pixel.
    pub address: u64,
    /// Bytes from one line to the next.
    pub pitch: u64,
    /// Pixels in a line.
    pub width: u64,
    /// Lines.
    pub height: u64,
    /// Bits of a pixel.
    pub bits_per_pixel: u16,
    /// Where a pixel has red, green and blue.
    pub colours: [Channel; 3],
}

impl FrameBuffer {
    /// As a Linux is told of it; none if that can't be said.
    fn screen(&self) -> Option<Screen> {
        let short = |value: u64| u16::try_from(value).ok();
        let bits_per_pixel = u8::try_from(self.bits_per_pixel).ok()?;
        let [red, green, blue] = self.colours;
        Some(Screen {
            base: self.address,
            size: self.pitch.checked_mul(self.height)?,
            width: short(self.width)?,
            height: short(self.height)?,
            pitch: short(self.pitch)?,
            bits_per_pixel,
            red,
            green,
            blue,
            reserved: rest_of_pixel(bits_per_pixel, self.colours),
            is_efi: true,
        })
    }
}

/// The bits of a pixel that no colour has: Linux takes 32 bits without them for another format.
fn rest_of_pixel(bits_per_pixel: u8, colours: [Channel; 3]) -> Channel {
    let used = colours
        .iter()
        .fold(0u8, |sum, colour| sum.saturating_add(colour.size));
    let top = colours
        .iter()
        .map(|colour| colour.position.saturating_add(colour.size))
        .max()
        .unwrap_or(0);
    let size = bits_per_pixel.saturating_sub(used);
    Channel {
        size,
        // At the top as in xRGB, else at the bottom as in RGBx.
        position: if size != 0 && top < bits_per_pixel {
            top
        } else {
            0
        },
    }
}
