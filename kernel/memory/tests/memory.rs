//! Regions, sets of regions, and sizes as text.
#![expect(
    clippy::cast_possible_truncation,
    reason = "what the tests cast is made up here and fits"
)]

use bulkhead_memory::{Bytes, PAGE, Region, RegionSet, SizeError, parse_address, parse_size};
use proptest::collection::vec;
use proptest::prelude::*;

fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).unwrap()
}

#[test]
fn a_region_is_never_empty_and_never_wraps() {
    assert_eq!(Region::new(5, 0), None);
    assert_eq!(Region::from_bounds(5, 5), None);
    assert_eq!(Region::from_bounds(6, 5), None);
    assert_eq!(Region::new(u64::MAX, 2), None);
    let top = Region::new(u64::MAX - 1, 1).unwrap();
    assert_eq!(
        (top.start(), top.end(), top.size()),
        (u64::MAX - 1, u64::MAX, 1)
    );
}

#[test]
fn a_region_ends_before_its_end() {
    let r = region(10, 20);
    assert!(r.contains(10) && r.contains(19) && !r.contains(20) && !r.contains(9));
    assert!(!r.overlaps(region(20, 30)) && r.overlaps(region(19, 30)));
    assert_eq!(r.intersect(region(20, 30)), None);
    assert_eq!(r.intersect(region(0, 11)), Some(region(10, 11)));
    assert!(r.contains_region(r) && !r.contains_region(region(10, 21)));
    assert_eq!(
        region(0x4000_0000, 0x6000_0000).to_string(),
        "0x40000000-0x5fffffff"
    );
}

#[test]
fn alignment_at_the_ends_of_the_address_space() {
    let top = region(u64::MAX - 10, u64::MAX);
    assert_eq!(top.align_inward(PAGE), None);
    let outward = top.align_outward(PAGE);
    assert_eq!((outward.start(), outward.end()), (!(PAGE - 1), u64::MAX));
    assert_eq!(region(1, 2).align_inward(PAGE), None);
    assert_eq!(region(1, 2).align_outward(PAGE), region(0, PAGE));
    assert_eq!(
        region(1, 3 * PAGE).align_inward(PAGE),
        Some(region(PAGE, 3 * PAGE))
    );
}

#[test]
fn fits_are_lowest() {
    let set: RegionSet = [region(0x1000, 0x3000), region(0x5800, 0xa800)]
        .into_iter()
        .collect();
    assert_eq!(set.lowest_fit(0x2000, 0x1000), Some(region(0x1000, 0x3000)));
    assert_eq!(set.lowest_fit(0x2000, 0x2000), Some(region(0x6000, 0x8000)));
    assert_eq!(set.lowest_fit(0x6000, 1), None);
    assert_eq!(set.largest(), Some(region(0x5800, 0xa800)));
    assert_eq!(RegionSet::new().largest(), None);
    let top: RegionSet = [region(u64::MAX - 3, u64::MAX)].into_iter().collect();
    assert_eq!(top.lowest_fit(2, 1 << 63), None);
    assert_eq!(top.lowest_fit(u64::MAX, 1), None);
}

#[test]
fn sizes_are_read_and_printed() {
    for (text, value) in [
        ("0", 0),
        ("4096", 4096),
        ("512M", 512 << 20),
        ("1g", 1 << 30),
        ("0x10", 16),
        ("0X1fK", 31 << 10),
        ("2T", 2 << 40),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(parse_size(text), Ok(value), "{text}");
        assert_eq!(parse_address(text), Ok(value), "{text}");
    }
    for (text, error) in [
        ("", SizeError::Empty),
        ("M", SizeError::NotANumber),
        ("0x", SizeError::NotANumber),
        ("-1", SizeError::NotANumber),
        ("+1", SizeError::NotANumber),
        ("1.5G", SizeError::NotANumber),
        ("1 M", SizeError::NotANumber),
        ("12MM", SizeError::NotANumber),
        ("12é", SizeError::NotANumber),
        ("ff", SizeError::NotANumber),
        ("18446744073709551616", SizeError::TooLarge),
        ("16777216T", SizeError::TooLarge),
    ] {
        assert_eq!(parse_size(text), Err(error), "{text}");
    }
    assert_eq!(Bytes(0).to_string(), "0");
    assert_eq!(Bytes(1536 << 10).to_string(), "1536K");
    assert_eq!(Bytes(1 << 30).to_string(), "1G");
    assert_eq!(Bytes(u64::MAX).to_string(), "18446744073709551615");
    assert_eq!(
        format!("[{:>6}|{:<6}]", Bytes(1 << 20), Bytes(1)),
        "[    1M|1     ]"
    );
}

/// The model of a set: which of the first 128 addresses are in it.
const CELLS: u64 = 128;

fn any_region() -> impl Strategy<Value = Region> {
    (0..CELLS, 1..40u64).prop_map(|(start, size)| region(start, (start + size).min(CELLS)))
}

proptest! {
    #[test]
    fn a_set_is_what_was_put_in_and_not_taken_out(
        steps in vec((any::<bool>(), any_region()), 0..40),
        probe in any_region(),
        size in 1..20u64,
        shift in 0..4u32,
    ) {
        let mut set = RegionSet::new();
        let mut model = [false; CELLS as usize];
        for (put, region) in steps {
            if put { set.insert(region) } else { set.remove(region) }
            model[region.start() as usize..region.end() as usize].fill(put);
        }
        let regions: Vec<Region> = set.iter().collect();
        // Sorted, disjoint, and no two touch.
        prop_assert!(regions.windows(2).all(|pair| pair[0].end() < pair[1].start()));
        for cell in 0..CELLS {
            let inside = regions.iter().any(|region| region.contains(cell));
            prop_assert_eq!(inside, model[cell as usize]);
        }
        let has = |r: Region| (r.start()..r.end()).map(|cell| model[cell as usize]);
        prop_assert_eq!(set.contains_region(probe), has(probe).all(|cell| cell));
        prop_assert_eq!(set.overlaps(probe), has(probe).any(|cell| cell));
        prop_assert_eq!(set.total(), model.iter().filter(|cell| **cell).count() as u64);
        prop_assert_eq!(set.is_empty(), set.total() == 0);
        let within = set.within(probe);
        prop_assert_eq!(within.total(), has(probe).filter(|cell| *cell).count() as u64);

        let align = 1u64 << shift;
        let mut fits = (0..=CELLS - size)
            .filter(|start| start.is_multiple_of(align))
            .filter(|start| has(region(*start, start + size)).all(|cell| cell))
            .map(|start| region(start, start + size));
        prop_assert_eq!(set.lowest_fit(size, align), fits.next());

        let mut rest = set.clone();
        rest.subtract(&within);
        prop_assert!(!rest.overlaps(probe));
        prop_assert_eq!(rest.total() + within.total(), set.total());
    }

    #[test]
    fn alignment_is_to_the_nearest(start in any::<u64>(), size in 1..u64::MAX, shift in 0..40u32) {
        let Some(r) = Region::new(start, size) else { return Ok(()) };
        let align = 1u64 << shift;
        if let Some(inner) = r.align_inward(align) {
            prop_assert!(r.contains_region(inner));
            prop_assert!(inner.start().is_multiple_of(align) && inner.end().is_multiple_of(align));
            prop_assert!(inner.start() - r.start() < align && r.end() - inner.end() < align);
        }
        let outer = r.align_outward(align);
        prop_assert!(outer.contains_region(r) && outer.start().is_multiple_of(align));
        prop_assert!(outer.end().is_multiple_of(align) || outer.end() == u64::MAX);
    }

    #[test]
    fn what_is_printed_is_read_back(value in any::<u64>(), shift in 0..64u32) {
        let value = value >> shift << (shift / 2);
        prop_assert_eq!(parse_size(&Bytes(value).to_string()), Ok(value));
        let hexadecimal = format!("{value:#x}");
        prop_assert_eq!(parse_address(&hexadecimal), Ok(value));
    }

    #[test]
    fn any_text_is_survived(text in ".{0,24}") {
        let _ = parse_size(&text);
    }
}
