//! A short soak; `make soak` does long ones.

use bulkhead_tests::soak;
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("soak::short", short)]
}

/// As many rounds as `make soak` has by default, always the same ones.
fn short() {
    let mut machine = soak::machine_with_witness("soak_short").start();
    soak::run(&mut machine, 25, 3, &mut |line| println!("{line}"));
}
