//! Claims of Bulkhead's own core.

use bulkhead_fake::{Fake, Happening, MIB, at, claim, happen, written};
use bulkhead_launch::LaunchPlan;
use bulkhead_ledger::PlanError;
use bulkhead_memory::Region;
use bulkhead_model::{Change, Key, Warning};

use crate::refusals::{expect, with_cores};

fn is_news(core: u32, name: &str) -> Warning {
    Warning::BulkheadsCore {
        core,
        name: name.into(),
    }
}

/// With "web" on core 2 and "last" on cores 0 and 1, of which 0 is Bulkhead's.
fn with_last() -> Fake {
    let mut fake = Fake::with_web();
    let warnings = fake.define("last", with_cores(&[1, 0])).unwrap();
    assert_eq!(warnings, [is_news(0, "last")]);
    fake
}

/// The APIC IDs that the plan's MADT lists (ACPI 6.5 section 5.2.12.2), in its order.
fn listed(plan: &LaunchPlan) -> Vec<u8> {
    let mut tables = plan.view.tables.iter();
    let (_, address, length) = tables.find(|(name, ..)| name == b"APIC").unwrap();
    let table = Region::new(*address, u64::from(*length)).unwrap();
    let acpi = plan.view.block.acpi;
    assert!(acpi.contains_region(table));
    let start = (address - acpi.start()) as usize;
    let entries = &written(plan, acpi)[start + 44..start + *length as usize];
    entries.chunks(8).map(|entry| entry[3]).collect()
}

#[test]
fn it_can_be_claimed_as_a_boot_core() {
    let mut fake = with_last();
    let last = fake.ledger.get("last").unwrap();
    assert_eq!(
        (last.claim.boot_core(), &last.claim.cores[1..]),
        (0, &[1][..])
    );
    assert_eq!(fake.ledger.owner_of_core(0), Some("last"));
    assert_eq!(
        is_news(0, "last").to_string(),
        "core 0 is Bulkhead's own: launch by \"handoff last\""
    );
    let checked = fake.ledger.check(&fake.machine, "last").unwrap();
    assert_eq!(checked, [is_news(0, "last")]);
    assert_eq!(fake.plan("last").warnings, [is_news(0, "last")]);
    // By "set" too, and never by two.
    let cores = |cores: &[u32]| Change {
        cores: Some(cores.to_vec()),
        ..Change::default()
    };
    let error = fake.set("web", cores(&[0, 2])).unwrap_err();
    expect(
        &error,
        "core 0 belongs to \"last\"",
        Some(Key::Cores),
        Some("0"),
    );
    fake.set("last", cores(&[4])).unwrap();
    let warnings = fake.set("web", cores(&[0, 2])).unwrap();
    assert_eq!(warnings, [is_news(0, "web")]);
}

#[test]
fn it_is_never_one_of_the_other_cores() {
    let mut fake = Fake::new();
    fake.machine.boot_core = 4;
    let before = fake.ledger.clone();
    let error = fake.define("last", with_cores(&[5, 4, 3])).unwrap_err();
    expect(
        &error,
        "core 4 is Bulkhead's own: it can only be a claim's lowest, and core 3 is lower",
        Some(Key::Cores),
        Some("4"),
    );
    assert_eq!(fake.ledger, before);
    let warnings = fake.define("last", with_cores(&[5, 4])).unwrap();
    assert_eq!(warnings, [is_news(4, "last")]);
}

#[test]
fn its_linux_sees_the_true_boot_processor_first() {
    let fake = with_last();
    let (web, last) = (fake.plan("web"), fake.plan("last"));
    let absent = fake.machine.first_of_madt() as u8;
    assert_eq!(listed(&web), [absent, 2]);
    assert_eq!(listed(&last), [0, 1]);
    let parameter = format!("disable_cpu_apicid={absent}");
    assert!(web.view.cmdline.contains(&parameter));
    assert!(!last.view.cmdline.contains("disable_cpu_apicid"));
    assert_eq!((last.boot_core, last.other_cores), (0, vec![1]));
}

#[test]
fn it_is_launched_by_handoff_alone() {
    let mut fake = with_last();
    let (ledger, machine) = (&fake.ledger, &fake.machine);
    let refused = |done: Result<(), PlanError>, sentence: &str| {
        expect(&done.unwrap_err(), sentence, Some(Key::Name), None);
    };
    let own = "core 0 is Bulkhead's own (accepted: handoff last)";
    refused(ledger.check_launch(machine, "last"), own);
    refused(ledger.check_restart(machine, "last"), own);
    ledger.check_handoff(machine, "last").unwrap();
    refused(
        ledger.check_handoff(machine, "web"),
        "\"web\" does not claim core 0, Bulkhead's own (accepted: a partition with core 0 that does not run; for this one: start web)",
    );
    let nobody = "there is no partition \"db\" (partitions: web, last)";
    refused(ledger.check_handoff(machine, "db"), nobody);
    refused(ledger.check_restart(machine, "db"), nobody);
    let id = ledger.get("last").unwrap().id;
    assert!(happen(&mut fake.ledger, id, Happening::Launch));
    refused(
        fake.ledger.check_handoff(&fake.machine, "last"),
        "\"last\" is launching and can't be launched (accepted: restart last)",
    );
}

#[test]
fn its_siblings_are_warned_of_its_owner() {
    let mut fake = Fake::new();
    fake.define("last", with_cores(&[0])).unwrap();
    let beside = fake.define("web", claim(&[1], &[at(128 * MIB, None)]));
    let [warning] = &beside.unwrap()[..] else {
        panic!("one warning")
    };
    assert_eq!(
        warning.to_string(),
        "core 1 is an SMT sibling of core 0, which belongs to \"last\""
    );
}
