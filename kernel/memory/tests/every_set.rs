//! Every set of up to eight units, and every way from one to another: what Kani would prove of them, by trying all.
//! A set is one sequence of regions however it came to be, so that each step from each set covers all histories.

use bulkhead_memory::{Region, RegionSet};

const UNITS: u64 = 8;

/// From the first of `mask`'s bits that are set to the last of each run.
fn set(mask: u64) -> RegionSet {
    (0..UNITS)
        .filter(|unit| mask >> unit & 1 == 1)
        .map(unit)
        .collect()
}

fn unit(at: u64) -> Region {
    Region::new(at, 1).unwrap()
}

fn mask(set: &RegionSet) -> u64 {
    set.iter().map(mask_of).sum()
}

fn mask_of(region: Region) -> u64 {
    (region.start()..region.end()).map(|unit| 1 << unit).sum()
}

fn regions() -> impl Iterator<Item = Region> {
    (0..UNITS).flat_map(|start| {
        (start + 1..=UNITS).map(move |end| Region::from_bounds(start, end).unwrap())
    })
}

/// What it says of itself, and that there is one form of it only.
fn check(found: &RegionSet, wanted: u64) {
    assert_eq!(found, &set(wanted), "{wanted:08b}");
    assert_eq!(mask(found), wanted);
    assert_eq!(found.total(), u64::from(wanted.count_ones()));
    assert_eq!(found.is_empty(), wanted == 0);
    let regions: Vec<Region> = found.iter().collect();
    let apart = |pair: &[Region]| pair[0].end() < pair[1].start();
    assert!(
        regions.windows(2).all(apart),
        "{found:?} can be told shorter"
    );
}

#[test]
fn each_step_from_each_set_leads_to_what_its_units_say() {
    for before in 0..1 << UNITS {
        let all = set(before);
        check(&all, before);
        for region in regions() {
            let units = mask_of(region);
            let mut with = all.clone();
            with.insert(region);
            check(&with, before | units);
            let mut without = all.clone();
            without.remove(region);
            check(&without, before & !units);
            check(&all.within(region), before & units);
            assert_eq!(all.overlaps(region), before & units != 0);
            assert_eq!(all.contains_region(region), before & units == units);
        }
    }
}

#[test]
fn each_two_sets_have_no_unit_in_two_and_none_in_neither() {
    for one in 0..1 << UNITS {
        for other in 0..1 << UNITS {
            let (a, b) = (set(one), set(other));
            let mut union = a.clone();
            union.unite(&b);
            check(&union, one | other);
            let mut rest = a.clone();
            rest.subtract(&b);
            check(&rest, one & !other);
            check(&a.intersection(&b), one & other);
        }
    }
}

#[test]
fn the_lowest_fit_is_in_it_and_none_is_lower() {
    for before in 0..1 << UNITS {
        let all = set(before);
        for size in 1..=UNITS {
            for align in [1, 2, 4, 8] {
                let places = (0..UNITS)
                    .step_by(align)
                    .filter_map(|at| Region::new(at, size));
                let mut fits = places.filter(|place| {
                    place.end() <= UNITS && before & mask_of(*place) == mask_of(*place)
                });
                assert_eq!(
                    all.lowest_fit(size, align as u64),
                    fits.next(),
                    "{before:08b} {size} {align}"
                );
            }
        }
    }
}
