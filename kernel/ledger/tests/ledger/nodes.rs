//! NUMA nodes: memory near the cores, and what `node=` insists on.

use bulkhead_fake::{Fake, GIB, MIB, at, claim, region};
use bulkhead_memory::Region;
use bulkhead_model::{Change, Key, MemoryRequest};

/// The memory of a partition of these cores and this memory.
#[track_caller]
fn memory(fake: &mut Fake, cores: &[u32], memory: &[MemoryRequest]) -> Vec<Region> {
    fake.define("web", claim(cores, memory)).unwrap();
    let found = fake.ledger.get("web").unwrap().claim.memory.clone();
    fake.ledger.undefine("web").unwrap();
    found
}

/// Bytes of them above 4 GiB, which is node 1.
fn far(regions: &[Region]) -> u64 {
    let above = regions.iter().filter(|region| region.start() >= 4 * GIB);
    above.map(|region| region.size()).sum()
}

fn on_node(cores: &[u32], memory: &[MemoryRequest], node: usize) -> Change {
    let mut change = claim(cores, memory);
    change.node = Some(Some(node));
    change
}

#[test]
fn memory_is_near_the_cores() {
    let mut fake = Fake::with_nodes();
    let low = memory(&mut fake, &[2], &[at(GIB, None)]);
    assert_eq!(far(&low), 0);
    // Of another node is only what has to lie below 4 GiB.
    let high = memory(&mut fake, &[5, 6], &[at(GIB, None)]);
    assert_eq!(far(&high), 768 * MIB);
    let small = memory(&mut fake, &[5], &[at(512 * MIB, None)]);
    let below = 512 * MIB - far(&small);
    assert!((32 * MIB..=128 * MIB).contains(&below), "{small:?}");
    // Cores of both: half of it of each, also where a part has its place.
    let both = memory(&mut fake, &[2, 5], &[at(512 * MIB, None)]);
    assert_eq!(far(&both), 256 * MIB);
    let placed = [at(256 * MIB, 5 * GIB), at(256 * MIB, None)];
    let both = memory(&mut fake, &[2, 5], &placed);
    assert_eq!(far(&both), 256 * MIB);
    // Where the machine has one node only, all is as ever.
    fake.machine.nodes.truncate(1);
    let any = memory(&mut fake, &[5, 6], &[at(GIB, None)]);
    assert_eq!(far(&any), 0);
}

#[test]
fn memory_that_is_not_near_is_better_than_none() {
    let mut fake = Fake::with_nodes();
    fake.define(
        "db",
        claim(&[7], &[at(64 * MIB, 16 * MIB), at(1536 * MIB, 4 * GIB)]),
    )
    .unwrap();
    let found = memory(&mut fake, &[5], &[at(GIB, None)]);
    assert!(far(&found) < GIB, "{found:?}");
    // Unless the node is asked for.
    let error = fake
        .define("web", on_node(&[5], &[at(GIB, None)], 1))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "node 1 has not that much memory in few enough pieces (512M of it are free)"
    );
    assert_eq!(error.key(), Some(Key::Memory));
    // Where nobody has as much, that is what is said.
    let error = fake
        .define("web", on_node(&[5], &[at(16 * GIB, None)], 1))
        .unwrap_err();
    assert!(error.to_string().starts_with("no free 16G"), "{error}");
}

#[test]
fn what_is_not_of_the_node_is_refused() {
    let refused = |change, sentence: &str, key| {
        let mut fake = Fake::with_nodes();
        let error = fake.define("web", change).unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert_eq!(error.key(), Some(key));
        assert_eq!(fake.ledger.iter().count(), 0);
    };
    let some = [at(512 * MIB, None)];
    let sentence = "there is no node 2 (accepted: 0 to 1, none)";
    refused(on_node(&[2], &some, 2), sentence, Key::Node);
    refused(
        on_node(&[5, 2], &some, 1),
        "core 2 is not on node 1",
        Key::Cores,
    );
    let there = [at(64 * MIB, None), at(512 * MIB, 4 * GIB)];
    refused(
        on_node(&[2], &there, 0),
        "memory 0x100000000-0x11fffffff is not on node 0 (accepted from elsewhere: below 4 GiB)",
        Key::Memory,
    );
    // What boots may come from anywhere, by its address too.
    let mut fake = Fake::with_nodes();
    let mixed = [at(128 * MIB, GIB), at(256 * MIB, 4 * GIB)];
    fake.define("web", on_node(&[5], &mixed, 1)).unwrap();
    let mut fake = Fake::new();
    let error = fake.define("web", on_node(&[2], &some, 0)).unwrap_err();
    let sentence = "there are no nodes: the firmware tells of none (it has no SRAT)";
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn memory_moves_when_the_node_changes_only() {
    let mut fake = Fake::with_nodes();
    fake.define("web", claim(&[2], &[at(512 * MIB, None)]))
        .unwrap();
    let before = fake.ledger.get("web").unwrap().claim.memory.clone();
    let cores = Change {
        cores: Some(vec![5]),
        ..Change::default()
    };
    fake.set("web", cores).unwrap();
    assert_eq!(fake.ledger.get("web").unwrap().claim.memory, before);
    let node = |node| Change {
        node: Some(node),
        ..Change::default()
    };
    fake.set("web", node(Some(1))).unwrap();
    let moved = fake.ledger.get("web").unwrap().claim.memory.clone();
    assert!(far(&moved) > 384 * MIB, "{moved:?}");
    let refused = fake.set("web", node(Some(0))).unwrap_err();
    assert_eq!(refused.to_string(), "core 5 is not on node 0");
    fake.set("web", node(None)).unwrap();
}

#[test]
fn free_memory_of_a_node() {
    let mut fake = Fake::with_nodes();
    let free = |fake: &Fake, node| fake.ledger.free_on_node(&fake.machine, node).total();
    assert_eq!(free(&fake, 1), 2 * GIB);
    let taken = [at(64 * MIB, GIB), at(512 * MIB, 4 * GIB)];
    fake.define("web", claim(&[5], &taken)).unwrap();
    assert_eq!(free(&fake, 1), 1536 * MIB);
    assert_eq!(free(&fake, 2), 0);
    let all = fake.ledger.free_memory(&fake.machine).total();
    assert_eq!(free(&fake, 0) + free(&fake, 1), all);
    assert!(all < region(0, 4 * GIB).size());
}

/// What a partition of so many bytes, with cores of two nodes that both have RAM above 4 GiB, gets there of both and of the
/// second, where so much is free below in one piece.
fn high_shares(free_low: u64, size: u64) -> (u64, u64) {
    let mut fake = Fake::with_nodes();
    let moved = region(4 * GIB, 5 * GIB);
    fake.machine.nodes[0].memory.insert(moved);
    fake.machine.nodes[1].memory.remove(moved);
    let free = fake.ledger.free_memory(&fake.machine);
    let low = free.within(region(16 * MIB, 4 * GIB)).largest().unwrap();
    let most = at(low.size() - free_low, low.start());
    fake.define("db", claim(&[7], &[most])).unwrap();
    let both = memory(&mut fake, &[2, 5], &[at(size, None)]);
    let second = both.iter().filter(|region| region.start() >= moved.end());
    (far(&both), second.map(|region| region.size()).sum())
}

/// What lies below 4 GiB is kept for those that come; each node's share can lie above as well.
#[test]
fn shares_are_even_where_little_is_free_below_4_gib() {
    let shares = high_shares(64 * MIB, 512 * MIB);
    assert_eq!(shares, (512 * MIB, 256 * MIB));
}

/// Devices that reach no further want some below 4 GiB: a large partition has it, if those that come do without it.
#[test]
fn shares_are_even_above_what_devices_want() {
    let shares = high_shares(600 * MIB, GIB);
    assert_eq!(shares, (768 * MIB, 512 * MIB));
}
