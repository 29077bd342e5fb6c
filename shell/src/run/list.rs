//! `list`: the partitions at a glance.

use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use bulkhead_lifecycle::Agent;
use bulkhead_memory::Bytes;
use bulkhead_model::Com;

use super::table::{self, core_list};
use super::walls;
use crate::control::Control;

/// Prints a row for each partition, in the order of their definition.
pub(super) fn list(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    // The column is there if one of them has one.
    let is_any = control
        .ledger()
        .iter()
        .any(|partition| control.agent(partition.id) != Agent::default());
    let agent = |id| {
        if is_any {
            control.agent(id).word().to_string()
        } else {
            String::new()
        }
    };
    let heading = if is_any { "AGENT" } else { "" };
    // Without an IOMMU all are bare.
    let has_walls = control.machine().iommu.is_some()
        && control
            .ledger()
            .iter()
            .any(|partition| !partition.claim.devices.units.is_empty());
    let isolation = |partition| match walls::now(partition, control) {
        Some(isolation) if has_walls => isolation.to_string(),
        _ => String::new(),
    };
    let wall = if has_walls { "ISOLATION" } else { "" };
    let rows = control.ledger().iter().map(|partition| {
        let definition = &partition.definition;
        let claim = &partition.claim;
        [
            definition.name.clone(),
            partition.life.state.word().to_string(),
            core_list(&claim.cores),
            Bytes(claim.memory_bytes()).to_string(),
            definition.kernel.clone(),
            partition.life.runs.to_string(),
            definition.restart.to_string(),
            agent(partition.id),
            isolation(partition),
            claim.console.map_or("mem", Com::name).to_string(),
        ]
    });
    let headings = [
        "NAME", "STATE", "CORES", "MEMORY", "KERNEL", "RUNS", "RESTART", heading, wall, "CONSOLE",
    ];
    table::print(headings, 0, rows, out)
}
