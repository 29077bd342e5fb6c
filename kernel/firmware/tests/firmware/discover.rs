//! The walk from the RSDP to the tables, right and wrong.

use crate::fake::{Fake, ROOT, RSDP, fadt, local_apic, madt, mcfg, rsdp, rsdt, table, xsdt};
use crate::fixed::{DSDT, S5, dsdt};
use bulkhead_firmware::{
    AddressSpace, MAX_TABLE_BYTES, PhysicalMemory, Problem, ResetRegister, Signature, SleepS5,
    discover, find_rsdp,
};

fn signatures(fake: &Fake) -> Vec<String> {
    let tables = discover(fake, RSDP).tables;
    tables
        .iter()
        .map(|table| table.name().to_string())
        .collect()
}

#[test]
fn a_sound_machine_has_no_problems() {
    let mut fake = Fake::machine(&[
        (0x1000, madt(&[&local_apic(0, 0, 1), &local_apic(1, 1, 1)])),
        (0x2000, fadt(&[])),
        (0x3000, mcfg(&[(0xb000_0000, 0, 0, 255)])),
        (0x4000, table(*b"SSDT", b"one")),
        (0x5000, table(*b"SSDT", b"two")),
    ]);
    fake.blocks.push(dsdt(S5));
    let firmware = discover(&fake, RSDP);
    assert_eq!(firmware.problems, []);
    assert_eq!(
        signatures(&fake),
        ["XSDT", "APIC", "FACP", "MCFG", "SSDT", "SSDT", "DSDT"]
    );
    assert_eq!(firmware.madt.unwrap().processors.len(), 2);
    assert_eq!(firmware.ecam.len(), 1);
    assert_eq!(
        firmware.sleep,
        Some(SleepS5 {
            type_a: 5,
            type_b: 0
        })
    );
    let fadt = firmware.fadt.unwrap();
    assert_eq!(fadt.pm1a_control, 0x604);
    assert_eq!(fadt.pm1b_control, 0);
    assert_eq!(fadt.pm_timer_port, Some(0x608));
    assert_eq!((fadt.smi_command, fadt.acpi_enable), (0xb2, 2));
    assert_eq!(fadt.dsdt, DSDT);
    assert_eq!(
        fadt.reset,
        Some(ResetRegister {
            space: AddressSpace::Io,
            address: 0xcf9,
            value: 0x0f
        })
    );
    let xsdt = &firmware.tables[0];
    assert_eq!((xsdt.address, xsdt.revision), (ROOT, 3));
    assert_eq!(&xsdt.oem_id, b"BOCHS ");
}

#[test]
fn an_rsdt_serves_where_there_is_no_usable_xsdt() {
    let mut fake = Fake::default();
    fake.blocks.push((0x1000, madt(&[])));
    fake.blocks.push((0x9000, rsdt(&[0x1000])));
    fake.blocks.push((RSDP, rsdp(0, 0x9000, 0)));
    assert_eq!(signatures(&fake), ["RSDT", "APIC"]);
    assert_eq!(discover(&fake, RSDP).problems, []);

    // An XSDT that is something else, or nowhere.
    fake.blocks.push((0xa000, table(*b"SSDT", b"")));
    for (xsdt, problem) in [
        (
            0xa000,
            Problem::WrongSignature {
                expected: Signature(*b"XSDT"),
                found: Signature(*b"SSDT"),
                address: 0xa000,
            },
        ),
        (
            u64::MAX - 3,
            Problem::Unreachable {
                named_by: Signature(*b"RSDP"),
                address: u64::MAX - 3,
            },
        ),
    ] {
        fake.blocks.push((RSDP, rsdp(2, 0x9000, xsdt)));
        assert_eq!(signatures(&fake), ["RSDT", "APIC"]);
        assert_eq!(discover(&fake, RSDP).problems, [problem]);
    }
}

#[test]
fn without_root_there_is_nothing_but_problems() {
    let mut fake = Fake::default();
    assert_eq!(
        discover(&fake, 0x1234).problems,
        [Problem::NoRsdp { address: 0x1234 }]
    );
    fake.blocks.push((RSDP, rsdp(2, 0, 0)));
    assert_eq!(discover(&fake, RSDP).problems, [Problem::NoRootTable]);
}

#[test]
fn bad_checksums_are_told_and_the_tables_still_read() {
    let mut broken_madt = madt(&[&local_apic(3, 3, 1)]);
    broken_madt[9] ^= 1;
    let mut fake = Fake::machine(&[(0x1000, broken_madt)]);
    let mut broken_rsdp = rsdp(2, 0, ROOT);
    broken_rsdp[8] ^= 1;
    fake.blocks.push((RSDP, broken_rsdp));
    let firmware = discover(&fake, RSDP);
    let bad = |name: &[u8; 4], address| Problem::BadChecksum {
        table: Signature(*name),
        address,
    };
    // Both of the RSDP's checksums cover the broken byte.
    assert_eq!(
        firmware.problems,
        [bad(b"RSDP", RSDP), bad(b"RSDP", RSDP), bad(b"APIC", 0x1000)]
    );
    assert!(!firmware.tables[1].checksum_ok);
    assert_eq!(firmware.madt.unwrap().processors[0].apic_id, 3);
}

#[test]
fn entries_that_lead_nowhere_are_told_and_passed_over() {
    let mut fake = Fake::machine(&[(0x1000, madt(&[]))]);
    let entries = [0, ROOT, 0xdead_0000, 0x1000, 0x1000];
    fake.blocks.push((ROOT, xsdt(&entries)));
    let firmware = discover(&fake, RSDP);
    assert_eq!(
        firmware.problems,
        [
            Problem::NullEntry { index: 0 },
            Problem::RepeatedAddress { address: ROOT },
            Problem::Unreachable {
                named_by: Signature(*b"XSDT"),
                address: 0xdead_0000
            },
            Problem::RepeatedAddress { address: 0x1000 },
        ]
    );
    assert!(firmware.madt.is_some());
}

#[test]
fn absurd_lengths_and_counts_are_refused() {
    for length in [0, 35, MAX_TABLE_BYTES as u32 + 1, u32::MAX] {
        let mut liar = madt(&[]);
        liar[4..8].copy_from_slice(&length.to_le_bytes());
        let firmware = discover(&Fake::machine(&[(0x1000, liar)]), RSDP);
        let problem = Problem::AbsurdLength {
            table: Signature(*b"APIC"),
            address: 0x1000,
            length,
        };
        assert_eq!(firmware.problems, [problem]);
        assert_eq!(firmware.madt, None);
    }
    // Longer than the memory it lies in.
    let mut liar = madt(&[]);
    liar[4..8].copy_from_slice(&4096u32.to_le_bytes());
    let firmware = discover(&Fake::machine(&[(0x1000, liar)]), RSDP);
    assert!(matches!(
        firmware.problems[..],
        [Problem::Unreachable {
            address: 0x1000,
            ..
        }]
    ));

    let mut fake = Fake::machine(&[]);
    fake.blocks.push((ROOT, xsdt(&vec![0x1000; 10_000])));
    let problems = discover(&fake, RSDP).problems;
    assert!(problems.contains(&Problem::TooManyEntries {
        table: Signature(*b"XSDT"),
        read: 256
    }));
    assert_eq!(problems.len(), 65);
    assert_eq!(problems.last(), Some(&Problem::More));
}

#[test]
fn of_two_tables_the_first_counts() {
    let firmware = discover(
        &Fake::machine(&[
            (0x1000, madt(&[&local_apic(1, 1, 1)])),
            (0x2000, madt(&[&local_apic(2, 2, 1)])),
        ]),
        RSDP,
    );
    assert_eq!(
        firmware.problems,
        [Problem::SecondTable {
            table: Signature(*b"APIC"),
            address: 0x2000
        }]
    );
    assert_eq!(firmware.madt.unwrap().processors[0].apic_id, 1);
}

#[test]
fn the_bios_areas_are_searched() {
    let ebda = |address: u64| (0x40e, ((address >> 4) as u16).to_le_bytes().to_vec());
    let mut area = vec![0; 0x2_0000];
    // Wrong checksum, wrong alignment, then right.
    area[0x100..0x124].copy_from_slice(&rsdp(2, 0, ROOT));
    area[0x108] ^= 1;
    area[0x208..0x22c].copy_from_slice(&rsdp(2, 0, ROOT));
    area[0x1_fff0 - 0x20..][..36].copy_from_slice(&rsdp(2, 0, ROOT));
    let mut fake = Fake::default();
    assert_eq!(find_rsdp(&fake), None);
    fake.blocks.push((0xe_0000, area));
    assert_eq!(find_rsdp(&fake), Some(0xf_ffd0));
    // The extended BIOS data area comes first; 0 means that there is none.
    fake.blocks.push(ebda(0));
    assert_eq!(find_rsdp(&fake), Some(0xf_ffd0));
    let mut first_kib = vec![0; 1024];
    first_kib[0x20..0x34].copy_from_slice(&rsdp(0, 1, 0));
    fake.blocks.push((0x9_fc00, first_kib));
    fake.blocks.push(ebda(0x9_fc00));
    assert_eq!(find_rsdp(&fake), Some(0x9_fc20));
}

#[test]
fn a_lender_that_gives_more_than_was_asked_is_survived() {
    struct Generous(Fake);
    impl PhysicalMemory for Generous {
        fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
            let (start, block) = self.0.blocks.iter().find(|(start, _)| *start == address)?;
            assert_eq!(*start, address);
            (length <= block.len()).then_some(block)
        }
    }
    let fake = Generous(Fake::machine(&[(0x1000, madt(&[&local_apic(0, 0, 1)]))]));
    assert_eq!(discover(&fake, RSDP).problems, []);
}
