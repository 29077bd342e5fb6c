//! What is known of a machine's IOMMUs once they are on.
#![allow(missing_docs, reason = "a test binary has no public interface")]

use bulkhead_iommu::{Iommus, Kind, Reserved, Shape, Unit, Who};
use bulkhead_memory::Region;
use bulkhead_model::Iommu;
use bulkhead_pci::{Address, Function};

fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).unwrap()
}

#[test]
fn every_range_of_every_function_is_kept() {
    let at = |bus| Address {
        segment: 0,
        bus,
        device: 0,
        function: 0,
    };
    let functions = [1, 2, 3].map(|bus| Function::new(at(bus)));
    let ids = |first: u16, last: u16| {
        let range = bulkhead_iommu::IdRange {
            first,
            last,
            alias: None,
            settings: 0,
        };
        Who::Ids(vec![range])
    };
    let reserved = |start, who| Reserved {
        region: region(start, start + 0x1000),
        segment: None,
        who,
    };
    let iommus = Iommus {
        kind: Some(Kind::AmdVi),
        units: vec![Unit {
            segment: 0,
            registers: region(0xfed8_0000, 0xfedc_0000),
            who: ids(0x100, 0x2ff),
            flags: 0,
            senders: Vec::new(),
        }],
        reserved: vec![
            reserved(0x1000, ids(0, 0xffff)),
            reserved(0x8000, ids(0x200, 0x200)),
            reserved(0x9000, ids(0x900, 0x900)),
        ],
        ..Iommus::default()
    };
    let shape = Shape {
        kind: Kind::AmdVi,
        levels: 4,
        has_2m: true,
        has_1g: true,
    };
    let iommu = Iommu::of(shape, &iommus, &functions);
    assert_eq!(iommu.unserved, [at(3)]);
    let pinned = iommu.pinned.iter();
    let pinned: Vec<(u8, u64)> = pinned.map(|(a, r)| (a.bus, r.start())).collect();
    assert_eq!(pinned, [(1, 0x1000), (2, 0x1000), (2, 0x8000), (3, 0x1000)]);
}
