//! NUMA nodes, from what firmware says of proximity domains.

use bulkhead_describe::nodes;
use bulkhead_firmware::{Affinity, Distances};
use bulkhead_memory::performance::{Attached, Matrix, Performance};
use bulkhead_memory::{Region, RegionSet};
use bulkhead_model::{Core, MOST_NODES, Node};

fn cores(count: u32) -> Vec<Core> {
    let core = |apic_id| Core {
        apic_id,
        acpi_uid: apic_id,
        package: 0,
        core: apic_id,
        responding: true,
    };
    (0..count).map(core).collect()
}

fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).unwrap()
}

fn set(regions: &[(u64, u64)]) -> RegionSet {
    regions
        .iter()
        .map(|(start, end)| region(*start, *end))
        .collect()
}

#[test]
fn domains_in_their_order() {
    let affinity = Affinity {
        // 9 is no core of the machine; 1 counts once.
        processors: vec![(1, 7), (0, 3), (9, 5), (1, 3)],
        memory: vec![
            (region(0, 0x8000), 3),
            (region(0x4000, 0xc000), 7),
            // No RAM there.
            (region(0x10_0000, 0x20_0000), 6),
            (region(0xc000, 0x1_0000), 8),
        ],
    };
    let nodes = nodes::describe(&affinity, &cores(3), &set(&[(0, 0x2_0000)]));
    let node = |domain, cores: &[u32], memory| Node {
        domain,
        cores: cores.to_vec(),
        memory: set(&[memory]),
    };
    assert_eq!(
        nodes,
        [
            node(3, &[0], (0, 0x8000)),
            node(7, &[1], (0x8000, 0xc000)),
            node(8, &[], (0xc000, 0x1_0000)),
        ]
    );
    // Nothing is said of how far they are.
    assert_eq!(nodes::distances(&nodes, &Distances::default()), []);
}

#[test]
fn how_fast_they_are_by_their_numbers() {
    let node = |domain, cores: &[u32], memory: &[(u64, u64)]| Node {
        domain,
        cores: cores.to_vec(),
        memory: set(memory),
    };
    let nodes = [
        node(3, &[0], &[(0, 0x8000)]),
        node(7, &[1], &[]),
        node(8, &[], &[(0x8000, 0x1_0000)]),
    ];
    let domains = [8, 7, 3, 5];
    let attached = |memory, initiator| Attached { memory, initiator };
    let told = Performance {
        revision: 2,
        attached: vec![
            attached(8, Some(7)),
            attached(3, Some(5)),
            attached(7, None),
        ],
        matrices: vec![Matrix {
            flags: 0,
            data_type: 1,
            least_transfer: 0,
            base_unit: 100,
            initiators: domains.to_vec(),
            memories: domains.to_vec(),
            values: (0..16).collect(),
        }],
        caches: Vec::new(),
    };
    let found = nodes::performance(&nodes, &told);
    // A node without cores is no initiator, one without memory none's target.
    assert_eq!(found.attached, [attached(2, Some(1)), attached(0, None)]);
    let matrix = &found.matrices[0];
    assert_eq!(matrix.initiators, [1, 0]);
    assert_eq!(matrix.memories, [2, 0]);
    assert_eq!(matrix.values, [4, 6, 8, 10]);
    assert!(nodes::performance(&[], &told).is_empty());
}

#[test]
fn more_than_there_are_numbers_for() {
    let many = |count| Affinity {
        processors: (0..count).map(|core| (core, core * 3)).collect(),
        memory: Vec::new(),
    };
    let most = u32::try_from(MOST_NODES).unwrap();
    let found = |count| nodes::describe(&many(count), &cores(count), &RegionSet::new()).len();
    assert_eq!(found(most), MOST_NODES);
    assert_eq!(found(most + 1), 0);
}
