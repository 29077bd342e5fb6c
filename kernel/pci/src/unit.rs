//! What is claimed together: a bus and everything below it.

use alloc::vec;
use alloc::vec::Vec;

use bulkhead_memory::{RegionSet, sort_ascending};
use litemap::LiteMap;

use crate::level::leading;
use crate::unit_error::UnitError;
use crate::{Address, Bus, Function, Window, WindowKind};

/// A bus and all below it.
///
/// Invariant: the buses of two units of one machine are disjoint or nested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The bus.
    pub bus: Bus,
    /// The last bus below it, at least `bus.number`.
    pub last: u8,
    /// The bridge whose secondary bus it is; `None`: a root bus.
    pub bridge: Option<Address>,
    /// The bridges on the way from the root bus down, the last one is `bridge`.
    pub path: Vec<Address>,
    /// The addresses that reach it: the windows of `bridge`. For a root bus, what is in use on
    /// it: BARs of its functions and windows of its bridges, merged where those of one kind touch.
    pub windows: Vec<Window>,
    /// The functions on its buses, ascending.
    pub functions: Vec<Address>,
}

impl Unit {
    /// Whether `bus` is one of its buses.
    #[must_use]
    pub fn contains(&self, bus: Bus) -> bool {
        bus.segment == self.bus.segment && (self.bus.number..=self.last).contains(&bus.number)
    }

    /// Whether the two have a bus in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.bus) || other.contains(self.bus)
    }
}

/// The unit of a bus: the bus itself and all below it.
///
/// # Errors
/// The bus is empty, or is neither a root bus nor a bridge's secondary bus, or a bridge above or
/// below it has numbers that can't be true. A bridge with all numbers 0 leads nowhere yet and is
/// no error.
pub fn unit(functions: &[Function], bus: Bus) -> Result<Unit, UnitError> {
    if !functions.iter().any(|f| f.bus() == bus) {
        return Err(UnitError::Empty { bus });
    }
    let path = path_to(functions, bus)?;
    let bridge = path.last().copied();
    let last = match bridge {
        Some((_, buses)) => buses.1,
        None => last_below(functions, bus),
    };
    let members: Vec<&Function> = functions
        .iter()
        .filter(|f| {
            f.address.segment == bus.segment && (bus.number..=last).contains(&f.address.bus)
        })
        .collect();
    // Each of them is looked up: in one pass over all, not one for each.
    let leading = leading(members.iter().copied().enumerate());
    for index in 0..members.len() {
        check_bridge(&members, &leading, index, bridge)?;
    }
    let windows = match bridge {
        Some((f, _)) => f.bridge.iter().flat_map(|b| &b.windows).copied().collect(),
        None => in_use(&members, bus),
    };
    let mut addresses: Vec<Address> = members.iter().map(|f| f.address).collect();
    sort_ascending(&mut addresses);
    Ok(Unit {
        bus,
        last,
        bridge: bridge.map(|(f, _)| f.address),
        path: path.iter().map(|(f, _)| f.address).collect(),
        windows,
        functions: addresses,
    })
}

type Buses = (u8, u8);

/// Bridges from the root bus down to `bus`, with their buses.
fn path_to(functions: &[Function], bus: Bus) -> Result<Vec<(&Function, Buses)>, UnitError> {
    let mut path: Vec<(&Function, Buses)> = Vec::new();
    let mut at = bus;
    while let Some((above, buses)) = bridge_to(functions, at)? {
        if let Some((below, below_buses)) = path.last()
            && below_buses.1 > buses.1
        {
            return Err(UnitError::OutOfRange {
                bridge: below.address,
                above: above.address,
            });
        }
        path.push((above, buses));
        // Ends: a bridge with believable numbers is on a lower bus than the one it leads to.
        at = above.bus();
    }
    path.reverse();
    Ok(path)
}

/// The bridge whose secondary bus is `bus`; `None`: it is a root bus.
fn bridge_to(functions: &[Function], bus: Bus) -> Result<Option<(&Function, Buses)>, UnitError> {
    let segment = functions
        .iter()
        .filter(|f| f.address.segment == bus.segment);
    let mut leading = segment.clone().filter(|f| {
        f.bridge
            .as_ref()
            .is_some_and(|b| b.secondary == bus.number && numbered(f))
    });
    let Some(bridge) = leading.next() else {
        return match segment.clone().find(|f| spans(f, bus)) {
            Some(bridge) => Err(UnitError::NotBelow {
                bus,
                bridge: bridge.address,
            }),
            None => Ok(None),
        };
    };
    if let Some(second) = leading.next() {
        return Err(UnitError::TwoBridges {
            bus,
            bridges: [bridge.address, second.address],
        });
    }
    Ok(Some((bridge, believable(bridge)?)))
}

/// Whether somebody has given the bridge numbers. 0 can be nobody's secondary bus.
fn numbered(f: &Function) -> bool {
    f.bridge
        .as_ref()
        .is_some_and(|b| b.secondary != 0 || b.subordinate != 0)
}

fn spans(f: &Function, bus: Bus) -> bool {
    f.buses()
        .is_some_and(|(secondary, subordinate)| (secondary..=subordinate).contains(&bus.number))
}

fn believable(f: &Function) -> Result<Buses, UnitError> {
    let (secondary, subordinate) = f
        .bridge
        .as_ref()
        .map_or((0, 0), |b| (b.secondary, b.subordinate));
    f.buses().ok_or(UnitError::BadBridge {
        bridge: f.address,
        secondary,
        subordinate,
    })
}

/// The last bus that a bridge on a root bus leads to, or the root bus itself.
fn last_below(functions: &[Function], bus: Bus) -> u8 {
    let below = functions
        .iter()
        .filter(|f| f.bus() == bus)
        .filter_map(Function::buses);
    below.fold(bus.number, |last, (_, subordinate)| last.max(subordinate))
}

/// A bridge inside the unit must lead to buses that the bridge above it passes on, and to which
/// no other one leads.
///
/// `leading` tells for each bus the first member that leads there. `top` is the bridge above the unit,
/// which is not among its members.
fn check_bridge(
    members: &[&Function],
    leading: &LiteMap<Bus, usize>,
    index: usize,
    top: Option<(&Function, Buses)>,
) -> Result<(), UnitError> {
    let f = members[index];
    if !numbered(f) {
        return Ok(());
    }
    let (secondary, subordinate) = believable(f)?;
    let below = Bus {
        number: secondary,
        ..f.bus()
    };
    let first = leading.get(&below).copied().unwrap_or(index);
    if first != index {
        let other = members[first];
        return Err(UnitError::TwoBridges {
            bus: below,
            bridges: [f.address.min(other.address), f.address.max(other.address)],
        });
    }
    let above = match leading.get(&f.bus()) {
        Some(&bridge) => members[bridge]
            .buses()
            .map(|buses| (members[bridge], buses)),
        None => top,
    };
    match above {
        Some((above, (_, last))) if subordinate > last => Err(UnitError::OutOfRange {
            bridge: f.address,
            above: above.address,
        }),
        _ => Ok(()),
    }
}

/// What is in use on a root bus.
fn in_use(members: &[&Function], bus: Bus) -> Vec<Window> {
    let on_bus = || members.iter().filter(|f| f.bus() == bus);
    let bars = on_bus().flat_map(|f| &f.bars).filter_map(|bar| {
        Some(Window {
            kind: bar.window_kind(),
            region: bar.region()?,
        })
    });
    let windows = on_bus()
        .filter_map(|f| f.bridge.as_ref())
        .flat_map(|b| b.windows.iter().copied());
    let all: Vec<Window> = bars.chain(windows).collect();
    let mut merged = vec![];
    for kind in [WindowKind::Io, WindowKind::Memory, WindowKind::Prefetchable] {
        let regions: RegionSet = all
            .iter()
            .filter(|w| w.kind == kind)
            .map(|w| w.region)
            .collect();
        merged.extend(regions.iter().map(|region| Window { kind, region }));
    }
    merged
}
