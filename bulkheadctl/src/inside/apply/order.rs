//! Who is changed before whom: what one is to have and another has still is given up first.

use std::collections::BTreeSet;

use bulkhead_memory::Region;
use bulkhead_model::{Com, DeviceName, MemoryRequest};

use super::Definition;
use super::meaning::{Meaning, absent};

/// What a definition claims that nobody else can have meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    cores: BTreeSet<u32>,
    /// The console among them.
    ports: BTreeSet<Com>,
    /// Without ports.
    devices: BTreeSet<DeviceName>,
    memory: Vec<MemoryRequest>,
    /// Where that is, as far as it is known.
    places: Vec<Region>,
    node: Option<u32>,
}

impl Claims {
    /// Of a definition that has been given this memory; nothing of what no parser takes, which the shell refuses.
    pub(super) fn of(definition: &Definition, memory: &[Region]) -> Self {
        let mut claims = Self::default();
        for key in ["cores", "memory", "console", "devices", "node"] {
            let value = definition
                .value(key)
                .map_or_else(|| absent(key), String::from);
            match Meaning::of(key, &value) {
                Meaning::Cores(cores) => claims.cores = cores,
                Meaning::Memory(memory) => claims.memory = memory,
                Meaning::Console(port) => claims.ports.extend(port),
                Meaning::Devices(devices) => claims.devices = devices,
                Meaning::Number(node) => claims.node = node,
                Meaning::Names(_) | Meaning::Text(_) => {}
            }
        }
        let port = |device: &DeviceName| match device {
            DeviceName::Port(com) => Some(*com),
            _ => None,
        };
        claims.ports.extend(claims.devices.iter().filter_map(port));
        claims.devices.retain(|device| port(device).is_none());
        let exact = claims.memory.iter();
        claims.places = exact
            .filter_map(|request| Region::new(request.at?, request.size))
            .chain(memory.iter().copied())
            .collect();
        claims
    }

    fn total(&self) -> u64 {
        let sizes = self.memory.iter().map(|request| request.size);
        sizes.fold(0, u64::saturating_add)
    }
}

/// A partition that is to be changed.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// What it has: nothing, if it is not defined.
    pub(super) old: Claims,
    /// What it is to have.
    pub(super) new: Claims,
    /// Whether it can be undefined on the way.
    pub(super) can_go: bool,
    /// How many are linked to it.
    pub(super) links: usize,
}

impl Change {
    /// Whether it may need what the other is to give up. Which devices come along with which is not known here.
    fn waits_for(&self, other: &Self) -> bool {
        fn passes<T: Ord + Copy>(
            of: impl Fn(&Claims) -> &BTreeSet<T>,
            to: &Change,
            by: &Change,
        ) -> bool {
            let mut taken = of(&to.new).difference(of(&to.old));
            taken.any(|it| of(&by.old).contains(it) && !of(&by.new).contains(it))
        }
        passes(|claims| &claims.cores, self, other)
            || passes(|claims| &claims.ports, self, other)
            || self.waits_for_devices(other)
            || self.waits_for_memory(other)
    }

    fn waits_for_devices(&self, other: &Self) -> bool {
        let taken = self.new.devices.difference(&self.old.devices);
        let mut pairs = taken.flat_map(|taken| {
            let given = other.old.devices.difference(&other.new.devices);
            given.map(move |given| (taken, given))
        });
        // A screen is memory of a function.
        let is_pci = |device: &DeviceName| {
            matches!(
                device,
                DeviceName::Function(_) | DeviceName::Bus(_) | DeviceName::Framebuffer
            )
        };
        pairs.any(|pair| match pair {
            (DeviceName::IoApic(a), DeviceName::IoApic(b)) => a == b || a.is_none() || b.is_none(),
            (a, b) => a == b || is_pci(a) && is_pci(b),
        })
    }

    fn waits_for_memory(&self, other: &Self) -> bool {
        // One that has none gives none up.
        let moves =
            |change: &Self| !change.old.memory.is_empty() && change.old.node != change.new.node;
        let grows = self.new.total() > self.old.total() || moves(self);
        let shrinks = other.new.total() < other.old.total() || moves(other);
        if grows && shrinks {
            return true;
        }
        // It may be placed anew, and keeps only what is asked for by its address.
        let is_placed = other.old.memory != other.new.memory || moves(other);
        let is_given = |place: &Region| {
            let mut given = other.old.places.iter();
            given.any(|given| given.overlaps(*place) && !other.new.places.contains(given))
        };
        let mut taken = self.new.places.iter();
        is_placed && taken.any(|place| !self.old.places.contains(place) && is_given(place))
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is made what it is to be.
    Make(usize),
    /// It is undefined, as others wait for what it has, and it for what they have.
    GiveUp(usize),
}

/// The order: as they are, but that nobody comes before those that it waits for. `None` waits for nobody.
pub(super) fn order(changes: &[Option<Change>]) -> Vec<Turn> {
    let mut changes = changes.to_vec();
    let mut pending: Vec<usize> = (0..changes.len()).collect();
    let mut turns = Vec::new();
    while let Some(first) = pending.first().copied() {
        let waits = |one: usize| {
            let waits = |other: &usize| match (&changes[one], &changes[*other]) {
                (Some(change), Some(other)) => change.waits_for(other),
                _ => false,
            };
            let mut others = pending.iter().copied().filter(|other| *other != one);
            others.find(waits)
        };
        if let Some(next) = pending.iter().copied().find(|one| waits(*one).is_none()) {
            pending.retain(|one| *one != next);
            turns.push(Turn::Make(next));
            continue;
        }
        let links = |one: &usize| changes[*one].as_ref().map_or(0, |change| change.links);
        let can_go = |one: &usize| changes[*one].as_ref().is_some_and(|change| change.can_go);
        let ring = ring(first, waits);
        match ring.into_iter().filter(can_go).min_by_key(links) {
            Some(one) => {
                turns.push(Turn::GiveUp(one));
                if let Some(change) = &mut changes[one] {
                    change.old = Claims::default();
                    change.can_go = false;
                }
            }
            // There is no way that is known: the shell says why not.
            None => {
                pending.retain(|one| *one != first);
                turns.push(Turn::Make(first));
            }
        }
    }
    turns
}

/// Some that wait for each other in turn, where everybody waits for somebody.
fn ring(first: usize, waits: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    let mut path = vec![first];
    while let Some(next) = path.last().and_then(|last| waits(*last)) {
        if let Some(start) = path.iter().position(|one| *one == next) {
            return path.split_off(start);
        }
        path.push(next);
    }
    path
}
