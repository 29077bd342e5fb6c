//! What a survey says of IOMMUs.

use bulkhead_iommu::vtd::Capabilities;
use bulkhead_iommu::{Iommus, Kind, Routes, Unit};
use bulkhead_pci::Function;

use crate::board::Board;
use crate::pack::{Pack, hex};

/// Functions that are named in a line; the others are counted.
const NAMED: usize = 4;

/// A sentence for each thing that is worth knowing; none for a machine without IOMMU.
#[must_use]
pub(crate) fn notes(board: &Board, pack: &Pack) -> Vec<String> {
    let iommus = &board.iommus;
    let Some(kind) = iommus.kind else {
        return Vec::new();
    };
    let functions = &board.machine.functions;
    let routes = Routes::new(iommus, functions);
    let mut notes = vec![format!(
        "there is an IOMMU ({}, {}), for isolation=dma if Bulkhead can use it",
        kind.name(),
        counted(iommus.units.len(), "unit")
    )];
    for (number, unit) in iommus.units.iter().enumerate() {
        let its = |f: &&Function| routes.unit_of(f.address) == Some(number);
        let its: Vec<&Function> = functions.iter().filter(its).collect();
        notes.push(format!(
            "IOMMU unit at {:#x}, segment {:04x}: {}{}",
            unit.registers.start(),
            unit.segment,
            listed(&its),
            abilities(unit, pack)
        ));
    }
    let without = |f: &&Function| routes.unit_of(f.address).is_none();
    let without: Vec<&Function> = functions.iter().filter(without).collect();
    if !without.is_empty() {
        notes.push(format!("no IOMMU unit serves {}", listed(&without)));
    }
    notes.extend(reserved(iommus, functions, &routes));
    notes.extend(left(iommus, pack));
    let problems = iommus.problems.iter();
    notes.extend(problems.map(|problem| format!("firmware: {problem}")));
    notes
}

/// What firmware wants some functions to reach whatever happens.
fn reserved(iommus: &Iommus, functions: &[Function], routes: &Routes<'_>) -> Vec<String> {
    let what = iommus.kind.map_or("", Kind::reserved);
    let mut lines: Vec<String> = functions
        .iter()
        .flat_map(|f| {
            routes
                .reserved_for(f.address)
                .map(|r| (f.address, r.region))
        })
        .map(|(address, region)| format!("{address}: firmware has it reach {region} ({what})"))
        .collect();
    // Where a range is for all, or for many.
    let more = lines.len().saturating_sub(4 * NAMED);
    lines.truncate(4 * NAMED);
    if more > 0 {
        lines.push(format!("{more} more such ranges of functions ({what})"));
    }
    let mut all = iommus.reserved.iter();
    let used = |r: &&bulkhead_iommu::Reserved| {
        let mut functions = functions.iter();
        functions.any(|f| routes.reserved_for(f.address).any(|its| its == *r))
    };
    let unused = all.by_ref().filter(|r| !used(r));
    lines.extend(unused.map(|r| format!("{what} {}: for functions that were not found", r.region)));
    lines
}

/// Whether firmware leaves it translating, and what to do then.
fn left(iommus: &Iommus, pack: &Pack) -> Option<String> {
    let text = match (pack.text("iommu-left").trim(), iommus.wants_protection) {
        ("on", _) => {
            "firmware leaves the IOMMU translating: Bulkhead takes it over if it can use it; else partitions' \
             devices may be blocked, and DMA protection before boot is to be switched off in firmware's set-up"
        }
        ("off", _) => "firmware does not leave the IOMMU translating",
        (_, true) => {
            "firmware asks for DMA protection, so it may leave the IOMMU translating; a Linux with its \
             driver on (intel_iommu=on) would tell"
        }
        (_, false) => return None,
    };
    Some(text.to_string())
}

/// By what Linux shows of the unit's registers, if it does.
fn abilities(unit: &Unit, pack: &Pack) -> String {
    let text = pack.text("iommu");
    let word = |line: &str, name: &str| {
        let mut words = line.split_ascii_whitespace();
        words.find_map(|word| hex(word.strip_prefix(name)?.strip_prefix('=')?))
    };
    let base = Some(unit.registers.start());
    let line = text.lines().find(|line| word(line, "address") == base);
    let registers = line.and_then(|line| Some((word(line, "cap")?, word(line, "ecap")?)));
    let Some((cap, ecap)) = registers else {
        return String::new();
    };
    let can = Capabilities { cap, ecap };
    let largest = match (can.has_2m(), can.has_1g()) {
        (_, true) => "1G",
        (true, false) => "2M",
        (false, false) => "4K",
    };
    let coherent = if can.is_coherent() { "" } else { "not " };
    let levels: Vec<String> = (3..=5u8)
        .filter(|levels| can.walks(*levels))
        .map(|levels| levels.to_string())
        .collect();
    format!(
        "; {} levels, pages up to {largest}, {coherent}coherent",
        levels.join(" or ")
    )
}

fn listed(functions: &[&Function]) -> String {
    let names = functions.iter().take(NAMED);
    let names: Vec<String> = names.map(|f| f.address.to_string()).collect();
    match functions.len() {
        0 => String::from("no function"),
        count if count <= NAMED => names.join(", "),
        count => format!("{} and {} more", names.join(", "), count - NAMED),
    }
}

fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}
