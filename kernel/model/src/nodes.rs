//! NUMA nodes: cores and the memory that is near them.

use alloc::vec::Vec;

use bulkhead_memory::{Region, RegionSet};

use crate::Machine;

/// Most nodes that are told apart.
pub const MOST_NODES: usize = 64;

/// A node: a proximity domain of the firmware's SRAT. Its number is its place among all, ascending by
/// domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Firmware's number of it, which may be any.
    pub domain: u32,
    /// Local APIC IDs of its cores.
    pub cores: Vec<u32>,
    /// Its addresses, which need not all be RAM. No two nodes have one in common.
    pub memory: RegionSet,
}

impl Machine {
    /// Whether there are several nodes: else nothing is near, and nothing far.
    #[must_use]
    pub const fn has_nodes(&self) -> bool {
        self.nodes.len() > 1
    }

    /// The number of the node that a core belongs to, if it is known.
    #[must_use]
    pub fn node_of_core(&self, apic_id: u32) -> Option<usize> {
        let mut nodes = self.nodes.iter();
        nodes.position(|node| node.cores.contains(&apic_id))
    }

    /// The numbers of the nodes that have some of a region, ascending.
    pub fn nodes_of_memory(&self, region: Region) -> impl Iterator<Item = usize> + '_ {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter_map(move |(number, node)| node.memory.overlaps(region).then_some(number))
    }

    /// How far a node's cores are from a node's memory, in SLIT's units: 10 is their own.
    #[must_use]
    pub fn distance(&self, from: usize, to: usize) -> Option<u8> {
        let row = from.checked_mul(self.nodes.len())?;
        self.distances.get(row.checked_add(to)?).copied()
    }
}
