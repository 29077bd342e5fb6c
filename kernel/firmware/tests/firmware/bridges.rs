//! Which root bridges there are, and of what segment: seen on real boards, made anew here.

use bulkhead_firmware::{Firmware, Problem, discover};
use bulkhead_pci::{Bus, Route};

use crate::aml::*;
use crate::fake::{Fake, RSDP, fadt, mcfg, table};
use crate::fixed::S5;
use crate::routes::{machine, route};

/// A root bridge of bus 0 with one pin, and more in it.
fn bridge_with(at: &str, gsi: u64, more: &[Vec<u8>]) -> Vec<u8> {
    let prt = named("_PRT", package(&[entry(1, 0, gsi)]));
    let bridge = device(at, &[kind(PNP0A08), prt, all(more)]);
    scope("\\_SB_", &[bridge])
}

fn status(value: u64) -> Vec<u8> {
    method("_STA", &[returned(integer(value))])
}

/// `Field (...) { FLD0, 8 }`, of a region that is nowhere.
fn field() -> Vec<u8> {
    block(
        &[0x5b, 0x81],
        &[name("REGN"), vec![1], b"FLD0\x08".to_vec()].concat(),
    )
}

#[test]
fn a_bridge_that_is_not_there_claims_no_bus() {
    let of = |first: &[Vec<u8>]| {
        let aml = all(&[
            field(),
            bridge_with("PCI0", 16, &[status(0xf)]),
            bridge_with("PCI1", 17, first),
        ]);
        let firmware = discover(&machine(&aml, &[]), RSDP);
        (firmware.routes, firmware.problems)
    };
    let shared = Problem::SharedRootBus { segment: 0, bus: 0 };
    assert_eq!(of(&[status(0)]), (vec![route(1, 1, 16)], vec![]));
    // By a constant, and by a condition that is known.
    assert_eq!(
        of(&[named("_STA", integer(0))]),
        (vec![route(1, 1, 16)], vec![])
    );
    // What works though it is not shown, and what says nothing, or what a register would have to say.
    let by_field = method("_STA", &[returned(name("\\FLD0"))]);
    for there in [&[status(8)][..], &[status(1)], &[], &[by_field]] {
        assert_eq!(of(there), (vec![], vec![shared]));
    }
}

#[test]
fn a_segment_that_a_register_tells_is_the_only_one() {
    const DSDT: u32 = 0x4000_0000;
    let of = |segments: &[u16]| -> Firmware {
        let by_field = method("_SEG", &[returned(name("\\FLD0"))]);
        let aml = all(&[field(), bridge_with("PCI0", 16, &[by_field])]);
        let ranges = segments.iter().zip(1u64..);
        let ranges = ranges.map(|(segment, at)| (at << 32, *segment, 0, 0xff));
        let mut tables = vec![(0x2000, fadt(&[(40, &DSDT.to_le_bytes())]))];
        tables.push((0x3000, mcfg(&ranges.collect::<Vec<_>>())));
        let mut fake = Fake::machine(&tables);
        let dsdt = table(*b"DSDT", &[S5, &aml].concat());
        fake.blocks.push((u64::from(DSDT), dsdt));
        discover(&fake, RSDP)
    };
    let on = |segment| Route {
        bus: Bus { segment, number: 0 },
        ..route(1, 1, 16)
    };
    assert_eq!(of(&[0]).routes, [on(0)]);
    assert_eq!(of(&[7]).routes, [on(7)]);
    // Of two it could be either.
    assert_eq!(of(&[0, 1]).routes, []);
    assert_eq!(of(&[]).routes, []);
}
