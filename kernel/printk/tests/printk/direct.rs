//! Where all RAM is mapped.

use bulkhead_printk::direct_map;
use proptest::prelude::*;

use crate::made::{BASE, INFO, Kind, Made, TABLES};

#[test]
fn it_is_what_the_kernels_half_begins_with() {
    for levels in [4, 5] {
        for dynamic in [None, Some(0), Some(1), Some(2)] {
            let kind = Kind {
                levels,
                dynamic,
                ..Kind::default()
            };
            let mut made = Made::new(kind);
            let page = BASE + INFO as u64;
            assert_eq!(
                direct_map(&made, page),
                Some(made.direct()),
                "{levels} {dynamic:?}"
            );
            assert_eq!(direct_map(&made, page + 4096), None);
            // An address that no direct map begins at.
            let lowest = TABLES + 4096 * (levels - 1 - dynamic.unwrap_or(0)) as usize;
            let place = (lowest..lowest + 4096)
                .step_by(8)
                .find(|at| made.bytes[*at] & 1 != 0)
                .unwrap();
            let entry = u64::from_le_bytes(made.bytes[place..place + 8].try_into().unwrap());
            made.set(place, entry ^ 1 << 40 | 1);
            let found = direct_map(&made, page);
            assert_ne!(found, Some(made.direct()));
            made.set(place, entry & !1);
            let _ = direct_map(&made, page);
        }
    }
}

/// Tables that all lead to themselves, and to nothing.
#[test]
fn a_search_has_an_end() {
    let mut made = Made::new(Kind::default());
    let last = made.root() + 4096 * 3;
    for table in 0..3usize {
        let next = made.root() + 4096 * (table as u64 + 1);
        for entry in 0..512 {
            made.set(TABLES + table * 4096 + entry * 8, next | 3);
        }
    }
    for entry in 0..512 {
        made.set(TABLES + 3 * 4096 + entry * 8, last & !1 & 0xfff);
    }
    made.reads.set(0);
    assert_eq!(direct_map(&made, BASE + INFO as u64), None);
    assert!(made.reads.get() < 100_000, "{}", made.reads.get());
}

proptest! {
    #[test]
    fn any_tables_are_walked(places in proptest::collection::vec((0usize..8 * 512, any::<u64>()), 0..200)) {
        let mut made = Made::new(Kind::default());
        for (place, entry) in places {
            made.set(TABLES + place * 8, BASE | entry & 0x1f_f0ff);
        }
        let _ = direct_map(&made, BASE + INFO as u64);
    }
}
