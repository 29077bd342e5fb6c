//! What follows from a memory map, whatever it is like.

use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::{
    MemoryKind::{self, AcpiNvs, AcpiTables, Bad, Reserved, Usable},
    MemoryRange, map,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const GIB: u64 = 1 << 30;

fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).unwrap()
}

fn range(start: u64, end: u64, kind: MemoryKind) -> MemoryRange {
    MemoryRange {
        region: region(start, end),
        kind,
    }
}

fn set(regions: &[(u64, u64)]) -> RegionSet {
    regions.iter().map(|&(s, e)| region(s, e)).collect()
}

/// A map of a real machine: `START END TYPE`, hexadecimal and inclusive.
fn real(text: &str) -> Vec<MemoryRange> {
    let is_other = |line: &str| {
        ["#", "cores", "ids"]
            .iter()
            .any(|word| line.starts_with(word))
    };
    let lines = text.lines().filter(|line| !is_other(line));
    let ranges = lines.map(|line| {
        let mut words = line.splitn(3, ' ');
        let mut number = || u64::from_str_radix(words.next().unwrap(), 16).unwrap();
        let (first, last) = (number(), number());
        let kind = match words.next().unwrap() {
            "usable" => Usable,
            "ACPI data" => AcpiTables,
            "ACPI NVS" => AcpiNvs,
            "reserved" | "soft reserved" | "type 20" => Reserved,
            other => panic!("{other}"),
        };
        range(first, last + 1, kind)
    });
    ranges.collect()
}

#[test]
fn what_another_range_overlaps_is_not_free_in_any_order() {
    let mut ranges = [
        range(0, 0x10_0000, Usable),
        range(0x4000, 0x5000, Reserved),
        range(0x8000, 0x9000, AcpiTables),
        range(0xc000, 0xd000, AcpiNvs),
        range(0x1_0000, 0x1_1000, Bad),
        // Overlaps usable ranges on both sides, and they each other.
        range(0xf_f000, 0x10_2000, Reserved),
        range(0x10_0000, 0x20_0000, Usable),
        range(0x18_0000, 0x30_0000, Usable),
    ];
    let wanted = set(&[
        (0, 0x4000),
        (0x5000, 0x8000),
        (0x9000, 0xc000),
        (0xd000, 0x1_0000),
        (0x1_1000, 0xf_f000),
        (0x10_2000, 0x30_0000),
    ]);
    for turn in 0..ranges.len() {
        ranges.rotate_left(1);
        assert_eq!(map::ram(&ranges), wanted, "turn {turn}");
        assert_eq!(map::free(&ranges, []), wanted, "turn {turn}");
    }
}

#[test]
fn a_page_is_free_only_as_a_whole() {
    let ranges = [
        range(0x1800, 0x2800, Usable),
        // Two ranges that make a page between them.
        range(0x2800, 0x5000, Usable),
        range(0x3fff, 0x4000, Reserved),
    ];
    assert_eq!(
        map::ram(&ranges),
        set(&[(0x1800, 0x3fff), (0x4000, 0x5000)])
    );
    assert_eq!(
        map::free(&ranges, []),
        set(&[(0x2000, 0x3000), (0x4000, 0x5000)])
    );
    // One byte of the image keeps the page.
    let image = [region(0x2fff, 0x3000)];
    assert_eq!(map::free(&ranges, image), set(&[(0x4000, 0x5000)]));
}

#[test]
fn empty_and_wrapping_ranges() {
    let of = MemoryRange::new;
    assert_eq!(of(0x1000, 0, Usable), None);
    assert_eq!(of(0x1000, 0, Reserved), None);
    assert_eq!(of(u64::MAX, 0, Reserved), None);
    assert_eq!(of(0x1000, 0x1000, Bad), Some(range(0x1000, 0x2000, Bad)));
    // RAM can't wrap around; what keeps off goes on keeping off, to the last address.
    assert_eq!(of(0x1000, u64::MAX, Usable), None);
    for kind in [AcpiTables, AcpiNvs, Reserved, Bad] {
        assert_eq!(
            of(0x1000, u64::MAX, kind),
            Some(range(0x1000, u64::MAX, kind))
        );
    }
    let ranges = [
        of(0, 0x10_0000, Usable).unwrap(),
        of(0x8_0000, u64::MAX, Reserved).unwrap(),
    ];
    assert_eq!(map::free(&ranges, []), set(&[(0, 0x8_0000)]));
}

#[test]
fn what_may_be_a_device_is_not_cached() {
    let ranges = [
        range(0, 0x8000, Usable),
        range(0x8000, 0x9000, AcpiTables),
        range(0x9000, 0xa000, Bad),
        range(0xb000, 0xd000, AcpiNvs),
        range(0xc000, 0xf000, Reserved),
    ];
    assert_eq!(
        map::cacheable(&ranges),
        set(&[(0, 0xa000), (0xb000, 0xc000)])
    );
}

#[test]
fn memory_beyond_reach_is_nobodys() {
    let ranges = [
        range(6 * GIB, 7 * GIB, AcpiNvs),
        range(3 * GIB, 5 * GIB, Usable),
        range(0, GIB, Usable),
    ];
    assert_eq!(
        map::within_reach(&ranges, 4 * GIB),
        [
            range(0, GIB, Usable),
            range(3 * GIB, 4 * GIB, Usable),
            range(4 * GIB, 5 * GIB, Reserved),
            range(6 * GIB, 7 * GIB, Reserved),
        ]
    );
}

#[test]
fn a_server_with_more_ram_than_is_reached() {
    let ranges = real(include_str!("maps/r7625.txt"));
    let reached = map::within_reach(&ranges, 512 * GIB);
    assert_eq!(
        map::ram(&ranges).iter().last().unwrap().end(),
        0xc0_7fd0_0000
    );
    let ram = map::ram(&reached);
    let last = ram.iter().last().unwrap();
    assert_eq!((last.start(), last.end()), (0x78_8000_0000, 512 * GIB));
    // The page tables need not go further, whatever is reserved at the top of the address space.
    assert_eq!(map::cacheable(&reached).iter().last(), Some(last));
    assert!(reached.is_sorted_by_key(|range| range.region));
}

#[test]
fn a_laptop_s_map_as_it_is() {
    let ranges = real(include_str!("maps/redmibook.txt"));
    assert_eq!(map::within_reach(&ranges, 512 * GIB), ranges);
    let free = map::free(&ranges, []);
    assert!(free.contains_region(region(0, 0x9_f000)));
    assert!(free.contains_region(region(0x9e0_0000, 0x9f0_0000)));
    assert!(!free.overlaps(region(0x9f0_0000, 0x9f1_0000)));
    // ACPI data is cached, the I/O APICs' registers are not.
    let cached = map::cacheable(&ranges);
    assert!(cached.contains_region(region(0xcdf7_f000, 0xcdff_f000)));
    assert!(!cached.overlaps(region(0xfec0_0000, 0xfed0_0000)));
}

#[test]
fn real_maps_have_no_overlaps_and_lose_nothing() {
    for text in [
        include_str!("maps/archercity.txt"),
        include_str!("maps/low-5.txt"),
        include_str!("maps/r7625.txt"),
        include_str!("maps/redmibook.txt"),
    ] {
        let ranges = real(text);
        let usable = ranges.iter().filter(|range| range.kind == Usable);
        let bytes: u64 = usable.map(|range| range.region.size()).sum();
        assert_eq!(map::ram(&ranges).total(), bytes, "{text}");
        assert_eq!(map::free(&ranges, []).total(), bytes, "{text}");
    }
}

#[test]
fn the_page_tables_lead_to_the_end_of_ram() {
    let reach = |end: u64, has_gigabyte_pages| map::reach(&set(&[(0, end)]), has_gigabyte_pages);
    assert_eq!(map::reach(&RegionSet::new(), true), 4 * GIB);
    assert_eq!(reach(GIB, true), 4 * GIB);
    assert_eq!(reach(5 * GIB + 1, true), 6 * GIB);
    assert_eq!(reach(6 * GIB, false), 6 * GIB);
    assert_eq!(reach(4 << 40, true), 4 << 40);
    assert_eq!(reach(4 << 40, false), 512 * GIB);
    assert_eq!(reach(u64::MAX, true), 128 << 40);
}

/// What has no room in the list may be anything: it is nobody's.
#[test]
fn a_map_with_too_many_ranges_gives_nothing_away() {
    let page = |n: u64, kind| range(n * PAGE, (n + 1) * PAGE, kind);
    let ranges = || (0..6).map(|n| page(2 * n, Usable));
    assert!(map::bounded(ranges(), 6).into_iter().eq(ranges()));
    let kept = map::bounded(ranges(), 3);
    let rest = range(4 * PAGE, 11 * PAGE, Reserved);
    assert_eq!(kept, [page(0, Usable), page(2, Usable), rest]);
    assert_eq!(map::bounded(ranges(), 0), []);
}

/// Addresses of the property are multiples of this, so that an oracle can look at each.
const UNIT: u64 = PAGE / 4;
const UNITS: u64 = 24 * 4;

fn any_region() -> impl Strategy<Value = Region> {
    (0..UNITS, 1..UNITS)
        .prop_map(|(start, size)| region(start * UNIT, (start + size).min(UNITS) * UNIT))
}

fn any_range() -> impl Strategy<Value = MemoryRange> {
    // Mostly usable, or nothing would be left.
    let kind = select(vec![
        Usable, Usable, Usable, Usable, AcpiTables, AcpiNvs, Reserved, Bad,
    ]);
    (any_region(), kind).prop_map(|(region, kind)| MemoryRange { region, kind })
}

proptest! {
    #[test]
    fn free_is_what_nobody_else_names(
        ranges in vec(any_range(), 0..12),
        taken in vec(any_region(), 0..3),
    ) {
        let free = map::free(&ranges, taken.iter().copied());
        let is_ram = |unit: u64| {
            let here = || ranges.iter().filter(|r| r.region.contains(unit * UNIT));
            here().any(|r| r.kind == Usable) && here().all(|r| r.kind == Usable)
        };
        for page in 0..UNITS / 4 {
            let units = page * 4..page * 4 + 4;
            let here = region(page * PAGE, (page + 1) * PAGE);
            let wanted = units.clone().all(is_ram) && !taken.iter().any(|t| t.overlaps(here));
            prop_assert_eq!(free.contains_region(here), wanted, "page {}", page);
            prop_assert_eq!(free.overlaps(here), wanted, "page {}", page);
        }
        let ram = map::ram(&ranges);
        for unit in 0..UNITS {
            let here = region(unit * UNIT, (unit + 1) * UNIT);
            prop_assert_eq!(ram.contains_region(here), is_ram(unit), "unit {}", unit);
        }
    }

    #[test]
    fn any_map_is_described_in_order_and_as_large(
        ranges in vec((any::<u64>(), any::<u64>(), select(vec![Usable, Reserved])), 0..12),
        reach in any::<u64>(),
    ) {
        let of = |&(start, size, kind): &(u64, u64, MemoryKind)| MemoryRange::new(start, size, kind);
        let ranges: Vec<MemoryRange> = ranges.iter().filter_map(of).collect();
        let reached = map::within_reach(&ranges, reach);
        prop_assert!(reached.is_sorted_by_key(|range| range.region));
        let size = |ranges: &[MemoryRange]| -> u128 {
            ranges.iter().map(|r| u128::from(r.region.size())).sum()
        };
        prop_assert_eq!(size(&ranges), size(&reached));
        let is_far = |region: Region| region.end() > reach;
        prop_assert!(!map::ram(&reached).iter().any(is_far));
        prop_assert!(map::free(&ranges, []).iter().all(|r| map::ram(&ranges).contains_region(r)));
    }
}
