//! HMAT: how fast memory is for whom.

use crate::fake::{Fake, RSDP, fix_checksum, table};
use crate::numa::{memory, srat, x2apic};
use bulkhead_firmware::{Firmware, Problem, Signature, discover};
use bulkhead_memory::performance::{
    Attached, MAX_PERFORMANCE_BYTES, Matrix, Performance, SideCache,
};

const HMAT: Signature = Signature(*b"HMAT");

pub(crate) fn hmat(revision: u8, structures: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = table(*b"HMAT", &[&[0; 4][..], &structures.concat()].concat());
    bytes[8] = revision;
    fix_checksum(&mut bytes, 9);
    bytes
}

/// A structure with that behind its type and length.
pub(crate) fn structure(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + body.len()).unwrap();
    let head = [kind.to_le_bytes(), [0; 2]].concat();
    [&head, &length.to_le_bytes()[..], body].concat()
}

fn attached(flags: u8, initiator: u32, memory: u32) -> Vec<u8> {
    let domains = [initiator.to_le_bytes(), memory.to_le_bytes()].concat();
    structure(0, &[&[flags, 0, 0, 0][..], &domains, &[0; 20]].concat())
}

/// A matrix by its counts, whatever follows them.
fn matrix_of(counts: [u32; 2], kind: [u8; 2], lists: &[u32], values: &[u16]) -> Vec<u8> {
    let mut body = [kind[0], kind[1], 3, 0].to_vec();
    counts
        .iter()
        .for_each(|count| body.extend(count.to_le_bytes()));
    body.extend([0; 4]);
    body.extend(0x1_0000_0064u64.to_le_bytes());
    lists
        .iter()
        .for_each(|domain| body.extend(domain.to_le_bytes()));
    values
        .iter()
        .for_each(|value| body.extend(value.to_le_bytes()));
    structure(1, &body)
}

fn matrix(kind: [u8; 2], rows: &[u32], columns: &[u32], values: &[u16]) -> Vec<u8> {
    let counts = [rows, columns].map(|list| u32::try_from(list.len()).unwrap());
    matrix_of(counts, kind, &[rows, columns].concat(), values)
}

fn cache(memory: u32, handles: u8) -> Vec<u8> {
    let mut body = [memory.to_le_bytes(), [0; 4]].concat();
    body.extend((1u64 << 34).to_le_bytes());
    body.extend([0x11, 0x11, 0x40, 0, 0, 0, handles, 0]);
    body.resize(body.len() + 2 * usize::from(handles), 7);
    structure(2, &body)
}

/// Cores of domains 3 and 7, memory of 3 and 9.
fn beside(hmat: Vec<u8>) -> Firmware {
    let entries = [
        x2apic(0, 3, 1),
        x2apic(1, 7, 1),
        memory(9, 1 << 32, 1 << 30, 1),
        memory(3, 0, 1 << 30, 1),
    ];
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    // The SRAT comes behind it: the order of tables means nothing.
    let tables = [(0x1000, hmat), (0x80_0000, srat(3, &entries))];
    discover(&Fake::machine(&tables), RSDP)
}

#[test]
fn every_structure_is_read() {
    let firmware = beside(hmat(
        2,
        &[
            attached(1, 3, 3),
            // Not told, or not there.
            attached(0, 3, 9),
            attached(1, 4, 9),
            attached(1, 3, 4),
            matrix([0x10, 1], &[7, 3], &[3, 9], &[1, 2, 3, 0xffff]),
            // A domain that is not there, and one twice: their rows and columns go.
            matrix([3, 5], &[5, 3, 3], &[9, 6, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
            matrix([0, 0], &[5], &[9], &[1]),
            cache(9, 2),
            cache(4, 0),
            structure(3, &[]),
        ],
    ));
    assert_eq!(firmware.problems, []);
    let attached = |memory, initiator| Attached { memory, initiator };
    let matrix = |flags, data_type, initiators: &[u32], memories: &[u32], values: &[u16]| Matrix {
        flags,
        data_type,
        least_transfer: 3,
        base_unit: 0x1_0000_0064,
        initiators: initiators.to_vec(),
        memories: memories.to_vec(),
        values: values.to_vec(),
    };
    let wanted = Performance {
        revision: 2,
        attached: vec![attached(3, Some(3)), attached(9, None), attached(9, None)],
        matrices: vec![
            matrix(0x10, 1, &[7, 3], &[3, 9], &[1, 2, 3, 0xffff]),
            matrix(3, 5, &[3], &[9, 3], &[4, 6]),
        ],
        caches: vec![SideCache {
            memory: 9,
            size: 1 << 34,
            attributes: 0x40_1111,
        }],
    };
    assert_eq!(firmware.performance, wanted);
}

#[test]
fn before_revision_2_a_domain_of_memory_may_be_none() {
    let structures = [attached(1, 3, 3), attached(3, 7, 9)];
    let found = beside(hmat(1, &structures)).performance;
    let wanted = Attached {
        memory: 9,
        initiator: Some(7),
    };
    assert_eq!((found.revision, found.attached), (1, vec![wanted]));
    for revision in [0, 3] {
        let firmware = beside(hmat(revision, &structures));
        assert_eq!(firmware.performance, Performance::default());
        let table = HMAT;
        assert_eq!(
            firmware.problems,
            [Problem::UnknownRevision { table, revision }]
        );
    }
}

#[test]
fn what_is_wrong_with_an_hmat() {
    let good = || attached(1, 3, 3);
    let bad = |structure: Vec<u8>| {
        let firmware = beside(hmat(2, &[good(), structure, good()]));
        assert_eq!(firmware.performance.matrices, []);
        (firmware.performance.attached.len(), firmware.problems)
    };
    let offset = 40 + good().len();
    let table = HMAT;
    let ignored = (2, vec![Problem::BadStructure { table, offset }]);
    // Too short for their kind.
    for kind in 0..3 {
        assert_eq!(bad(structure(kind, &[0; 19])), ignored, "{kind}");
        assert_eq!(bad(structure(kind, &[])), ignored, "{kind}");
    }
    // Values that are not there; counts whose product is too large for any number.
    assert_eq!(bad(matrix([0, 0], &[3], &[3, 9], &[1])), ignored);
    assert_eq!(bad(matrix_of([u32::MAX; 2], [0, 0], &[3], &[])), ignored);
    // Reserved data types and hierarchies.
    assert_eq!(bad(matrix([0, 6], &[3], &[3], &[1])), ignored);
    assert_eq!(bad(matrix([4, 0], &[3], &[3], &[1])), ignored);
    // Without a length that can be, nothing is found behind it.
    let cut = Problem::TruncatedEntry { table, offset };
    for length in [0u32, 7, 1000] {
        let structure = [&[0; 4][..], &length.to_le_bytes()].concat();
        assert_eq!(bad(structure), (1, vec![cut]), "{length}");
    }
    let short = crate::fake::table(*b"HMAT", &[]);
    let length = short.len();
    assert_eq!(
        beside(short).problems,
        [Problem::TooShort { table, length }]
    );
}

/// The kernel reads tables with a heap of 96 KiB.
#[test]
fn what_is_kept_is_bounded() {
    let many = beside(hmat(2, &vec![attached(1, 3, 3); 600]));
    let kept = many.performance.attached.len();
    assert_eq!(kept, 512);
    let table = HMAT;
    assert_eq!(
        many.problems,
        [Problem::TooManyEntries { table, read: 512 }]
    );
    let domains: Vec<u32> = (0..64).collect();
    let entries: Vec<Vec<u8>> = domains
        .iter()
        .map(|domain| x2apic(*domain, *domain, 1))
        .collect();
    let read = |entries: &[Vec<u8>], structures: &[Vec<u8>]| {
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let tables = [
            (0x1000, srat(3, &entries)),
            (0x10_0000, hmat(2, structures)),
        ];
        discover(&Fake::machine(&tables), RSDP)
    };
    // All that a machine of 64 nodes can have of memory, and some.
    let square = matrix([0, 0], &domains, &domains, &[5; 64 * 64]);
    let firmware = read(&entries, &vec![square.clone(); 10]);
    assert_eq!(firmware.performance.matrices.len(), 3);
    assert!(firmware.performance.bytes() <= MAX_PERFORMANCE_BYTES);
    let table = HMAT;
    assert_eq!(
        firmware.problems,
        [Problem::TooManyEntries { table, read: 3 }]
    );
    // Of more domains nothing is known, as of more nodes.
    let more: Vec<Vec<u8>> = (0..65).map(|domain| x2apic(domain, domain, 1)).collect();
    assert!(read(&more, &[square]).performance.is_empty());
}

#[test]
fn other_numbers() {
    let told = beside(hmat(
        2,
        &[
            attached(1, 7, 9),
            attached(1, 3, 3),
            matrix([0, 0], &[3, 7], &[3, 9], &[1, 2, 3, 4]),
            cache(3, 0),
            cache(9, 0),
        ],
    ));
    let only = |wanted, number| move |domain| (domain == wanted).then_some(number);
    let other = told.performance.renumbered(only(7, 1), only(9, 0));
    let matrix = &other.matrices[0];
    assert_eq!(
        (&matrix.initiators, &matrix.memories, &matrix.values),
        (&vec![1], &vec![0], &vec![4])
    );
    let attached = Attached {
        memory: 0,
        initiator: Some(1),
    };
    assert_eq!(other.attached, [attached]);
    assert_eq!(other.caches.len(), 1);
    assert_eq!((other.caches[0].memory, other.revision), (0, 2));
    // Nothing of it is one's own.
    assert!(
        told.performance
            .renumbered(only(7, 1), only(5, 0))
            .is_empty()
    );
    let without = told.performance.renumbered(only(5, 1), only(9, 0));
    assert_eq!(without.attached[0].initiator, None);
    assert_eq!(without.matrices, []);
}
