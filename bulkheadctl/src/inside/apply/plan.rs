//! What has to be done.

use super::links::changes;
use super::meaning::{Meaning, absent};
use super::{Definition, Link, Present, Step, Wanted, quoted};

/// What has to be done, in order; the partitions that are not in the file are left alone, and so are links of theirs.
#[must_use]
pub fn plan(wanted: &Wanted, present: &[Present], may_restart: bool) -> Vec<Step> {
    let is_live = |name: &str| {
        let mut present = present.iter();
        present.any(|one| one.definition.name == name && one.is_live)
    };
    let mut left = Vec::new();
    let mut linking = Vec::new();
    // Neither end may run while a link comes or goes.
    let mut held: Vec<String> = Vec::new();
    for change in changes(wanted, present) {
        let names = ends(&change);
        let live: Vec<String> = names.iter().filter(|name| is_live(name)).cloned().collect();
        if live.is_empty() || may_restart {
            held.extend(names);
            linking.extend(change);
        } else {
            let lines: Vec<String> = change.iter().filter_map(Step::request).collect();
            left.push(Step::LeftLink(lines.join(", "), live));
        }
    }
    let mut steps = Vec::new();
    let mut starts = Vec::new();
    for definition in &wanted.definitions {
        let name = &definition.name;
        let is_held = held.contains(name);
        let found = present.iter().find(|one| one.definition.name == *name);
        let is_started = one(definition, found, wanted, may_restart, is_held, &mut steps);
        if is_started && is_held {
            starts.push(Step::Start(name.clone()));
        } else if is_started {
            steps.push(Step::Start(name.clone()));
        }
    }
    steps.extend(left);
    steps.extend(linking);
    steps.extend(starts);
    steps
}

/// Whether another isolation is wanted than the shell's `isolation` tells.
#[must_use]
pub fn isolation(wanted: &Wanted, shown: &str) -> Option<Step> {
    let wanted = wanted.isolation.clone()?;
    let first = shown.lines().next().unwrap_or_default();
    let is = first.split(':').next().unwrap_or_default().trim();
    (is != wanted).then(|| Step::Isolation(wanted, is.to_string()))
}

/// Both ends of the link that a change is about.
fn ends(change: &[Step]) -> Vec<String> {
    let mut links = change.iter().filter_map(|step| match step {
        Step::Link(link) | Step::Unlink(link) => Some(link),
        _ => None,
    });
    links
        .next()
        .map_or_else(Vec::new, |Link { names, .. }| names.to_vec())
}

/// What has to be done for one partition; whether it is to be started then. One that is held is ended in any case.
fn one(
    definition: &Definition,
    found: Option<&Present>,
    wanted: &Wanted,
    may_restart: bool,
    is_held: bool,
    steps: &mut Vec<Step>,
) -> bool {
    let wants_start = wanted.started.contains(&definition.name);
    let Some(one) = found else {
        steps.push(Step::Define(definition.clone()));
        return wants_start;
    };
    let (change, old) = difference(definition, &one.definition);
    let is_same = change.keys.is_empty();
    if is_same && !is_held {
        return wants_start && !one.is_live;
    }
    if one.is_live {
        if !may_restart {
            steps.push(Step::Left(change, old));
            return false;
        }
        steps.push(Step::Kill(definition.name.clone()));
    }
    if !is_same {
        steps.push(Step::Set(change, old));
    }
    wants_start || one.is_live
}

/// The keys of `new` that mean something else than in `old`, and what those were.
fn difference(new: &Definition, old: &Definition) -> (Definition, Vec<String>) {
    let keys = new
        .keys
        .iter()
        .chain(&old.keys)
        .map(|(key, _)| key.as_str());
    let mut change = Definition {
        name: new.name.clone(),
        keys: Vec::new(),
    };
    let mut before = Vec::new();
    for key in keys {
        let of = |definition: &Definition| {
            definition
                .value(key)
                .map_or_else(|| absent(key), String::from)
        };
        let (wanted, was) = (of(new), of(old));
        if Meaning::of(key, &wanted) != Meaning::of(key, &was) && change.value(key).is_none() {
            before.push(format!("{key}={}", quoted(&was)));
            change.keys.push((key.to_string(), wanted));
        }
    }
    (change, before)
}
