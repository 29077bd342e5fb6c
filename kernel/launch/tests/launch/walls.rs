//! Whose requests an IOMMU holds to its RAM.

use bulkhead_fake::{Fake, address};
use bulkhead_iommu::{Kind, Requester, Shape};
use bulkhead_launch::LaunchError;
use bulkhead_ledger::PlanError;
use bulkhead_model::{Change, Iommu, Isolation};

/// "web" with a function on bus 2, whose requests come under `name`.
fn named(name: &str) -> Fake {
    let mut fake = Fake::with_devices();
    fake.machine.iommu = Some(Iommu {
        shape: Shape {
            kind: Kind::VtD,
            levels: 4,
            has_2m: true,
            has_1g: true,
        },
        unserved: Vec::new(),
        pinned: Vec::new(),
        elsewhere: vec![(address("02:00.0"), Requester::of(address(name)))],
    });
    fake.give("web", 2, "02:00.0").unwrap();
    fake
}

/// Asks for `dma`.
fn isolate(fake: &mut Fake) -> Result<(), PlanError> {
    let change = Change {
        isolation: Some(Some(Isolation::Dma)),
        ..Change::default()
    };
    fake.set("web", change).map(drop)
}

#[test]
fn a_name_on_a_bus_of_its_own_is_no_reason_against_it() {
    let mut fake = named("02:00.1");
    isolate(&mut fake).unwrap();
    let domain = fake.plan("web").domain.unwrap();
    assert!(domain.memory.is_some_and(|memory| !memory.is_empty()));
    assert_eq!(domain.names, [], "the bus has it");
}

#[test]
fn a_name_on_another_bus_is_one() {
    for name in ["01:00.0", "03:00.0", "0001:02:00.0"] {
        let mut fake = named(name);
        let domain = fake.plan("web").domain.unwrap();
        assert_eq!(domain.memory, None, "{name}");
        assert_eq!(domain.names, [Requester::of(address(name))]);
        let refused = isolate(&mut fake).unwrap_err();
        assert!(
            matches!(refused, PlanError::Launch(LaunchError::Elsewhere { .. })),
            "{refused}"
        );
    }
}
