//! Addresses for BARs, inside the windows that reach them.

use alloc::vec::Vec;
use core::cmp::Reverse;

use bulkhead_memory::{Region, RegionSet, sort_by_key};

use crate::level::{Inside, Level};
use crate::{Address, AssignError, Bar, BarKind, Function, Unit, WindowKind};

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
    let within = Inside::new(functions, unit);
    for bus in within.buses() {
        let level = Level::new(functions, unit, &within, bus);
        level.check_assigned()?;
        level.check_overlaps()?;
        level.place(&mut plan)?;
    }
    Ok(plan)
}

impl Level<'_> {
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
