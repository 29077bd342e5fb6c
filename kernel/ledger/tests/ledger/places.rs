//! Where memory is found for those who don't say where.

use bulkhead_fake::{Fake, GIB, MIB, at, claim, region};
use bulkhead_linux::BzImage;
use bulkhead_memory::Region;
use bulkhead_model::{Change, Core, ImageKind, MemoryRequest};

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

#[test]
fn kernels_boot_from_the_largest_part_below_4g() {
    let mut fake = Fake::new();
    let requests = [at(64 * MIB, 16 * MIB), at(256 * MIB, GIB), at(GIB, 4 * GIB)];
    fake.define("web", claim(&[2], &requests)).unwrap();
    let web = &fake.ledger.get("web").unwrap().claim;
    assert_eq!(web.boot_region(), Some(region(GIB, GIB + 256 * MIB)));

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

#[test]
fn each_has_its_own_low_chunk() {
    let mut fake = Fake::new();
    let mut chunks = Vec::new();
    for core in 1..9u32 {
        let name = format!("p{core}");
        fake.define(&name, claim(&[core], &[any(64 * MIB)]))
            .unwrap();
        chunks.push(low(&fake, &name));
    }
    let expected: Vec<_> = (2..10)
        .map(|n| (region(n << 15, (n + 1) << 15), false))
        .collect();
    assert_eq!(chunks, expected);
    fake.ledger.undefine("p3").unwrap();
    fake.define("again", claim(&[3], &[any(64 * MIB)])).unwrap();
    assert_eq!(low(&fake, "again"), chunks[2]);
}

fn low(fake: &Fake, name: &str) -> (Region, bool) {
    let claim = &fake.ledger.get(name).unwrap().claim;
    (claim.low_chunk, claim.shares_low_chunk)
}

/// Core 0 is Bulkhead's.
fn with_cores(count: u32) -> Fake {
    let mut fake = Fake::new();
    // A small kernel, so that all fit.
    for image in &mut fake.machine.images {
        if image.name == "linux61" {
            image.kind = ImageKind::Kernel(bulkhead_fake::bzimage(16 * MIB));
        }
    }
    let last = fake.machine.cores.last().unwrap().clone();
    fake.machine.cores[9].responding = true;
    let more = fake.machine.cores.len() as u32..count;
    fake.machine.cores.extend(more.map(|apic_id| Core {
        apic_id,
        responding: true,
        ..last.clone()
    }));
    fake
}

#[test]
fn those_with_one_core_share_where_there_are_too_few() {
    let mut fake = with_cores(64);
    let mut define = |name: &str, cores: &[u32]| {
        fake.define(name, claim(cores, &[any(32 * MIB)])).unwrap();
    };
    // Seventeen pieces, and sixty cores for others that could be thirty with two: shared from the
    // first on.
    for core in 1..=32 {
        define(&format!("p{core}"), &[core]);
    }
    for core in [33, 35] {
        define(&format!("two{core}"), &[core, core + 1]);
    }
    let shared = (region(0x1_0000, 0x1_8000), true);
    for core in 1..=32 {
        assert_eq!(low(&fake, &format!("p{core}")), shared);
    }
    assert_eq!(low(&fake, "two33"), (region(0x1_8000, 0x2_0000), false));
    assert_eq!(low(&fake, "two35"), (region(0x2_0000, 0x2_8000), false));

    // The map has each byte once, and nobody in particular has what is shared.
    let map = fake.ledger.memory_map(&fake.machine);
    let span = map.iter().find(|span| span.region.contains(0x1_0000));
    let owner = span.unwrap().owner;
    assert!(matches!(owner, bulkhead_ledger::Owner::Bulkhead(what) if what.contains("share")));
    assert!(!fake.ledger.free_memory(&fake.machine).overlaps(shared.0));

    // With a second core it needs its own; back to one it keeps that.
    let cores = |cores: &[u32]| Change {
        cores: Some(cores.to_vec()),
        ..Change::default()
    };
    fake.set("p1", cores(&[1, 40])).unwrap();
    assert_eq!(low(&fake, "p1"), (region(0x2_8000, 0x3_0000), false));
    fake.set("p1", cores(&[1])).unwrap();
    assert_eq!(low(&fake, "p1"), (region(0x2_8000, 0x3_0000), false));
}

#[test]
fn as_many_partitions_as_cores() {
    let mut fake = with_cores(48);
    for core in 1..48 {
        let name = format!("p{core}");
        fake.define(&name, claim(&[core], &[any(32 * MIB)]))
            .unwrap();
    }
    let own = fake.ledger.iter().filter(|p| !p.claim.shares_low_chunk);
    // What is left over when few cores are: two for those that may come with two cores each.
    assert_eq!(own.count(), 16);
    fake.define("last", claim(&[0], &[any(32 * MIB)])).unwrap();
}

#[test]
fn kernels_that_would_use_it_have_their_own() {
    for (release, shares) in [
        ("6.1.0-50-cloud-amd64 (debian) #1 SMP", true),
        ("5.13.0 #1", true),
        ("5.10.0-30-amd64 #1", false),
        ("6.12.1-rt-amd64 #1 SMP PREEMPT_RT", false),
        ("mine", false),
    ] {
        let mut fake = with_cores(64);
        let image = fake.machine.images.iter_mut().find(|i| i.name == "linux61");
        image.unwrap().kind = ImageKind::Kernel(BzImage {
            version: Some(release.into()),
            ..bulkhead_fake::bzimage(40 * MIB)
        });
        fake.define("a", claim(&[1], &[any(64 * MIB)])).unwrap();
        assert_eq!(low(&fake, "a").1, shares, "{release}");
    }
}

#[test]
fn a_shared_chunk_is_nobodys_to_clear() {
    let mut fake = with_cores(64);
    for (name, core) in [("a", 1), ("b", 2)] {
        fake.define(name, claim(&[core], &[any(64 * MIB)])).unwrap();
        let id = fake.ledger.get(name).unwrap().id;
        let ram = |attempts, is_cleared| bulkhead_model::Ram {
            attempts,
            is_cleared,
        };
        fake.ledger
            .observe(id, bulkhead_model::Life::default(), ram(1, true));
    }
    for name in ["a", "b"] {
        let plan = fake.plan(name);
        assert_eq!(plan.clear, []);
        assert_eq!(plan.shared_low_chunk, Some(low(&fake, name).0));
        let chunk = low(&fake, name).0;
        assert!(plan.view.e820.entries().iter().any(|e| e.region == chunk));
    }
}
