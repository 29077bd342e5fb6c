//! What a partition is told of its links.

use bulkhead_fake::{Fake, MIB, at, claim, written};
use bulkhead_linux::E820Kind;
use bulkhead_memory::{PAGE, Region};
use bulkhead_tables::link::Told;

#[test]
fn each_end_is_a_function_in_memory_that_no_map_has() {
    let mut fake = Fake::with_web();
    fake.define("db", claim(&[4], &[at(128 * MIB, None)]))
        .unwrap();
    let region = fake
        .ledger
        .link(&fake.machine, ["web", "db"], None, |_| true)
        .unwrap();
    for (name, peer, is_second) in [("web", "db", false), ("db", "web", true)] {
        let plan = fake.plan(name);
        let end = &fake.ledger.get(name).unwrap().claim.links[0];
        let window = end.window().unwrap();
        let page = Region::new(end.ecam(), PAGE).unwrap();
        let told = Told::read(&written(&plan, page)).unwrap();
        assert_eq!(told.names, [name, peer]);
        assert_eq!(told.window, (window.start(), window.size()));
        assert_eq!(told.is_second, is_second);
        // Its interrupts are masked, and the other's are left alone.
        let table = Region::new(window.start() + end.table_offset(), PAGE).unwrap();
        assert_eq!(written(&plan, table)[12], 1);
        let targets = plan.writes.iter().filter_map(|write| write.target());
        let in_link = targets.filter(|target| target.overlaps(region));
        assert_eq!(in_link.collect::<Vec<_>>(), [page, table]);
        // Configuration space is reserved, the window is nothing.
        let kind = |address: u64| {
            let entries = plan.view.e820.entries().iter();
            let mut at = entries.filter(|entry| entry.region.contains(address));
            at.next().map(|entry| entry.kind)
        };
        assert_eq!(kind(end.ecam()), Some(E820Kind::Reserved));
        assert_eq!(kind(window.start()), None);
        assert_eq!(kind(window.end() - 1), None);
        let efi = plan.view.efi.iter();
        assert_eq!(efi.filter(|d| d.region.overlaps(window)).count(), 0);
        assert!(plan.clear.iter().all(|part| !part.overlaps(region)));
    }
}
