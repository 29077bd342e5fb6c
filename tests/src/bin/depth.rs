//! `make check`: the deepest path on each of the kernel's stacks, beside the stack's size. Fails if
//! one does not fit. With `--paths` it prints the paths, too.

use std::process::ExitCode;

use bulkhead_tests::depth;

fn main() -> ExitCode {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| bulkhead_tests::root().join("target"), Into::into);
    let depths = depth::of_kernel(&target.join("x86_64-unknown-none/release/bulkhead"));
    let wants_paths = std::env::args().any(|word| word == "--paths") || !depths.failures.is_empty();
    let is_path = |line: &&str| line.starts_with("    ");
    for line in depths
        .report
        .lines()
        .filter(|line| wants_paths || !is_path(line))
    {
        println!("{line}");
    }
    for failure in &depths.failures {
        eprintln!("depth: error: {failure}");
    }
    if depths.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
