//! Regions of all sizes, and what goes where.

use alloc::string::ToString;

use proptest::prelude::*;

use super::*;
use crate::bzimage::fixture::Fixture;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

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
        &[],
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
    let place = place(region(2 * MIB, 126 * MIB), &[], &image(), 0, PAGE).expect("fits");
    assert_eq!(place.kernel.start(), 16 * MIB);
    assert_eq!(place.initrd, None);
}

#[test]
fn alignment_is_kept() {
    let mut image = image();
    image.kernel_alignment = 16 * MIB;
    let place = place(region(0x4020_0000, 256 * MIB), &[], &image, 0, PAGE).expect("fits");
    assert_eq!(place.kernel.start(), 0x4100_0000);
}

#[test]
fn exactly_enough_is_enough() {
    let fits = |size| place(region(64 * MIB, size), &[], &image(), 10 * MIB, 2 * MIB);
    assert!(fits(64 * MIB).is_ok());
    assert!(fits(64 * MIB - PAGE).is_err());
}

#[test]
fn errors_name_both_numbers() {
    let error = |size, initrd| {
        place(region(64 * MIB, size), &[], &image(), initrd, 64 << 10)
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
    let across = region(FOUR_GIB - MIB, 64 * MIB);
    let mut old = image();
    old.xloadflags = 1;
    let high = place(across, &[], &old, 0, 0).expect_err("high");
    assert_eq!(
        high.to_string(),
        "0xfff00000-0x103efffff is not below 4 GiB, where this kernel has to be loaded"
    );
    let placed = place(across, &[], &image(), 0, 0).expect("it says that it can");
    assert!(across.contains_region(placed.kernel) && placed.kernel.start() >= FOUR_GIB);
}

#[test]
fn a_large_initrd_goes_above_four_gib_if_the_kernel_reads_it_there() {
    let high = [region(FOUR_GIB, GIB), region(2 * FOUR_GIB, 3 * GIB)];
    let low = region(256 * MIB, 256 * MIB);
    let bytes = 3 * GIB / 2 + 1;
    let placed = place(low, &high, &image(), bytes, PAGE).expect("fits");
    let end = 2 * FOUR_GIB + 3 * GIB;
    let initrd = region(end - 3 * GIB / 2 - PAGE, bytes);
    assert_eq!(placed.initrd, Some(initrd));
    assert_eq!(placed.firmware.end(), low.end());
    // All below, where there is room.
    let small = place(low, &high, &image(), 128 * MIB, PAGE).expect("fits");
    assert!(low.contains_region(small.initrd.expect("there")));
    // What is too large for either is told of the low region.
    let error = place(low, &high, &image(), 4 * GIB, PAGE).expect_err("too large");
    assert!(matches!(
        error,
        PlacementError::TooSmall {
            part: Part::Initrd,
            ..
        }
    ));
    let mut old = image();
    old.xloadflags = 1;
    assert!(place(low, &high, &old, bytes, PAGE).is_err());
}

proptest! {
    #[test]
    fn parts_lie_inside_and_apart(
        start in 0u64..1 << 21, pages in 1u64..1 << 18, initrd in 0u64..1 << 30, firmware in 0u64..1 << 20,
        other in 1u64..1 << 18, init_size in any::<u32>(), pref_address in any::<u64>(), shift in 12u32..31,
    ) {
        let mut image = image();
        image.init_size = u64::from(init_size).max(image.protected_mode_bytes);
        image.pref_address = if pref_address % 3 == 0 { pref_address } else { 16 * MIB };
        image.kernel_alignment = 1 << shift;
        let region = region(start * PAGE, pages * PAGE);
        let other = Region::new(4 * FOUR_GIB, other * PAGE).expect("not empty");
        if let Ok(placement) = place(region, &[other], &image, initrd, firmware) {
            prop_assert!(region.contains_region(placement.kernel));
            prop_assert!(region.contains_region(placement.firmware));
            prop_assert!(placement.firmware.size() >= firmware);
            prop_assert!(placement.kernel.size() >= image.init_size);
            prop_assert_eq!(placement.kernel.start() % image.kernel_alignment, 0);
            prop_assert!(placement.kernel.start() >= image.pref_address);
            prop_assert!(!placement.kernel.overlaps(placement.firmware));
            prop_assert_eq!(placement.initrd.map_or(0, Region::size), initrd);
            if let Some(initrd) = placement.initrd {
                prop_assert!(region.contains_region(initrd) || other.contains_region(initrd));
                prop_assert_eq!(initrd.start() % PAGE, 0);
                prop_assert!(!initrd.overlaps(placement.kernel) && !initrd.overlaps(placement.firmware));
            }
        }
    }
}
