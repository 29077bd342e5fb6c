//! By which unit requests go, and under whose name.

use bulkhead_iommu::{Iommus, Requester, Routes, named_elsewhere, requesters};
use bulkhead_pci::{Address, Function, PortType};

use crate::made::{at, bridge, dmar, drhd, endpoint, ivhd, ivrs, rmrr, scope};

/// A root port to buses 1-4: a switch with one disk on bus 3, and behind it a bridge to conventional
/// PCI, on whose bus 4 there is a card. Graphics on bus 0. Another segment with one function.
fn functions() -> Vec<Function> {
    vec![
        endpoint(at(0, 2, 0)),
        bridge(at(0, 0x1c, 0), Some(PortType::RootPort), (1, 4)),
        bridge(at(1, 0, 0), Some(PortType::Upstream), (2, 4)),
        bridge(at(2, 1, 0), Some(PortType::Downstream), (3, 3)),
        bridge(at(2, 2, 0), Some(PortType::ToPci), (4, 4)),
        endpoint(at(3, 0, 0)),
        Function::new(at(4, 5, 1)),
        endpoint(Address {
            segment: 1,
            ..at(0, 0, 0)
        }),
    ]
}

#[test]
fn by_ways_through_bridges_and_by_what_is_left() {
    let functions = functions();
    let iommus = Iommus::of_dmar(&dmar(
        0,
        &[
            drhd(false, 0, 0xfed9_0000, &[scope(1, 0, &[(2, 0)])]),
            drhd(true, 0, 0xfed9_1000, &[]),
            // The bus behind the switch's first port, and with it the disk.
            drhd(
                false,
                0,
                0xfed9_2000,
                &[scope(2, 0, &[(0x1c, 0), (0, 0), (1, 0)])],
            ),
            // A way through what is no bridge, or is not there, leads nowhere.
            drhd(
                false,
                0,
                0xfed9_3000,
                &[
                    scope(1, 0, &[(2, 0), (0, 0)]),
                    scope(1, 0, &[(9, 0), (0, 0)]),
                ],
            ),
            rmrr(0, 0x1000, 0x1fff, &[scope(2, 0, &[(0x1c, 0)])]),
            rmrr(1, 0x2000, 0x2fff, &[scope(1, 0, &[(0, 0)])]),
        ],
    ));
    assert_eq!(iommus.problems, []);
    let routes = Routes::new(&iommus, &functions);
    let units: Vec<Option<usize>> = functions
        .iter()
        .map(|f| routes.unit_of(f.address))
        .collect();
    let one = Some(1);
    assert_eq!(units, [Some(0), one, one, Some(2), one, Some(2), one, None]);
    let reserved = |address| {
        let starts = routes.reserved_for(address).map(|r| r.region.start());
        starts.collect::<Vec<u64>>()
    };
    assert_eq!(reserved(at(0, 2, 0)), [0; 0]);
    assert_eq!(reserved(at(3, 0, 0)), [0x1000]);
    assert_eq!(reserved(functions[7].address), [0x2000]);
}

#[test]
fn by_requester_ids() {
    let functions = functions();
    let iommus = Iommus::of_ivrs(&ivrs(&[
        ivhd(0x11, 0, 0xfeb8_0000, &[&[3, 0, 1, 0], &[4, 0xff, 2, 0]]),
        ivhd(0x11, 0, 0xfec8_0000, &[&[3, 0, 3, 0], &[4, 0xff, 4, 0]]),
        ivhd(0x11, 1, 0xfed8_0000, &[&[1, 0, 0, 0]]),
    ]));
    let routes = Routes::new(&iommus, &functions);
    let units: Vec<Option<usize>> = functions
        .iter()
        .map(|f| routes.unit_of(f.address))
        .collect();
    let (zero, one) = (Some(0), Some(1));
    assert_eq!(units, [None, None, zero, zero, zero, one, one, Some(2)]);
}

#[test]
fn a_card_on_conventional_pci_speaks_by_its_bridge() {
    let functions = functions();
    let names = |address| {
        let all = requesters(&functions, address);
        all.iter()
            .map(|Requester { bus, devfn, .. }| (*bus, *devfn))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(at(0, 2, 0)), [(0, 0x10)]);
    assert_eq!(names(at(3, 0, 0)), [(3, 0)]);
    assert_eq!(names(at(4, 5, 1)), [(4, 0x29), (4, 0)]);
    assert_eq!(Requester::of(at(4, 5, 1)).address(), at(4, 5, 1));
    // An old bridge from PCI to PCI sends its own name.
    let old = [
        bridge(at(0, 3, 0), None, (9, 9)),
        Function::new(at(9, 1, 0)),
    ];
    let all = requesters(&old, at(9, 1, 0));
    assert_eq!(
        all,
        [Requester::of(at(9, 1, 0)), Requester::of(at(0, 3, 0))]
    );
}

#[test]
fn names_on_other_buses_are_found() {
    let functions = functions();
    let named = |iommus: &Iommus, functions: &[Function]| {
        let all = named_elsewhere(iommus, functions);
        let all = all.iter();
        all.map(|(function, name)| format!("{function} as {}", name.address()))
            .collect::<Vec<_>>()
    };
    // The card behind the bridge of a switch sends names of its own bus: nothing is to be seen to.
    let none = Iommus::default();
    assert_eq!(named(&none, &functions), [""; 0]);
    // A bridge of conventional PCI on a root bus, one behind it, and a card behind each.
    let old = [
        bridge(at(0, 0x1e, 0), None, (1, 2)),
        Function::new(at(1, 1, 0)),
        bridge(at(1, 2, 0), None, (2, 2)),
        Function::new(at(2, 3, 0)),
    ];
    let wanted = [
        "0000:01:01.0 as 0000:00:1e.0",
        "0000:02:03.0 as 0000:01:02.0",
        "0000:02:03.0 as 0000:00:1e.0",
    ];
    assert_eq!(named(&none, &old), wanted);
    // As an IVRS says, for a range and for one; a name on the same bus is given with it.
    let iommus = Iommus::of_ivrs(&ivrs(&[ivhd(
        0x11,
        0,
        0xfeb8_0000,
        &[
            &[67, 0, 3, 0, 0, 0xa4, 0, 0],
            &[4, 0xff, 3, 0],
            &[66, 0x29, 4, 0, 0, 0, 4, 0],
            &[66, 0x10, 0, 0, 0, 0x18, 0, 0],
        ],
    )]));
    assert_eq!(iommus.problems, []);
    assert_eq!(named(&iommus, &functions), ["0000:03:00.0 as 0000:00:14.4"]);
}

/// Such a unit is never switched on: what goes by it reaches everything.
#[test]
fn what_may_be_a_unit_s_that_can_not_be_read_goes_by_none() {
    let functions = functions();
    let graphics = || drhd(false, 0, 0xfed9_0000, &[scope(1, 0, &[(2, 0)])]);
    let rest = || drhd(true, 0, 0xfed9_1000, &[]);
    let disk = |base| {
        let way = scope(2, 0, &[(0x1c, 0), (0, 0), (1, 0)]);
        drhd(false, 0, base, &[way])
    };
    let units = |iommus: &Iommus| {
        let routes = Routes::new(iommus, &functions);
        let units = functions.iter().map(|f| routes.unit_of(f.address));
        units.collect::<Vec<Option<usize>>>()
    };
    let whole = Iommus::of_dmar(&dmar(0, &[graphics(), disk(0xfed9_2000), rest()]));
    assert!(!whole.lacks_units);
    assert_eq!(units(&whole)[5], Some(1), "the disk");
    assert_eq!(units(&whole)[6], Some(2), "the card");
    let without_a_base = Iommus::of_dmar(&dmar(0, &[graphics(), disk(0), rest()]));
    let mut cut = dmar(0, &[graphics(), rest(), disk(0xfed9_2000)]);
    cut.truncate(cut.len() - 1);
    for lacking in [without_a_base, Iommus::of_dmar(&cut)] {
        assert!(lacking.lacks_units);
        let mut wanted = vec![None; functions.len()];
        wanted[0] = Some(0);
        assert_eq!(
            units(&lacking),
            wanted,
            "what is named is known, the rest is not"
        );
    }
    // Memory that firmware wants to be reached is no unit.
    let memory = Iommus::of_dmar(&dmar(0, &[rest(), rmrr(0, 0x2000, 0xfff, &[])]));
    assert!(!memory.lacks_units && memory.problems.len() == 1);
    assert_eq!(units(&memory)[5], Some(0));
    // As an IVRS has it, where one unit is said to have all.
    let all = || ivhd(0x11, 0, 0xfeb8_0000, &[&[1, 0, 0, 0], &[2, 0x10, 0, 0]]);
    let second = |base| ivhd(0x11, 0, base, &[&[3, 0, 3, 0], &[4, 0xff, 4, 0]]);
    let whole = Iommus::of_ivrs(&ivrs(&[all(), second(0xfec8_0000)]));
    assert_eq!(units(&whole)[1], Some(0));
    let lacking = Iommus::of_ivrs(&ivrs(&[all(), second(1)]));
    assert!(lacking.lacks_units);
    let mut wanted = vec![None; functions.len()];
    wanted[0] = Some(0);
    assert_eq!(units(&lacking), wanted);
}

/// Firmware has given it no numbers, or others' than those below it.
#[test]
fn a_bridge_whose_numbers_do_not_rise_has_no_bus_below_it() {
    let unit = |way: &[(u8, u8)]| {
        let named = drhd(false, 0, 0xfed9_0000, &[scope(2, 0, way)]);
        Iommus::of_dmar(&dmar(0, &[named, drhd(true, 0, 0xfed9_1000, &[])]))
    };
    let port = Some(PortType::RootPort);
    let unit_of = |iommus: &Iommus, functions: &[Function], address| {
        Routes::new(iommus, functions).unit_of(address)
    };
    let iommus = unit(&[(0x1c, 0)]);
    for buses in [(0, 0), (0, 255)] {
        let functions = [
            endpoint(at(0, 2, 0)),
            bridge(at(0, 0x1c, 0), port, buses),
            endpoint(at(1, 0, 0)),
        ];
        let units = functions.each_ref().map(|f| f.address);
        let units = units.map(|address| unit_of(&iommus, &functions, address));
        assert_eq!(units, [Some(1), Some(0), Some(1)], "{buses:?}");
    }
    // Behind another one, with that one's number.
    let iommus = unit(&[(0x1c, 0), (0, 0)]);
    let functions = [
        bridge(at(0, 0x1c, 0), port, (1, 2)),
        bridge(at(1, 0, 0), Some(PortType::Upstream), (1, 2)),
        endpoint(at(1, 1, 0)),
    ];
    assert_eq!(unit_of(&iommus, &functions, at(1, 0, 0)), Some(0));
    assert_eq!(unit_of(&iommus, &functions, at(1, 1, 0)), Some(1));
}
