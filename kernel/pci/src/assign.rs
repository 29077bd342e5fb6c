//! Addresses for BARs, inside the windows that reach them.

use alloc::vec::Vec;
use core::cmp::Reverse;

use bulkhead_memory::{Region, RegionSet, sort_by_key};

use crate::assign_error::Within;
use crate::{Address, AssignError, Bar, BarKind, Bus, Function, Unit, Window, WindowKind};

/// The lowest address to give: a BAR at 0 counts as unassigned.
const LOWEST: u64 = 1;
/// One past what a 32-bit BAR can hold.
const END_OF_32_BITS: u64 = 1 << 32;

/// Gives unassigned BARs addresses inside the unit's windows, and says of assigned ones whether
/// they are usable. `functions` changes only if all fits.
///
/// A BAR goes into the windows of the bridge right above it, aligned to its size, the largest
/// first. A prefetchable one prefers a prefetchable window and else takes a memory window; any
/// other takes a memory window. Expansion ROMs get nothing, bridges' windows stay as they are.
///
/// What Linux passes over is passed over, and stays or becomes unassigned ([`overlooked`] tells): an
/// I/O BAR that no window reaches, of a function that has memory BARs too, as nothing but an old
/// driver needs it; and in the unit of a root bus any BAR without room, for that one function's
/// sake all others would be lost. On a root bus itself nothing is known to be free.
///
/// # Errors
/// [`AssignError`] names the first BAR or window that is not usable.
pub fn assign(functions: &mut [Function], unit: &Unit) -> Result<(), AssignError> {
    for placement in plan(functions, unit)?.placements {
        functions[placement.function].bars[placement.bar].address = placement.address;
    }
    Ok(())
}

/// What [`assign`] would say, without changing anything.
///
/// # Errors
/// As [`assign`].
pub fn check(functions: &[Function], unit: &Unit) -> Result<(), AssignError> {
    plan(functions, unit).map(drop)
}

/// The first BAR of a function of the unit that is passed over: the function can be given, and this
/// goes unused.
#[must_use]
pub fn overlooked(functions: &[Function], unit: &Unit, function: Address) -> Option<AssignError> {
    let plan = plan(functions, unit).ok()?;
    let mut errors = plan.overlooked.into_iter();
    errors.find_map(|(of, error)| (of == function).then_some(error))
}

/// An address for a BAR, by indices.
struct Placement {
    function: usize,
    bar: usize,
    address: Option<u64>,
}

#[derive(Default)]
struct Plan {
    placements: Vec<Placement>,
    /// BARs that get no address, each with its function.
    overlooked: Vec<(Address, AssignError)>,
}

fn plan(functions: &[Function], unit: &Unit) -> Result<Plan, AssignError> {
    let mut plan = Plan::default();
    for number in unit.bus.number..=unit.last {
        let bus = Bus { number, ..unit.bus };
        let level = Level::new(functions, unit, bus);
        if !level.members.is_empty() {
            level.check_assigned()?;
            level.check_overlaps()?;
            level.place(&mut plan)?;
        }
    }
    Ok(plan)
}

/// One bus of the unit.
struct Level<'a> {
    /// The functions on it, with their indices.
    members: Vec<(usize, &'a Function)>,
    /// The windows that reach it.
    windows: Vec<Window>,
    within: Within,
    /// It is part of a root bus's unit, which is given whole or not at all.
    is_whole: bool,
}

impl<'a> Level<'a> {
    fn new(functions: &'a [Function], unit: &Unit, bus: Bus) -> Self {
        Self {
            members: functions
                .iter()
                .enumerate()
                .filter(|(_, f)| f.bus() == bus)
                .collect(),
            windows: reaching(functions, unit, bus),
            within: bridge_inside(functions, unit, bus)
                .map(|f| f.address)
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
    fn is_dispensable(f: &Function, bar: &Bar) -> bool {
        bar.kind == BarKind::Io && f.bars.iter().any(|other| other.kind != BarKind::Io)
    }

    /// Why an assigned BAR can't be used.
    fn astray(&self, f: &Function, bar: &Bar) -> Option<AssignError> {
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
    fn check_assigned(&self) -> Result<(), AssignError> {
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

    fn check_overlaps(&self) -> Result<(), AssignError> {
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

    /// Finds room for the unassigned BARs of this bus, and for those astray.
    fn place(&self, plan: &mut Plan) -> Result<(), AssignError> {
        let mut unassigned: Vec<(usize, usize, &Function, &Bar)> = self
            .members
            .iter()
            .flat_map(|&(index, f)| {
                let bars = f.bars.iter().enumerate();
                bars.map(move |(at, bar)| (index, at, f, bar))
            })
            .filter(|(.., f, bar)| bar.address.is_none() || self.astray(f, bar).is_some())
            .filter(|(.., bar)| bar.size != 0)
            .collect();
        // Largest first: with sizes that are powers of two no gap is wasted.
        sort_by_key(&mut unassigned, |(function, at, _, bar)| {
            (Reverse(bar.size), *function, *at)
        });
        let mut free = self.free();
        for (function, at, f, bar) in unassigned {
            let fit = room(bar, &free);
            if let Some(fit) = fit {
                let is_io = bar.kind == BarKind::Io;
                for (kind, regions) in &mut free {
                    if (*kind == WindowKind::Io) == is_io {
                        regions.remove(fit);
                    }
                }
            } else {
                let error = self.astray(f, bar).unwrap_or(AssignError::NoRoom {
                    function: f.address,
                    bar: bar.index,
                    size: bar.size,
                    kind: bar.window_kind(),
                    within: self.within,
                });
                if !self.is_whole && !Self::is_dispensable(f, bar) {
                    return Err(error);
                }
                plan.overlooked.push((f.address, error));
            }
            plan.placements.push(Placement {
                function,
                bar: at,
                address: fit.map(|fit| fit.start()),
            });
        }
        Ok(())
    }

    /// What is free in the windows of each kind. On a root bus that is nothing: its windows are
    /// what is in use already.
    fn free(&self) -> Vec<(WindowKind, RegionSet)> {
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

fn room(bar: &Bar, free: &[(WindowKind, RegionSet)]) -> Option<Region> {
    let align = bar.size.checked_next_power_of_two()?;
    let reachable = match bar.kind {
        BarKind::Memory64 => Region::from_bounds(LOWEST, u64::MAX)?,
        _ => Region::from_bounds(LOWEST, END_OF_32_BITS)?,
    };
    let preferred = bar.window_kind();
    let kinds: &[WindowKind] = match preferred {
        WindowKind::Prefetchable => &[WindowKind::Prefetchable, WindowKind::Memory],
        WindowKind::Memory => &[WindowKind::Memory],
        WindowKind::Io => &[WindowKind::Io],
    };
    kinds.iter().find_map(|kind| {
        let (_, regions) = free.iter().find(|(of, _)| of == kind)?;
        regions.within(reachable).lowest_fit(bar.size, align)
    })
}

#[derive(Clone, Copy)]
struct Occupied {
    owner: Address,
    region: Region,
    is_window: bool,
}

/// The bridge inside the unit that leads to `bus`.
fn bridge_inside<'a>(functions: &'a [Function], unit: &Unit, bus: Bus) -> Option<&'a Function> {
    functions
        .iter()
        .find(|f| unit.contains(f.bus()) && f.leads_to(bus))
}

/// The windows that reach a bus of the unit: those of the bridge above it and, as far as that
/// passes on everything (subtractive decode), of the one above that.
fn reaching(functions: &[Function], unit: &Unit, bus: Bus) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut at = bus;
    // Ends: a bridge that leads to a bus is on a lower one.
    while let Some(f) = bridge_inside(functions, unit, at) {
        windows.extend(f.bridge.iter().flat_map(|b| b.windows.iter().copied()));
        if !f.is_subtractive() {
            return windows;
        }
        at = f.bus();
    }
    windows.extend(unit.windows.iter().copied());
    windows
}
