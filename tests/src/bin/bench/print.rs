//! The results as tables.

use bulkhead_tests::source::Count;
use bulkhead_tests::tool;

use crate::launch::{Launches, MEASURES};
use crate::neighbour::Case;
use crate::restart::Restarts;
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

pub(crate) fn restarts(results: &[Restarts]) {
    println!(
        "Restart by `reboot -f` to /init, in seconds: p50, p99 (the largest, of up to 100 runs). \
         Wanted: a reset takes 3 times as long or longer."
    );
    let mut rows = vec![row(&[
        "KERNEL",
        "IN A PARTITION",
        "",
        "MACHINE RESET",
        "",
        "RESET / PARTITION",
        "DOORBELL TO ENTRY, MS",
        "",
    ])];
    for result in results {
        let of = |values: &[f64]| Values::of(values.iter().copied());
        let (bulkhead, reset) = (of(&result.bulkhead), of(&result.reset));
        let copies = of(&result.copies);
        rows.push(vec![
            result.release.clone(),
            format!("{:.2}", bulkhead.median),
            format!("{:.2}", bulkhead.p99),
            format!("{:.2}", reset.median),
            format!("{:.2}", reset.p99),
            format!("{:.2}", reset.median / bulkhead.median),
            format!("{:.1}", copies.median),
            format!("{:.1}", copies.p99),
        ]);
    }
    print!("{}", tool::table(&rows));
    println!(
        "  The reset is that of QEMU's machine with its short BIOS; real firmware takes longer.\n  \
         Left out so far: `kexec -e` in a plain Linux.\n"
    );
}

pub(crate) fn neighbour(seconds: usize, cases: &[Case]) {
    println!(
        "A neighbour that wakes every millisecond for {seconds} s while another partition ends \
         and starts: how late, in microseconds."
    );
    let headings = ["THE OTHER", "TICKS", "PERIODS LOST", "MAX", "P99.9", "P50"];
    let mut rows = vec![row(&headings)];
    for case in cases {
        let numbers = [
            case.count,
            case.lost,
            case.max_us,
            case.p999_us,
            case.p50_us,
        ];
        let numbers = numbers.map(|number| number.to_string());
        let name = std::iter::once(case.name.to_string());
        rows.push(name.chain(numbers).collect());
    }
    print!("{}", tool::table(&rows));
    println!(
        "  To be compared with the controls. Under emulation the virtual cores share the host's, \
         and QEMU's one main\n  thread fires all their timers, which may be what makes a neighbour \
         late: with KVM and a host core for\n  each, what is left is Bulkhead's.\n"
    );
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
