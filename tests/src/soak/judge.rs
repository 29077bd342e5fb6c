//! Whether a round of two control partitions came out as it may.

use super::table::{Act, Actor, BOSSES, PARTITIONS, Row, State, Table, Verb};

const WRONG_STATE: &str = "error: its state does not allow it";
/// What the shell's refusals read as, and who asked in the moment at which it leaves.
const REFUSALS: [&str; 3] = [
    WRONG_STATE,
    "error: Bulkhead's shell refused it, and said why on its console",
    "error: Bulkhead's shell left before it came to it; ask again",
];

/// Whether a round came out as it may. `before` has the runs of each, all of which ran; `answers` are
/// those of each boss.
pub(super) fn judge(
    acts: &[Act],
    before: &[u32; PARTITIONS.len()],
    after: &Table,
    answers: &[Vec<String>; BOSSES.len()],
) -> Result<(), String> {
    for (index, (name, _)) in PARTITIONS.into_iter().enumerate() {
        let of_it: Vec<&Act> = acts.iter().filter(|act| act.target == index).collect();
        let has = |verb| of_it.iter().any(|act| act.verb == verb);
        let row = after[index];
        let Some(more) = row.runs.checked_sub(before[index]) else {
            return Err(format!("{name} has fewer runs than before"));
        };
        if row.state == State::Stopped && !has(Verb::Kill) {
            return Err(format!("{name} is stopped, and nobody killed it"));
        }
        let launches = of_it.iter().filter(|act| act.verb != Verb::Kill).count();
        if more as usize > launches {
            return Err(format!("{name} was launched {more} times"));
        }
        // Of several nobody knows which came first.
        if let [act] = of_it[..] {
            single(act, row, more, answers).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    for boss in BOSSES {
        let asked = acts.iter().any(|act| act.actor == Actor::Boss(boss));
        let is_same = after[boss].state == State::Running && after[boss].runs == before[boss];
        let (name, answers) = (PARTITIONS[boss].0, &answers[boss]);
        // Who was ended may have had its answer before.
        let is_right = match answers.len() {
            0 => !asked || !is_same,
            1 => asked,
            _ => false,
        };
        if !is_right {
            return Err(format!("{name} has {} answers", answers.len()));
        }
        let is_known = |answer: &String| answer == "ok" || REFUSALS.contains(&answer.as_str());
        if let Some(answer) = answers.iter().find(|answer| !is_known(answer)) {
            return Err(format!("{name} was answered {answer:?}"));
        }
    }
    Ok(())
}

/// Only one thing was asked of a partition, which ran: what must have come of it.
fn single(act: &Act, row: Row, more: u32, answers: &[Vec<String>]) -> Result<(), String> {
    let done = match act.verb {
        Verb::Start => (State::Running, 0),
        Verb::Kill => (State::Stopped, 0),
        Verb::Restart => (State::Running, 1),
    };
    let undone = (State::Running, 0);
    let answer = match act.actor {
        // The shell does what it is told.
        Actor::Shell => Some("ok"),
        Actor::Boss(boss) => answers[boss].first().map(String::as_str),
    };
    let is = (row.state, more);
    let is_right = match answer {
        // It runs: there is nothing to start, and who asks is told so.
        Some("ok") if act.verb == Verb::Start && act.actor != Actor::Shell => false,
        _ if act.verb == Verb::Start => is == undone,
        Some(answer) if answer.starts_with("ok") => is == done,
        Some(_) => is == undone,
        // Ended before it was answered: it may have asked in time.
        None => is == done || is == undone,
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("{act} was answered {answer:?}, and it is {row:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(actor: Actor, verb: Verb, target: usize) -> Act {
        Act {
            actor,
            verb,
            target,
        }
    }

    fn rows(rows: [(State, u32); 4]) -> Table {
        rows.map(|(state, runs)| Row { state, runs })
    }

    const BEFORE: [u32; 4] = [3; 4];
    const RUNS: (State, u32) = (State::Running, 3);
    const AGAIN: (State, u32) = (State::Running, 4);
    const STOPPED: (State, u32) = (State::Stopped, 3);
    const OK: &str = "ok";

    /// `left` asks for it; what of it is wrong, or nothing.
    fn wrong(acts: &[Act], after: [(State, u32); 4], answers: [&[&str]; 2]) -> String {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let judged = judge(acts, &BEFORE, &rows(after), &answers.map(texts));
        judged.err().unwrap_or_default()
    }

    fn has(said: &str, why: &str) {
        assert!(said.contains(why), "{said:?}, not {why:?}");
    }

    #[test]
    fn each_request_has_one_answer() {
        let kill = [act(Actor::Boss(0), Verb::Kill, 2)];
        let killed = [RUNS, RUNS, STOPPED, RUNS];
        assert_eq!(wrong(&kill, killed, [&[OK], &[]]), "");
        has(&wrong(&kill, killed, [&[], &[]]), "0 answers");
        has(&wrong(&kill, killed, [&[OK, OK], &[]]), "2 answers");
        has(&wrong(&kill, killed, [&[OK], &[OK]]), "1 answers");
        has(&wrong(&kill, killed, [&["busy: it"], &[]]), "busy: it");
    }

    #[test]
    fn what_was_asked_for_has_come() {
        let kill = [act(Actor::Boss(0), Verb::Kill, 2)];
        let start = [act(Actor::Boss(0), Verb::Start, 1)];
        let refused: [&[&str]; 2] = [&[WRONG_STATE], &[]];
        has(&wrong(&kill, [RUNS; 4], [&[OK], &[]]), "was answered");
        assert_eq!(wrong(&kill, [RUNS; 4], refused), "");
        // It ran already.
        has(&wrong(&start, [RUNS; 4], [&[OK], &[]]), "was answered");
        assert_eq!(wrong(&start, [RUNS; 4], refused), "");
        // Another one than was asked for.
        let killed = [RUNS, RUNS, STOPPED, RUNS];
        has(&wrong(&start, killed, refused), "nobody killed it");
        let also_launched = [RUNS, AGAIN, STOPPED, RUNS];
        has(
            &wrong(&kill, also_launched, [&[OK], &[]]),
            "launched 1 times",
        );
    }

    #[test]
    fn who_is_ended_may_have_no_answer() {
        let acts = [
            act(Actor::Boss(0), Verb::Kill, 2),
            act(Actor::Shell, Verb::Restart, 0),
        ];
        let stopped = [AGAIN, RUNS, STOPPED, RUNS];
        for third in [[AGAIN, RUNS, RUNS, RUNS], stopped] {
            assert_eq!(wrong(&acts, third, [&[], &[]]), "");
        }
        // The one that was to restart it did not.
        has(&wrong(&acts, [RUNS; 4], [&[OK], &[]]), "left");
    }
}
