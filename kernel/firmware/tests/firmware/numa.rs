//! SRAT and SLIT: what belongs together, and how far apart the rest is.

use crate::fake::{Fake, RSDP, table};
use bulkhead_firmware::{Affinity, Firmware, Problem, Signature, discover};
use bulkhead_memory::Region;

/// An SRAT of that revision.
pub(crate) fn srat(revision: u8, entries: &[&[u8]]) -> Vec<u8> {
    let body = [&[0; 12][..], &entries.concat()].concat();
    let mut bytes = table(*b"SRAT", &body);
    bytes[8] = revision;
    crate::fake::fix_checksum(&mut bytes, 9);
    bytes
}

fn slit(count: u64, matrix: &[u8]) -> Vec<u8> {
    table(*b"SLIT", &[&count.to_le_bytes(), matrix].concat())
}

/// Type 0: a domain of 32 bits, in two places.
fn processor(apic_id: u8, domain: u32, flags: u8) -> Vec<u8> {
    let [low, high @ ..] = domain.to_le_bytes();
    let tail = [&high[..], &[0; 4]].concat();
    [&[0, 16, low, apic_id, flags, 0, 0, 0, 0][..], &tail].concat()
}

pub(crate) fn memory(domain: u32, base: u64, size: u64, flags: u8) -> Vec<u8> {
    let mut entry = vec![1, 40];
    entry.extend(domain.to_le_bytes());
    entry.extend([0; 2]);
    entry.extend(base.to_le_bytes());
    entry.extend(size.to_le_bytes());
    entry.extend([0; 4]);
    entry.extend([flags, 0, 0, 0]);
    entry.extend([0; 8]);
    entry
}

pub(crate) fn x2apic(apic_id: u32, domain: u32, flags: u8) -> Vec<u8> {
    let mut entry = vec![2, 24, 0, 0];
    entry.extend(domain.to_le_bytes());
    entry.extend(apic_id.to_le_bytes());
    entry.extend([flags, 0, 0, 0]);
    entry.extend([0; 8]);
    entry
}

fn read(table: Vec<u8>) -> Firmware {
    discover(&Fake::machine(&[(0x1000, table)]), RSDP)
}

fn region(start: u64, size: u64) -> Region {
    Region::new(start, size).unwrap()
}

#[test]
fn every_kind_of_entry_is_read() {
    let firmware = read(srat(
        3,
        &[
            &processor(4, 0x0201_0003, 1),
            &processor(5, 0, 0),
            &memory(7, 0x1_0000_0000, 1 << 32, 1),
            // Not enabled; of no bytes; beyond all addresses.
            &memory(7, 0, 4096, 0),
            &memory(7, 0, 0, 1),
            &memory(7, u64::MAX, 2, 1),
            &x2apic(0x1234, 9, 1),
            &x2apic(1, 9, 2),
            &[9, 4, 1, 2],
        ],
    ));
    assert_eq!(firmware.problems, []);
    let wanted = Affinity {
        processors: vec![(4, 0x0201_0003), (0x1234, 9)],
        memory: vec![(region(1 << 32, 1 << 32), 7)],
    };
    assert_eq!(firmware.affinity, wanted);
    // Before revision 2 a domain had eight bits, and the rest was anything.
    let firmware = read(srat(
        1,
        &[
            &processor(4, 0xffff_ff03, 1),
            &memory(0xffff_ff03, 0, 4096, 1),
        ],
    ));
    assert_eq!(firmware.affinity.processors, [(4, 3)]);
    assert_eq!(firmware.affinity.memory, [(region(0, 4096), 3)]);
}

#[test]
fn what_is_wrong_with_an_srat() {
    let table = Signature(*b"SRAT");
    let problems = |bytes| {
        let firmware = read(bytes);
        (firmware.affinity.processors.len(), firmware.problems)
    };
    let good = processor(4, 1, 1);
    let offset = 48 + 16;
    let bad = |length| Problem::BadEntryLength {
        table,
        offset,
        length,
    };
    // Too short for its type; for any; running out.
    let found = problems(srat(3, &[&good, &[0, 8, 0, 0, 0, 0, 0, 0], &good]));
    assert_eq!(found, (2, vec![bad(8)]));
    assert_eq!(
        problems(srat(3, &[&good, &[0, 1], &good])),
        (1, vec![bad(1)])
    );
    let truncated = Problem::TruncatedEntry { table, offset };
    assert_eq!(problems(srat(3, &[&good, &[0, 40]])), (1, vec![truncated]));
    let short = Problem::TooShort { table, length: 44 };
    assert_eq!(
        problems(crate::fake::table(*b"SRAT", &[0; 8])),
        (0, vec![short])
    );
    let many: Vec<Vec<u8>> = (0..300).map(|n| memory(0, n << 21, 1 << 21, 1)).collect();
    let many: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
    let firmware = read(srat(3, &many));
    assert_eq!(firmware.affinity.memory.len(), 256);
    let read = 256;
    assert_eq!(firmware.problems, [Problem::TooManyEntries { table, read }]);
}

#[test]
fn distances_are_those_of_the_matrix() {
    let firmware = read(slit(3, &[10, 21, 255, 22, 10, 31, 17, 32, 10]));
    assert_eq!(firmware.problems, []);
    let between = |from, to| firmware.distances.between(from, to);
    assert_eq!(between(0, 2), Some(255));
    assert_eq!(between(2, 0), Some(17));
    assert_eq!(between(1, 1), Some(10));
    for (from, to) in [(3, 0), (0, 3), (u32::MAX, 0), (0, u32::MAX)] {
        assert_eq!(between(from, to), None);
    }
}

#[test]
fn distances_that_cannot_be() {
    for matrix in [
        [11, 20, 20, 10],
        [10, 10, 20, 10],
        [10, 9, 20, 10],
        [10, 20, 0, 10],
    ] {
        let firmware = read(slit(2, &matrix));
        assert_eq!(firmware.problems, [Problem::BadDistances]);
        assert_eq!(firmware.distances.between(0, 0), None);
    }
    let table = Signature(*b"SLIT");
    for (count, length) in [(3, 48), (0, 48), (257, 48), (u64::MAX, 48), (1 << 32, 48)] {
        let firmware = read(slit(count, &[10, 20, 20, 10]));
        assert_eq!(
            firmware.problems,
            [Problem::TooShort { table, length }],
            "{count}"
        );
    }
}
