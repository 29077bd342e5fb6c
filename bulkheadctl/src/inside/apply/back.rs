//! What is done where a step was refused, so that what ran runs again.

use super::plan::{before, difference};
use super::{Present, Step};

/// The steps back where so many were `done` and the next one is refused. What was killed is started, by the
/// definition that it has by now. One that is not defined any more is again what it was; for that, what others have
/// been given since is taken back.
#[must_use]
pub fn back(steps: &[Step], done: usize, present: &[Present]) -> Vec<Step> {
    let (done, rest) = steps.split_at(done.min(steps.len()));
    let find = |name: &str| present.iter().find(|one| one.definition.name == name);
    // All before stays: whoever is undefined there is defined again there.
    let mut kept = done.len();
    while let Some(gone) = first_gone(&done[..kept]) {
        kept = gone;
    }
    let (kept, undone) = done.split_at(kept);
    let mut back = Vec::new();
    for step in undone.iter().rev() {
        match step {
            Step::Start(name) => back.push(Step::Kill(name.clone())),
            Step::Undefine(name) => {
                back.extend(find(name).map(|one| Step::Define(one.definition.clone())));
            }
            Step::Define(made) => back.push(Step::Undefine(made.name.clone())),
            Step::Set(change, _) => back.extend(find(&change.name).map(|one| before(change, one))),
            _ => {}
        }
    }
    // One that was to have another size has none now, and so has one of whom was undefined.
    for step in done {
        if let Step::Unlink(old) = step
            && rest
                .iter()
                .any(|step| matches!(step, Step::Link(link) if link.names == old.names))
        {
            back.push(Step::Link(old.clone()));
        }
    }
    let live = present.iter().filter(|one| one.is_live);
    for one in live {
        let name = &one.definition.name;
        let start = Step::Start(name.clone());
        if !done.contains(&Step::Kill(name.clone())) || kept.contains(&start) {
            continue;
        }
        // It can't be started as it is to be.
        if rest.first() == Some(&start) {
            let set = kept.iter().find_map(|step| match step {
                Step::Set(change, _) if change.name == *name => Some(before(change, one)),
                Step::Define(made) if made.name == *name => {
                    let (change, old) = difference(&one.definition, made);
                    Some(Step::Set(change, old))
                }
                _ => None,
            });
            back.extend(set);
        }
        back.push(start);
    }
    back
}

/// Where the first is undefined of those that are not defined any more after these steps.
fn first_gone(steps: &[Step]) -> Option<usize> {
    let is_there = |name: &str| {
        let mut steps = steps.iter();
        steps.any(|step| matches!(step, Step::Define(made) if made.name == name))
    };
    let is_gone = |step: &Step| matches!(step, Step::Undefine(name) if !is_there(name));
    steps.iter().position(is_gone)
}
