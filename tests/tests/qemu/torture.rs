//! What was once not contained and is; and that a witness which is hurt is seen to be.

use bulkhead_tests::torture::{self, Done, Mode, Verdict};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("torture::control", || {
            let verdict = done("control-hurt").verdict;
            assert!(!is_harmless(&verdict), "{verdict}");
        }),
        story("torture::calls", || harms_nobody("calls")),
        story("torture::low", || harms_nobody("low")),
    ]
}

fn harms_nobody(name: &str) {
    let done = done(name);
    // A witness may stand still, or not answer in time, for want of the host's cores.
    assert!(
        is_harmless(&done.verdict) || done.may_be_the_hosts,
        "{}",
        done.verdict
    );
}

fn is_harmless(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Nothing | Verdict::Contained)
}

fn done(name: &str) -> Done {
    let case = torture::all().into_iter().find(|case| case.name == name);
    torture::run(&case.expect("it is a case"), Mode::Bare, |_| ())
}
