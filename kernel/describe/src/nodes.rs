//! NUMA nodes, from what firmware's SRAT and SLIT say of proximity domains.

use alloc::vec::Vec;

use bulkhead_firmware::{Affinity, Distances};
use bulkhead_memory::{RegionSet, sort_ascending};
use bulkhead_model::{Core, MOST_NODES, Node};

/// The nodes: the domains that have a core or RAM, ascending. None at all if there are more than
/// [`MOST_NODES`]. A core or an address that is in two counts for the first of the table.
#[must_use]
pub fn describe(affinity: &Affinity, cores: &[Core], ram: &RegionSet) -> Vec<Node> {
    let exists = |apic_id: u32| cores.iter().any(|core| core.apic_id == apic_id);
    let processors = affinity.processors.iter().filter(|(id, _)| exists(*id));
    let memory = affinity
        .memory
        .iter()
        .filter(|(range, _)| ram.overlaps(*range));
    let of_memory = memory.clone().map(|(_, domain)| *domain);
    let mut domains = Vec::new();
    for domain in processors
        .clone()
        .map(|(_, domain)| *domain)
        .chain(of_memory)
    {
        if !domains.contains(&domain) {
            if domains.len() == MOST_NODES {
                return Vec::new();
            }
            domains.push(domain);
        }
    }
    sort_ascending(&mut domains);
    let node = |domain| Node {
        domain,
        ..Node::default()
    };
    let mut nodes: Vec<Node> = domains.into_iter().map(node).collect();
    for (apic_id, domain) in processors {
        let is_known = nodes.iter().any(|node| node.cores.contains(apic_id));
        let place = nodes.iter_mut().find(|node| node.domain == *domain);
        if let Some(node) = place.filter(|_| !is_known) {
            node.cores.push(*apic_id);
        }
    }
    for (range, domain) in memory {
        let mut range: RegionSet = [*range].into_iter().collect();
        for node in &nodes {
            range.subtract(&node.memory);
        }
        if let Some(node) = nodes.iter_mut().find(|node| node.domain == *domain) {
            for region in range.iter() {
                node.memory.insert(region);
            }
        }
    }
    nodes
}

/// Their distances, row by row; empty if the table does not have them all.
#[must_use]
pub fn distances(nodes: &[Node], told: &Distances) -> Vec<u8> {
    let pairs = nodes.iter().flat_map(|from| {
        nodes
            .iter()
            .map(move |to| told.between(from.domain, to.domain))
    });
    pairs.collect::<Option<_>>().unwrap_or_default()
}
