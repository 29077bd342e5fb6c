//! Two control partitions that want the same of each other.

use std::cell::Cell;
use std::time::Duration;

use bulkhead_tests::control::{self, partition};
use bulkhead_tests::qemu::{PATIENCE, Running};
use libtest_mimic::Trial;

use super::{BOSSES, THIRD, WRONG_STATE, boot, halt, is_whole};
use crate::{is_long, story};

pub(super) fn stories() -> Vec<Trial> {
    vec![story("contention::bosses_restart_each_other", each_other)]
}

/// What became of a boss whose request met the other's.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Restarted,
    Answered(String),
}

/// The words before an answer. The shell puts them together, so that an echo is not taken for them.
const ANSWER: &str = "ANSWER=";
const ANSWER_IN_SHELL: &str = "ANS''WER=";
const REPORT: &str = "BULKHEAD-DEMO end";

/// Waits for the answer of a boss, or for its next run.
fn fate(machine: &mut Running, com: usize) -> Fate {
    let found = Cell::new(None);
    let find = |text: &str| {
        if let Some(at) = text.find(REPORT) {
            found.set(Some(Fate::Restarted));
            return Some((at, at + REPORT.len()));
        }
        let at = text.find(ANSWER)?;
        let (answer, _) = text[at + ANSWER.len()..].split_once('|')?;
        found.set(Some(Fate::Answered(answer.to_string())));
        Some((at, at + ANSWER.len() + answer.len()))
    };
    let waited = machine
        .com(com)
        .wait_until("an answer, or the next run", PATIENCE, find);
    match (waited, found.take()) {
        (Ok(_), Some(fate)) => fate,
        (Err(silence), _) => machine.fail(&silence.to_string()),
        (Ok(_), None) => machine.fail("it was found, and is not there"),
    }
}

/// Both ask for the other's restart at the same moment, four times, or many: one of them gets it, or both.
fn each_other() {
    let rounds = if is_long() { 40 } else { 4 };
    let mut machine = boot("contention_each_other");
    halt(&mut machine);
    let mut both = 0;
    for round in 1..=rounds {
        let runs = |machine: &mut Running| {
            BOSSES.map(|(name, _)| partition(machine, BOSSES[0].1, name).runs)
        };
        let before = runs(&mut machine);
        let fates = restart_each_other(&mut machine, round);
        let after = runs(&mut machine);
        for (index, fate) in fates.iter().enumerate() {
            let other = &fates[1 - index];
            // Who was restarted had one run more; who was not has the answer to what it asked.
            let is_restarted = *fate == Fate::Restarted;
            let answer = if *other == Fate::Restarted {
                "ok"
            } else {
                WRONG_STATE
            };
            let is_right = after[index] == before[index] + u32::from(is_restarted)
                && (is_restarted || *fate == Fate::Answered(answer.to_string()));
            if !is_right || !fates.contains(&Fate::Restarted) {
                machine.fail(&format!(
                    "round {round}: {fates:?}, runs {before:?} and then {after:?}"
                ));
            }
        }
        both += usize::from(fates.iter().all(|fate| *fate == Fate::Restarted));
    }
    println!("in {both} of {rounds} rounds both were restarted");
    is_whole(&mut machine, BOSSES[0].1, BOSSES[1]);
    is_whole(&mut machine, BOSSES[0].1, THIRD);
    control::teach(&mut machine, BOSSES[1].1);
    is_whole(&mut machine, BOSSES[1].1, BOSSES[0]);
}

/// One round; both are up again, and know how to ask.
fn restart_each_other(machine: &mut Running, round: usize) -> [Fate; 2] {
    // In turns the one and the other a little earlier.
    let order = if round.is_multiple_of(2) {
        [0, 1]
    } else {
        [1, 0]
    };
    for index in order {
        let (com, other) = (BOSSES[index].1, BOSSES[1 - index].0);
        machine.com(com).skip();
        machine.com(com).send(&format!(
            ". {}; ask 'restart {other}'; echo {ANSWER_IN_SHELL}\"$a|\"\r",
            control::SCRIPT
        ));
    }
    let mut fates = BOSSES.map(|(_, com)| fate(machine, com));
    // Who was answered may have been on its way out when it said so.
    std::thread::sleep(Duration::from_secs(1));
    for (index, (_, com)) in BOSSES.into_iter().enumerate() {
        if fates[index] != Fate::Restarted {
            machine
                .com(com)
                .send(&format!("echo {ANSWER_IN_SHELL}'alive|'\r"));
            if fate(machine, com) == Fate::Restarted {
                fates[index] = Fate::Restarted;
            }
        }
    }
    for (index, (_, com)) in BOSSES.into_iter().enumerate() {
        machine.wait_for(com, "# ");
        if fates[index] == Fate::Restarted {
            control::teach(machine, com);
        }
    }
    fates
}
