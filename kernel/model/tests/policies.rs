//! What follows the end of a run.

use bulkhead_model::{Decision, End, RESTART_LIMIT, RestartPolicy, STABLE_MS};

use Decision::{GiveUp, Stay};
use End::{Failed, Killed, PoweredOff, Rebooted};
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
        // A reboot is answered at once, as often.
        assert_eq!(policy.after(Rebooted, 5), after(0));
        assert_eq!(policy.after(Rebooted, 6), GiveUp);
    }
    assert_eq!(Never.after(Failed, u32::MAX), Stay);
    assert_eq!(OnFailure.after(PoweredOff, u32::MAX), Stay);
    assert_eq!(Always.after(PoweredOff, 5), after(1000));
    assert_eq!(Always.after(PoweredOff, 6), GiveUp);
}

#[test]
fn the_row_grows_by_panics_and_by_what_comes_too_soon() {
    assert_eq!(STABLE_MS, 60_000);
    let (short, long) = ([0, 59_999], [60_000, u64::MAX]);
    for policy in RestartPolicy::ALL {
        for uptime in short {
            assert_eq!(policy.row_after(Failed, 3, uptime), 4);
            assert_eq!(policy.row_after(Failed, u32::MAX, uptime), u32::MAX);
        }
        for uptime in long {
            assert_eq!(policy.row_after(Failed, 3, uptime), 1, "of a new row");
            assert_eq!(policy.row_after(Rebooted, 3, uptime), 0, "{policy}");
            assert_eq!(policy.row_after(PoweredOff, 3, uptime), 0, "{policy}");
        }
        for uptime in short.into_iter().chain(long) {
            assert_eq!(policy.row_after(Killed, 3, uptime), 0, "somebody's wish");
        }
    }
    // Where another launch follows.
    for (policy, end, row) in [
        (Never, Rebooted, 0),
        (Never, PoweredOff, 0),
        (OnFailure, Rebooted, 4),
        (OnFailure, PoweredOff, 0),
        (Always, Rebooted, 4),
        (Always, PoweredOff, 4),
    ] {
        for uptime in short {
            assert_eq!(policy.row_after(end, 3, uptime), row, "{policy} {end:?}");
        }
    }
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
