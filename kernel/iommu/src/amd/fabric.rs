//! All units of a machine.

use core::sync::atomic::{AtomicU64, Ordering};

use alloc::vec::Vec;
use bulkhead_memory::{PAGE, Region};
use bulkhead_pci::Address;

use super::entry::{BYTES, Entry};
use super::queue::Queue;
use super::unit::{self, TABLE_BYTES, disable, enable, lacking};
use super::{SHAPE, event};
use crate::names::Names;
use crate::pages::{self, MapError};
use crate::turn::Turn;
use crate::vtd::Fault;
use crate::{Buses, IdRange, Iommus, Physical, Requester, Unusable, Who};

/// The domain of what is nobody's, and of Bulkhead's own functions.
const NOBODY: u16 = 0;
const OWN: u16 = 0x7f;
/// Domains that are in use at most, where a unit can't forget all at once.
const DOMAINS: u16 = 0x100;

#[derive(Clone, Copy, Debug)]
struct Unit {
    segment: u16,
    base: u64,
    flags: u8,
    commands: u64,
    events: u64,
    /// Where it says that commands are done.
    mark: u64,
    was_on: bool,
}

/// All units, switched on: what is given to nobody is blocked.
#[derive(Debug)]
pub struct Fabric {
    units: Vec<Unit>,
    /// A device table for each segment.
    tables: Vec<(u16, u64)>,
    /// A table in which nothing is.
    empty: u64,
    /// Functions that are Bulkhead's own, while their bus is nobody's.
    own: Vec<Address>,
    /// Names that may pass while their bus is nobody's.
    names: Names,
    /// What firmware says of functions, and of what is none and sends interrupts.
    settings: Vec<(u16, IdRange)>,
    senders: Vec<(u16, IdRange)>,
    /// The last value that a unit was to write to its mark.
    marked: AtomicU64,
    turn: Turn,
}

impl Fabric {
    /// Looks at all units, and switches them on, as [`crate::Fabric::start`] says.
    ///
    /// # Errors
    /// [`Unusable`] says why they are left as they are.
    pub fn start(
        hw: &impl Physical,
        iommus: &Iommus,
        own: &[Address],
        mut take: impl FnMut(u64) -> u64,
    ) -> Result<Self, Unusable> {
        for unit in &iommus.units {
            let base = unit.registers.start();
            if let Some(what) = lacking(hw, base) {
                return Err(Unusable::Cannot(base, what));
            }
        }
        let mut fabric = Self {
            units: Vec::with_capacity(iommus.units.len()),
            tables: Vec::new(),
            empty: take(PAGE),
            own: own.to_vec(),
            names: Names::default(),
            settings: Vec::new(),
            senders: Vec::new(),
            marked: AtomicU64::new(0),
            turn: Turn::new(),
        };
        let marks = take(PAGE);
        for (number, unit) in (0..).zip(&iommus.units) {
            let segment = unit.segment;
            fabric.units.push(Unit {
                segment,
                base: unit.registers.start(),
                flags: unit.flags,
                commands: take(PAGE),
                events: take(PAGE),
                // There are at most 128.
                mark: marks + number * 8,
                was_on: unit::is_on(hw, unit.registers.start()),
            });
            if let Who::Ids(ids) = &unit.who {
                let with = ids.iter().filter(|ids| ids.settings != 0);
                fabric.settings.extend(with.map(|ids| (segment, *ids)));
            }
            let senders = unit.senders.iter();
            fabric.senders.extend(senders.map(|ids| (segment, *ids)));
            if fabric.table(segment).is_none() {
                fabric.tables.push((segment, take(TABLE_BYTES)));
            }
        }
        for &(segment, table) in &fabric.tables {
            for id in 0..=u16::MAX {
                let entry = fabric.idle(segment, id);
                entry.store(hw, table + u64::from(id) * BYTES, false);
            }
        }
        for unit in &fabric.units {
            let table = fabric.table(unit.segment).unwrap_or_default();
            let (base, flags) = (unit.base, unit.flags);
            if !enable(hw, base, flags, table, unit.commands, unit.events)
                || !fabric.forget_all(hw, unit)
            {
                // With some on that nobody attaches anything to, their devices would reach nothing.
                for unit in &fabric.units {
                    disable(hw, unit.base);
                }
                return Err(Unusable::Silent(base));
            }
        }
        Ok(fabric)
    }

    /// How many units there are, and how many of them firmware had left translating.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let left = self.units.iter().filter(|unit| unit.was_on);
        (self.units.len(), left.count())
    }

    fn table(&self, segment: u16) -> Option<u64> {
        let mut tables = self.tables.iter();
        tables.find(|table| table.0 == segment).map(|table| table.1)
    }

    fn is_own(&self, name: Requester) -> bool {
        self.own.iter().any(|own| Requester::of(*own) == name)
    }

    pub(crate) fn reserve(&mut self, names: &[Requester]) {
        let mut blocked = names.to_vec();
        blocked.retain(|name| !self.is_own(*name));
        self.names = Names::new(&blocked);
    }

    pub(crate) fn pass(
        &self,
        hw: &impl Physical,
        names: &[Requester],
        number: u16,
        passes: bool,
    ) -> bool {
        self.turn.with(hw, |hw| {
            for &name in names {
                let passes = self.names.note(name, number, passes);
                let (Some(passes), Some(table)) = (passes, self.table(name.segment)) else {
                    continue;
                };
                let at = table + u64::from(name.id()) * BYTES;
                // What another partition has stays as it is.
                if matches!(Entry::domain_at(hw, at), NOBODY | OWN) {
                    let entry = self.idle(name.segment, name.id());
                    entry.store(hw, at, !passes);
                }
            }
            self.forget(hw, &Domains::default(), |unit, queue| {
                let own = names.iter().filter(|name| name.segment == unit.segment);
                own.for_each(|name| queue.forget_entry(name.id()));
            })
        })
    }

    /// The entry of a requester whose bus is nobody's.
    fn idle(&self, segment: u16, id: u16) -> Entry {
        let name = Requester::of_id(segment, id);
        if self.is_own(name) || self.names.passes(name) {
            return Entry::passing(OWN);
        }
        let blocked = Entry::blocked(self.empty);
        // If firmware names no I/O APIC, any ID may be that of one.
        let is_known = self.senders.iter().any(|(other, _)| *other == segment);
        if is_known && settings(&self.senders, segment, id).is_none() {
            blocked.without_interrupts()
        } else {
            self.with_settings(blocked, segment, id)
        }
    }

    /// The same, and what firmware says of the requester.
    fn with_settings(&self, entry: Entry, segment: u16, id: u16) -> Entry {
        let known = settings(&self.senders, segment, id);
        let known = known.or_else(|| settings(&self.settings, segment, id));
        entry.with_settings(known.unwrap_or_default())
    }

    /// Lets requests from some buses pass, as [`crate::Fabric::attach`] says.
    ///
    /// # Errors
    /// [`MapError`] says why nothing was let.
    pub fn attach(
        &self,
        hw: &impl Physical,
        buses: &[Buses],
        memory: Option<&[Region]>,
        room: Region,
        number: u16,
    ) -> Result<(), MapError> {
        let entry = match memory {
            None => Entry::passing(number),
            Some(memory) => {
                let store = |at, entry| hw.store64(at, entry);
                Entry::reaching(pages::build(SHAPE, memory, room, store)?, number)
            }
        };
        self.lead(hw, buses, Some(entry));
        Ok(())
    }

    /// Blocks all requests from some buses. Whether each unit has said that none is on its way any more.
    pub fn detach(&self, hw: &impl Physical, buses: &[Buses]) -> bool {
        self.lead(hw, buses, None)
    }

    /// Has the entries of buses lead somewhere, and the units forget what they knew of them.
    fn lead(&self, hw: &impl Physical, buses: &[Buses], entry: Option<Entry>) -> bool {
        let mut domains = Domains::default();
        entry.iter().for_each(|entry| domains.add(entry.domain()));
        // Whether names pass depends on whose their bus is.
        self.turn.with(hw, |hw| {
            for buses in buses {
                let Some(table) = self.table(buses.segment) else {
                    continue;
                };
                for id in ids(*buses) {
                    let new = match entry {
                        Some(entry) => self.with_settings(entry, buses.segment, id),
                        None => self.idle(buses.segment, id),
                    };
                    let at = table + u64::from(id) * BYTES;
                    let before = new.store(hw, at, entry.is_none());
                    domains.add(before);
                }
            }
            self.forget(hw, &domains, |unit, queue| {
                let own = buses.iter().filter(|buses| buses.segment == unit.segment);
                own.flat_map(|buses| ids(*buses))
                    .for_each(|id| queue.forget_entry(id));
            })
        })
    }

    /// Has each unit forget entries of its own, and what these domains map; for one core at a time. Whether each
    /// has said that it has.
    fn forget<H: Physical>(
        &self,
        hw: &H,
        domains: &Domains,
        mut entries: impl FnMut(&Unit, &mut Queue<'_, H>),
    ) -> bool {
        let mut is_done = true;
        for unit in &self.units {
            let mut queue = Queue::new(hw, unit.base, unit.commands);
            entries(unit, &mut queue);
            domains.each(|domain| queue.forget_domain(domain));
            is_done &= queue.finish(unit.mark, self.next_mark());
        }
        is_done
    }

    /// Has a unit forget all it knows, whoever told it.
    fn forget_all(&self, hw: &impl Physical, unit: &Unit) -> bool {
        let mut queue = Queue::new(hw, unit.base, unit.commands);
        (0..=u16::MAX).for_each(|id| queue.forget_entry(id));
        if unit::forgets_all(hw, unit.base) {
            queue.forget_all();
        } else {
            (0..DOMAINS).for_each(|domain| queue.forget_domain(domain));
        }
        queue.finish(unit.mark, self.next_mark())
    }

    fn next_mark(&self) -> u64 {
        self.marked.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes the next request that was blocked. For one core at a time.
    pub fn take_fault(&self, hw: &impl Physical) -> Option<Fault> {
        let mut units = self.units.iter();
        units.find_map(|unit| event::take(hw, unit.base, unit.events, unit.segment))
    }
}

/// Some domains. Not on the heap: a core may be reset at any moment while it lets go of a partition's
/// devices, and would have the heap's lock then.
#[derive(Default)]
struct Domains {
    others: [Option<u16>; 4],
    are_all: bool,
}

impl Domains {
    fn add(&mut self, domain: u16) {
        if matches!(domain, NOBODY | OWN) || self.others.contains(&Some(domain)) {
            return;
        }
        let mut places = self.others.iter_mut();
        match places.find(|place| place.is_none()) {
            Some(place) => *place = Some(domain),
            None => self.are_all = true,
        }
    }

    /// Those that were added, that of nobody, and Bulkhead's own.
    fn each(&self, mut act: impl FnMut(u16)) {
        if self.are_all {
            (0..DOMAINS).for_each(act);
            return;
        }
        act(NOBODY);
        act(OWN);
        self.others.iter().flatten().for_each(|domain| act(*domain));
    }
}

/// What firmware says of an ID, if anything.
fn settings(all: &[(u16, IdRange)], segment: u16, id: u16) -> Option<u8> {
    let mut all = all.iter();
    let known = all.find(|(other, ids)| *other == segment && ids.contains(id));
    known.map(|(_, ids)| ids.settings)
}

/// All requesters of some buses.
fn ids(buses: Buses) -> impl Iterator<Item = u16> {
    let of = |bus: u8, devfn: u16| u16::from(bus) << 8 | devfn;
    of(buses.first, 0)..=of(buses.last, 0xff)
}
