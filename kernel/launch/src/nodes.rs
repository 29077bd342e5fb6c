//! What a claim has of each NUMA node.

use alloc::vec::Vec;

use bulkhead_memory::{Region, RegionSet, sort_by_key};
use bulkhead_model::{Claim, Machine};
use bulkhead_tables::acpi::NodeView;

/// What a claim has of a NUMA node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldNode {
    /// The node's number; to the claim's Linux it is its place in the list.
    pub number: usize,
    /// Local APIC IDs of its cores.
    pub cores: Vec<u32>,
    /// Its memory.
    pub memory: RegionSet,
}

/// What the claim has of each node, in the order of the machine's, those without cores last; nothing if
/// all is of one.
///
/// Linux takes the whole table for nonsense if RAM is of no node. So what firmware tells no node of counts
/// as the boot core's, and so does the low chunk, which would else be a node of 64 KiB.
#[must_use]
pub fn told_nodes(machine: &Machine, claim: &Claim) -> Vec<ToldNode> {
    if !machine.has_nodes() {
        return Vec::new();
    }
    let home = machine.node_of_core(claim.boot_core()).unwrap_or(0);
    let mut rest: RegionSet = claim.memory.iter().copied().collect();
    let mut told: Vec<ToldNode> = Vec::new();
    for (number, node) in machine.nodes.iter().enumerate() {
        let of_here = |core: &&u32| machine.node_of_core(**core).unwrap_or(home) == number;
        let mut memory = RegionSet::new();
        for region in node
            .memory
            .iter()
            .flat_map(|own| within(&claim.memory, own))
        {
            memory.insert(region);
            rest.remove(region);
        }
        told.push(ToldNode {
            number,
            cores: claim.cores.iter().filter(of_here).copied().collect(),
            memory,
        });
    }
    rest.insert(claim.low_chunk);
    for region in rest.iter() {
        if let Some(node) = told.get_mut(home) {
            node.memory.insert(region);
        }
    }
    told.retain(|node| !node.cores.is_empty() || !node.memory.is_empty());
    if told.len() < 2 {
        return Vec::new();
    }
    // Linux counts those with cores first.
    sort_by_key(&mut told, |node| (node.cores.is_empty(), node.number));
    told
}

/// The same for its tables.
pub(crate) fn views(machine: &Machine, told: &[ToldNode]) -> Vec<NodeView> {
    let view = |node: &ToldNode| NodeView {
        cores: node.cores.clone(),
        memory: node.memory.iter().collect(),
        distances: told
            .iter()
            .filter_map(|to| machine.distance(node.number, to.number))
            .collect(),
    };
    told.iter().map(view).collect()
}

/// The parts of regions in a window.
fn within(regions: &[Region], window: Region) -> impl Iterator<Item = Region> + '_ {
    regions
        .iter()
        .filter_map(move |region| region.intersect(window))
}
