//! Rows of `Details` in which all is as long as it can be: what has no room is cut at the end of the row, behind
//! all that is short.

mod common;
mod ram;
mod reading;

use bulkhead_lifecycle::{Blocked, Definition, End, OtherEnd, Outcome};
use bulkhead_model::{Isolation, RestartPolicy};
use common::{Machine, definition};
use reading::read;

const ROW: usize = 448;
/// Sixteen letters each.
const LONG: [&str; 4] = [
    "aaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbb",
    "cccccccccccccccc",
    "dddddddddddddddd",
];
const CORES: [usize; 6] = [1, 2, 3, 4, 5, 6];

/// Two partitions, the first with all that can be long; the other one has the right over all.
fn long() -> Machine {
    let machine = Machine::new(RestartPolicy::Never);
    machine.first_id.set(4_000_000_000);
    machine.wants_dump.set(true);
    for (partition, name) in LONG.into_iter().enumerate().rev() {
        // Undefined before, for each keeps its name.
        machine.life.publish(partition, None);
        let cores = [&CORES[..], &[7], &[], &[]][partition];
        machine.life.publish(
            partition,
            Some(&Definition {
                name,
                cores,
                has_control: true,
                memory: u64::MAX,
                watchdog: u32::MAX,
                wants_dump: true,
                ..definition(partition, RestartPolicy::OnFailure)
            }),
        );
        machine.life.provide_plan(partition);
    }
    let ends = [1, 2, 3, 0].map(|peer| OtherEnd {
        peer,
        table: 0x1000,
    });
    machine.life.publish_links(0, ends.into_iter());
    machine.life.publish_isolation(0, Some(Isolation::Bare));
    machine
}

/// The row of the first one, as the second one reads it.
fn row(machine: &Machine) -> String {
    let text = read(machine, 1, "Details");
    assert_eq!(text.len() % ROW, 0);
    let rows: Vec<&str> = text.split_inclusive('\n').collect();
    assert!(rows.iter().all(|row| row.len() == ROW), "{rows:?}");
    rows[0].trim_end().to_string()
}

#[test]
fn the_reason_is_cut_and_nothing_before_it_is_lost() {
    let machine = long();
    machine.start(1);
    machine.start(0);
    for _ in 0..3 {
        let blocked = Blocked {
            device: 0x100,
            address: 0x5000,
            is_read: false,
            held: 0,
        };
        machine.life.device_blocked(&machine.at(0), 0, blocked);
    }
    machine.end(0, End::Failed);
    let reason: String = ('!'..='~').chain('!'..='~').take(96).collect();
    machine.life.set_reason(0, 1, &reason);
    let held = machine
        .life
        .ask(&machine.at(7), 1, Some("hold aaaaaaaaaaaaaaaa"));
    assert_eq!(held, Outcome::Done);
    let row = row(&machine);
    let (before, told) = row.split_once(" reason=").expect("there is one");
    for word in [
        "isolation=bare",
        "blocked=3",
        "control=yes",
        "held=bbbbbbbbbbbbbbbb",
        "end=failed",
        "count=6",
    ] {
        assert!(
            before.split(' ').any(|other| other == word),
            "{word}: {row}"
        );
    }
    let links = LONG.iter().cycle().skip(1).take(4);
    let links = links.copied().collect::<Vec<_>>().join(",");
    assert!(before.contains(&format!(" links={links} ")), "{row}");
    assert!(before.contains(" cores=4000000002,4000000004,"), "{row}");
    assert!(!told.is_empty() && reason.starts_with(told), "{row}");
    assert_eq!(row.len(), ROW - 1, "all room is used: {row}");
}
