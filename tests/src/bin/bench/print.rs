//! The results as tables.

use bulkhead_tests::source::Count;
use bulkhead_tests::tool;

use crate::launch::{Launches, MEASURES};
use crate::values::Values;

pub(crate) fn launches(results: &[Launches]) {
    println!("Launch, in seconds: median (smallest-largest). Wanted: a ratio of at most 1.05.");
    let mut rows = vec![row(&[
        "KERNEL",
        "MEASURE",
        "BULKHEAD",
        "QEMU ALONE",
        "RATIO",
        "QEMU'S SPREAD",
    ])];
    for result in results {
        for measure in &MEASURES {
            let bulkhead = Values::of(result.bulkhead.iter().map(measure.of));
            let direct = Values::of(result.direct.iter().map(measure.of));
            rows.push(vec![
                result.release.clone(),
                measure.name.to_string(),
                bulkhead.to_string(),
                direct.to_string(),
                format!("{:.3}", bulkhead.median / direct.median),
                format!("{:.0} %", direct.spread() * 100.0),
            ]);
        }
    }
    println!("{}", tool::table(&rows));
}

pub(crate) fn copies(results: &[Launches]) {
    println!("From the doorbell to the kernel's entry, by Bulkhead's own clock, in milliseconds:");
    let mut rows = vec![row(&[
        "KERNEL",
        "FRESH MACHINE",
        "AGAIN (MEMORY TOUCHED BEFORE)",
    ])];
    for result in results {
        rows.push(vec![
            result.release.clone(),
            Values::of(result.copies_first.iter().copied()).to_string(),
            Values::of(result.copies_again.iter().copied()).to_string(),
        ]);
    }
    println!("{}", tool::table(&rows));
}

pub(crate) fn resident(resident: &[(String, u64)]) {
    println!("Resident without images, in bytes. Wanted: less than 1048576.");
    let mut rows: Vec<Vec<String>> = resident
        .iter()
        .map(|(what, bytes)| vec![what.clone(), format!("{bytes:>8}")])
        .collect();
    let all = resident_bytes(resident);
    rows.push(vec!["all".to_string(), format!("{all:>8}")]);
    println!("{}", tool::table(&rows));
}

pub(crate) fn code(code: &[(&str, Count)]) {
    println!("Lines of code (neither blank nor comment), and \"unsafe\" outside of tests:");
    let mut rows = vec![row(&[
        "FOLDER",
        "RUST",
        "ASSEMBLY",
        "TESTS",
        "UNSAFE {}",
        "UNSAFE FN",
        "UNSAFE IMPL",
        "OTHER UNSAFE",
    ])];
    for (folder, count) in code {
        let numbers = numbers(count).map(|(_, number)| number.to_string());
        let folder = std::iter::once((*folder).to_string());
        rows.push(folder.chain(numbers).collect());
    }
    print!("{}", tool::table(&rows));
}

pub(crate) fn resident_bytes(resident: &[(String, u64)]) -> u64 {
    resident.iter().map(|(_, bytes)| bytes).sum()
}

/// What was counted, with its names in the JSON.
pub(crate) fn numbers(count: &Count) -> [(&'static str, usize); 7] {
    [
        ("rust", count.rust),
        ("assembly", count.assembly),
        ("tests", count.tests),
        ("unsafe_blocks", count.unsafe_blocks),
        ("unsafe_functions", count.unsafe_functions),
        ("unsafe_impls", count.unsafe_impls),
        ("unsafe_others", count.unsafe_others),
    ]
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}
