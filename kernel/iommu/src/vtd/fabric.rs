//! All units of a machine.

use core::sync::atomic::{AtomicU32, Ordering};

use alloc::vec::Vec;
use bulkhead_memory::{PAGE, Region};
use bulkhead_pci::{Address, Bus};

use super::queue::Queue;
use super::unit::{capabilities, disable, enable, flush, is_on, takes_registers};
use super::{ADDRESS, Capabilities, ENTRIES, Fault, PASS_THROUGH, PRESENT, fault};
use crate::names::Names;
use crate::pages::{self, MapError, Shape};
use crate::turn::Turn;
use crate::{Buses, Iommus, Kind, Physical, Requester, Unusable};

/// The domain of Bulkhead's own functions, which is no partition's.
const OWN: u64 = 0x7f;

#[derive(Clone, Copy, Debug)]
struct Unit {
    segment: u16,
    base: u64,
    can: Capabilities,
    queue: Option<Queue>,
    was_on: bool,
}

/// All units, switched on: what is given to nobody is blocked.
#[derive(Debug)]
pub struct Fabric {
    units: Vec<Unit>,
    /// A root table for each segment.
    roots: Vec<(u16, u64)>,
    /// Context tables of buses on which a function is Bulkhead's own, or a name may pass, while the bus is
    /// nobody's.
    own: Vec<(Bus, u64)>,
    names: Names,
    shape: Shape,
    /// The last value that a unit was to write when it is done.
    marked: AtomicU32,
    turn: Turn,
}

impl Fabric {
    /// Looks at all units, and switches them on: from then on nothing passes but what [`attach`](Self::attach)
    /// lets, and the requests of `own` functions, wherever their bus is nobody's. `take` gives a page of zeroes
    /// for a table. There is a unit at least, and the registers of all are mapped.
    ///
    /// # Errors
    /// [`Unusable`] says why they are left as they are.
    pub fn start(
        hw: &impl Physical,
        iommus: &Iommus,
        own: &[Address],
        mut take: impl FnMut() -> u64,
    ) -> Result<Self, Unusable> {
        let mut units = Vec::with_capacity(iommus.units.len());
        for unit in &iommus.units {
            let base = unit.registers.start();
            let can = capabilities(hw, base);
            let segment = unit.segment;
            if let Some(what) = lacking(can, can.has_queue() || takes_registers(hw, base)) {
                return Err(Unusable::Cannot(base, what));
            }
            units.push(Unit {
                segment,
                base,
                can,
                queue: None,
                was_on: is_on(hw, base),
            });
        }
        let all = |has: fn(Capabilities) -> bool| units.iter().all(|unit| has(unit.can));
        let levels = [4, 3, 5].into_iter();
        let mut levels = levels.filter(|levels| units.iter().all(|unit| unit.can.walks(*levels)));
        let shape = Shape {
            kind: Kind::VtD,
            levels: levels.next().ok_or(Unusable::Cannot(
                units[0].base,
                "walks other tables than the others",
            ))?,
            has_2m: all(Capabilities::has_2m),
            has_1g: all(Capabilities::has_1g),
        };
        let mut fabric = Self {
            units,
            roots: Vec::new(),
            own: Vec::new(),
            names: Names::default(),
            shape,
            marked: AtomicU32::new(0),
            turn: Turn::new(),
        };
        for unit in &fabric.units {
            if !fabric
                .roots
                .iter()
                .any(|(segment, _)| *segment == unit.segment)
            {
                let root = take();
                hw.write_back(root, PAGE);
                fabric.roots.push((unit.segment, root));
            }
        }
        fabric.queues(&mut take);
        for address in own {
            fabric.keep(hw, *address, &mut take);
        }
        for unit in &fabric.units {
            let root = fabric.root(unit.segment).unwrap_or_default();
            if !enable(hw, unit.base, root, unit.queue, fabric.next_mark()) {
                fabric.stop(hw);
                return Err(Unusable::Silent(unit.base));
            }
        }
        Ok(fabric)
    }

    /// Switches all off: with some on that nobody attaches anything to, their devices would reach nothing.
    fn stop(&self, hw: &impl Physical) {
        for unit in &self.units {
            let _ = disable(hw, unit.base);
        }
    }

    /// What tables they walk.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// How many units there are, and how many of them firmware had left translating.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let left = self.units.iter().filter(|unit| unit.was_on);
        (self.units.len(), left.count())
    }

    /// Gives each unit that takes commands by a queue one, and a dword of a page to say that it is done.
    fn queues(&mut self, take: &mut impl FnMut() -> u64) {
        let mut marks = None;
        for (number, unit) in (0..).zip(&mut self.units) {
            if unit.can.has_queue() {
                unit.queue = Some(Queue {
                    page: take(),
                    // There are at most 128.
                    mark: *marks.get_or_insert_with(&mut *take) + number * 8,
                });
            }
        }
    }

    /// What a unit is to write when it is done: never the same twice in a row.
    fn next_mark(&self) -> u32 {
        self.marked.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Lets the requests of a function of Bulkhead's own pass.
    fn keep(&mut self, hw: &impl Physical, address: Address, take: &mut impl FnMut() -> u64) {
        let name = Requester::of(address);
        let context = self.make_context(hw, name, take);
        self.set(hw, context, name, true);
    }

    /// The context table of a name's bus while that is nobody's.
    fn make_context(
        &mut self,
        hw: &impl Physical,
        name: Requester,
        take: &mut impl FnMut() -> u64,
    ) -> u64 {
        let bus = name.address().bus();
        if let Some(context) = self.own_context(bus) {
            return context;
        }
        let context = take();
        hw.write_back(context, PAGE);
        self.own.push((bus, context));
        if let Some(root) = self.root(bus.segment) {
            let at = root + u64::from(bus.number) * 16;
            hw.store64(at, context | PRESENT);
            hw.write_back(at, 16);
        }
        context
    }

    /// Has a name pass, or nothing under it.
    fn set(&self, hw: &impl Physical, context: u64, name: Requester, passes: bool) {
        let entry = context + u64::from(name.devfn) * 16;
        if passes {
            hw.store64(entry + 8, u64::from(self.most_levels() - 2) | OWN << 8);
        }
        hw.store64(entry, if passes { PASS_THROUGH | PRESENT } else { 0 });
        hw.write_back(entry, 16);
    }

    pub(crate) fn reserve(
        &mut self,
        hw: &impl Physical,
        names: &[Requester],
        mut take: impl FnMut() -> u64,
    ) {
        let mut blocked = names.to_vec();
        blocked.retain(|name| {
            let context = self.make_context(hw, *name, &mut take);
            hw.load64(context + u64::from(name.devfn) * 16) & PRESENT == 0
        });
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
                let context = self.own_context(name.address().bus());
                if let (Some(passes), Some(context)) = (passes, context) {
                    self.set(hw, context, name, passes);
                }
            }
            self.flush_all(hw)
        })
    }

    /// For one core at a time.
    fn flush_all(&self, hw: &impl Physical) -> bool {
        let mut is_done = true;
        for unit in &self.units {
            is_done &= flush(hw, unit.base, unit.can, unit.queue, self.next_mark());
        }
        is_done
    }

    fn own_context(&self, bus: Bus) -> Option<u64> {
        let mut own = self.own.iter();
        own.find(|own| own.0 == bus).map(|own| own.1)
    }

    fn root(&self, segment: u16) -> Option<u64> {
        let mut roots = self.roots.iter();
        roots.find(|root| root.0 == segment).map(|root| root.1)
    }

    /// Lets requests from some buses reach `memory`, or with `None` all of it. The tables are made in
    /// `room`, whose first page is the context table; no device can reach it. `number` is the domain's,
    /// from 1 on.
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
        let context = room.start();
        let (low, levels) = match memory {
            None => (PASS_THROUGH, self.most_levels()),
            Some(memory) => {
                let rest =
                    Region::from_bounds(context + PAGE, room.end()).ok_or(MapError::NoRoom)?;
                let store = |at, entry| hw.store64(at, entry);
                (
                    pages::build(self.shape, memory, rest, store)?,
                    self.shape.levels,
                )
            }
        };
        let high = u64::from(number) << 8 | u64::from(levels - 2);
        for entry in 0..ENTRIES {
            hw.store64(context + entry * 16, low | PRESENT);
            hw.store64(context + entry * 16 + 8, high);
        }
        hw.write_back(room.start(), room.size());
        self.lead(hw, buses, Some(context));
        Ok(())
    }

    /// Blocks all requests from some buses. Whether each unit has said that none is on its way any more.
    pub fn detach(&self, hw: &impl Physical, buses: &[Buses]) -> bool {
        self.lead(hw, buses, None)
    }

    /// Has the buses' entries in the root tables lead somewhere, and flushes the units.
    fn lead(&self, hw: &impl Physical, buses: &[Buses], context: Option<u64>) -> bool {
        for buses in buses {
            let Some(root) = self.root(buses.segment) else {
                continue;
            };
            for bus in buses.first..=buses.last {
                let at = root + u64::from(bus) * 16;
                let segment = buses.segment;
                let own = || {
                    self.own_context(Bus {
                        segment,
                        number: bus,
                    })
                };
                let context = context.or_else(own);
                hw.store64(at, context.map_or(0, |context| context & ADDRESS | PRESENT));
                hw.write_back(at, 16);
            }
        }
        self.turn.with(hw, |hw| self.flush_all(hw))
    }

    /// For entries that pass all: the most that every unit has (VT-d §9.3, AW).
    fn most_levels(&self) -> u8 {
        let all = |levels: &u8| self.units.iter().all(|unit| unit.can.walks(*levels));
        [5, 4, 3].into_iter().find(all).unwrap_or(self.shape.levels)
    }

    /// Takes the next request that was blocked. For one core at a time.
    pub fn take_fault(&self, hw: &impl Physical) -> Option<Fault> {
        let mut units = self.units.iter();
        units.find_map(|unit| fault::take(hw, unit.base, unit.segment, unit.can))
    }
}

/// What a unit would need for Bulkhead to use it.
fn lacking(can: Capabilities, takes_commands: bool) -> Option<&'static str> {
    // All ones: nothing answers there.
    if can.cap == u64::MAX || can.cap == 0 {
        Some("does not answer")
    } else if !(3..=5).any(|levels| can.walks(levels)) {
        Some("walks no tables of 3 to 5 levels")
    } else if !can.passes_through() {
        Some("can't let requests pass untranslated, as isolation=bare needs")
    } else if u64::from(can.domains()) <= OWN {
        // Bits of an entry that a unit has not are reserved, and it blocks all by such an entry (VT-d §9.3).
        Some("has too few numbers for domains")
    } else if !takes_commands {
        Some("takes commands neither by a queue nor by registers")
    } else {
        None
    }
}
