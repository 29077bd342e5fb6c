//! Where memory is found for those who don't say where.

use bulkhead_fake::{Fake, GIB, MIB, at, claim, region};
use bulkhead_memory::{LARGE_PAGE, Region};
use bulkhead_model::{BELOW_4G, Change, MemoryRequest};

/// What "web" gets for these requests, on an empty machine.
fn memory(requests: &[MemoryRequest]) -> Vec<Region> {
    let mut fake = Fake::new();
    fake.define("web", claim(&[2], requests)).unwrap();
    fake.ledger.get("web").unwrap().claim.memory.clone()
}

fn any(size: u64) -> MemoryRequest {
    at(size, None)
}

#[test]
fn the_lowest_place_above_16m() {
    assert_eq!(memory(&[any(512 * MIB)]), [region(16 * MIB, 528 * MIB)]);
    // Several that touch are one.
    assert_eq!(
        memory(&[any(128 * MIB), any(64 * MIB)]),
        [region(16 * MIB, 208 * MIB)]
    );
}

#[test]
fn exact_places_come_first() {
    let requests = [any(64 * MIB), at(64 * MIB, 16 * MIB)];
    assert_eq!(memory(&requests), [region(16 * MIB, 144 * MIB)]);
    let requests = [any(64 * MIB), at(64 * MIB, 32 * MIB)];
    assert_eq!(memory(&requests), [region(32 * MIB, 160 * MIB)]);
    // Below 16 MiB only if it is asked for.
    assert_eq!(
        memory(&[at(256 * MIB, 2 * MIB)]),
        [region(2 * MIB, 258 * MIB)]
    );
}

#[test]
fn what_does_not_fit_below_4g_is_split() {
    let high = 4 * GIB;
    assert_eq!(
        memory(&[any(2 * GIB)]),
        [
            region(16 * MIB, 272 * MIB),
            region(high, high + 2 * GIB - 256 * MIB)
        ]
    );
    // Once there is enough to boot from, the rest can lie above as a whole.
    assert_eq!(
        memory(&[at(128 * MIB, 16 * MIB), any(2 * GIB)]),
        [region(16 * MIB, 144 * MIB), region(high, high + 2 * GIB)]
    );
}

#[test]
fn the_share_below_4g_grows_with_the_kernel_and_shrinks_with_the_room() {
    let mut fake = Fake::new();
    let huge = Change {
        kernel: Some("huge".into()),
        ..claim(&[2], &[any(2 * GIB)])
    };
    fake.define("web", huge).unwrap();
    let low = fake.ledger.get("web").unwrap().claim.memory[0];
    assert_eq!(low.size(), 606 * MIB);

    let mut fake = Fake::new();
    fake.define("most", claim(&[2], &[at(0x6800_0000, 16 * MIB)]))
        .unwrap();
    fake.define("web", claim(&[4], &[any(GIB)])).unwrap();
    let claim = &fake.ledger.get("web").unwrap().claim;
    // Eight cores are left, each for a partition that may come: no more than it needs to boot.
    assert_eq!(claim.memory[0], region(0x6900_0000, 0x6be0_0000));
    assert_eq!(claim.memory_bytes(), GIB);
}

#[test]
fn memory_below_4g_lasts_for_all_cores() {
    let mut fake = Fake::new();
    // Each of nine cores, in its turn, with so much that four would have taken all.
    for core in 1..10 {
        fake.machine.cores[9].responding = true;
        fake.define(&format!("p{core}"), claim(&[core], &[any(400 * MIB)]))
            .unwrap();
    }
    let bytes = |p: &bulkhead_ledger::Partition| p.claim.memory_bytes();
    assert!(fake.ledger.iter().all(|p| bytes(p) == 400 * MIB));
}

/// A machine whose RAM above 4 GiB is two times eight pieces of 1 GiB, as firmware leaves it on
/// servers: something small of its own between any two.
fn in_pieces() -> Fake {
    let mut fake = Fake::new();
    fake.machine
        .memory
        .retain(|range| range.region.start() < 4 * GIB);
    for piece in 4..20 {
        let start = piece * 2 * GIB;
        fake.machine.memory.push(bulkhead_model::MemoryRange {
            region: region(start, start + GIB),
            kind: bulkhead_model::MemoryKind::Usable,
        });
    }
    fake
}

#[test]
fn one_large_request_is_found_in_pieces() {
    let mut fake = in_pieces();
    fake.define("web", claim(&[2], &[any(12 * GIB)])).unwrap();
    let web = &fake.ledger.get("web").unwrap().claim;
    assert_eq!(web.memory_bytes(), 12 * GIB);
    // Below 4 GiB what devices may want, above the rest: no more pieces than it takes.
    assert_eq!(web.memory[0], region(16 * MIB, 272 * MIB));
    assert_eq!(web.memory.len(), 13);
    assert_eq!(
        fake.plan("web")
            .view
            .e820
            .entries()
            .iter()
            .filter(|e| e.kind == bulkhead_linux::E820Kind::Ram)
            .count(),
        14
    );

    // Too much is refused, and nothing is taken.
    let free = fake.ledger.free_memory(&fake.machine);
    let error = fake
        .define("db", claim(&[4], &[any(12 * GIB)]))
        .unwrap_err();
    assert!(error.to_string().starts_with("no free 12G in"), "{error}");
    assert_eq!(fake.ledger.free_memory(&fake.machine), free);
    fake.define("db", claim(&[4], &[any(4 * GIB)])).unwrap();
}

/// Devices that reach no further want some, whatever else was asked for by its address.
#[test]
fn some_lies_below_4g_where_there_is_some() {
    let mut fake = Fake::new();
    fake.define("other", claim(&[2], &[at(GIB, 16 * MIB)]))
        .unwrap();
    let requests = [at(512 * MIB, 4 * GIB), any(1200 * MIB)];
    fake.define("web", claim(&[4], &requests)).unwrap();
    let own = &fake.ledger.get("web").unwrap().claim.memory;
    let low = own.iter().filter_map(|part| part.intersect(BELOW_4G));
    assert_eq!(low.map(Region::size).sum::<u64>(), 256 * MIB, "{own:?}");
}

/// Once the others have what lies below.
#[test]
fn a_partition_may_lie_above_4g_as_a_whole() {
    let mut fake = Fake::new();
    let below: Vec<Region> = fake
        .ledger
        .free_memory(&fake.machine)
        .within(BELOW_4G)
        .iter()
        .collect();
    let all = below
        .iter()
        .filter_map(|part| part.align_inward(LARGE_PAGE));
    let all: Vec<_> = all
        .filter(|part| part.start() >= MIB)
        .map(|part| at(part.size(), part.start()))
        .collect();
    fake.define("low", claim(&[2], &all)).unwrap();
    let warnings = fake.define("high", claim(&[4], &[any(GIB)])).unwrap();
    assert_eq!(warnings, [], "it has no device");
    let high = &fake.ledger.get("high").unwrap().claim;
    assert_eq!(high.memory, [region(4 * GIB, 5 * GIB)]);
    let plan = fake.plan("high");
    let whole = region(4 * GIB, 5 * GIB);
    for part in [plan.view.placement.kernel, plan.view.placement.firmware] {
        assert!(whole.contains_region(part), "{part}");
    }
    // Small pieces below, and the rest above: it boots from there.
    fake.ledger.undefine("low").unwrap();
    let pieces = [at(16 * MIB, 256 * MIB), at(GIB, 5 * GIB)];
    fake.define("both", claim(&[5], &pieces)).unwrap();
    let kernel = fake.plan("both").view.placement.kernel;
    assert!(region(5 * GIB, 6 * GIB).contains_region(kernel), "{kernel}");
}

#[test]
fn kernels_boot_from_the_largest_part_below_4g() {
    let mut fake = Fake::new();
    let requests = [at(64 * MIB, 16 * MIB), at(256 * MIB, GIB), at(GIB, 4 * GIB)];
    fake.define("web", claim(&[2], &requests)).unwrap();
    let web = &fake.ledger.get("web").unwrap().claim;
    let regions = [region(GIB, GIB + 256 * MIB), region(4 * GIB, 5 * GIB)];
    assert!(web.boot_regions().eq(regions), "{:?}", web.memory);

    // A region across the border counts as far as it lies below.
    for range in &mut fake.machine.memory {
        if range.region.start() >= 0x8000_0000 && range.region.start() < 4 * GIB {
            range.kind = bulkhead_model::MemoryKind::Usable;
        }
    }
    let across = [at(64 * MIB, 0xfff0_0000 & !(2 * MIB - 1))];
    let error = fake.define("edge", claim(&[4], &across)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "memory 0xffe00000-0x103dfffff is not RAM at 0xffe00000"
    );
}
