//! The results as tables.

use bulkhead_tests::source::Count;
use bulkhead_tests::tool;
use bulkhead_tests::values::Values;

use crate::boot::Boots;
use crate::dump::Dump;
use crate::inside::Inside;
use crate::launch::{Launches, MEASURES};
use crate::links::Links;
use crate::neighbour::{self, Case};
use crate::restart::Restarts;
use crate::scale::Scale;

pub(crate) fn boots(results: &[Boots]) {
    println!(
        "From the loader's hand-over to the prompt, by Bulkhead's own clock, in ms: p50, p99. \
         Wanted: at most 150 on 4 cores."
    );
    let mut rows = vec![row(&["CORES", "TO THE PROMPT", ""])];
    for boots in results {
        let mut cells = vec![boots.cores.to_string()];
        cells.extend(Values::of(boots.ms.iter().copied()).cells(1));
        rows.push(cells);
    }
    println!("{}", tool::table(&rows));
}

pub(crate) fn scale(results: &[Scale]) {
    println!(
        "So many partitions with one core each, all defined by the boot script, and started one by one: \
         to the prompt in ms, resident and heap in KiB, low memory of 64K/32K/shared, from a start to the \
         reboot that its init asks for in s (p50, p99)."
    );
    let mut rows = vec![row(&[
        "PARTITIONS",
        "TO THE PROMPT",
        "RESIDENT",
        "HEAP",
        "LOW MEMORY",
        "START TO REBOOT",
        "",
    ])];
    for scale in results {
        let [wide, narrow, shared] = scale.low;
        let mut cells = vec![
            scale.partitions.to_string(),
            format!("{:.1}", scale.prompt_ms),
            scale.resident.div_ceil(1024).to_string(),
            scale.heap.div_ceil(1024).to_string(),
            format!("{wide}/{narrow}/{shared}"),
        ];
        cells.extend(Values::of(scale.boots.iter().copied()).cells(1));
        rows.push(cells);
    }
    println!("{}", tool::table(&rows));
}

pub(crate) fn links(results: &Links) {
    println!(
        "What a frame goes through between two Linuxes of {} with a core each: Mbit/s of a TCP stream, us of \
         pings sent one after the other (median, p99). Wanted: half of virtio-net's rate, below 200 us.",
        results.release
    );
    let mut rows = vec![row(&["BY", "MBIT/S", "", "ROUND TRIP", ""])];
    for taken in &results.ways {
        let mut cells = vec![taken.way.name().to_string()];
        for (values, digits) in [(&taken.mbits, 0), (&taken.round_trip_us, 0)] {
            cells.extend(Values::of(values.iter().copied()).cells(digits));
        }
        rows.push(cells);
    }
    println!("{}", tool::table(&rows));
}

pub(crate) fn dump(results: &Dump) {
    println!(
        "`bulkheadctl dump` of {} MB of RAM, of which {} MB were written, in MB/s: least, p50, largest. \
         Wanted: at least 200 with all of it on a disk.",
        results.ram / 1_000_000,
        results.written / 1_000_000
    );
    let mut rows = vec![row(&["DUMP", "LEAST", "P50", "LARGEST"])];
    let kinds = [
        ("to an NVMe disk, fsync included", &results.disk),
        ("to a tmpfs", &results.memory),
        ("dd of zeros to that disk, fsync included", &results.dd),
    ];
    for (what, speeds) in kinds {
        let values = Values::of(speeds.iter().copied());
        let mut cells = vec![what.to_string()];
        cells.extend(
            [values.smallest, values.median, values.largest].map(|value| format!("{value:.0}")),
        );
        rows.push(cells);
    }
    println!("{}", tool::table(&rows));
}

pub(crate) fn inside(results: &Inside) {
    println!(
        "In a partition, in ms: least, p50, p99. Wanted: `list` in less than 5 ms, the program's start \
         included. In virtual time the cores take turns: where another is busy meanwhile, it counts too, \
         so the least is what it takes by itself."
    );
    let mut rows = vec![row(&["BULKHEADCTL", "LEAST", "", ""])];
    for (name, values) in [("list", &results.list), ("--version", &results.nothing)] {
        let values = Values::of(values.iter().copied());
        let mut cells = vec![name.to_string(), format!("{:.2}", values.smallest)];
        cells.extend(values.cells(2));
        rows.push(cells);
    }
    println!("{}", tool::table(&rows));
}

pub(crate) fn launches(results: &[Launches]) {
    println!("Launch, in seconds: p50, p99. Wanted: a ratio (of p50) of at most 1.05.");
    let mut rows = vec![row(&[
        "KERNEL",
        "MEASURE",
        "BULKHEAD",
        "",
        "QEMU ALONE",
        "",
        "RATIO",
        "QEMU'S SPREAD",
    ])];
    for result in results {
        for measure in &MEASURES {
            let bulkhead = Values::of(result.bulkhead.iter().map(measure.of));
            let direct = Values::of(result.direct.iter().map(measure.of));
            let mut cells = vec![result.release.clone(), measure.name.to_string()];
            cells.extend(bulkhead.cells(2));
            cells.extend(direct.cells(2));
            cells.push(format!("{:.3}", bulkhead.median / direct.median));
            cells.push(format!("{:.0} %", direct.spread() * 100.0));
            rows.push(cells);
        }
    }
    print!("{}", tool::table(&rows));
    println!("  The p99 of up to 100 runs is the largest.\n");
}

pub(crate) fn copies(results: &[Launches], restarts: &[Restarts]) {
    let mut rows = vec![row(&[
        "KERNEL",
        "LAUNCH",
        "DOORBELL TO ENTRY",
        "",
        "COPY OF THE IMAGES",
        "",
    ])];
    let launches = results.iter().flat_map(|result| {
        let release = &result.release;
        [
            (release, "in a fresh machine", &result.first),
            (release, "once more", &result.again),
        ]
    });
    let restarts = restarts
        .iter()
        .map(|result| (&result.release, "a restart", &result.launches));
    for (release, what, times) in launches.chain(restarts) {
        let mut cells = vec![release.clone(), what.to_string()];
        cells.extend(Values::of(times.iter().map(|time| time.entry_ms)).cells(1));
        cells.extend(Values::of(times.iter().map(|time| time.copy_ms)).cells(1));
        rows.push(cells);
    }
    if rows.len() == 1 {
        return;
    }
    println!("From the doorbell to the kernel's entry, by Bulkhead's own clock, in ms: p50, p99.");
    print!("{}", tool::table(&rows));
    println!(
        "  The copy is timed within the launch: what a plain copy of kernel and initial RAM disk \
         takes on that core.\n"
    );
}

pub(crate) fn restarts(results: &[Restarts]) {
    println!("Restart to /init, in seconds: p50, p99.");
    let mut rows = vec![row(&[
        "KERNEL",
        "WAY",
        "WHOLE",
        "",
        "FROM KERNEL ENTRY",
        "",
    ])];
    for result in results {
        for (way, restarts) in result.ways() {
            let mut cells = vec![result.release.clone(), way.to_string()];
            cells.extend(Values::of(restarts.iter().map(|r| r.whole)).cells(3));
            let from_entry: Vec<f64> = restarts.iter().filter_map(|r| r.from_entry).collect();
            if !from_entry.is_empty() {
                cells.extend(Values::of(from_entry.into_iter()).cells(3));
            }
            rows.push(cells);
        }
    }
    print!("{}", tool::table(&rows));
    println!(
        "  Whole: from `reboot -f`; of kexec from when the kernel is loaded. Kernel entry: when \
         Bulkhead has entered it; of\n  kexec when the old kernel says \"Starting new kernel\", \
         after which it checks and moves what it has loaded (a\n  SHA-256, which emulation makes \
         slow); of the resets when the BIOS says \"Booting from ROM\" and begins to load it,\n  \
         or when the kernel's own EFI stub says its first line. The resets are those of QEMU's \
         machine; a server's\n  firmware takes minutes.\n"
    );
}

/// What is wanted of restarts, and what was seen.
pub(crate) fn ratios(restarts: &[Restarts]) {
    println!("Ratios of the p50:");
    let mut rows = vec![row(&["KERNEL", "RATIO", "SEEN", "WANTED"])];
    for result in restarts {
        for ratio in result.ratios() {
            rows.push(vec![
                result.release.clone(),
                ratio.name.to_string(),
                format!("{:.2}", ratio.value),
                ratio.wanted.to_string(),
            ]);
        }
    }
    println!("{}", tool::table(&rows));
}

pub(crate) fn neighbour(cases: &[Case]) {
    println!(
        "A neighbour that wakes every millisecond while another partition works, ends and comes back: how \
         late, in microseconds."
    );
    let headings = [
        "NEIGHBOUR",
        "THE OTHER",
        "TICKS",
        "LOST",
        "MAX",
        "P99.9",
        "P99",
        "P50",
        "WITHIN THE CONTROLS",
    ];
    let mut rows = vec![row(&headings)];
    for case in cases {
        let ticks = case.ticks;
        let (lost, max_us) = neighbour::control(cases, &case.release);
        let numbers = [
            ticks.count,
            ticks.lost,
            ticks.max_us,
            ticks.p999_us,
            ticks.p99_us,
            ticks.p50_us,
        ];
        let mut cells = vec![case.release.clone(), case.name.clone()];
        cells.extend(numbers.map(|number| number.to_string()));
        cells.push(match (case.is_control, ticks) {
            (true, _) => String::new(),
            (false, ticks) if ticks.lost <= lost && ticks.max_us <= max_us => "yes".to_string(),
            (false, _) => "no".to_string(),
        });
        rows.push(cells);
    }
    print!("{}", tool::table(&rows));
    println!(
        "  Wanted: no period lost, and a maximum within that of the controls. Under emulation all of \
         this is in virtual\n  time: what the cores have executed, not what the host took; they take \
         turns, which is what the controls\n  are late by.\n"
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
