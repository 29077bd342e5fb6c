//! `memory`: whose every byte is.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use bulkhead_ledger::Owner;
use bulkhead_memory::{Bytes, LARGE_PAGE, Region, RegionSet};
use bulkhead_model::MemoryKind;

use super::images::rounded;
use super::machine::node_heading;
use super::table::{self, core_list};
use crate::control::Control;

/// Prints the whole memory map, one owner a row, and what is free of it.
// Not in the frame of all commands.
#[inline(never)]
pub(super) fn memory(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let (machine, ledger) = (control.machine(), control.ledger());
    let map = ledger.memory_map(machine);
    let rows = map.iter().map(|span| {
        let (kind, owner) = describe(span.owner);
        let nodes = machine.nodes_of_memory(span.region);
        let nodes: Vec<u32> = nodes.filter_map(|node| node.try_into().ok()).collect();
        let nodes = if machine.has_nodes() {
            core_list(&nodes)
        } else {
            String::new()
        };
        [
            span.region.to_string(),
            rounded(span.region.size()),
            nodes,
            kind.to_string(),
            owner,
        ]
    });
    let headings = ["REGION", "SIZE", node_heading(machine), "KIND", "OWNER"];
    table::print(headings, 0, rows, out)?;
    summary(&ledger.free_memory(machine), out)?;
    if machine.has_nodes() {
        for node in 0..machine.nodes.len() {
            of_node(node, control, out)?;
        }
    }
    Ok(())
}

/// What a node has: cores, free memory, and how far others are.
fn of_node(number: usize, control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let (machine, ledger) = (control.machine(), control.ledger());
    let cores = machine.nodes.get(number).map(|node| core_list(&node.cores));
    let cores = cores.filter(|cores| !cores.is_empty());
    let free = ledger.free_on_node(machine, number);
    write!(
        out,
        "node {number}: cores {}, free {}",
        cores.as_deref().unwrap_or("none"),
        rounded(free.total())
    )?;
    let mut separator = "; distances";
    for to in 0..machine.nodes.len() {
        if let Some(distance) = machine.distance(number, to) {
            write!(out, "{separator} {distance}")?;
            separator = "";
        }
    }
    writeln!(out)
}

/// Prints how much is free, and the largest pieces as `memory=` takes them.
fn summary(free: &RegionSet, out: &mut dyn Write) -> fmt::Result {
    let part = |start, end| {
        let window = Region::from_bounds(start, end);
        window.map_or_else(RegionSet::new, |window| free.within(window))
    };
    let (low, high) = (part(0, 4 << 30), part(4 << 30, u64::MAX));
    let total = rounded(free.total());
    write!(
        out,
        "free: {total}, {} of it below 4G",
        rounded(low.total())
    )?;
    let pieces = [largest(&low), largest(&high)];
    for (i, piece) in pieces.into_iter().flatten().enumerate() {
        let separator = if i == 0 { "; largest pieces:" } else { "," };
        let (size, start) = (Bytes(piece.size()), piece.start());
        write!(out, "{separator} {size}@{start:#x}")?;
    }
    writeln!(out)
}

/// The largest region of a set that a claim can have.
fn largest(set: &RegionSet) -> Option<Region> {
    set.iter()
        .filter_map(|region| region.align_inward(LARGE_PAGE))
        .max_by_key(|region| region.size())
}

fn describe(owner: Owner<'_>) -> (&'static str, String) {
    match owner {
        Owner::Partition(name) => ("RAM", name.to_string()),
        Owner::Link([a, b]) => ("RAM", format!("link of {a} and {b}")),
        Owner::Shared => ("RAM", "shared (partitions with one core)".to_string()),
        Owner::Bulkhead(what) => ("RAM", format!("bulkhead ({what})")),
        Owner::Free => ("RAM", "free".to_string()),
        Owner::Firmware(kind) => (kind_name(kind), "firmware".to_string()),
    }
}

const fn kind_name(kind: MemoryKind) -> &'static str {
    match kind {
        MemoryKind::Usable => "RAM",
        MemoryKind::AcpiTables => "ACPI",
        MemoryKind::AcpiNvs => "NVS",
        MemoryKind::Reserved => "reserved",
        MemoryKind::Bad => "bad",
    }
}
