//! Who a partition is.

use bulkhead_fake::{Fake, MIB, at, claim, written};
use bulkhead_firmware::Identity;
use bulkhead_launch::LaunchPlan;

/// What is written where SMBIOS's tables are: behind those of ACPI.
fn smbios(plan: &LaunchPlan) -> Vec<u8> {
    let bytes = written(plan, plan.view.block.acpi);
    let at = bytes.windows(5).position(|anchor| anchor == b"_SM3_");
    bytes[at.expect("it is there")..].to_vec()
}

/// The UUID as SMBIOS has it: behind the header and four string numbers of type 1.
fn uuid(plan: &LaunchPlan) -> [u8; 16] {
    let bytes = smbios(plan);
    let header = [1, 27, 0, 1];
    let at = bytes.windows(4).position(|found| found == header);
    let at = at.expect("type 1 is there") + 8;
    bytes[at..at + 16].try_into().unwrap()
}

fn has(plan: &LaunchPlan, text: &str) -> bool {
    smbios(plan)
        .windows(text.len())
        .any(|found| found == text.as_bytes())
}

/// Two partitions of a machine that says that of itself.
fn plans(identity: Identity) -> [LaunchPlan; 2] {
    let mut fake = Fake::new();
    fake.machine.identity = identity;
    fake.define("web", claim(&[2, 3], &[at(256 * MIB, None)]))
        .unwrap();
    fake.define("db", claim(&[4], &[at(256 * MIB, None)]))
        .unwrap();
    ["web", "db"].map(|name| fake.plan(name))
}

fn machine(uuid: Option<[u8; 16]>, serial: &str) -> Identity {
    Identity {
        uuid,
        vendor: "Vendor".into(),
        product: "Product".into(),
        serial: serial.into(),
    }
}

/// `uuidgen --sha1 --namespace 04030201-0605-0807-090a-0b0c0d0e0f10 --name web` says
/// bb350d08-5a50-5e3f-abb6-876e8bb5033e.
#[test]
fn its_uuid_is_that_of_its_name_in_the_machine() {
    let of = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    let [web, db] = plans(machine(Some(of), "77"));
    let wanted = [
        0x08, 0x0d, 0x35, 0xbb, 0x50, 0x5a, 0x3f, 0x5e, 0xab, 0xb6, 0x87, 0x6e, 0x8b, 0xb5, 0x03,
        0x3e,
    ];
    assert_eq!(uuid(&web), wanted);
    assert_ne!(uuid(&db), wanted);
    assert!(has(&web, "77-web") && has(&db, "77-db"));
    assert!(has(&web, "bulkhead.partition=web"));
}

#[test]
fn a_machine_without_a_uuid_is_known_by_other_marks() {
    let unknown = plans(Identity::default());
    let again = plans(Identity::default());
    let serial = plans(machine(None, "77"));
    let other = plans(machine(None, "78"));
    let all = [&unknown[0], &unknown[1], &serial[0], &serial[1], &other[0]].map(uuid);
    for (n, one) in all.iter().enumerate() {
        assert!(all[n + 1..].iter().all(|other| other != one), "{n}");
    }
    assert_eq!(uuid(&unknown[0]), uuid(&again[0]));
    assert!(has(&unknown[0], "BH-"));
    // Version 5, variant 1.
    assert_eq!((all[0][7] >> 4, all[0][8] >> 6), (5, 2));
}

/// Cores 2 and 3 of the machine are threads of one core.
#[test]
fn its_processor_has_what_it_has() {
    let [web, _] = plans(Identity::default());
    let bytes = smbios(&web);
    let at = bytes.windows(4).position(|found| found == [4, 0x32, 0, 4]);
    let processor = &bytes[at.expect("type 4 is there")..][..0x32];
    assert_eq!(processor[0x23..0x26], [1, 1, 2]);
    assert_eq!(processor[0x2a..], [1, 0, 1, 0, 2, 0, 2, 0]);
}
