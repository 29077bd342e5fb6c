//! Cores that tell one unit things at once, one of which stands still on the way.

use std::cell::Cell;

use bulkhead_iommu::{Buses, Fabric, Physical};
use bulkhead_memory::Region;

use crate::made::{BUS_1, from};
use crate::{amd, made_amd, made_vtd, unit};

const ROOM: u64 = 0x4ff0_0000;
/// What the other core has.
const BUS_3: [Buses; 1] = [Buses {
    segment: 0,
    first: 3,
    last: 3,
}];

/// The machine as one core sees it: after its access of that number another one acts.
struct Late<'a, P> {
    made: &'a P,
    left: Cell<usize>,
    other: &'a dyn Fn(),
    has_acted: Cell<bool>,
}

impl<P> Late<'_, P> {
    fn step(&self) {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None if !self.has_acted.replace(true) => (self.other)(),
            None => {}
        }
    }
}

impl<P: Physical> Physical for Late<'_, P> {
    fn load32(&self, address: u64) -> u32 {
        let value = self.made.load32(address);
        self.step();
        value
    }
    fn store32(&self, address: u64, value: u32) {
        self.made.store32(address, value);
        self.step();
    }
    fn load64(&self, address: u64) -> u64 {
        let value = self.made.load64(address);
        self.step();
        value
    }
    fn store64(&self, address: u64, value: u64) {
        self.made.store64(address, value);
        self.step();
    }
    fn write_back(&self, address: u64, bytes: u64) {
        self.made.write_back(address, bytes);
    }
    fn within(&self, us: u64, done: impl FnMut() -> bool) -> bool {
        let has_come = self.made.within(us, done);
        self.step();
        has_come
    }
}

/// One core ends a partition; at that step of it, where it stands still, another ends another. Whether that was
/// not behind the last. Both have told the unit, and neither what the other had begun.
fn both_end<P: Physical>(
    made: &P,
    fabric: &Fabric,
    reaches: impl Fn(u8) -> bool,
    step: usize,
) -> bool {
    let room = Region::new(ROOM, 16 << 12).unwrap();
    for buses in [&BUS_1, &BUS_3] {
        fabric.attach(made, buses, None, room, 1).unwrap();
    }
    assert_eq!([1, 3].map(&reaches), [true; 2], "and is cached");
    let other = || assert!(fabric.detach(made, &BUS_3), "the other, at step {step}");
    let late = Late {
        made,
        left: Cell::new(step),
        other: &other,
        has_acted: Cell::new(false),
    };
    assert!(fabric.detach(&late, &BUS_1), "step {step}");
    if late.has_acted.get() {
        assert_eq!([1, 3].map(reaches), [false; 2], "step {step}");
    }
    late.has_acted.get()
}

#[test]
fn one_that_stands_still_and_goes_on_disturbs_nobody_with_vt_d() {
    for made in [made_vtd::Made::with_queue(), made_vtd::Made::new()] {
        let fabric = unit::start(&made).unwrap().unwrap();
        let reaches = |bus| made.request(from(bus, 0), 0x1000).is_ok();
        let steps = (0..).take_while(|step| both_end(&made, &fabric, reaches, *step));
        assert!(steps.count() > 10);
    }
}

#[test]
fn one_that_stands_still_and_goes_on_disturbs_nobody_with_amd_vi() {
    /// There are some thousand.
    const STRIDE: usize = 397;
    for features in amd::FEATURES {
        let made = made_amd::Made::new(features);
        let fabric = amd::start(&made).unwrap().unwrap();
        let reaches = |bus| made.request(from(bus, 0), 0x1000, true).is_ok();
        let at = |nth: &usize| both_end(&made, &fabric, reaches, nth * STRIDE);
        assert!((0..).take_while(at).count() > 3);
    }
}
