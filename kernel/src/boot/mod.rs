//! What the loader hands over, as one owned record that no longer depends on the loader.
//!
//! Which protocol booted us is decided by which entry symbol was jumped to: [`limine`] or
//! [`multiboot2`]. Each copies what it is told into a [`BootInfo`] and calls [`crate::kmain`].

use alloc::string::String;
use alloc::vec::Vec;
use core::marker::PhantomData;

use bulkhead_describe::images::read_line;
use bulkhead_linux::{Channel, Screen};
use bulkhead_memory::Region;
use bulkhead_model::{FirmwareKind, MemoryRange, Told};

use crate::mem::paging::ImagePlace;

pub(crate) mod limine;
pub(crate) mod multiboot2;

/// Everything that the loader said.
pub(crate) struct BootInfo {
    /// Name and version of the loader.
    pub(crate) loader: String,
    /// Which firmware started the machine.
    pub(crate) firmware: FirmwareKind,
    /// The kernel's own command line.
    pub(crate) command_line: String,
    /// The memory map, as untidy as it came (`bulkhead_model::map`). What the loader calls
    /// reclaimable is usable; the image and the modules lie in usable RAM and are not cut out.
    pub(crate) memory: Vec<MemoryRange>,
    /// Files, each with the name it was given; at most [`MAX_IMAGES`](crate::layout::MAX_IMAGES).
    pub(crate) modules: Vec<Module>,
    /// Physical address of the ACPI root pointer, or a copy of it.
    pub(crate) rsdp: Option<u64>,
    /// Physical address of SMBIOS's entry point, if the loader says it.
    pub(crate) smbios: Option<u64>,
    /// Physical address of the EFI system table, if the loader says it; it has 64 bits.
    pub(crate) efi_system_table: Option<u64>,
    /// Where the image is.
    pub(crate) image: ImagePlace,
    /// The linear frame buffer that the loader set up. To a Linux it is one of EFI, whatever
    /// firmware the machine has: Debian's newer cloud kernels have no driver for VESA's.
    pub(crate) screen: Option<Screen>,
    /// RAM to keep until the record has been read, beyond modules: the loader's own tables that
    /// hold the root pointer's copy.
    pub(crate) keep: Option<Region>,
}

/// A file that the loader brought.
pub(crate) struct Module {
    /// The name: the first word of its command line, or the last component of its path.
    pub(crate) name: String,
    /// Its bytes; `None` if it has none.
    pub(crate) region: Option<Region>,
    /// What the rest of its command line says of them.
    pub(crate) told: Told,
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

/// Proof that no partition has been launched: all hardware is the boot processor's, which runs this.
/// What is done to a device then disturbs nobody.
///
/// Whoever launches partitions takes it by value; so a step that asks for it comes before.
pub(crate) struct Alone(PhantomData<*mut ()>);

impl Alone {
    /// Says so.
    ///
    /// # Safety
    /// 1. This is the boot processor, and no other core runs anything but Bulkhead's parked code.
    /// 2. No partition is launched while the value exists.
    pub(crate) const unsafe fn new() -> Self {
        Self(PhantomData)
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
