//! One bus of a unit: what is on it, and the windows that reach it.

use alloc::vec::Vec;

use bulkhead_memory::{Region, RegionSet, sort_by_key};
use litemap::LiteMap;

use crate::assign_error::Within;
use crate::{Address, AssignError, Bar, BarKind, Bus, Function, Unit, Window, WindowKind};

/// A unit's functions by their buses, found in one pass over all: what is looked up for each bus must
/// not cost a look at every function of the machine.
pub(crate) struct Inside {
    /// Buses with the indices of the functions on them, ascending.
    places: Vec<(Bus, usize)>,
    /// From a bus to the first bridge inside the unit that leads there.
    bridges: LiteMap<Bus, usize>,
}

impl Inside {
    pub(crate) fn new(functions: &[Function], unit: &Unit) -> Self {
        let all = functions.iter().enumerate();
        let mut places: Vec<(Bus, usize)> = all
            .filter(|(_, f)| unit.contains(f.bus()))
            .map(|(index, f)| (f.bus(), index))
            .collect();
        sort_by_key(&mut places, |place| *place);
        let members = places.iter().map(|&(_, index)| (index, &functions[index]));
        let bridges = leading(members);
        Self { places, bridges }
    }

    /// The buses on which there is anything.
    pub(crate) fn buses(&self) -> impl Iterator<Item = Bus> {
        let chunks = self.places.chunk_by(|a, b| a.0 == b.0);
        chunks.map(|chunk| chunk[0].0)
    }

    /// Indices of the functions on a bus.
    fn on(&self, bus: Bus) -> impl Iterator<Item = usize> {
        let start = self.places.partition_point(|place| place.0 < bus);
        let rest = self.places[start..].iter();
        rest.take_while(move |place| place.0 == bus)
            .map(|place| place.1)
    }

    /// Index of the bridge inside the unit that leads to a bus.
    fn bridge_to(&self, bus: Bus) -> Option<usize> {
        self.bridges.get(&bus).copied()
    }

    /// The windows that reach a bus of the unit: those of the bridge above it and, as far as that
    /// passes on everything (subtractive decode), of the one above that.
    fn reaching(&self, functions: &[Function], unit: &Unit, bus: Bus) -> Vec<Window> {
        let mut windows = Vec::new();
        let mut at = bus;
        // Ends: a bridge that leads to a bus is on a lower one.
        while let Some(index) = self.bridge_to(at) {
            let f = &functions[index];
            windows.extend(f.bridge.iter().flat_map(|b| b.windows.iter().copied()));
            if !f.is_subtractive() {
                return windows;
            }
            at = f.bus();
        }
        windows.extend(unit.windows.iter().copied());
        windows
    }
}

/// From a bus to the first of some functions that leads there.
pub(crate) fn leading<'a>(
    functions: impl Iterator<Item = (usize, &'a Function)>,
) -> LiteMap<Bus, usize> {
    let mut bridges = LiteMap::new();
    for (index, f) in functions {
        if let Some((number, _)) = f.buses() {
            let below = Bus { number, ..f.bus() };
            bridges.entry(below).or_insert(index);
        }
    }
    bridges
}

/// One bus of the unit.
pub(crate) struct Level<'a> {
    /// The functions on it, with their indices.
    pub(crate) members: Vec<(usize, &'a Function)>,
    /// The windows that reach it.
    windows: Vec<Window>,
    pub(crate) within: Within,
    /// It is part of a root bus's unit, which is given whole or not at all.
    pub(crate) is_whole: bool,
}

impl<'a> Level<'a> {
    pub(crate) fn new(functions: &'a [Function], unit: &Unit, inside: &Inside, bus: Bus) -> Self {
        let members = inside.on(bus).map(|index| (index, &functions[index]));
        Self {
            members: members.collect(),
            windows: inside.reaching(functions, unit, bus),
            within: inside
                .bridge_to(bus)
                .map(|index| functions[index].address)
                .or(unit.bridge)
                .map_or(Within::RootBus(bus), Within::Bridge),
            is_whole: unit.bridge.is_none(),
        }
    }

    fn bars(&self) -> impl Iterator<Item = (&'a Function, &'a Bar)> {
        self.members
            .iter()
            .flat_map(|&(_, f)| f.bars.iter().map(move |bar| (f, bar)))
    }

    fn bridge_windows(&self) -> impl Iterator<Item = (&'a Function, Window)> {
        self.members.iter().flat_map(|&(_, f)| {
            let windows = f.bridge.iter().flat_map(|b| b.windows.iter().copied());
            windows.map(move |w| (f, w))
        })
    }

    /// Whether it lies in a window that reaches this bus. Either kind of memory window will do:
    /// firmware puts large BARs into the one above 4 GiB, and it decodes them.
    fn reaches(&self, is_io: bool, region: Region) -> bool {
        self.windows
            .iter()
            .any(|w| (w.kind == WindowKind::Io) == is_io && w.region.contains_region(region))
    }

    /// Whether the function works without this BAR.
    pub(crate) fn is_dispensable(f: &Function, bar: &Bar) -> bool {
        bar.kind == BarKind::Io && f.bars.iter().any(|other| other.kind != BarKind::Io)
    }

    /// Why an assigned BAR can't be used.
    pub(crate) fn astray(&self, f: &Function, bar: &Bar) -> Option<AssignError> {
        let address = bar.address?;
        let is_reached = |region| self.reaches(bar.kind == BarKind::Io, region);
        (!bar.region().is_some_and(is_reached)).then_some(AssignError::Outside {
            function: f.address,
            bar: bar.index,
            address,
            within: self.within,
        })
    }

    /// Every address of this bus that is needed lies in a window that reaches it.
    pub(crate) fn check_assigned(&self) -> Result<(), AssignError> {
        let mut needed = self.bars().filter(|(f, bar)| !Self::is_dispensable(f, bar));
        if let Some(error) = needed.find_map(|(f, bar)| self.astray(f, bar)) {
            return Err(error);
        }
        for (f, window) in self.bridge_windows() {
            if !self.reaches(window.kind == WindowKind::Io, window.region) {
                return Err(AssignError::WindowOutside {
                    bridge: f.address,
                    window,
                    within: self.within,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn check_overlaps(&self) -> Result<(), AssignError> {
        for is_io in [true, false] {
            let mut all = self.occupied(is_io);
            sort_by_key(&mut all, |o| (o.region, o.owner));
            let mut reaching_furthest: Option<Occupied> = None;
            for this in all {
                if let Some(before) = reaching_furthest
                    && before.region.overlaps(this.region)
                    && !(before.is_window && this.is_window && before.owner == this.owner)
                {
                    return Err(AssignError::Overlap {
                        function: before.owner,
                        region: before.region,
                        other: this.owner,
                        other_region: this.region,
                    });
                }
                if reaching_furthest.is_none_or(|b| b.region.end() < this.region.end()) {
                    reaching_furthest = Some(this);
                }
            }
        }
        Ok(())
    }

    fn occupied(&self, is_io: bool) -> Vec<Occupied> {
        let bars = self
            .bars()
            .filter(|(_, bar)| (bar.kind == BarKind::Io) == is_io)
            .filter(|(f, bar)| self.astray(f, bar).is_none())
            .filter_map(|(f, bar)| Some((f, bar.region()?, false)));
        let windows = self
            .bridge_windows()
            .filter(|(_, w)| (w.kind == WindowKind::Io) == is_io)
            .map(|(f, w)| (f, w.region, true));
        bars.chain(windows)
            .map(|(f, region, is_window)| Occupied {
                owner: f.address,
                region,
                is_window,
            })
            .collect()
    }

    /// What is free in the windows of each kind. On a root bus that is nothing: its windows are
    /// what is in use already.
    pub(crate) fn free(&self) -> Vec<(WindowKind, RegionSet)> {
        if matches!(self.within, Within::RootBus(_)) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for kind in [WindowKind::Io, WindowKind::Memory, WindowKind::Prefetchable] {
            let windows = self.windows.iter().filter(|w| w.kind == kind);
            let mut free: RegionSet = windows.map(|w| w.region).collect();
            for occupied in self.occupied(kind == WindowKind::Io) {
                free.remove(occupied.region);
            }
            all.push((kind, free));
        }
        all
    }
}

#[derive(Clone, Copy)]
struct Occupied {
    owner: Address,
    region: Region,
    is_window: bool,
}
