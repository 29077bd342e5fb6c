//! RAM is cleared when it changes owner, and only then.

use bulkhead_fake::{Fake, GIB, Happening, MIB, at, claim, happen, region};
use bulkhead_ledger::{History, MOST_PIECES};
use bulkhead_memory::Region;
use bulkhead_model::{Change, End};

#[test]
fn what_others_used_is_foreign() {
    let mut history = History::new();
    let all = [region(0, 100)];
    assert_eq!(history.foreign(0, &all), []);
    history.record(0, &[region(10, 30), region(50, 60)]);
    history.record(1, &[region(20, 40)]);
    assert_eq!(history.foreign(0, &all), [region(20, 40)]);
    assert_eq!(history.foreign(1, &all), [region(10, 20), region(50, 60)]);
    // Neighbours of different owners are one to a third.
    assert_eq!(history.foreign(2, &all), [region(10, 40), region(50, 60)]);
    assert_eq!(
        history.foreign(2, &[region(15, 25), region(55, 70)]),
        [region(15, 25), region(55, 60)]
    );
    history.record(0, &[region(20, 40)]);
    assert_eq!(history.foreign(0, &all), []);
}

#[test]
fn a_number_given_again_inherits_nothing() {
    let mut history = History::new();
    history.record(0, &[region(0, 10)]);
    history.retire(0);
    assert_eq!(history.foreign(0, &[region(0, 100)]), [region(0, 10)]);
    history.record(0, &[region(5, 10)]);
    assert_eq!(history.foreign(0, &[region(0, 100)]), [region(0, 5)]);
}

#[test]
fn a_launch_that_began_and_did_not_end_leaves_memory_foreign_to_all() {
    let mut history = History::new();
    history.record(0, &[region(0, 10)]);
    history.record(1, &[region(10, 20)]);
    history.taint(1, &[region(5, 20)]);
    let all = [region(0, 100)];
    assert_eq!(history.foreign(0, &all), [region(5, 20)]);
    assert_eq!(history.foreign(1, &all), [region(0, 10)]);
}

/// Whatever an operator does all day, what is remembered is bounded, and says "foreign" too often
/// rather than too seldom.
#[test]
fn what_is_remembered_is_bounded() {
    for is_undefined in [true, false] {
        let mut history = History::new();
        let all = [region(0, 1 << 30)];
        for piece in 0..4000 {
            // Gaps of different sizes.
            let start = piece * 1000 + piece % 7;
            let own = [region(start, start + 100)];
            history.record(0, &own);
            assert_eq!(history.foreign(0, &own), []);
            if is_undefined {
                history.retire(0);
            }
            assert!(history.foreign(1, &all).len() <= 2 * MOST_PIECES + 1);
        }
        for piece in 0..4000 {
            let start = piece * 1000 + piece % 7;
            let used = [region(start, start + 100)];
            assert_eq!(history.foreign(1, &used), used, "{piece}");
        }
    }
}

fn run(fake: &mut Fake, name: &str) {
    let id = fake.ledger.get(name).unwrap().id;
    let ended = Happening::Ended(End::PoweredOff);
    for what in [Happening::Launch, Happening::Launched, ended] {
        assert!(happen(&mut fake.ledger, id, what));
    }
}

fn cleared(fake: &Fake, name: &str) -> Vec<Region> {
    fake.plan(name).clear
}

#[test]
fn a_plan_clears_what_changed_owner() {
    let mut fake = Fake::with_web();
    assert_eq!(cleared(&fake, "web"), []);
    run(&mut fake, "web");
    assert_eq!(cleared(&fake, "web"), [], "its own");

    // Half of it goes to another one, which gets its low chunk too.
    fake.ledger.undefine("web").unwrap();
    fake.define("db", claim(&[2], &[at(512 * MIB, GIB + 256 * MIB)]))
        .unwrap();
    let plan = fake.plan("db");
    assert_eq!(fake.ledger.get("db").unwrap().id, 0, "web's number");
    let low_chunk = fake.ledger.get("db").unwrap().claim.low_chunk;
    let inherited = region(GIB + 256 * MIB, GIB + 512 * MIB);
    let loaded = plan.copies[0].target().unwrap();
    assert_eq!(loaded.start(), inherited.start());
    assert_eq!(
        plan.clear,
        [low_chunk, region(loaded.end(), inherited.end())]
    );

    run(&mut fake, "db");
    assert_eq!(cleared(&fake, "db"), []);
    // What it gave up is still its own to take back, until another one has run there.
    let to = |start| Change {
        memory: Some(vec![at(512 * MIB, start)]),
        ..Change::default()
    };
    fake.set("db", to(0x1000_0000)).unwrap();
    fake.set("db", to(GIB + 256 * MIB)).unwrap();
    assert_eq!(cleared(&fake, "db"), []);
}

#[test]
fn a_launch_that_failed_half_way_leaves_its_memory_to_be_cleared() {
    let mut fake = Fake::with_web();
    run(&mut fake, "web");
    let to = |start| Change {
        memory: Some(vec![at(512 * MIB, start)]),
        ..Change::default()
    };
    fake.set("web", to(0x1000_0000)).unwrap();
    fake.define("db", claim(&[4], &[at(512 * MIB, GIB)]))
        .unwrap();
    for what in [Happening::LaunchBegun, Happening::Ended(End::Killed)] {
        assert!(happen(&mut fake.ledger, 1, what));
    }
    // It may have written to what was web's.
    fake.ledger.undefine("db").unwrap();
    fake.set("web", to(GIB)).unwrap();
    let plan = fake.plan("web");
    let end_of_kernel = plan.copies[0].target().unwrap().end();
    assert!(
        plan.clear
            .iter()
            .any(|region| region.start() == end_of_kernel)
    );
}
