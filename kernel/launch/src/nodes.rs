//! What a claim has of each NUMA node.

use alloc::vec::Vec;

use bulkhead_memory::RegionSet;
use bulkhead_memory::performance::Performance;
use bulkhead_model::{Claim, Machine};
use bulkhead_tables::acpi::NodeView;

/// What the claim has of each node, in the order of the machine's, those without cores last; nothing if
/// all is of one.
///
/// Linux takes the whole table for nonsense if RAM is of no node. So what firmware tells no node of counts
/// as the boot core's, and so does the low chunk, which would else be a node of 64 KiB.
#[must_use]
pub fn told_nodes(machine: &Machine, claim: &Claim) -> Vec<NodeView> {
    if !machine.has_nodes() {
        return Vec::new();
    }
    let home = machine.node_of_core(claim.boot_core()).unwrap_or(0);
    let mut all: RegionSet = claim.memory.iter().copied().collect();
    let (mut told, mut with_cores): (Vec<NodeView>, usize) = (Vec::new(), 0);
    for (number, node) in machine.nodes.iter().enumerate() {
        let mut cores = Vec::new();
        for core in &claim.cores {
            if machine.node_of_core(*core).unwrap_or(home) == number {
                cores.push(*core);
            }
        }
        let memory = all.intersection(&node.memory);
        all.subtract(&memory);
        if cores.is_empty() && memory.is_empty() {
            continue;
        }
        // Linux counts those with cores first.
        let place = if cores.is_empty() {
            told.len()
        } else {
            with_cores += 1;
            with_cores - 1
        };
        let node = NodeView {
            number,
            cores,
            memory,
            distances: Vec::new(),
        };
        told.insert(place, node);
    }
    all.insert(claim.low_chunk);
    if let Some(node) = told.iter_mut().find(|node| node.number == home) {
        node.memory.unite(&all);
    }
    if told.len() < 2 {
        told.clear();
    }
    for from in 0..told.len() {
        for to in 0..told.len() {
            let distance = machine.distance(told[from].number, told[to].number);
            told[from].distances.extend(distance);
        }
    }
    told
}

/// How fast the memory of those nodes is for their cores, by their places: as far as firmware tells.
// Not in the frame of all tables.
#[inline(never)]
pub(crate) fn told_performance(machine: &Machine, told: &[NodeView]) -> Performance {
    let place = |number: u32| {
        let number = usize::try_from(number).ok()?;
        let place = told.iter().position(|node| node.number == number)?;
        Some((u32::try_from(place).ok()?, &told[place]))
    };
    machine.performance.renumbered(
        |number| place(number).and_then(|(place, node)| (!node.cores.is_empty()).then_some(place)),
        |number| place(number).and_then(|(place, node)| (!node.memory.is_empty()).then_some(place)),
    )
}
