//! Where a kernel, its initrd and its firmware block go inside one of a partition's regions.
//!
//! ```text
//! region.start   kernel.start        kernel.end      initrd       firmware    region.end
//!      | (free)  | kernel, init_size |   (free)      | initrd     | tables     |
//! ```
//! Source: Linux `Documentation/arch/x86/boot.rst`, fields `pref_address`, `kernel_alignment`,
//! `init_size` and `initrd_addr_max`. A relocatable kernel that is loaded below its preferred
//! address moves itself up there, so it is never loaded below. The firmware block is topmost
//! because it is the only part that is not RAM to Linux: what is left stays in one piece.
//!
//! That region is below 4 GiB, unless the kernel says that it may lie above (`XLF_CAN_BE_LOADED_ABOVE_4G`).
//! Then an initrd that is too large for the region goes to the end of the largest other one, too
//! (`ext_ramdisk_image`).

#[cfg(test)]
mod tests;

use core::fmt;

use bulkhead_memory::{Bytes, PAGE, Region};

use crate::BzImage;
use crate::bzimage::ENTRY_OFFSET;

/// Everything that an older kernel is started with lies below.
const FOUR_GIB: u64 = 1 << 32;

/// Where things go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// From the load address on, `init_size` bytes in whole pages; the protected-mode kernel is
    /// copied to its start.
    pub kernel: Region,
    /// The 64-bit entry point.
    pub entry: u64,
    /// The initrd's exact bytes; its start is page-aligned.
    pub initrd: Option<Region>,
    /// The topmost pages: zero page, command line, ACPI and EFI tables.
    pub firmware: Region,
}

/// Decides where things go in `region`, whose bounds are page-aligned, and where an initrd goes that
/// has no room there, in one of the `others`, which are as well. An initrd of 0 bytes is none.
///
/// # Errors
/// [`PlacementError`] if the region is not below 4 GiB and has to be, or is too small.
pub fn place(
    region: Region,
    others: &[Region],
    image: &BzImage,
    initrd_bytes: u64,
    firmware_bytes: u64,
) -> Result<Placement, PlacementError> {
    let whole = place_together(region, image, initrd_bytes, firmware_bytes);
    if whole.is_ok() || initrd_bytes == 0 || !image.runs_above_4g() {
        return whole;
    }
    let elsewhere = others
        .iter()
        .max_by_key(|other| other.size())
        .and_then(|other| {
            let start = other.end().checked_sub(align_up(initrd_bytes, PAGE))?;
            Region::new(start, initrd_bytes).filter(|initrd| other.contains_region(*initrd))
        });
    match elsewhere {
        Some(initrd) => Ok(Placement {
            initrd: Some(initrd),
            ..place_together(region, image, 0, firmware_bytes)?
        }),
        None => whole,
    }
}

/// [`place`] where all goes into one region.
fn place_together(
    region: Region,
    image: &BzImage,
    initrd_bytes: u64,
    firmware_bytes: u64,
) -> Result<Placement, PlacementError> {
    if region.end() > FOUR_GIB && !image.runs_above_4g() {
        return Err(PlacementError::NotLow { region });
    }
    let start = align_up(
        region.start().max(image.pref_address),
        image.kernel_alignment,
    );
    let available = region.end().saturating_sub(start);
    let kernel_pages = align_up(image.init_size, PAGE);
    let initrd_pages = align_up(initrd_bytes, PAGE);
    // Never empty, so that the block is a region.
    let firmware_pages = align_up(firmware_bytes, PAGE).max(PAGE);

    let fits = |part, needed: u64| {
        if needed > available {
            Err(PlacementError::TooSmall {
                region,
                part,
                needed,
                available,
            })
        } else {
            Ok(())
        }
    };
    fits(Part::Kernel, kernel_pages)?;
    fits(Part::Initrd, kernel_pages.saturating_add(initrd_pages))?;
    let needed = kernel_pages
        .saturating_add(initrd_pages)
        .saturating_add(firmware_pages);
    fits(Part::Firmware, needed)?;

    // Both can't fail now: they only say that neither is empty.
    let missing = PlacementError::TooSmall {
        region,
        part: Part::Firmware,
        needed,
        available,
    };
    let firmware = Region::new(region.end() - firmware_pages, firmware_pages).ok_or(missing)?;
    let kernel = Region::new(start, kernel_pages).ok_or(missing)?;
    Ok(Placement {
        kernel,
        entry: start + ENTRY_OFFSET,
        initrd: Region::new(firmware.start() - initrd_pages, initrd_bytes),
        firmware,
    })
}

/// The next multiple of `align`, a power of two; the largest one if that does not exist.
fn align_up(value: u64, align: u64) -> u64 {
    value
        .checked_next_multiple_of(align)
        .unwrap_or(!(align - 1))
}

/// What did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The kernel alone.
    Kernel,
    /// The kernel with its initrd.
    Initrd,
    /// Kernel and initrd with the firmware block.
    Firmware,
}

/// Why a region can't hold a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacementError {
    /// The region is not below 4 GiB, and this kernel can't lie above.
    NotLow {
        /// The region.
        region: Region,
    },
    /// It is too small.
    TooSmall {
        /// The region.
        region: Region,
        /// What no longer fits.
        part: Part,
        /// Bytes that are needed for it and what comes before it.
        needed: u64,
        /// Bytes that the region has from the kernel's load address on.
        available: u64,
    },
}

impl fmt::Display for PlacementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLow { region } => {
                write!(
                    f,
                    "{region} is not below 4 GiB, where this kernel has to be loaded"
                )
            }
            Self::TooSmall {
                region,
                part,
                needed,
                available,
            } => {
                let parts = match part {
                    Part::Kernel => "the kernel needs",
                    Part::Initrd => "the kernel and its initrd need",
                    Part::Firmware => "the kernel, its initrd and its firmware tables need",
                };
                write!(
                    f,
                    "{parts} {}, and {region} has {} for them",
                    Bytes(*needed),
                    Bytes(*available)
                )
            }
        }
    }
}

impl core::error::Error for PlacementError {}
