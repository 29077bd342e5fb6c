//! `list`: the partitions at a glance.

use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use bulkhead_lifecycle::Agent;
use bulkhead_memory::Bytes;
use bulkhead_model::Com;

use super::table::{self, core_list};
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
            claim.console.map_or("mem", Com::name).to_string(),
        ]
    });
    let headings = [
        "NAME", "STATE", "CORES", "MEMORY", "KERNEL", "RUNS", "RESTART", heading, "CONSOLE",
    ];
    table::print(headings, 0, rows, out)
}
