//! Where a kernel, its initrd and its firmware block go inside a partition's low region.
//!
//! ```text
//! region.start   kernel.start        kernel.end      initrd       firmware    region.end
//!      | (free)  | kernel, init_size |   (free)      | initrd     | tables     |
//! ```
//! Source: Linux `Documentation/arch/x86/boot.rst`, fields `pref_address`, `kernel_alignment`,
//! `init_size` and `initrd_addr_max`. A relocatable kernel that is loaded below its preferred
//! address moves itself up there, so it is never loaded below. The firmware block is topmost
//! because it is the only part that is not RAM to Linux: what is left stays in one piece.

use core::fmt;

use bulkhead_memory::{Bytes, PAGE, Region};

use crate::BzImage;
use crate::bzimage::ENTRY_OFFSET;

/// Everything that a kernel is started with lies below.
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

/// Decides where things go in `region`, whose bounds are page-aligned. An initrd of 0 bytes is
/// none.
///
/// # Errors
/// [`PlacementError`] if the region is not below 4 GiB or is too small.
pub fn place(
    region: Region,
    image: &BzImage,
    initrd_bytes: u64,
    firmware_bytes: u64,
) -> Result<Placement, PlacementError> {
    if region.end() > FOUR_GIB {
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
    /// The region is not below 4 GiB.
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
                    "{region} is not below 4 GiB, where a kernel has to be loaded"
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

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;
    use crate::bzimage::fixture::Fixture;

    const MIB: u64 = 1 << 20;

    fn image() -> BzImage {
        BzImage::parse(
            &Fixture {
                init_size: 52 << 20,
                ..Fixture::default()
            }
            .bytes(),
        )
        .expect("good")
    }

    fn region(start: u64, size: u64) -> Region {
        Region::new(start, size).expect("not empty")
    }

    #[test]
    fn kernel_low_firmware_high() {
        let place = place(
            region(0x4000_0000, 512 * MIB),
            &image(),
            5 * MIB + 1,
            0x3001,
        )
        .expect("fits");
        assert_eq!(place.kernel, region(0x4000_0000, 52 * MIB));
        assert_eq!(place.entry, 0x4000_0200);
        assert_eq!(place.firmware, region(0x6000_0000 - 0x4000, 0x4000));
        assert_eq!(
            place.initrd,
            Some(region(0x6000_0000 - 0x4000 - 5 * MIB - PAGE, 5 * MIB + 1))
        );
    }

    #[test]
    fn never_below_the_preferred_address() {
        let place = place(region(2 * MIB, 126 * MIB), &image(), 0, PAGE).expect("fits");
        assert_eq!(place.kernel.start(), 16 * MIB);
        assert_eq!(place.initrd, None);
    }

    #[test]
    fn alignment_is_kept() {
        let mut image = image();
        image.kernel_alignment = 16 * MIB;
        let place = place(region(0x4020_0000, 256 * MIB), &image, 0, PAGE).expect("fits");
        assert_eq!(place.kernel.start(), 0x4100_0000);
    }

    #[test]
    fn exactly_enough_is_enough() {
        let fits = |size| place(region(64 * MIB, size), &image(), 10 * MIB, 2 * MIB);
        assert!(fits(64 * MIB).is_ok());
        assert!(fits(64 * MIB - PAGE).is_err());
    }

    #[test]
    fn errors_name_both_numbers() {
        let error = |size, initrd| {
            place(region(64 * MIB, size), &image(), initrd, 64 << 10)
                .expect_err("too small")
                .to_string()
        };
        assert_eq!(
            error(32 * MIB, 0),
            "the kernel needs 52M, and 0x4000000-0x5ffffff has 32M for them"
        );
        assert_eq!(
            error(64 * MIB, 20 * MIB),
            "the kernel and its initrd need 72M, and 0x4000000-0x7ffffff has 64M for them"
        );
        assert_eq!(
            error(64 * MIB, 12 * MIB),
            "the kernel, its initrd and its firmware tables need 65600K, and 0x4000000-0x7ffffff has 64M for them"
        );
        let high = place(region(FOUR_GIB - MIB, 2 * MIB), &image(), 0, 0).expect_err("high");
        assert_eq!(
            high.to_string(),
            "0xfff00000-0x1000fffff is not below 4 GiB, where a kernel has to be loaded"
        );
    }

    proptest! {
        #[test]
        fn parts_lie_inside_and_apart(
            start in 0u64..1 << 21, pages in 1u64..1 << 18, initrd in 0u64..1 << 30, firmware in 0u64..1 << 20,
            init_size in any::<u32>(), pref_address in any::<u64>(), shift in 12u32..31,
        ) {
            let mut image = image();
            image.init_size = u64::from(init_size).max(image.protected_mode_bytes);
            image.pref_address = if pref_address % 3 == 0 { pref_address } else { 16 * MIB };
            image.kernel_alignment = 1 << shift;
            let region = region(start * PAGE, pages * PAGE);
            if let Ok(placement) = place(region, &image, initrd, firmware) {
                prop_assert!(region.contains_region(placement.kernel));
                prop_assert!(region.contains_region(placement.firmware));
                prop_assert!(placement.firmware.size() >= firmware);
                prop_assert!(placement.kernel.size() >= image.init_size);
                prop_assert_eq!(placement.kernel.start() % image.kernel_alignment, 0);
                prop_assert!(placement.kernel.start() >= image.pref_address);
                prop_assert!(!placement.kernel.overlaps(placement.firmware));
                prop_assert_eq!(placement.initrd.map_or(0, Region::size), initrd);
                if let Some(initrd) = placement.initrd {
                    prop_assert!(region.contains_region(initrd));
                    prop_assert_eq!(initrd.start() % PAGE, 0);
                    prop_assert!(!initrd.overlaps(placement.kernel) && !initrd.overlaps(placement.firmware));
                }
            }
        }
    }
}
