//! Low memory: of one's own, or shared.

use bulkhead_fake::{Fake, MIB, at, claim, region};
use bulkhead_linux::BzImage;
use bulkhead_memory::Region;
use bulkhead_model::{Change, Core, ImageKind, MemoryRequest};

fn any(size: u64) -> MemoryRequest {
    at(size, None)
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
    let last = *fake.machine.cores.last().unwrap();
    fake.machine.cores[9].responding = true;
    let more = fake.machine.cores.len() as u32..count;
    fake.machine.cores.extend(more.map(|apic_id| Core {
        apic_id,
        responding: true,
        ..last
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
