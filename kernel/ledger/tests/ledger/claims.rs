//! What a definition gets.

use bulkhead_fake::{Fake, MIB, at, claim, region, with_console, with_initrd};
use bulkhead_ledger::Owner;
use bulkhead_memory::Region;
use bulkhead_model::{Change, Com, MemoryKind, Warning};

fn cores(cores: &[u32]) -> Change {
    claim(cores, &[at(128 * MIB, None)])
}

#[test]
fn the_lowest_core_boots_and_the_others_follow_in_order() {
    let mut fake = Fake::new();
    fake.define("web", cores(&[7, 3, 5])).unwrap();
    let web = fake.ledger.get("web").unwrap();
    assert_eq!(web.claim.cores, [3, 5, 7]);
    assert_eq!(web.claim.boot_core(), 3);
    assert_eq!(web.definition.cores, [7, 3, 5], "as it was said");
    let plan = fake.plan("web");
    assert_eq!((plan.boot_core, plan.other_cores), (3, vec![5, 7]));
}

#[test]
fn split_siblings_are_told() {
    let split = |core, sibling, owner: Option<&str>| Warning::SplitSiblings {
        core,
        sibling,
        owner: owner.map(String::from),
    };
    let mut fake = Fake::with_web();
    // Web has 2; nobody has 5; Bulkhead has 0.
    let warnings = fake.define("db", cores(&[3, 4, 1])).unwrap();
    assert_eq!(warnings, [split(1, 0, None), split(3, 2, Some("web"))]);
    assert_eq!(
        warnings[1].to_string(),
        "core 3 is an SMT sibling of core 2, which belongs to \"web\""
    );
    assert_eq!(
        fake.ledger.check(&fake.machine, "web").unwrap(),
        [split(2, 3, Some("db"))]
    );
    assert_eq!(fake.define("whole", cores(&[6, 7])).unwrap(), []);
}

/// Each package counts its cores from 0.
#[test]
fn cores_of_the_same_number_in_two_packages_are_no_siblings() {
    let mut fake = Fake::new();
    for core in &mut fake.machine.cores {
        // 0 to 3 and 4 to 7, two physical cores each.
        (core.package, core.core) = (core.apic_id / 4, core.apic_id % 4 / 2);
    }
    assert_eq!(fake.define("web", cores(&[2, 3])).unwrap(), []);
    assert_eq!(fake.define("db", cores(&[6, 7])).unwrap(), []);
    assert_eq!(fake.define("mx", cores(&[4])).unwrap(), []);
    let warnings = fake.define("ns", cores(&[5])).unwrap();
    let split = Warning::SplitSiblings {
        core: 5,
        sibling: 4,
        owner: Some("mx".into()),
    };
    assert_eq!(warnings, [split]);
}

#[test]
fn a_tight_claim_is_told() {
    let mut fake = Fake::new();
    let warnings = fake
        .define("web", with_initrd(claim(&[2], &[at(64 * MIB, None)])))
        .unwrap();
    let [Warning::Tight { left }] = warnings[..] else {
        panic!("{warnings:?}")
    };
    assert!(left < 21 * MIB, "{left}");
    assert!(
        warnings[0]
            .to_string()
            .starts_with("kernel and initrd leave only ")
    );
}

#[test]
fn a_claim_is_exclusive_from_its_definition_on() {
    let fake = Fake::with_web();
    let ledger = &fake.ledger;
    let claim = &ledger.get("web").unwrap().claim;
    assert_eq!(claim.memory, [region(0x4000_0000, 0x6000_0000)]);
    assert_eq!(claim.boot_regions().next(), Some(claim.memory[0]));
    assert_eq!(claim.low_chunk, region(0x1_0000, 0x2_0000));
    assert!(!claim.shares_low_chunk);
    assert_eq!(ledger.owner_of_core(2), Some("web"));
    assert_eq!(ledger.owner_of_core(3), None);
    assert_eq!(ledger.owner_of_console(Com::Com2), Some("web"));
    assert_eq!(ledger.owner_of_console(Com::Com3), None);
    for (address, is_web) in [
        (0x3fff_ffff, false),
        (0x4000_0000, true),
        (0x5fff_ffff, true),
        (0x6000_0000, false),
        (0x1_0000, true),
    ] {
        let map = ledger.memory_map(&fake.machine);
        let span = map.iter().find(|span| span.region.contains(address));
        let owner = span.unwrap().owner;
        assert_eq!(owner == Owner::Partition("web"), is_web, "{address:#x}");
    }
    let free = ledger.free_memory(&fake.machine);
    assert!(!free.overlaps(claim.memory[0]) && !free.overlaps(claim.low_chunk));
}

#[test]
fn changing_one_thing_leaves_the_others() {
    let mut fake = Fake::new();
    fake.define("first", cores(&[2])).unwrap();
    fake.define("web", with_console(cores(&[4]), Com::Com2))
        .unwrap();
    let before = fake.ledger.get("web").unwrap().claim.clone();
    fake.ledger.undefine("first").unwrap();
    // A new definition would now get lower memory.
    fake.set(
        "web",
        Change {
            cores: Some(vec![5, 4]),
            ..Change::default()
        },
    )
    .unwrap();
    let after = &fake.ledger.get("web").unwrap().claim;
    assert_eq!(after.cores, [4, 5]);
    assert_eq!(
        (&after.memory, after.low_chunk),
        (&before.memory, before.low_chunk)
    );
    assert_eq!(after.console, Some(Com::Com2));

    // It can grow over what it has.
    let start = before.memory[0].start();
    let memory = Some(vec![at(256 * MIB, start)]);
    fake.set(
        "web",
        Change {
            memory,
            ..Change::default()
        },
    )
    .unwrap();
    let after = &fake.ledger.get("web").unwrap().claim;
    assert_eq!(after.memory, [Region::new(start, 256 * MIB).unwrap()]);
}

#[test]
fn the_memory_map_names_each_owner() {
    let fake = Fake::with_web();
    let owner = |address| {
        let spans = fake.ledger.memory_map(&fake.machine);
        let mut found = spans
            .into_iter()
            .filter(|span| span.region.contains(address));
        let owner = found.next().map(|span| format!("{:?}", span.owner));
        assert!(found.next().is_none(), "{address:#x} has two owners");
        owner
    };
    let show = |owner: Owner<'_>| Some(format!("{owner:?}"));
    assert_eq!(owner(0x5000_0000), show(Owner::Partition("web")));
    assert_eq!(
        owner(0x7000_0000),
        show(Owner::Bulkhead("image \"linux61\""))
    );
    assert_eq!(owner(0x10_0000), show(Owner::Bulkhead("kernel")));
    assert_eq!(owner(0x14_b007), show(Owner::Bulkhead("part of a page")));
    assert_eq!(
        owner(0x7fff_0000),
        show(Owner::Firmware(MemoryKind::AcpiNvs))
    );
    assert_eq!(owner(0x6000_0000), show(Owner::Free));
    assert_eq!(owner(0xd000_0000), None);
}
