//! What follows the end of a run.

use bulkhead_model::{
    Decision, End, RESTART_LIMIT, RestartPolicy, STABLE_MS, counts_as_consecutive,
};

use Decision::{GiveUp, Stay};
use End::{Failed, PoweredOff, Rebooted};
use RestartPolicy::{Always, Never, OnFailure};

const fn after(delay_ms: u64) -> Decision {
    Decision::Restart { delay_ms }
}

#[test]
fn every_ending_under_every_policy() {
    for (policy, ending, decision) in [
        (Never, PoweredOff, Stay),
        (Never, Rebooted, Stay),
        (Never, Failed, Stay),
        (OnFailure, PoweredOff, Stay),
        (OnFailure, Rebooted, after(0)),
        (OnFailure, Failed, after(1000)),
        (Always, PoweredOff, after(1000)),
        (Always, Rebooted, after(0)),
        (Always, Failed, after(1000)),
    ] {
        assert_eq!(policy.after(ending, 1), decision, "{policy} {ending:?}");
    }
}

#[test]
fn the_delay_grows_and_has_an_end() {
    let delays = [1000, 2000, 4000, 8000, 16_000];
    assert_eq!(delays.len(), RESTART_LIMIT as usize);
    for policy in [OnFailure, Always] {
        for (failures, delay) in (1..).zip(delays) {
            assert_eq!(policy.after(Failed, failures), after(delay), "{failures}");
        }
        for failures in [6, 7, 63, 64, u32::MAX] {
            assert_eq!(policy.after(Failed, failures), GiveUp, "{failures}");
        }
        // Nobody should ask, but it is answered.
        assert_eq!(policy.after(Failed, 0), after(1000));
        // Only failures count.
        assert_eq!(policy.after(Rebooted, u32::MAX), after(0));
    }
    assert_eq!(Never.after(Failed, u32::MAX), Stay);
    assert_eq!(Always.after(PoweredOff, u32::MAX), after(1000));
}

#[test]
fn a_long_run_ends_the_row() {
    assert_eq!(STABLE_MS, 60_000);
    assert!(counts_as_consecutive(0) && counts_as_consecutive(59_999));
    assert!(!counts_as_consecutive(60_000) && !counts_as_consecutive(u64::MAX));
}

#[test]
fn names_and_numbers_lead_back() {
    assert_eq!(RestartPolicy::default(), OnFailure);
    let names = RestartPolicy::ALL.map(|policy| policy.to_string());
    assert_eq!(names, ["never", "on-failure", "always"]);
    for policy in RestartPolicy::ALL {
        assert_eq!(RestartPolicy::from_name(policy.name()), Some(policy));
        assert_eq!(RestartPolicy::from_u8(policy.as_u8()), Some(policy));
    }
    assert_eq!(format!("{Never:<8}|"), "never   |");
    assert_eq!(RestartPolicy::from_name("Always"), None);
    assert_eq!(RestartPolicy::from_u8(3), None);
}
