//! Links: whose their memory is, and what is refused.

use bulkhead_fake::{Fake, GIB, MIB, at, claim};
use bulkhead_ledger::{LinkError, Owner, PlanError};
use bulkhead_memory::Region;
use bulkhead_model::{Life, MOST_LINKS, Ram, State};

/// "web" on core 2 and "db" on core 4.
fn two() -> Fake {
    let mut fake = Fake::with_web();
    give(&mut fake, "db", 4);
    fake
}

fn give(fake: &mut Fake, name: &str, core: u32) {
    let change = claim(&[core], &[at(64 * MIB, None)]);
    fake.define(name, change).unwrap();
}

fn link(fake: &mut Fake, names: [&str; 2], size: Option<u64>) -> Result<Region, PlanError> {
    fake.ledger.link(&fake.machine, names, size, |_| true)
}

#[track_caller]
fn refused(fake: &mut Fake, names: [&str; 2], size: Option<u64>, sentence: &str) {
    let before = fake.ledger.clone();
    let error = link(fake, names, size).unwrap_err();
    assert_eq!(error.to_string(), sentence);
    assert_eq!(fake.ledger, before);
}

#[test]
fn both_have_the_same_memory_and_nobody_else_has() {
    let mut fake = two();
    let free = fake.ledger.free_memory(&fake.machine).total();
    let region = link(&mut fake, ["web", "db"], None).unwrap();
    assert_eq!(region.size(), 6 * MIB);
    let left = fake.ledger.free_memory(&fake.machine);
    assert_eq!(left.total(), free - 6 * MIB);
    assert!(!left.overlaps(region));
    let ends = ["web", "db"].map(|name| fake.ledger.get(name).unwrap().claim.links.clone());
    for (end, (peer, is_second)) in ends.iter().flatten().zip([("db", false), ("web", true)]) {
        assert_eq!((&*end.peer, end.is_second), (peer, is_second));
        assert_eq!(end.region, region);
        assert_eq!(end.window().unwrap().size(), 4 * MIB);
    }
    assert_ne!(ends[0][0].ecam(), ends[1][0].ecam());
    let map = fake.ledger.memory_map(&fake.machine);
    let span = map.iter().find(|span| span.region == region).unwrap();
    assert_eq!(span.owner, Owner::Link(["web", "db"]));
    // And it can't be claimed by its address.
    let there = claim(&[6], &[at(64 * MIB, region.start())]);
    let error = fake.define("third", there).unwrap_err().to_string();
    assert!(error.contains("\"web\""), "{error}");
}

#[test]
fn a_link_stays_when_something_else_is_changed() {
    let mut fake = two();
    let region = link(&mut fake, ["web", "db"], Some(2 * MIB)).unwrap();
    fake.set("db", claim(&[5], &[at(128 * MIB, None)])).unwrap();
    let db = fake.ledger.get("db").unwrap();
    assert_eq!(db.claim.links[0].region, region);
    let mut own = db.claim.memory.iter();
    assert!(own.all(|own| !own.overlaps(region)));
}

#[test]
fn what_is_wrong_is_said_and_changes_nothing() {
    let mut fake = two();
    let accepted = "(accepted: 2M to 1G, in steps of 2M)";
    for (size, text) in [
        (0, "0"),
        (MIB, "1M"),
        (3 * MIB, "3M"),
        (GIB + 2 * MIB, "1026M"),
    ] {
        let sentence = format!("a link of {text} is not possible {accepted}");
        refused(&mut fake, ["web", "db"], Some(size), &sentence);
    }
    let itself = "\"web\" can't be linked to itself (accepted: the names of two partitions)";
    refused(&mut fake, ["web", "web"], None, itself);
    let unknown = "there is no partition \"mail\" (partitions: web, db)";
    refused(&mut fake, ["web", "mail"], None, unknown);
    link(&mut fake, ["db", "web"], None).unwrap();
    let again = "\"web\" and \"db\" are linked already (accepted: unlink web db)";
    refused(&mut fake, ["web", "db"], None, again);
    let error = fake.ledger.undefine("web").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"web\" is linked to \"db\" and can't be undefined (accepted: unlink web db)"
    );
}

#[test]
fn a_partition_that_runs_is_left_alone() {
    let mut fake = two();
    let life = |state| Life {
        state,
        ..Life::default()
    };
    let id = fake.ledger.get("db").unwrap().id;
    fake.ledger
        .observe(id, life(State::Running), Ram::default());
    let runs = "\"db\" is running and can't be linked (accepted after kill db)";
    refused(&mut fake, ["web", "db"], None, runs);
    fake.ledger
        .observe(id, life(State::Stopped), Ram::default());
    link(&mut fake, ["web", "db"], None).unwrap();
    fake.ledger
        .observe(id, life(State::Running), Ram::default());
    let error = fake.ledger.unlink(["web", "db"], |_| true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"db\" is running and can't be unlinked (accepted after kill db)"
    );
    // Its launch begins at this moment.
    fake.ledger
        .observe(id, life(State::Stopped), Ram::default());
    let before = fake.ledger.clone();
    let error = fake.ledger.unlink(["web", "db"], |other| other != id);
    assert_eq!(
        error.unwrap_err().to_string(),
        "\"db\" is launching and can't be unlinked (accepted after kill db)"
    );
    assert_eq!(fake.ledger, before);
}

#[test]
fn who_is_not_linked_is_told_so_also_while_it_runs() {
    let mut fake = two();
    let running = Life {
        state: State::Running,
        ..Life::default()
    };
    let id = fake.ledger.get("db").unwrap().id;
    fake.ledger.observe(id, running, Ram::default());
    let error = fake.ledger.unlink(["web", "db"], |_| true).unwrap_err();
    assert_eq!(error.to_string(), "\"web\" and \"db\" are not linked");
}

#[test]
fn what_was_linked_is_cleared_for_the_next() {
    let mut fake = two();
    let region = link(&mut fake, ["web", "db"], None).unwrap();
    fake.ledger.unlink(["db", "web"], |_| true).unwrap();
    assert!(
        fake.ledger
            .free_memory(&fake.machine)
            .contains_region(region)
    );
    let start = region.start();
    let memory = [at(64 * MIB, None), at(64 * MIB, start)];
    fake.define("next", claim(&[6], &memory)).unwrap();
    let clear = fake.plan("next").clear;
    let cleared: u64 = clear
        .iter()
        .filter_map(|part| part.intersect(region))
        .map(|part| part.size())
        .sum();
    let plan = fake.plan("next");
    let written = plan.copies.iter().filter_map(|copy| copy.target());
    let written = written.chain(plan.writes.iter().filter_map(|write| write.target()));
    let written: u64 = written
        .filter_map(|part| part.intersect(region))
        .map(|part| part.size())
        .sum();
    assert_eq!(cleared + written, region.size());
    fake.ledger.undefine("web").unwrap();
    let error = fake.ledger.unlink(["db", "next"], |_| true).unwrap_err();
    assert!(matches!(
        error,
        PlanError::Link(LinkError::NotLinked { .. })
    ));
}

#[test]
fn there_are_not_too_many() {
    let mut fake = Fake::new();
    fake.machine = bulkhead_fake::large::large(bulkhead_fake::large::Size {
        cores: 16,
        functions: 20,
        ranges: 20,
        images: 2,
    });
    for core in 1..=6 {
        let mut change = claim(&[core], &[at(64 * MIB, None)]);
        change.kernel = Some("linux0".into());
        fake.define(&format!("p{core}"), change).unwrap();
    }
    for core in 2..2 + MOST_LINKS {
        link(&mut fake, ["p1", &format!("p{core}")], None).unwrap();
    }
    let most = "\"p1\" has 4 links, and no more are possible";
    refused(&mut fake, ["p6", "p1"], None, most);
}
