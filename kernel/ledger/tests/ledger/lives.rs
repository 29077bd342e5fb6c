//! The life of a partition, and what may be done when.

use bulkhead_fake::Happening::{Ended, Launch, Launched};
use bulkhead_fake::{Fake, Happening, MIB, RESIDENT, at, claim, happen};
use bulkhead_ledger::PlanError;
use bulkhead_model::{Change, End, Key, Life, Ram, RestartPolicy, Right, State};

const WEB: usize = 0;

/// "web" after this.
fn after(history: &[Happening]) -> Fake {
    let mut fake = Fake::with_web();
    for what in history {
        assert!(happen(&mut fake.ledger, WEB, *what), "{history:?}");
    }
    fake
}

#[test]
fn what_was_observed_is_what_there_is() {
    let fake = after(&[Launch, Launched, Ended(End::Killed), Launch, Launched]);
    let web = &fake.ledger.by_id(WEB).unwrap().life;
    assert_eq!((web.state, web.runs), (State::Running, 2));
    assert_eq!(web.last_end, Some(End::Killed));
    let mut other = fake.ledger.clone();
    other.observe(7, Life::default(), Ram::default());
    assert_eq!(other, fake.ledger, "there is no partition number 7");
}

#[test]
fn policy_and_control_are_the_operators_and_in_the_plan() {
    let mut fake = Fake::with_web();
    let told = |fake: &Fake| (fake.plan("web").restart, fake.plan("web").control);
    assert_eq!(told(&fake), (RestartPolicy::OnFailure, false));
    let change = Change {
        restart: Some(RestartPolicy::Always),
        control: Some(Right::All),
        ..Change::default()
    };
    fake.set("web", change).unwrap();
    assert_eq!(told(&fake), (RestartPolicy::Always, true));
    fake.set("web", Change::default()).unwrap();
    assert_eq!(told(&fake), (RestartPolicy::Always, true));
    let change = Change {
        restart: Some(RestartPolicy::Never),
        control: Some(Right::No),
        ..claim(&[4], &[at(64 * MIB, None)])
    };
    fake.define("db", change).unwrap();
    let db = fake.plan("db");
    assert_eq!((db.restart, db.control), (RestartPolicy::Never, false));
}

#[test]
fn a_live_partition_stays_as_it_is() {
    for events in [&[Launch][..], &[Launch, Launched]] {
        let mut fake = after(events);
        let before = fake.ledger.clone();
        let state = before.by_id(WEB).unwrap().life.state;
        let refusals = [
            (
                fake.set("web", Change::default()).map(|_| ()),
                "changed (accepted after kill web)",
            ),
            (
                fake.ledger.undefine("web"),
                "undefined (accepted after kill web)",
            ),
            (
                fake.ledger.check_launch(&fake.machine, "web"),
                "launched (accepted: restart web)",
            ),
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
    let mut fake = after(&[Launch, Launched, Ended(End::PoweredOff)]);
    let change = Change {
        kernel: Some("linux612".into()),
        initrds: Some(Vec::new()),
        console: Some(None),
        ..Change::default()
    };
    fake.set("web", change).unwrap();
    let web = fake.ledger.get("web").unwrap();
    assert_eq!((web.life.state, web.life.runs), (State::Stopped, 1));
    assert_eq!((web.definition.initrds.len(), web.claim.console), (0, None));
    fake.ledger.check_launch(&fake.machine, "web").unwrap();
    assert!(happen(&mut fake.ledger, WEB, Launch));
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
    let mut fake = after(&[Launch, Launched, Ended(End::Killed)]);
    let lose = |fake: &mut Fake, cores: &[u32]| {
        let web = fake.ledger.by_id(WEB).unwrap();
        let (mut life, ram) = (web.life.clone(), web.ram);
        life.lost_cores = cores.to_vec();
        fake.ledger.observe(WEB, life, ram);
    };
    lose(&mut fake, &[3]);
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
    let restart = fake.ledger.check_restart(&fake.machine, "web");
    assert_eq!(restart, Err(lost("launched")));
    assert_eq!(
        lost("changed").to_string(),
        "\"web\" can't be changed: core 3 did not come back from it, and may still use its memory"
    );
    assert_eq!(fake.ledger, before, "nothing has changed");

    lose(&mut fake, &[]);
    fake.set("web", change()).unwrap();
    fake.ledger.undefine("web").unwrap();
}

#[test]
fn a_partition_keeps_what_its_devices_may_still_reach() {
    let mut fake = after(&[Launch, Launched, Ended(End::Killed)]);
    let web = fake.ledger.by_id(WEB).unwrap();
    let (mut life, ram) = (web.life.clone(), web.ram);
    life.leaks = true;
    fake.ledger.observe(WEB, life, ram);
    let before = fake.ledger.clone();
    let leaks = |action| PlanError::Leaks {
        name: "web".into(),
        action,
    };
    assert_eq!(fake.ledger.undefine("web"), Err(leaks("undefined")));
    let change = Change {
        memory: Some(vec![at(64 * MIB, 0x1000_0000)]),
        ..Change::default()
    };
    assert_eq!(fake.set("web", change), Err(leaks("changed")));
    let launch = fake.ledger.check_launch(&fake.machine, "web");
    assert_eq!(launch, Err(leaks("launched")));
    let taken = fake.define("db", claim(&[4], &[at(64 * MIB, 0x4000_0000)]));
    assert!(taken.is_err(), "its RAM is nobody else's");
    assert_eq!(
        leaks("changed").to_string(),
        "\"web\" can't be changed: the IOMMU did not answer at its end, so its devices may still reach its memory (accepted: a reset of the machine)"
    );
    assert_eq!(fake.ledger, before, "nothing has changed");
}
