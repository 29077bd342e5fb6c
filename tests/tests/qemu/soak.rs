//! A short soak; `make soak` does long ones.

use bulkhead_tests::soak;
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("soak::short", short)]
}

/// Six rounds, always the same ones.
fn short() {
    let mut machine = soak::boot("soak_short");
    soak::run(&mut machine, 6, 3, &mut |line| println!("{line}"));
}
