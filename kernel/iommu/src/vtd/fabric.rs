//! All units of a machine.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use alloc::vec::Vec;
use bulkhead_memory::{PAGE, Region};
use bulkhead_pci::{Address, Bus};

use super::pages::{self, MapError, Shape};
use super::unit::{capabilities, enable, flush, takes_registers};
use super::{ADDRESS, Capabilities, ENTRIES, Fault, PASS_THROUGH, PRESENT, Physical, fault};
use crate::{Iommus, Kind, Requester};

/// The domain of Bulkhead's own functions, which is no partition's.
const OWN: u64 = 0x7f;
/// How long another core may be at the tables, in microseconds; after that it is taken to be gone.
const TURN_US: u64 = 200_000;

/// Buses of one segment, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buses {
    /// PCI segment group.
    pub segment: u16,
    /// The first.
    pub first: u8,
    /// The last, at least that.
    pub last: u8,
}

#[derive(Clone, Copy, Debug)]
struct Unit {
    segment: u16,
    base: u64,
    can: Capabilities,
}

/// All units, switched on: what is given to nobody is blocked.
#[derive(Debug)]
pub struct Fabric {
    units: Vec<Unit>,
    /// A root table for each segment.
    roots: Vec<(u16, u64)>,
    /// Context tables of buses on which a function is Bulkhead's own, while the bus is nobody's.
    own: Vec<(Bus, u64)>,
    shape: Shape,
    /// The core that is at the tables, plus one; 0: none. Cores of any partition write it; one that was
    /// reset meanwhile leaves its number, which is waited for once (`TURN_US`).
    turn: AtomicU32,
}

/// Why a machine's units are not used. Displays as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// They are not VT-d.
    Kind(Kind),
    /// Their registers can't be reached.
    Registers(Region),
    /// What one of them can't do.
    Cannot(u64, &'static str),
    /// It does not answer.
    Silent(u64),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "there is no driver for {}", kind.name()),
            Self::Registers(region) => write!(f, "its registers at {region} can't be reached"),
            Self::Cannot(base, what) => write!(f, "the unit at {base:#x} {what}"),
            Self::Silent(base) => write!(f, "the unit at {base:#x} does not answer"),
        }
    }
}

impl Fabric {
    /// Looks at all units, and switches them on: from then on nothing passes but what [`attach`](Self::attach)
    /// lets, and the requests of `own` functions, wherever their bus is nobody's. `reaches` tells whether
    /// registers are mapped, `take` gives a page of zeroes for a table. `None`: there is no unit.
    ///
    /// # Errors
    /// [`Unusable`] says why they are left as they are.
    pub fn start(
        hw: &impl Physical,
        iommus: &Iommus,
        own: &[Address],
        reaches: impl Fn(Region) -> bool,
        mut take: impl FnMut() -> u64,
    ) -> Result<Option<Self>, Unusable> {
        match iommus.kind {
            Some(Kind::VtD) if !iommus.units.is_empty() => {}
            Some(kind @ Kind::AmdVi) => return Err(Unusable::Kind(kind)),
            _ => return Ok(None),
        }
        let mut units = Vec::with_capacity(iommus.units.len());
        for unit in &iommus.units {
            if !reaches(unit.registers) {
                return Err(Unusable::Registers(unit.registers));
            }
            let base = unit.registers.start();
            let can = capabilities(hw, base);
            let segment = unit.segment;
            if let Some(what) = lacking(can, takes_registers(hw, base)) {
                return Err(Unusable::Cannot(base, what));
            }
            units.push(Unit { segment, base, can });
        }
        let all = |has: fn(Capabilities) -> bool| units.iter().all(|unit| has(unit.can));
        let levels = [4, 3, 5].into_iter();
        let mut levels = levels.filter(|levels| units.iter().all(|unit| unit.can.walks(*levels)));
        let shape = Shape {
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
            shape,
            turn: AtomicU32::new(0),
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
        for address in own {
            fabric.keep(hw, *address, &mut take);
        }
        for unit in &fabric.units {
            let root = fabric.root(unit.segment).unwrap_or_default();
            if !enable(hw, unit.base, root) {
                return Err(Unusable::Silent(unit.base));
            }
        }
        Ok(Some(fabric))
    }

    /// What tables they walk.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Lets the requests of a function of Bulkhead's own pass.
    fn keep(&mut self, hw: &impl Physical, address: Address, take: &mut impl FnMut() -> u64) {
        let bus = address.bus();
        let context = self.own_context(bus).unwrap_or_else(|| {
            let context = take();
            self.own.push((bus, context));
            context
        });
        let entry = context + u64::from(Requester::of(address).devfn) * 16;
        hw.store64(entry, PASS_THROUGH | PRESENT);
        hw.store64(entry + 8, u64::from(self.most_levels() - 2) | OWN << 8);
        hw.write_back(entry, 16);
        if let Some(root) = self.root(bus.segment) {
            let at = root + u64::from(bus.number) * 16;
            hw.store64(at, context | PRESENT);
            hw.write_back(at, 16);
        }
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
        let is_free = || {
            let taken = self
                .turn
                .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire);
            taken.is_ok()
        };
        let _ = hw.within(TURN_US, is_free);
        let mut is_done = true;
        for unit in &self.units {
            is_done &= flush(hw, unit.base, unit.can);
        }
        self.turn.store(0, Ordering::Release);
        is_done
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
fn lacking(can: Capabilities, takes_registers: bool) -> Option<&'static str> {
    // All ones: nothing answers there.
    if can.cap == u64::MAX || can.cap == 0 {
        Some("does not answer")
    } else if !(3..=5).any(|levels| can.walks(levels)) {
        Some("walks no tables of 3 to 5 levels")
    } else if !can.passes_through() {
        Some("can't let requests pass untranslated, as isolation=bare needs")
    } else if !takes_registers {
        Some("takes commands by a queue only")
    } else {
        None
    }
}
