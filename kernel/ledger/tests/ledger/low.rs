//! Low memory: of one's own, or shared.

use bulkhead_fake::{Fake, Happening, MIB, at, claim, happen, region};
use bulkhead_linux::BzImage;
use bulkhead_memory::Region;
use bulkhead_model::{Change, Claim, Core, End, ImageKind, MemoryRequest};

fn any(size: u64) -> MemoryRequest {
    at(size, None)
}

/// What is given while there is room for all, and what lasts for longer.
const WIDE: u64 = 64 << 10;
const NARROW: u64 = 32 << 10;

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
    // There are ten cores, and seventeen times 32 KiB: the last but one leaves some to the others.
    let expected: Vec<_> = (1..8)
        .map(|n| region(n * WIDE, (n + 1) * WIDE))
        .chain([region(0x8_0000, 0x8_8000)])
        .map(|chunk| (chunk, false))
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

/// The sizes of low chunks, largest first, each with whether it is shared and how many have such a one.
fn kinds(fake: &Fake) -> Vec<(u64, bool, usize)> {
    let all = fake.ledger.iter().map(|p| &p.claim);
    let of = |size, shared| {
        let has = |c: &&Claim| c.low_chunk.size() == size && c.shares_low_chunk == shared;
        (size, shared, all.clone().filter(has).count())
    };
    let all = [of(WIDE, false), of(NARROW, false), of(NARROW, true)];
    all.into_iter().filter(|(.., count)| *count > 0).collect()
}

#[test]
fn those_with_one_core_share_where_there_are_too_few() {
    let mut fake = with_cores(64);
    let mut define = |name: &str, cores: &[u32]| {
        fake.define(name, claim(cores, &[any(32 * MIB)])).unwrap();
    };
    for core in 1..=32 {
        define(&format!("p{core}"), &[core]);
    }
    for first in (33..49).step_by(2) {
        define(&format!("two{first}"), &[first, first + 1]);
    }
    // Eight pieces were kept for those that can't share.
    let expected = [(WIDE, false, 4), (NARROW, false, 8), (NARROW, true, 28)];
    assert_eq!(kinds(&fake), expected);
    let shared = (region(0x5_0000, 0x5_8000), true);
    for core in 5..=32 {
        assert_eq!(low(&fake, &format!("p{core}")), shared);
    }
    let error = fake.define("three", claim(&[60, 61], &[any(32 * MIB)]));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("no free 32K below 640K")
    );

    // The map has each byte once, and nobody in particular has what is shared.
    let map = fake.ledger.memory_map(&fake.machine);
    let span = map
        .iter()
        .find(|span| span.region.contains(shared.0.start()));
    assert_eq!(span.unwrap().owner, bulkhead_ledger::Owner::Shared);
    assert!(!fake.ledger.free_memory(&fake.machine).overlaps(shared.0));

    // With a second core it needs its own, once there is one; back to one it keeps that.
    let cores = |cores: &[u32]| Change {
        cores: Some(cores.to_vec()),
        ..Change::default()
    };
    let refused = fake.set("p9", cores(&[9, 60])).unwrap_err().to_string();
    assert!(refused.contains("no free 32K below 640K"), "{refused}");
    fake.ledger.undefine("two33").unwrap();
    let own = (region(0x5_8000, 0x6_0000), false);
    fake.set("p9", cores(&[9, 60])).unwrap();
    assert_eq!(low(&fake, "p9"), own);
    fake.set("p9", cores(&[9])).unwrap();
    assert_eq!(low(&fake, "p9"), own);
}

#[test]
fn as_many_partitions_as_cores() {
    for (count, expected) in [
        (10, vec![(WIDE, false, 7), (NARROW, false, 3)]),
        (17, vec![(NARROW, false, 17)]),
        (
            20,
            vec![(WIDE, false, 4), (NARROW, false, 8), (NARROW, true, 8)],
        ),
        (
            48,
            vec![(WIDE, false, 4), (NARROW, false, 8), (NARROW, true, 36)],
        ),
    ] {
        let mut fake = with_cores(count);
        for core in (1..count).chain([0]) {
            let name = format!("p{core}");
            fake.define(&name, claim(&[core], &[any(32 * MIB)]))
                .unwrap();
        }
        assert_eq!(kinds(&fake), expected, "{count}");
    }
}

#[test]
fn a_few_large_ones_have_enough_for_kexec() {
    let mut fake = with_cores(64);
    for (number, cores) in [1..16, 16..32, 32..48, 48..64].into_iter().enumerate() {
        let cores: Vec<u32> = cores.collect();
        fake.define(&format!("p{number}"), claim(&cores, &[any(64 * MIB)]))
            .unwrap();
    }
    assert_eq!(kinds(&fake), [(WIDE, false, 4)]);
}

/// Gives the kernel that all have another version.
fn set_release(fake: &mut Fake, release: &str) {
    let image = fake.machine.images.iter_mut().find(|i| i.name == "linux61");
    image.unwrap().kind = ImageKind::Kernel(BzImage {
        version: Some(release.into()),
        ..bulkhead_fake::bzimage(16 * MIB)
    });
}

#[test]
fn who_has_no_kexec_is_told() {
    const OFF: &str = "sysctl.kernel.kexec_load_disabled=1";
    for (release, needs_more) in [
        ("6.1.0 #1", true),
        ("6.7.9 #1", true),
        ("6.8.0 #1", false),
        ("7.2.0 #1", false),
    ] {
        let mut fake = with_cores(64);
        set_release(&mut fake, release);
        let mut say = |name: &str, cores: &[u32]| {
            let told = fake.define(name, claim(cores, &[any(128 * MIB)])).unwrap();
            let mut told = told.iter().map(ToString::to_string);
            let told = told.find(|text| text.starts_with("no kexec inside"));
            let cmdline = fake.plan(name).view.cmdline;
            assert_eq!(
                told.is_some(),
                cmdline.ends_with(OFF) || cmdline.contains(&format!("{OFF} "))
            );
            told
        };
        for core in 1..5 {
            assert_eq!(say(&format!("wide{core}"), &[core]), None, "{release}");
        }
        let narrow = "no kexec inside: below 640K it has 32K, and this kernel needs 64K for that";
        let narrow = needs_more.then_some(narrow.to_string());
        assert_eq!(say("narrow", &[10, 11]), narrow, "{release}");
        let shared = "no kexec inside: below 640K it shares 32K with others";
        assert_eq!(say("shared", &[12]).as_deref(), Some(shared), "{release}");
    }
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
        set_release(&mut fake, release);
        for core in 1..6 {
            let name = format!("p{core}");
            fake.define(&name, claim(&[core], &[any(64 * MIB)]))
                .unwrap();
        }
        assert_eq!(low(&fake, "p5").1, shares, "{release}");
    }
}

/// A Fake with four that have chunks of their own; the next ones share.
fn crowded() -> Fake {
    let mut fake = with_cores(64);
    for core in 1..5 {
        let name = format!("own{core}");
        fake.define(&name, claim(&[core], &[any(64 * MIB)]))
            .unwrap();
    }
    fake
}

/// A launch of it, up to its Linux, and its end.
fn run(fake: &mut Fake, name: &str) {
    let id = fake.ledger.get(name).unwrap().id;
    let ended = Happening::Ended(End::PoweredOff);
    for what in [Happening::Launch, Happening::Launched, ended] {
        assert!(happen(&mut fake.ledger, id, what));
    }
}

#[test]
fn what_others_left_in_a_shared_chunk_is_cleared_at_the_turn() {
    let mut fake = crowded();
    // Somebody has run where two are to share.
    fake.define("web", claim(&[7, 8], &[any(64 * MIB)]))
        .unwrap();
    let (chunk, _) = low(&fake, "web");
    run(&mut fake, "web");
    fake.ledger.undefine("web").unwrap();
    for (name, core) in [("a", 5), ("b", 6)] {
        fake.define(name, claim(&[core], &[any(32 * MIB)])).unwrap();
        assert_eq!(low(&fake, name), (chunk, true));
    }
    for name in ["a", "b"] {
        let plan = fake.plan(name);
        assert_eq!(plan.clear_at_turn, [chunk], "{name}");
        assert!(plan.clear.iter().all(|region| !region.overlaps(chunk)));
        assert_eq!(plan.shared_low_chunk, Some(chunk));
        let told = plan.view.e820;
        assert!(told.entries().iter().any(|e| e.region == chunk));
    }
    // One that is killed before its turn has cleared nothing there.
    let id = fake.ledger.get("a").unwrap().id;
    for what in [Happening::Launch, Happening::Ended(End::Killed)] {
        assert!(happen(&mut fake.ledger, id, what));
    }
    for name in ["a", "b"] {
        assert_eq!(fake.plan(name).clear_at_turn, [chunk], "{name}");
    }
    // Once one of them has had its turn, what lies there is only theirs.
    run(&mut fake, "a");
    for name in ["a", "b"] {
        assert_eq!(fake.plan(name).clear_at_turn, [], "{name}");
    }
    // And is foreign to who has it alone.
    for name in ["a", "b"] {
        fake.ledger.undefine(name).unwrap();
    }
    fake.define("web", claim(&[7, 8], &[any(32 * MIB)]))
        .unwrap();
    assert_eq!(low(&fake, "web"), (chunk, false));
    let plan = fake.plan("web");
    assert!(plan.clear.contains(&chunk), "{:x?}", plan.clear);
    assert_eq!(plan.clear_at_turn, []);
}
