//! Tables of any bytes: no panic, no loop, nothing beyond the caps.

use bulkhead_iommu::{Iommus, Routes, requesters};
use bulkhead_pci::{Function, PortType};
use proptest::prelude::*;

use crate::made::{at, bridge, dmar, drhd, ivhd, ivmd, ivrs, rmrr, scope};

fn look(iommus: &Iommus, functions: &[Function]) {
    assert!(iommus.units.len() <= 128 && iommus.reserved.len() <= 256);
    assert!(iommus.problems.len() <= 65);
    let routes = Routes::new(iommus, functions);
    for f in functions {
        let _ = (
            routes.unit_of(f.address),
            routes.reserved_for(f.address).count(),
        );
    }
}

/// Bridges with any numbers.
fn any_functions() -> impl Strategy<Value = Vec<Function>> {
    let one = (0..8u8, 0..32u8, 0..10u8, 0..10u8, 0..3u8);
    prop::collection::vec(one, 0..20).prop_map(|all| {
        let mut functions: Vec<Function> = all
            .into_iter()
            .map(|(bus, device, first, last, kind)| {
                let port = [None, Some(PortType::ToPci), Some(PortType::Downstream)];
                bridge(at(bus, device, 0), port[usize::from(kind)], (first, last))
            })
            .collect();
        functions.sort_by_key(|f| f.address);
        functions.dedup_by_key(|f| f.address);
        functions
    })
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), functions in any_functions()) {
        look(&Iommus::of_dmar(&bytes), &functions);
        look(&Iommus::of_ivrs(&bytes), &functions);
        for f in &functions {
            prop_assert!(requesters(&functions, f.address).len() <= 10);
        }
    }

    /// Sound tables with a few bytes changed get further.
    #[test]
    fn changed_bytes(
        changes in prop::collection::vec((48..300usize, any::<u8>()), 0..6),
        functions in any_functions(),
    ) {
        let change = |mut table: Vec<u8>| {
            for (place, byte) in &changes {
                if let Some(old) = table.get_mut(*place) {
                    *old = *byte;
                }
            }
            table
        };
        let scopes = [scope(1, 0, &[(2, 0)]), scope(2, 0, &[(1, 0), (2, 0), (3, 0)])];
        let table = dmar(7, &[
            drhd(false, 0, 0xfed9_0000, &scopes),
            drhd(true, 0, 0xfed9_1000, &scopes),
            rmrr(0, 0x1000, 0x1fff, &scopes),
        ]);
        look(&Iommus::of_dmar(&change(table)), &functions);
        let entries: [&[u8]; 3] = [&[3, 0, 1, 0], &[4, 0, 2, 0], &[66, 8, 1, 0, 0, 16, 1, 0]];
        let table = ivrs(&[
            ivhd(0x10, 0, 0xfeb8_0000, &entries),
            ivhd(0x11, 0, 0xfeb8_0000, &entries),
            ivmd(0x22, 1, (1, 7), 0x1000, 0x1000),
        ]);
        look(&Iommus::of_ivrs(&change(table)), &functions);
    }
}
