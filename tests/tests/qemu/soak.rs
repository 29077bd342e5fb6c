//! A short soak; `make soak` does long ones.

use bulkhead_tests::soak;
use libtest_mimic::Trial;

use crate::{long_story, story};

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("soak::short", short),
        story("soak::moments", moments),
        long_story("soak::two_with_control", two_with_control),
    ]
}

/// As many rounds as `make soak` has by default, always the same ones.
fn short() {
    let mut machine = soak::machine_with_witness("soak_short").start();
    soak::run(&mut machine, 25, 3, &mut |line| println!("{line}"));
}

/// By force, at random moments of a boot.
fn moments() {
    let mut machine = soak::machine_with_witness("soak_moments_short").start();
    soak::moments(&mut machine, 25, 3, &mut |line| println!("{line}"));
}

/// The same of two partitions with control.
fn two_with_control() {
    let mut machine = soak::machine_with_bosses("soak_control_short").start();
    soak::contend(&mut machine, 15, 3, &mut |line| println!("{line}"));
}
