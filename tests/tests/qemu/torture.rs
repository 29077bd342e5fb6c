//! What was once not contained and is; and that a witness which is hurt is seen to be.

use bulkhead_tests::torture::{self, Mode, Verdict};
use libtest_mimic::Trial;

use crate::story;

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story("torture::control", || {
            let verdict = verdict("control-hurt");
            assert!(!is_harmless(&verdict), "{verdict}");
        }),
        story("torture::calls", || harms_nobody("calls")),
        story("torture::low", || harms_nobody("low")),
    ]
}

fn harms_nobody(name: &str) {
    let verdict = verdict(name);
    // A witness may stand still for want of the host's cores.
    assert!(
        is_harmless(&verdict) || verdict.may_be_the_hosts(),
        "{verdict}"
    );
}

fn is_harmless(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Nothing | Verdict::Contained)
}

fn verdict(name: &str) -> Verdict {
    let case = torture::all().into_iter().find(|case| case.name == name);
    torture::run(&case.expect("it is a case"), Mode::Bare, |_| ()).verdict
}
