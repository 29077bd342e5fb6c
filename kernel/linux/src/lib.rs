//! The 64-bit Linux boot protocol as pure functions from values to bytes.
//!
//! A bzImage is untrusted input and is read by [`BzImage::parse`]; [`place`] decides where its
//! parts go inside a partition's low region; [`E820`] and [`BootParams`] are what the kernel is
//! told of the memory; [`cmdline`] checks the operator's command line and adds what keeps a stock
//! kernel inside its partition. Of a Linux that runs, [`detour`] leads its cores out of it.
//!
//! Source for everything but the command line: Linux `Documentation/arch/x86/boot.rst` ("The
//! Linux/x86 Boot Protocol") and `zero-page.rst` beside it. Neighbours: `bulkhead-tables` makes
//! the ACPI and EFI tables that the zero page points to, `bulkhead-launch` calls both.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod boot_params;
mod bzimage;
pub mod cmdline;
mod detour;
mod e820;
mod file;
mod placement;
mod screen;
mod zero_page;

pub use boot_params::{BootParams, EfiInfo, ZERO_PAGE_BYTES};
pub use bzimage::{BzImage, BzImageError, Checksum, Compression, cksum};
pub use detour::{DETOUR_BYTES, GATE_BYTES, NMI, UNUSED, detour, gate_offset, handler, redirected};
pub use e820::{E820, E820Entry, E820Error, E820Kind};
pub use file::{FileKind, Uki, UkiError};
pub use placement::{Part, Placement, PlacementError, place};
pub use screen::{Channel, Screen};
