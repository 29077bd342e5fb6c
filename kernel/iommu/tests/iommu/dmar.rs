//! What a DMAR says, and what is wrong with one.

use bulkhead_iommu::{Iommus, Kind, Problem, ScopeKind, Who};
use bulkhead_memory::Region;

use crate::made::{atsr, dmar, drhd, rmrr, scope};

/// As a client board has it: a unit for graphics, one for the rest, memory for USB.
fn board() -> Vec<u8> {
    dmar(
        5,
        &[
            drhd(false, 0, 0xfed9_0000, &[scope(1, 0, &[(2, 0)])]),
            drhd(
                true,
                0,
                0xfed9_1000,
                &[scope(3, 0xf0, &[(0x1f, 0)]), scope(4, 0, &[(0x1f, 0)])],
            ),
            rmrr(0, 0x7b80_0000, 0x7fff_ffff, &[scope(1, 0, &[(2, 0)])]),
            atsr(&[scope(2, 0, &[(1, 0)])]),
            // An RHSA and what nobody knows.
            vec![
                3, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
            vec![99, 0, 4, 0],
        ],
    )
}

#[test]
fn a_whole_table() {
    let iommus = Iommus::of_dmar(&board());
    assert_eq!(iommus.problems, []);
    assert_eq!(iommus.kind, Some(Kind::VtD));
    assert!(iommus.remaps_interrupts && iommus.wants_protection && !iommus.refuses_x2apic);
    let registers: Vec<Region> = iommus.units.iter().map(|unit| unit.registers).collect();
    let page = |base| Region::new(base, 4096).unwrap();
    assert_eq!(registers, [page(0xfed9_0000), page(0xfed9_1000)]);
    let Who::ScopesOrRest(scopes) = &iommus.units[1].who else {
        panic!("{:?}", iommus.units[1]);
    };
    let kinds: Vec<ScopeKind> = scopes.iter().map(|scope| scope.kind).collect();
    assert_eq!(kinds, [ScopeKind::IoApic, ScopeKind::Hpet]);
    let [reserved] = &iommus.reserved[..] else {
        panic!("{:?}", iommus.reserved);
    };
    assert_eq!(reserved.region.to_string(), "0x7b800000-0x7fffffff");
    assert_eq!(iommus.caching.len(), 1);
}

#[test]
fn what_cannot_be_is_a_problem_and_the_rest_is_read() {
    let unit = || drhd(true, 0, 0xfed9_0000, &[]);
    let second = || drhd(false, 0, 0xfed9_1000, &[]);
    let bad: [Vec<u8>; 8] = [
        // No address, one inside a page, the same twice.
        drhd(false, 0, 0, &[]),
        drhd(false, 0, 0xfed9_2008, &[]),
        unit(),
        // Lists whose lengths are wrong; a device that no bus has.
        drhd(false, 0, 0xfed9_2000, &[vec![1, 9, 0, 0, 0, 0, 1, 0]]),
        drhd(false, 0, 0xfed9_2000, &[vec![1, 6, 0, 0, 0, 0]]),
        drhd(false, 0, 0xfed9_2000, &[scope(1, 0, &[(32, 0)])]),
        // Memory that ends before it begins; and too short to be any.
        rmrr(0, 0x2000, 0xfff, &[]),
        vec![1, 0, 8, 0, 0, 0, 0, 0],
    ];
    for structure in bad {
        let iommus = Iommus::of_dmar(&dmar(0, &[unit(), structure.clone(), second()]));
        assert_eq!(iommus.units.len(), 2, "{structure:x?}");
        assert!(iommus.reserved.is_empty(), "{structure:x?}");
        let problem = &iommus.problems[..];
        assert!(
            matches!(problem, [Problem::BadStructure { offset: 64, .. }]),
            "{structure:x?}: {problem:?}"
        );
    }
}

#[test]
fn a_length_that_is_wrong_ends_the_walk() {
    let whole = dmar(0, &[drhd(true, 0, 0xfed9_0000, &[])]);
    for length in [0u16, 3, 17, u16::MAX] {
        let mut table = [whole.clone(), drhd(false, 0, 0xfed9_1000, &[])].concat();
        table[66..68].copy_from_slice(&length.to_le_bytes());
        let iommus = Iommus::of_dmar(&table);
        assert_eq!(iommus.units.len(), 1);
        assert_eq!(iommus.problems.len(), 1, "{length}");
        assert!(matches!(
            iommus.problems[0],
            Problem::TruncatedEntry { offset: 64, .. }
        ));
    }
    let short = Iommus::of_dmar(&whole[..40]);
    assert!(matches!(
        short.problems[..],
        [Problem::TooShort { length: 40, .. }]
    ));
}

#[test]
fn a_table_without_end_is_read_to_an_end() {
    let many: Vec<Vec<u8>> = (0..5000)
        .map(|n| drhd(false, 0, 0xfe00_0000 + n * 4096, &[]))
        .collect();
    let iommus = Iommus::of_dmar(&dmar(0, &many));
    assert_eq!(iommus.units.len(), 128);
    assert!(iommus.problems.len() < 70);
    let scopes: Vec<Vec<u8>> = (0..5000).map(|_| scope(1, 0, &[(2, 0)])).collect();
    let iommus = Iommus::of_dmar(&dmar(0, &[drhd(false, 0, 0xfed9_0000, &scopes)]));
    assert!(iommus.units.is_empty());
}

#[test]
fn a_unit_has_as_many_pages_as_it_says() {
    let first = |size: u8| {
        let mut unit = drhd(true, 0, 0xfed9_0000, &[]);
        unit[5] = size;
        unit
    };
    // The upper half of the byte is reserved.
    for (size, pages) in [(0, 1), (1, 2), (0xf1, 2), (3, 8), (0xf, 1 << 15)] {
        let iommus = Iommus::of_dmar(&dmar(0, &[first(size)]));
        assert_eq!(iommus.problems, [], "{size:#x}");
        let registers = Region::new(0xfed9_0000, pages * 4096);
        assert_eq!(Some(iommus.units[0].registers), registers, "{size:#x}");
    }
    // Another one's registers may begin behind them, and not among them.
    for (base, units) in [(0xfed9_1000, 1), (0xfed9_2000, 2)] {
        let second = drhd(false, 0, base, &[]);
        let iommus = Iommus::of_dmar(&dmar(0, &[first(1), second]));
        assert_eq!(iommus.units.len(), units, "{base:#x}");
    }
}
