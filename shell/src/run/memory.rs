//! `memory`: whose every byte is.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use bulkhead_ledger::Owner;
use bulkhead_memory::{Bytes, LARGE_PAGE, Region, RegionSet};
use bulkhead_model::MemoryKind;

use super::images::rounded;
use super::table;
use crate::control::Control;

/// Prints the whole memory map, one owner a row, and what is free of it.
pub(super) fn memory(control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
    let (machine, ledger) = (control.machine(), control.ledger());
    let map = ledger.memory_map(machine);
    let rows = map.iter().map(|span| {
        let (kind, owner) = describe(span.owner);
        [
            span.region.to_string(),
            rounded(span.region.size()),
            kind.to_string(),
            owner,
        ]
    });
    table::print(["REGION", "SIZE", "KIND", "OWNER"], 0, rows, out)?;
    summary(&ledger.free_memory(machine), out)
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
