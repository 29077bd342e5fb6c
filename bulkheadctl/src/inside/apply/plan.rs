//! What has to be done.

use super::links::changes;
use super::meaning::{Meaning, absent};
use super::order::{Change, Claims, Turn, order};
use super::{Definition, Link, Present, Step, Wanted, quoted};

/// What has to be done, in order; the partitions that are not in the file are left alone, and so are links of theirs.
#[must_use]
pub fn plan(wanted: &Wanted, present: &[Present], may_restart: bool) -> Vec<Step> {
    let units: Vec<Unit<'_>> = wanted
        .definitions
        .iter()
        .map(|definition| Unit::of(definition, wanted, present, may_restart))
        .collect();
    let claims: Vec<_> = units
        .iter()
        .map(|unit| unit.change(&units, may_restart))
        .collect();
    let turns = order(&claims);
    let gone = turns.iter().filter_map(|turn| match turn {
        Turn::GiveUp(index) => Some(units[*index].name()),
        Turn::Make(_) => None,
    });
    let gone: Vec<&str> = gone.collect();
    let mut way = Way::default();
    for change in changes(wanted, present, &gone) {
        way.link(change, &units, may_restart);
    }
    let mut undefined = Vec::new();
    for turn in turns {
        match turn {
            Turn::GiveUp(index) => {
                undefined.push(index);
                way.end(&units[index], &units);
                way.steps
                    .push(Step::Undefine(units[index].name().to_string()));
            }
            Turn::Make(index) => way.make(&units[index], &units, undefined.contains(&index)),
        }
    }
    way.finish(&units)
}

/// A partition of the file.
struct Unit<'a> {
    definition: &'a Definition,
    found: Option<&'a Present>,
    /// The keys that differ, and what they were.
    change: (Definition, Vec<String>),
    wants_start: bool,
    /// It runs and differs, and may not be restarted.
    is_left: bool,
}

impl<'a> Unit<'a> {
    fn of(
        definition: &'a Definition,
        wanted: &Wanted,
        present: &'a [Present],
        may_restart: bool,
    ) -> Self {
        let mut present = present.iter();
        let found = present.find(|one| one.definition.name == definition.name);
        let nothing = Definition::default();
        let change = difference(definition, found.map_or(&nothing, |one| &one.definition));
        Self {
            definition,
            found,
            wants_start: wanted.started.contains(&definition.name),
            is_left: found.is_some_and(|one| one.is_live)
                && !change.0.keys.is_empty()
                && !may_restart,
            change,
        }
    }

    fn name(&self) -> &'a str {
        &self.definition.name
    }

    fn is_live(&self) -> bool {
        self.found.is_some_and(|one| one.is_live)
    }

    fn is_same(&self) -> bool {
        self.found.is_some() && self.change.0.keys.is_empty()
    }

    /// What its change takes from others and leaves to them, if there is one.
    fn change(&self, units: &[Self], may_restart: bool) -> Option<Change> {
        if self.is_left || self.is_same() {
            return None;
        }
        let links = self.found.map_or(&[][..], |one| &one.links);
        // A link is in the way; one with somebody else is left alone.
        let can_end = |name: &String| {
            let mut units = units.iter();
            units.any(|unit| unit.name() == name && (may_restart || !unit.is_live()))
        };
        Some(Change {
            old: self.found.map_or_else(Claims::default, |one| {
                Claims::of(&one.definition, &one.memory)
            }),
            new: Claims::of(self.definition, &[]),
            can_go: self.found.is_some() && links.iter().flat_map(|link| &link.names).all(can_end),
            links: links.len(),
        })
    }
}

/// The steps as they become.
#[derive(Default)]
struct Way {
    steps: Vec<Step>,
    /// Of links whose ends run.
    left: Vec<Step>,
    unlink: Vec<Step>,
    link: Vec<Step>,
    /// Neither end may run while a link comes or goes.
    held: Vec<String>,
}

impl Way {
    /// What is to be done for a link comes in between, or is left.
    fn link(&mut self, change: Vec<Step>, units: &[Unit<'_>], may_restart: bool) {
        let names = ends(&change);
        let is_live = |name: &&String| {
            let mut units = units.iter();
            units.any(|unit| unit.name() == *name && unit.is_live())
        };
        let live: Vec<String> = names.iter().filter(is_live).cloned().collect();
        if live.is_empty() || may_restart {
            self.held.extend(names);
            let is_unlink = |step: &Step| matches!(step, Step::Unlink(_));
            let (unlink, link): (Vec<_>, Vec<_>) = change.into_iter().partition(is_unlink);
            self.unlink.extend(unlink);
            self.link.extend(link);
        } else {
            let lines: Vec<String> = change.iter().filter_map(Step::request).collect();
            self.left.push(Step::LeftLink(lines.join(", "), live));
        }
    }

    /// Links that are to go go before anything is changed: what they have may be wanted.
    fn unlink(&mut self, units: &[Unit<'_>]) {
        if !self.unlink.is_empty() {
            self.end_held(units);
            self.steps.append(&mut self.unlink);
        }
    }

    fn end_held(&mut self, units: &[Unit<'_>]) {
        for unit in units {
            if self.is_held(unit) {
                self.kill(unit);
            }
        }
    }

    fn is_held(&self, unit: &Unit<'_>) -> bool {
        self.held.iter().any(|held| held == unit.name())
    }

    fn kill(&mut self, unit: &Unit<'_>) {
        let kill = Step::Kill(unit.name().to_string());
        if unit.is_live() && !self.steps.contains(&kill) {
            self.steps.push(kill);
        }
    }

    /// Nothing of it is in the way of a change.
    fn end(&mut self, unit: &Unit<'_>, units: &[Unit<'_>]) {
        self.unlink(units);
        self.kill(unit);
    }

    /// One is made what it is to be, and started; one that is held is started later.
    fn make(&mut self, unit: &Unit<'_>, units: &[Unit<'_>], is_undefined: bool) {
        let (change, old) = &unit.change;
        let mut starts = unit.wants_start && !unit.is_live();
        if unit.is_left {
            self.steps.push(Step::Left(change.clone(), old.clone()));
            return;
        }
        if !unit.is_same() {
            self.end(unit, units);
            self.steps.push(if unit.found.is_none() || is_undefined {
                Step::Define(unit.definition.clone())
            } else {
                Step::Set(change.clone(), old.clone())
            });
            starts = unit.wants_start || unit.is_live();
        }
        if starts && !self.is_held(unit) {
            self.steps.push(Step::Start(unit.name().to_string()));
        }
    }

    fn finish(mut self, units: &[Unit<'_>]) -> Vec<Step> {
        self.unlink(units);
        self.steps.append(&mut self.left);
        self.end_held(units);
        self.steps.append(&mut self.link);
        let held = units.iter().filter(|unit| self.is_held(unit));
        let starts = held.filter(|unit| unit.wants_start || unit.is_live());
        let starts: Vec<_> = starts
            .map(|unit| Step::Start(unit.name().to_string()))
            .collect();
        self.steps.extend(starts);
        self.steps
    }
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

/// The keys of `new` that mean something else than in `old`, and what those were.
pub(super) fn difference(new: &Definition, old: &Definition) -> (Definition, Vec<String>) {
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

/// What takes a change back.
pub(super) fn before(change: &Definition, old: &Present) -> Step {
    let was = change.keys.iter();
    let was = was.map(|(key, value)| format!("{key}={}", quoted(value)));
    let old = change.keys.iter().map(|(key, _)| {
        let old = old.definition.value(key);
        (key.clone(), old.map_or_else(|| absent(key), String::from))
    });
    let definition = Definition {
        name: change.name.clone(),
        keys: old.collect(),
    };
    Step::Set(definition, was.collect())
}
