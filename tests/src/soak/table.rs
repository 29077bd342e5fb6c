//! What is done in a round of two control partitions, and what may come of it.

use std::fmt;

use super::random::Random;
use crate::{answers, control};

/// The partitions and their serial ports; each has the core of its number, from 1.
pub(super) const PARTITIONS: [(&str, Option<usize>); 4] = [
    ("left", Some(2)),
    ("right", Some(3)),
    ("third", Some(4)),
    ("mute", None),
];
/// Those with control.
pub(super) const BOSSES: [usize; 2] = [0, 1];

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    Shell,
    Boss(usize),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    Kill,
    Restart,
}

impl Verb {
    const ALL: [Self; 3] = [Self::Start, Self::Kill, Self::Restart];

    const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Kill => "kill",
            Self::Restart => "restart",
        }
    }
}

/// One thing that is done in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) actor: Actor,
    pub(super) verb: Verb,
    pub(super) target: usize,
}

impl Act {
    /// As the shell and `Control` take it.
    pub(super) fn request(&self) -> String {
        format!("{} {}", self.verb.word(), PARTITIONS[self.target].0)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor = match self.actor {
            Actor::Shell => "shell",
            Actor::Boss(boss) => PARTITIONS[boss].0,
        };
        write!(f, "{actor}: {}", self.request())
    }
}

/// Chooses what is done: at least one thing, at most one by each. Without the shell a boss only
/// restarts the other: were both killed, nobody would be left to start one.
pub(super) fn choose(random: &mut Random, has_shell: bool) -> Vec<Act> {
    let actors = [Actor::Boss(0), Actor::Boss(1), Actor::Shell];
    let mut acts = Vec::new();
    while acts.is_empty() {
        for actor in random.shuffle(&actors) {
            if random.below(4) == 0 || actor == Actor::Shell && !has_shell {
                continue;
            }
            let all: Vec<usize> = (0..PARTITIONS.len()).collect();
            let others = all.into_iter().filter(|index| actor != Actor::Boss(*index));
            let target = random.one_of(&others.collect::<Vec<_>>());
            let verb = if !has_shell && BOSSES.contains(&target) {
                Verb::Restart
            } else {
                random.one_of(&Verb::ALL)
            };
            acts.push(Act {
                actor,
                verb,
                target,
            });
        }
    }
    acts
}

/// Where a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Stopped,
    /// Launching, ending or waiting.
    OnItsWay,
}

/// A partition, as the shell lists it or a Linux reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) state: State,
    pub(super) runs: u32,
}

/// All of them.
pub(super) type Table = [Row; PARTITIONS.len()];

fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a str, u32)>) -> Option<Table> {
    let mut found = [None; PARTITIONS.len()];
    for (name, word, runs) in rows {
        let index = PARTITIONS.iter().position(|(known, _)| *known == name)?;
        let state = match word {
            "running" => State::Running,
            "stopped" => State::Stopped,
            word if control::is_on_its_way(word) => State::OnItsWay,
            // Nothing here fails or is only defined.
            _ => return None,
        };
        found[index] = Some(Row { state, runs });
    }
    let [Some(a), Some(b), Some(c), Some(d)] = found else {
        return None;
    };
    Some([a, b, c, d])
}

/// From `list`.
pub(super) fn listed(output: &str) -> Option<Table> {
    let rows = answers::list(output);
    table(rows.iter().map(|row| (&*row.name, &*row.state, row.runs)))
}

/// From `Partitions`.
pub(super) fn read(text: &str) -> Option<Table> {
    let rows = control::rows(text)?;
    table(rows.iter().map(|row| (&*row.name, &*row.state, row.runs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: [(State, u32); 4]) -> Table {
        rows.map(|(state, runs)| Row { state, runs })
    }

    const RUNS: (State, u32) = (State::Running, 3);

    #[test]
    fn tables_are_read() {
        let text = "left running 3 1\nright stopped 2 2\nthird ending 3 3\nmute running 3 4\n";
        let wanted = [RUNS, (State::Stopped, 2), (State::OnItsWay, 3), RUNS];
        assert_eq!(read(text), Some(rows(wanted)));
        assert_eq!(read("left running 3 1\n"), None, "three are missing");
        assert_eq!(read(&text.replace("ending", "failed")), None);
    }

    #[test]
    fn nobody_is_left_without_control() {
        let mut random = Random(7);
        for _ in 0..1000 {
            let acts = choose(&mut random, false);
            assert!((1..=2).contains(&acts.len()));
            for act in acts {
                assert_ne!(act.actor, Actor::Shell);
                assert_ne!(act.actor, Actor::Boss(act.target));
                assert!(act.verb == Verb::Restart || !BOSSES.contains(&act.target));
            }
        }
    }
}
