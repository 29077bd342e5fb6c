//! By which unit a function's requests go.

use alloc::vec::Vec;

use bulkhead_pci::{Address, Bus, Function};

use crate::find::{Iommus, Reserved, Who};
use crate::{Requester, Scope, ScopeKind};

/// The bridge whose secondary bus it is.
pub(crate) fn bridge_to(functions: &[Function], bus: Bus) -> Option<&Function> {
    // Bridges are on lower buses.
    let end = functions.partition_point(|f| f.bus() < bus);
    let mut above = functions.get(..end)?.iter();
    above.find(|f| {
        let leads = |b: &bulkhead_pci::Bridge| b.secondary == bus.number;
        f.address.segment == bus.segment && f.bus() < bus && f.bridge.as_ref().is_some_and(leads)
    })
}

fn function(functions: &[Function], address: Address) -> Option<&Function> {
    let at = functions
        .binary_search_by_key(&address, |f| f.address)
        .ok()?;
    functions.get(at)
}

/// What is at the end of a way, and the buses below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    address: Address,
    below: Option<(u8, u8)>,
}

impl Place {
    /// `None`: the way leads through bridges that are not there.
    fn of(functions: &[Function], segment: u16, scope: &Scope) -> Option<Self> {
        if !matches!(scope.kind, ScopeKind::Endpoint | ScopeKind::Bridge) {
            return None;
        }
        let (&(device, last), way) = scope.path.split_last()?;
        let mut bus = scope.bus;
        for &(device, function_number) in way {
            let address = Address {
                segment,
                bus,
                device,
                function: function_number,
            };
            let bridge = function(functions, address)?.bridge.as_ref()?;
            // Numbers that do not rise lead nowhere.
            bus = Some(bridge.secondary).filter(|next| *next > bus)?;
        }
        let address = Address {
            segment,
            bus,
            device,
            function: last,
        };
        let bridge = function(functions, address).and_then(|f| f.bridge.as_ref());
        Some(Self {
            address,
            below: bridge.map(|bridge| (bridge.secondary, bridge.subordinate)),
        })
    }

    fn has(&self, address: Address) -> bool {
        let is_below = |(first, last)| {
            self.address.segment == address.segment
                // Numbers that do not rise, as those of a bridge without any, are of no bus below it.
                && first > self.address.bus
                && (first..=last).contains(&address.bus)
        };
        self.address == address || self.below.is_some_and(is_below)
    }
}

/// [`Who`], with all ways gone.
struct Places {
    places: Vec<Place>,
    /// Of a unit: it serves what no other one does.
    takes_rest: bool,
    /// No unit is missing, which may have some of what is given to one as the rest, or all.
    are_all_known: bool,
}

impl Places {
    fn of(functions: &[Function], segment: u16, who: &Who, are_all_known: bool) -> Self {
        let (scopes, takes_rest) = match who {
            Who::Scopes(scopes) => (&scopes[..], false),
            Who::ScopesOrRest(scopes) => (&scopes[..], true),
            Who::Ids(_) => (&[][..], false),
        };
        let places = scopes.iter();
        Self {
            places: places
                .filter_map(|scope| Place::of(functions, segment, scope))
                .collect(),
            takes_rest: takes_rest && are_all_known,
            are_all_known,
        }
    }

    fn has(&self, who: &Who, address: Address) -> bool {
        let id = Requester::of(address).id();
        match who {
            Who::Ids(ids) => {
                let mut known = ids.iter().filter(|ids| self.are_all_known || !ids.is_all());
                known.any(|ids| ids.contains(id))
            }
            _ => self.places.iter().any(|place| place.has(address)),
        }
    }
}

/// Which functions go by which unit, and which of them firmware wants to reach some memory.
pub struct Routes<'a> {
    iommus: &'a Iommus,
    units: Vec<Places>,
    reserved: Vec<Places>,
}

impl<'a> Routes<'a> {
    /// Of a machine with these functions, ascending by address.
    #[must_use]
    pub fn new(iommus: &'a Iommus, functions: &[Function]) -> Self {
        let units = iommus.units.iter();
        let reserved = iommus.reserved.iter();
        Self {
            iommus,
            units: units
                .map(|unit| Places::of(functions, unit.segment, &unit.who, !iommus.lacks_units))
                .collect(),
            reserved: reserved
                .map(|r| Places::of(functions, r.segment.unwrap_or(0), &r.who, true))
                .collect(),
        }
    }

    /// The number of the unit that a function's requests go by; `None`: by none.
    #[must_use]
    pub fn unit_of(&self, address: Address) -> Option<usize> {
        let all = || {
            let units = self.iommus.units.iter().zip(&self.units).enumerate();
            units.filter(|(_, (unit, _))| unit.segment == address.segment)
        };
        let named = all().find(|(_, (unit, places))| places.has(&unit.who, address));
        let found = named.or_else(|| all().find(|(_, (_, places))| places.takes_rest));
        found.map(|(number, _)| number)
    }

    /// The memory that firmware wants a function to reach.
    pub fn reserved_for(&self, address: Address) -> impl Iterator<Item = &'a Reserved> {
        let all = self.iommus.reserved.iter().zip(&self.reserved);
        all.filter(move |(reserved, places)| {
            let segment = reserved.segment;
            segment.is_none_or(|segment| segment == address.segment)
                && places.has(&reserved.who, address)
        })
        .map(|(reserved, _)| reserved)
    }
}
