//! What IOMMUs block is told of whoever has the bus.

use std::collections::VecDeque;

use bulkhead_conductor::How;
use bulkhead_fake::{MIB, add_devices, address, at, claim, machine, with_devices};
use bulkhead_iommu::{Fault, Shape};
use bulkhead_model::{Iommu, Isolation};

use crate::world::World;

fn fault(device: &str) -> Fault {
    Fault {
        device: address(device),
        address: 0x4000_0000,
        is_read: false,
        reason: 5,
    }
}

#[test]
fn a_fault_is_its_owners() {
    let mut all = machine();
    add_devices(&mut all);
    let mut world = World::of(all);
    let change = claim(&[1], &[at(128 * MIB, Some(0x1000_0000))]);
    world.define("one", with_devices(change, "0000:01:00.0"));
    assert!(world.conductor.ledger().find("one").is_some());
    let told = |world: &mut World, faults: &[Fault]| {
        let mut faults: VecDeque<Fault> = faults.iter().copied().collect();
        let line = world.conductor.take_blocked(|| faults.pop_front());
        let events = std::iter::from_fn(|| world.conductor.next_line().map(|(_, line)| line));
        (line, events.collect::<Vec<_>>(), faults.len())
    };
    // Also under a name on its bus that no function has.
    let line = "one: device 0000:01:1f.7 tried to write 0x40000000 (blocked)";
    let (stray, lines, _) = told(&mut world, &[fault("01:1f.7")]);
    assert_eq!((stray, lines), (None, vec![String::from(line)]));
    // Nobody's is told at once; what comes behind it is there at the next look.
    let (stray, lines, left) = told(&mut world, &[fault("02:00.0"), fault("01:00.0")]);
    let line = "bulkhead: device 0000:02:00.0 tried to write 0x40000000 (blocked)";
    assert_eq!((stray.as_deref(), lines.len(), left), (Some(line), 0, 1));
    // A storm takes a bounded time, and is one line.
    let (stray, lines, left) = told(&mut world, &[fault("02:00.0"); 1000]);
    assert_eq!((stray, lines.len(), left), (None, 0, 936));
    assert_eq!(
        world.lives().toll(0).0,
        1,
        "what was nobody's is not counted"
    );
}

#[test]
fn what_a_partition_is_launched_with_is_published_and_holds() {
    let mut all = machine();
    add_devices(&mut all);
    let change = claim(&[1], &[at(128 * MIB, Some(0x1000_0000))]);
    let mut world = World::of(all.clone());
    world.define("one", with_devices(change.clone(), "0000:01:00.0"));
    let now = |world: &mut World| {
        world.conductor.observe();
        world.lives().isolation(0)
    };
    assert_eq!(now(&mut world), Some(Isolation::Bare), "no IOMMU");

    let shape = Shape {
        kind: bulkhead_iommu::Kind::VtD,
        levels: 4,
        has_2m: true,
        has_1g: true,
    };
    all.set_iommu(Ok(Some(Iommu {
        shape,
        unserved: Vec::new(),
        pinned: Vec::new(),
        elsewhere: Vec::new(),
    })));
    let mut world = World::of(all);
    world.define("one", change);
    assert_eq!(now(&mut world), None, "no devices");
    world.undefine("one");
    let change = claim(&[1], &[at(128 * MIB, Some(0x1000_0000))]);
    world.define("one", with_devices(change, "0000:01:00.0"));
    assert_eq!(now(&mut world), Some(Isolation::Dma));
    world.launch("one", How::Start);
    world.settle();
    world.conductor.set_isolation(Some(Isolation::Bare));
    assert_eq!(now(&mut world), Some(Isolation::Dma), "until its end");
    world.kill("one");
    assert_eq!(now(&mut world), Some(Isolation::Bare));
}
