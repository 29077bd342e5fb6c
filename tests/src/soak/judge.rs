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
        // What runs was launched after the last kill: it is another run, if it was ended at all.
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
        // It runs: there is nothing to start.
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

    #[test]
    fn what_comes_of_a_round_is_judged() {
        let ok = || vec!["ok".to_string()];
        let boss = |verb, target| act(Actor::Boss(0), verb, target);
        let kill = [boss(Verb::Kill, 2)];
        let killed = rows([RUNS, RUNS, (State::Stopped, 3), RUNS]);
        let same = rows([RUNS; 4]);
        let cases = [
            (judge(&kill, &BEFORE, &killed, &[ok(), vec![]]), ""),
            (
                judge(&kill, &BEFORE, &same, &[ok(), vec![]]),
                "was answered",
            ),
            (
                judge(&kill, &BEFORE, &killed, &[vec![], vec![]]),
                "0 answers",
            ),
            (
                judge(&kill, &BEFORE, &killed, &[[ok(), ok()].concat(), vec![]]),
                "2 answers",
            ),
            (judge(&kill, &BEFORE, &killed, &[ok(), ok()]), "1 answers"),
            (
                judge(
                    &kill,
                    &BEFORE,
                    &killed,
                    &[vec!["busy: passed".into()], vec![]],
                ),
                "busy: passed",
            ),
            // Another one than was asked for.
            (
                judge(&[boss(Verb::Start, 1)], &BEFORE, &killed, &[ok(), vec![]]),
                "nobody killed it",
            ),
            (
                judge(
                    &kill,
                    &BEFORE,
                    &rows([RUNS, (State::Running, 4), (State::Stopped, 3), RUNS]),
                    &[ok(), vec![]],
                ),
                "launched 1 times",
            ),
            // The one who asked was restarted before it had its answer.
            (
                judge(
                    &[boss(Verb::Kill, 2), act(Actor::Shell, Verb::Restart, 0)],
                    &BEFORE,
                    &rows([(State::Running, 4), RUNS, RUNS, RUNS]),
                    &[vec![], vec![]],
                ),
                "",
            ),
        ];
        for (index, (judged, why)) in cases.into_iter().enumerate() {
            match judged {
                Ok(()) => assert_eq!(why, "", "case {index}"),
                Err(said) => assert!(!why.is_empty() && said.contains(why), "{index}: {said}"),
            }
        }
    }
}
