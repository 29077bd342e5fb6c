//! NUMA nodes, from what firmware's SRAT and SLIT say of proximity domains.

use alloc::vec::Vec;

use bulkhead_firmware::{Affinity, Distances};
use bulkhead_memory::RegionSet;
use bulkhead_memory::performance::Performance;
use bulkhead_model::{Core, MOST_NODES, Node};

/// The nodes: the domains that have a core or RAM, ascending. None at all if there are more than
/// [`MOST_NODES`]. A core or an address that is in two counts for the first of the table.
#[must_use]
pub fn describe(affinity: &Affinity, cores: &[Core], ram: &RegionSet) -> Vec<Node> {
    let (mut nodes, mut assigned) = (Vec::new(), RegionSet::new());
    let mut known = Vec::new();
    for (apic_id, domain) in &affinity.processors {
        let exists = cores.iter().any(|core| core.apic_id == *apic_id);
        if exists && !known.contains(apic_id) {
            known.push(*apic_id);
            node(&mut nodes, *domain).cores.push(*apic_id);
        }
    }
    for (range, domain) in &affinity.memory {
        if ram.overlaps(*range) {
            let mut range: RegionSet = [*range].into_iter().collect();
            range.subtract(&assigned);
            assigned.unite(&range);
            node(&mut nodes, *domain).memory.unite(&range);
        }
    }
    if nodes.len() > MOST_NODES {
        nodes.clear();
    }
    nodes
}

/// The node of a domain, in its place.
fn node(nodes: &mut Vec<Node>, domain: u32) -> &mut Node {
    let before = |node: &&Node| node.domain < domain;
    let place = nodes.iter().take_while(before).count();
    if nodes.get(place).is_none_or(|node| node.domain != domain) {
        let node = Node {
            domain,
            ..Node::default()
        };
        nodes.insert(place, node);
    }
    &mut nodes[place]
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

/// How fast their memory is for the cores of which of them, by their numbers: those with cores, and
/// those with memory.
#[must_use]
pub fn performance(nodes: &[Node], told: &Performance) -> Performance {
    let node = |domain| {
        let number = nodes.iter().position(|node| node.domain == domain)?;
        Some((u32::try_from(number).ok()?, &nodes[number]))
    };
    told.renumbered(
        |domain| node(domain).and_then(|(number, node)| (!node.cores.is_empty()).then_some(number)),
        |domain| {
            node(domain).and_then(|(number, node)| (!node.memory.is_empty()).then_some(number))
        },
    )
}
