//! The life of a partition, and what may be done when.

use bulkhead_fake::{Fake, MIB, RESIDENT, at, claim};
use bulkhead_ledger::PlanError;
use bulkhead_model::{Change, Event, Key, RestartPolicy, State};

const WEB: usize = 0;

fn failed() -> Event {
    Event::Failed {
        reason: "no such luck".into(),
    }
}

/// "web" after these events.
fn after(events: &[Event]) -> Fake {
    let mut fake = Fake::with_web();
    for event in events {
        fake.ledger.apply(WEB, event).unwrap();
    }
    fake
}

#[test]
fn every_event_in_every_state() {
    use Event::{Killed, Launch, Launched, PoweredOff, Rebooted};
    let histories: [&[Event]; 5] = [
        &[],
        &[Launch],
        &[Launch, Launched],
        &[Launch, Launched, PoweredOff],
        &[Launch, failed()],
    ];
    let events = [Launch, Launched, PoweredOff, Rebooted, Killed, failed()];
    // Rows: defined, launching, running, stopped, failed.
    let table = [
        ["launching", "", "", "", "", ""],
        ["", "running", "", "", "stopped", "failed"],
        ["", "", "stopped", "stopped", "stopped", "failed"],
        ["launching", "", "", "", "", ""],
        ["launching", "", "", "", "", ""],
    ];
    for (history, row) in histories.iter().zip(table) {
        for (event, expected) in events.iter().zip(row) {
            let mut fake = after(history);
            let before = fake.ledger.clone();
            let done = fake.ledger.apply(WEB, event);
            if expected.is_empty() {
                assert!(
                    matches!(done, Err(PlanError::WrongState { .. })),
                    "{history:?} {event:?}"
                );
                assert_eq!(fake.ledger, before);
            } else {
                done.unwrap();
                assert_eq!(fake.ledger.by_id(WEB).unwrap().state.to_string(), expected);
            }
        }
    }
}

#[test]
fn runs_are_counted_and_reasons_kept() {
    let mut fake = after(&[
        Event::Launch,
        Event::Launched,
        Event::Killed,
        Event::Launch,
        failed(),
    ]);
    let web = fake.ledger.by_id(WEB).unwrap();
    assert_eq!(web.runs, 1);
    assert_eq!(web.state, State::Failed);
    assert_eq!(web.last_end, Some(failed()));
    let nobody = fake.ledger.apply(7, &Event::Launch).unwrap_err();
    assert_eq!(nobody.to_string(), "there is no partition number 7");
}

#[test]
fn the_last_end_is_kept_over_the_next_launch() {
    use Event::{Killed, Launch, Launched, PoweredOff, Rebooted};
    let said = |row: &[Event]| {
        let fake = after(row);
        let end = fake.ledger.by_id(WEB).unwrap().last_end.as_ref();
        end.map(ToString::to_string)
    };
    assert_eq!(said(&[Launch, Launched]), None);
    for (end, words) in [
        (PoweredOff, "powered-off"),
        (Rebooted, "rebooted"),
        (Killed, "killed"),
        (failed(), "failed reason=\"no such luck\""),
    ] {
        for next in [&[][..], &[Launch], &[Launch, Launched]] {
            let row = [&[Launch, Launched, end.clone()], next].concat();
            assert_eq!(said(&row).as_deref(), Some(words), "{row:?}");
        }
    }
}

#[test]
fn failures_in_a_row_are_counted() {
    use Event::{Killed, Launch, Launched, PoweredOff, Rebooted};
    let row = [Launch, Launched, failed(), Launch, failed()];
    let failures = |fake: &Fake| fake.ledger.by_id(WEB).unwrap().failures;
    assert_eq!(failures(&after(&row)), 2);
    for end in [PoweredOff, Rebooted, Killed] {
        let mut fake = after(&row);
        for event in [Launch, Launched] {
            fake.ledger.apply(WEB, &event).unwrap();
            assert_eq!(failures(&fake), 2, "a launch is no success yet");
        }
        fake.ledger.apply(WEB, &end).unwrap();
        assert_eq!(failures(&fake), 0, "{end:?}");
    }
    let mut fake = after(&row);
    fake.ledger.forgive(WEB).unwrap();
    assert_eq!(failures(&fake), 0);
    let nobody = fake.ledger.forgive(7).unwrap_err();
    assert_eq!(nobody, PlanError::UnknownId { id: 7 });
}

#[test]
fn policy_and_control_are_the_operators_and_in_the_plan() {
    let mut fake = Fake::with_web();
    let told = |fake: &Fake| (fake.plan("web").restart, fake.plan("web").control);
    assert_eq!(told(&fake), (RestartPolicy::OnFailure, false));
    let change = Change {
        restart: Some(RestartPolicy::Always),
        control: Some(true),
        ..Change::default()
    };
    fake.set("web", change).unwrap();
    assert_eq!(told(&fake), (RestartPolicy::Always, true));
    fake.set("web", Change::default()).unwrap();
    assert_eq!(told(&fake), (RestartPolicy::Always, true));
    let change = Change {
        restart: Some(RestartPolicy::Never),
        control: Some(false),
        ..claim(&[4], &[at(64 * MIB, None)])
    };
    fake.define("db", change).unwrap();
    let db = fake.plan("db");
    assert_eq!((db.restart, db.control), (RestartPolicy::Never, false));
}

#[test]
fn a_live_partition_stays_as_it_is() {
    for events in [&[Event::Launch][..], &[Event::Launch, Event::Launched]] {
        let mut fake = after(events);
        let before = fake.ledger.clone();
        let state = before.by_id(WEB).unwrap().state.clone();
        let refusals = [
            (fake.set("web", Change::default()).map(|_| ()), "changed"),
            (fake.ledger.undefine("web"), "undefined"),
            (fake.ledger.check_launch(&fake.machine, "web"), "launched"),
        ];
        for (refusal, action) in refusals {
            let error = refusal.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("\"web\" is {state} and can't be {action}")
            );
            assert_eq!(error.key(), Some(Key::Name));
        }
        // Its cores can be taken back.
        fake.ledger.check_restart(&fake.machine, "web").unwrap();
        assert_eq!(fake.ledger, before);
        // It can still be looked at.
        fake.ledger.check(&fake.machine, "web").unwrap();
        fake.ledger.plan(&fake.machine, &RESIDENT, "web").unwrap();
    }
}

#[test]
fn a_resting_partition_can_be_changed_and_launched_again() {
    let mut fake = after(&[Event::Launch, Event::Launched, Event::PoweredOff]);
    let change = Change {
        kernel: Some("linux612".into()),
        initrd: Some(None),
        console: Some(None),
        ..Change::default()
    };
    fake.set("web", change).unwrap();
    let web = fake.ledger.get("web").unwrap();
    assert_eq!((&web.state, web.runs), (&State::Stopped, 1));
    assert_eq!((&web.definition.initrd, web.claim.console), (&None, None));
    fake.ledger.check_launch(&fake.machine, "web").unwrap();
    fake.ledger.apply(WEB, &Event::Launch).unwrap();
}

#[test]
fn numbers_are_used_again() {
    let mut fake = Fake::with_web();
    fake.define("db", claim(&[4], &[at(64 * MIB, None)]))
        .unwrap();
    fake.ledger.undefine("web").unwrap();
    fake.define("mail", claim(&[2], &[at(64 * MIB, None)]))
        .unwrap();
    let ids: Vec<_> = fake
        .ledger
        .iter()
        .map(|p| (p.definition.name.as_str(), p.id))
        .collect();
    assert_eq!(ids, [("db", 1), ("mail", 0)]);
}

#[test]
fn a_partition_keeps_what_a_lost_core_may_still_use() {
    use Event::{Killed, Launch, Launched};
    let mut fake = after(&[Launch, Launched, Killed]);
    fake.ledger.lose(WEB, 3).unwrap();
    fake.ledger.lose(WEB, 3).unwrap();
    let before = fake.ledger.clone();
    let lost = |action| PlanError::CoreLost {
        name: "web".into(),
        core: 3,
        action,
    };
    assert_eq!(fake.ledger.undefine("web"), Err(lost("undefined")));
    let change = || Change {
        memory: Some(vec![at(512 * MIB, 0x1000_0000)]),
        ..Change::default()
    };
    assert_eq!(fake.set("web", change()), Err(lost("changed")));
    let launch = fake.ledger.check_launch(&fake.machine, "web");
    assert_eq!(launch, Err(lost("launched")));
    assert_eq!(
        lost("changed").to_string(),
        "\"web\" can't be changed: core 3 did not come back from it, and may still use its memory"
    );
    assert_eq!(fake.ledger, before, "nothing has changed");

    fake.ledger.regain(|core| core == 2);
    assert_eq!(fake.ledger, before);
    fake.ledger.regain(|core| core == 3);
    fake.set("web", change()).unwrap();
    fake.ledger.undefine("web").unwrap();
    assert!(fake.ledger.lose(WEB, 3).is_err());
}
