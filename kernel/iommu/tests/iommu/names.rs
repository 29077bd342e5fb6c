//! Names on others' buses: they pass while a domain lets them, and are blocked before and afterwards.

use bulkhead_iommu::{Buses, Fabric, Physical, Requester};
use bulkhead_memory::Region;

use crate::made::from;
use crate::{amd, made_amd, made_vtd, unit};

/// Bulkhead's own function, whose name always passes.
const OWN: u8 = 0xa0;
/// A bridge beside it, under whose name those behind it send.
const BRIDGE: u8 = 0x38;
const ROOM: u64 = 0x4ff0_0000;

fn play(fabric: &mut Fabric, hw: &impl Physical, passes: impl Fn(Requester) -> bool) {
    let [bridge, own, beside] = [BRIDGE, OWN, BRIDGE + 1].map(|devfn| from(0, devfn));
    let mut next = 0x20_0000;
    fabric.reserve(hw, &[bridge, own, bridge], |bytes| {
        next += bytes;
        next - bytes
    });
    let state = || [passes(bridge), passes(own), passes(beside)];
    assert_eq!(state(), [false, true, false]);
    // Two partitions, each with a device behind it: it passes until both have ended.
    for (number, is_let, expected) in [
        (1, true, true),
        (64, true, true),
        (1, false, true),
        (1, false, true),
        (64, false, false),
        (64, true, true),
    ] {
        assert!(fabric.pass(hw, &[bridge], number, is_let));
        assert_eq!(state(), [expected, true, false], "after {number}, {is_let}");
    }
    // Its bus is somebody's meanwhile, who alone says what passes.
    let bus = [Buses {
        segment: 0,
        first: 0,
        last: 0,
    }];
    let room = Region::new(ROOM, 16 << 12).unwrap();
    fabric.attach(hw, &bus, Some(&[]), room, 2).unwrap();
    assert_eq!(state(), [false; 3]);
    assert!(fabric.pass(hw, &[bridge], 1, true));
    assert_eq!(state(), [false; 3]);
    assert!(fabric.pass(hw, &[bridge], 1, false));
    assert!(fabric.detach(hw, &bus));
    assert_eq!(state(), [true, true, false], "domain 64 lets it still");
    // Nobody ends what is Bulkhead's own, or can let what was not reserved.
    assert!(fabric.pass(hw, &[bridge, own], 64, false));
    assert!(fabric.pass(hw, &[beside], 64, true));
    assert_eq!(state(), [false, true, false]);
}

#[test]
fn they_pass_while_a_domain_lets_them_with_vt_d() {
    for made in [made_vtd::Made::new(), made_vtd::Made::with_queue()] {
        let mut fabric = unit::start(&made).unwrap().unwrap();
        play(&mut fabric, &made, |name| {
            made.request(name, 0x1000).is_ok()
        });
    }
}

#[test]
fn they_pass_while_a_domain_lets_them_with_amd_vi() {
    for features in amd::FEATURES {
        let made = made_amd::Made::new(features);
        let mut fabric = amd::start(&made).unwrap().unwrap();
        play(&mut fabric, &made, |name| {
            made.request(name, 0x1000, true).is_ok()
        });
    }
}
