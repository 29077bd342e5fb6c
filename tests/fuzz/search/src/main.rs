//! libFuzzer over one target: `FUZZ_TARGET=NAME search [libFuzzer's options] [FOLDER]`. tools/fuzz calls it.
#![no_main]

use std::sync::OnceLock;

use bulkhead_fuzz::{Target, target};
use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<Target> = OnceLock::new();

fn chosen() -> Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|why| {
        eprintln!("{why}");
        std::process::exit(2)
    })
}

fuzz_target!(|bytes: &[u8]| (TARGET.get_or_init(chosen).run)(bytes));
