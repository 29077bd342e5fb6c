//! Isolation groups that lead to two owners: both are told, while an IOMMU is in use.

use bulkhead_fake::{Fake, address};
use bulkhead_iommu::{Kind, Shape};
use bulkhead_model::{Iommu, Warning};

/// 06:00.0 and 07:00.0 in one group, or as they are; and an IOMMU in use, or none.
fn machine(is_one: bool, has_iommu: bool) -> Fake {
    let mut fake = Fake::with_devices();
    let group = |fake: &Fake, name| fake.machine.function(address(name)).unwrap().group;
    assert_ne!(group(&fake, "06:00.0"), group(&fake, "07:00.0"));
    if is_one {
        let one = group(&fake, "06:00.0");
        let mut functions = fake.machine.functions.iter_mut();
        let function = functions.find(|f| f.address == address("07:00.0"));
        function.unwrap().group = one;
    }
    let iommu = Iommu {
        shape: Shape {
            kind: Kind::VtD,
            levels: 4,
            has_2m: true,
            has_1g: true,
        },
        unserved: Vec::new(),
        pinned: Vec::new(),
        elsewhere: Vec::new(),
    };
    fake.machine.set_iommu(Ok(has_iommu.then_some(iommu)));
    fake
}

fn said(warnings: &[Warning]) -> Vec<String> {
    let is_meant = |warning: &&Warning| matches!(warning, Warning::SharedGroup { .. });
    warnings
        .iter()
        .filter(is_meant)
        .map(ToString::to_string)
        .collect()
}

#[test]
fn both_are_told_whoever_comes_first() {
    let mut fake = machine(true, true);
    assert_eq!(said(&fake.give("web", 2, "pci:07").unwrap()), [""; 0]);
    let warnings = fake.give("db", 4, "06:00.0").unwrap();
    assert_eq!(
        said(&warnings),
        [
            "0000:06:00.0 and 0000:07:00.0 of \"web\" can reach each other past the IOMMU: they are in one group"
        ]
    );
    let checked = fake.ledger.check(&fake.machine, "web").unwrap();
    assert_eq!(
        said(&checked),
        [
            "0000:07:00.0 and 0000:06:00.0 of \"db\" can reach each other past the IOMMU: they are in one group"
        ]
    );
}

#[test]
fn of_one_owner_in_two_groups_or_without_an_iommu_it_is_no_matter() {
    let mut fake = machine(true, true);
    assert_eq!(
        said(&fake.give("web", 2, "06:00.0,pci:07").unwrap()),
        [""; 0]
    );
    for (is_one, has_iommu) in [(false, true), (true, false)] {
        let mut fake = machine(is_one, has_iommu);
        fake.give("web", 2, "pci:07").unwrap();
        assert_eq!(said(&fake.give("db", 4, "06:00.0").unwrap()), [""; 0]);
    }
}
