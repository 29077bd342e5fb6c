//! MADT and MCFG, right and wrong.

use crate::fake::{Fake, RSDP, local_apic, madt, mcfg, table, x2apic};
use bulkhead_firmware::{Firmware, IoApic, Problem, Signature, discover};
use bulkhead_pci::EcamRange;

const APIC: Signature = Signature(*b"APIC");
const MCFG: Signature = Signature(*b"MCFG");
/// Offset of the first entry in either table.
const ENTRIES: usize = 44;

fn read(table: Vec<u8>) -> Firmware {
    discover(&Fake::machine(&[(0x1000, table)]), RSDP)
}

#[test]
fn every_kind_of_entry_is_read() {
    let io_apic = [1, 12, 2, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0];
    let timer = [2, 10, 0, 0, 2, 0, 0, 0, 0x0d, 0];
    let nmi = [4, 6, 255, 0, 0, 1];
    let address = [5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 1, 0, 0, 0];
    let unknown = [0x80, 4, 1, 2];
    let firmware = read(madt(&[
        &local_apic(7, 1, 1),
        &x2apic(0x1234, 0x100, 2),
        &io_apic,
        &timer,
        &nmi,
        &address,
        &unknown,
    ]));
    assert_eq!(firmware.problems, []);
    let madt = firmware.madt.unwrap();
    assert_eq!(madt.local_apic_address, 0x1_fee0_0000);
    let [first, second] = madt.processors[..] else {
        panic!("{:?}", madt.processors)
    };
    assert_eq!((first.apic_id, first.acpi_uid), (1, 7));
    assert!(first.enabled);
    assert_eq!((second.apic_id, second.acpi_uid), (0x100, 0x1234));
    assert!(!second.enabled);
    assert_eq!(
        madt.io_apics,
        [IoApic {
            id: 2,
            address: 0xfec0_0000,
            gsi_base: 24
        }]
    );
    let wiring = madt.overrides[0];
    assert_eq!((wiring.source, wiring.gsi, wiring.flags), (0, 2, 0x0d));
}

#[test]
fn the_registers_of_an_io_apic_count_once() {
    let entry = |page: u16, first: u8| {
        let [low, high] = page.to_le_bytes();
        [1, 12, 0, 0, 0, low, high, 0xfe, first, 0, 0, 0]
    };
    let firmware = read(madt(&[&entry(0, 0), &entry(1, 24), &entry(0, 48)]));
    let read_back = firmware.madt.unwrap();
    let bases: Vec<_> = read_back
        .io_apics
        .iter()
        .map(|io_apic| io_apic.gsi_base)
        .collect();
    assert_eq!(bases, [0, 24]);
    let address = 0xfe00_0000;
    assert_eq!(firmware.problems, [Problem::RepeatedIoApic { address }]);

    let many: Vec<_> = (0..258).map(|page| entry(page, 0)).collect();
    let many: Vec<&[u8]> = many.iter().map(|entry| &entry[..]).collect();
    let firmware = read(madt(&many));
    assert_eq!(firmware.madt.unwrap().io_apics.len(), 256);
    let [Problem::TooManyIoApics { address }, _] = firmware.problems[..] else {
        panic!("{:?}", firmware.problems);
    };
    assert_eq!(address, 0xfe01_0000);
}

#[test]
fn a_processor_counts_once() {
    let ids = |entries: &[&[u8]]| {
        let firmware = read(madt(entries));
        let ids: Vec<_> = firmware.madt.unwrap().processors;
        let ids: Vec<_> = ids.iter().map(|p| (p.apic_id, p.enabled)).collect();
        (ids, firmware.problems)
    };
    // Unused entries of a table with room for more; one processor as both types.
    let (unused, used) = (local_apic(9, 0, 0), local_apic(0, 0, 1));
    let both = x2apic(0, 0, 1);
    let broadcast = local_apic(8, 255, 0);
    let (found, problems) = ids(&[&unused, &used, &unused, &both, &broadcast]);
    assert_eq!((found, problems), (vec![(0, true)], vec![]));

    let (found, problems) = ids(&[&used, &local_apic(1, 0, 1)]);
    assert_eq!(found, [(0, true)]);
    assert_eq!(problems, [Problem::DuplicateProcessor { apic_id: 0 }]);

    let (found, problems) = ids(&[&local_apic(1, 255, 1), &x2apic(1, u32::MAX, 1)]);
    assert_eq!(found, []);
    let told = |apic_id| Problem::BroadcastProcessor { apic_id };
    assert_eq!(problems, [told(255), told(u32::MAX)]);
    // 255 is an ordinary ID for a type 9 entry.
    assert_eq!(ids(&[&x2apic(1, 255, 1)]).0, [(255, true)]);
}

#[test]
fn wrong_lengths_end_the_list_or_skip_the_entry() {
    let good = local_apic(1, 1, 1);
    let read = |entries: &[&[u8]]| {
        let firmware = read(madt(entries));
        (firmware.madt.unwrap().processors.len(), firmware.problems)
    };
    let bad = |offset, length| Problem::BadEntryLength {
        table: APIC,
        offset,
        length,
    };
    // Zero length: nothing behind it can be found.
    for length in [0, 1] {
        let (count, problems) = read(&[&good, &[0, length, 0, 0], &local_apic(2, 2, 1)]);
        assert_eq!((count, problems), (1, vec![bad(ENTRIES + 8, length)]));
    }
    // Too short for its type: the next one can.
    for kind in [0, 1, 2, 5, 9] {
        let (count, problems) = read(&[&[kind, 2], &good]);
        assert_eq!((count, problems), (1, vec![bad(ENTRIES, 2)]));
    }
    // Past the end, and half a header.
    for tail in [&[0u8, 9, 0, 0, 0, 0, 0, 0][..], &[0]] {
        let (count, problems) = read(&[&good, tail]);
        let truncated = Problem::TruncatedEntry {
            table: APIC,
            offset: ENTRIES + 8,
        };
        assert_eq!((count, problems), (1, vec![truncated]));
    }
}

#[test]
fn absurd_counts_are_cut() {
    let entries: Vec<Vec<u8>> = (0..100_000).map(|id| x2apic(id, id, 1)).collect();
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let firmware = read(madt(&entries));
    assert_eq!(firmware.madt.unwrap().processors.len(), 1024);
    assert_eq!(
        firmware.problems,
        [1024, 8192].map(|read| Problem::TooManyEntries { table: APIC, read })
    );
    // Absent ones beyond that are nobody's loss.
    let absent: Vec<Vec<u8>> = (0..1100)
        .map(|id| x2apic(id, id, u32::from(id < 1024)))
        .collect();
    let absent: Vec<&[u8]> = absent.iter().map(Vec::as_slice).collect();
    assert_eq!(read(madt(&absent)).problems, []);
    let ranges: Vec<_> = (0..1000).map(|n| (0xb000_0000, n, 0, 255)).collect();
    let firmware = read(mcfg(&ranges));
    assert_eq!(firmware.ecam.len(), 256);
    assert_eq!(
        firmware.problems,
        [Problem::TooManyEntries {
            table: MCFG,
            read: 256
        }]
    );
}

#[test]
fn tables_shorter_than_their_fixed_part_are_refused() {
    for signature in [*b"APIC", *b"MCFG", *b"FACP"] {
        let firmware = read(table(signature, b"short"));
        assert_eq!(
            firmware.problems,
            [Problem::TooShort {
                table: Signature(signature),
                length: 41
            }]
        );
        assert!(firmware.madt.is_none() && firmware.fadt.is_none());
    }
}

#[test]
fn ecam_that_cannot_be_is_refused() {
    let base = 0xb000_0000;
    let wrong = [
        (base, 0, 9, 8),
        (0, 0, 0, 8),
        (base + 4096, 0, 0, 8),
        (u64::MAX << 20, 0, 0, 8),
    ];
    for entry in wrong {
        let firmware = read(mcfg(&[entry, (base, 0, 0, 0)]));
        assert_eq!(firmware.ecam.len(), 1, "{entry:?}");
        assert!(matches!(
            firmware.problems[..],
            [Problem::BadEcam { index: 0, .. }]
        ));
    }
    // Some buses twice; other segments are others.
    let firmware = read(mcfg(&[(base, 0, 0, 8), (base, 0, 8, 9), (base, 1, 0, 8)]));
    assert_eq!(firmware.ecam.len(), 2);
    assert!(matches!(
        firmware.problems[..],
        [Problem::BadEcam { index: 1, .. }]
    ));
    // Half an entry.
    let mut body = vec![0; 8];
    body.extend([1; 15]);
    let problem = Problem::TruncatedEntry {
        table: MCFG,
        offset: ENTRIES,
    };
    assert_eq!(read(table(*b"MCFG", &body)).problems, [problem]);
}

#[test]
fn functions_have_their_addresses() {
    let range = EcamRange {
        base: 0xb000_0000,
        segment: 0,
        first_bus: 2,
        last_bus: 4,
    };
    assert_eq!(range.function_address(2, 0, 0), Some(0xb020_0000));
    assert_eq!(range.function_address(4, 31, 7), Some(0xb04f_f000));
    for (bus, device, function) in [(1, 0, 0), (5, 0, 0), (2, 32, 0), (2, 0, 8)] {
        assert_eq!(range.function_address(bus, device, function), None);
    }
    let top = EcamRange {
        base: u64::MAX << 20,
        ..range
    };
    assert_eq!(top.function_address(2, 0, 0), None);
}

#[test]
fn problems_are_sentences() {
    let firmware = read(madt(&[&[0, 0]]));
    assert_eq!(
        firmware.problems[0].to_string(),
        "APIC entry at offset 0x2c claims a length of 0 bytes"
    );
    let odd = Problem::WrongSignature {
        expected: Signature(*b"XSDT"),
        found: Signature([0, 0xff, b'A', b'"']),
        address: 0x10,
    };
    assert_eq!(
        odd.to_string(),
        r#"XSDT expected at 0x10, found "\x00\xffA\"""#
    );
}
