//! What a partition is told of NUMA nodes, read back as firmware's tables are.

use bulkhead_fake::{Fake, GIB, MIB, at, claim, written};
use bulkhead_firmware::{Firmware, PhysicalMemory, discover};
use bulkhead_launch::LaunchPlan;
use bulkhead_memory::performance::Attached;
use bulkhead_memory::{Region, RegionSet};

/// A partition's tables, where they lie.
struct Told {
    start: u64,
    bytes: Vec<u8>,
}

impl PhysicalMemory for Told {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let offset = usize::try_from(address.checked_sub(self.start)?).ok()?;
        self.bytes.get(offset..)?.get(..length)
    }
}

fn told(plan: &LaunchPlan) -> Firmware {
    let start = plan.view.block.acpi.start();
    let bytes = written(plan, plan.view.block.acpi);
    let firmware = discover(&Told { start, bytes }, plan.view.rsdp);
    // Power is EFI's.
    let problems: Vec<String> = firmware.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        ["neither DSDT nor SSDTs have a usable _S5_ package"]
    );
    firmware
}

fn plan(fake: &mut Fake, cores: &[u32], memory: u64) -> LaunchPlan {
    fake.define("web", claim(cores, &[at(memory, None)]))
        .unwrap();
    fake.plan("web")
}

/// The RAM of the partition.
fn claimed(fake: &Fake) -> RegionSet {
    let claim = &fake.ledger.get("web").unwrap().claim;
    claim.regions().into_iter().collect()
}

/// What is told of the domain's memory.
fn of_domain(firmware: &Firmware, wanted: u32) -> RegionSet {
    let memory = firmware.affinity.memory.iter();
    memory
        .filter(|(_, domain)| *domain == wanted)
        .map(|(region, _)| *region)
        .collect()
}

#[test]
fn one_node_goes_without_saying() {
    let mut fake = Fake::with_nodes();
    let firmware = told(&plan(&mut fake, &[2, 3], 512 * MIB));
    assert_eq!(firmware.affinity.processors, []);
    assert_eq!(firmware.affinity.memory, []);
    assert_eq!(firmware.distances.between(0, 0), None);
    assert!(firmware.performance.is_empty());
}

#[test]
fn a_partition_of_two_nodes() {
    let mut fake = Fake::with_nodes();
    let firmware = told(&plan(&mut fake, &[5, 2, 6], 512 * MIB));
    // The domains are 0 and 4 on the machine.
    assert_eq!(firmware.affinity.processors, [(2, 0), (5, 1), (6, 1)]);
    let [low, high] = [0, 1].map(|domain| of_domain(&firmware, domain));
    assert_eq!(high.total(), 256 * MIB);
    assert!(high.iter().all(|region| region.start() >= 4 * GIB));
    // All RAM, the low chunk too, and nothing else.
    let mut all = low;
    all.unite(&high);
    assert_eq!(all, claimed(&fake));
    let between = |from, to| firmware.distances.between(from, to);
    assert_eq!(
        [between(0, 1), between(1, 0), between(1, 1)],
        [Some(21), Some(22), Some(10)]
    );
    assert_eq!(between(2, 0), None);
    // All of it, by its own numbers, which happen to be the machine's.
    assert_eq!(firmware.performance, fake.machine.performance);
}

#[test]
fn memory_of_a_node_without_cores_comes_last() {
    let mut fake = Fake::with_nodes();
    let firmware = told(&plan(&mut fake, &[5, 6], GIB));
    assert_eq!(firmware.affinity.processors, [(5, 0), (6, 0)]);
    // Linux counts the nodes of cores first: 0 is the machine's 1.
    let low = of_domain(&firmware, 1);
    assert_eq!(low.total(), 256 * MIB);
    assert!(low.iter().all(|region| region.end() <= 4 * GIB));
    // With the low chunk, which would else be a node's only memory.
    let chunk = fake.ledger.get("web").unwrap().claim.low_chunk;
    assert!(of_domain(&firmware, 0).contains_region(chunk));
    assert_eq!(firmware.distances.between(0, 1), Some(22));
    // The machine's node 1 is its 0; nobody is told of node 0's cores.
    let attached = |memory, initiator| Attached { memory, initiator };
    assert_eq!(
        firmware.performance.attached,
        [attached(1, None), attached(0, Some(0))]
    );
    let matrices: Vec<_> = firmware.performance.matrices.iter().collect();
    for (matrix, values) in matrices.iter().zip([[2, 3], [302, 303]]) {
        assert_eq!(matrix.initiators, [0]);
        assert_eq!(matrix.memories, [1, 0]);
        assert_eq!(matrix.values, values);
    }
    assert_eq!(matrices.len(), 2);
}

#[test]
fn what_firmware_leaves_out_is_the_boot_core_s() {
    let mut fake = Fake::with_nodes();
    // Half of the partition's memory above 4 GiB is of no node, nor is core 6.
    fake.machine.nodes[1]
        .memory
        .remove(Region::new(4 * GIB + 128 * MIB, GIB).unwrap());
    fake.machine.nodes[1].cores.retain(|core| *core != 6);
    fake.machine.distances.clear();
    let memory = [at(256 * MIB, GIB), at(256 * MIB, 4 * GIB)];
    fake.define("web", claim(&[2, 5, 6], &memory)).unwrap();
    let firmware = told(&fake.plan("web"));
    assert_eq!(firmware.affinity.processors, [(2, 0), (6, 0), (5, 1)]);
    assert_eq!(of_domain(&firmware, 1).total(), 128 * MIB);
    let mut all = of_domain(&firmware, 0);
    all.unite(&of_domain(&firmware, 1));
    assert_eq!(all, claimed(&fake));
    assert_eq!(firmware.distances.between(0, 0), None);
}
