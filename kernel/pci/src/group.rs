//! Isolation groups: what an IOMMU could not keep apart (PCIe §6.12, Access Control Services).
//!
//! The rule is Linux's (`pci_device_group()`): requests of two functions can meet below the root
//! complex if a port on the way up lacks ACS, or if both belong to one device without ACS. As in
//! Linux, a port or device that has the capability counts as one whose ACS is turned on, and a
//! feature that the capability doesn't list as one that is wired on. Stricter than Linux's older
//! releases in one thing: a switch with one downstream port that lacks ACS keeps none of its ports
//! apart, for requests that enter there reach all the others.

use alloc::vec;
use alloc::vec::Vec;

use litemap::LiteMap;

use crate::level::leading;
use crate::{Bus, Function, PortType};

/// More levels than 256 rising bus numbers allow.
const MOST_LEVELS: usize = 256;

/// Gives each function (ascending by address) the number of its group.
pub(crate) fn number(functions: &mut [Function]) {
    let mut sets = Sets::new(functions.len());
    let leaky = LeakyBuses::of(functions);
    let bridges = leading(functions.iter().enumerate());
    for index in 0..functions.len() {
        sets.join(index, meeting_point(functions, &bridges, &leaky, index));
    }
    join_devices(functions, &leaky, &mut sets);
    join_switches(functions, &leaky, &mut sets);
    let mut numbers: Vec<Option<u16>> = vec![None; functions.len()];
    let mut next = 0u16;
    for (index, function) in functions.iter_mut().enumerate() {
        let number = &mut numbers[sets.root(index)];
        function.group = *number.get_or_insert_with(|| {
            let new = next;
            next = next.saturating_add(1);
            new
        });
    }
}

/// The function's own index, or that of the highest bridge on its way up such that requests can
/// turn around there. `bridges` leads from a bus to the bridge above it.
fn meeting_point(
    functions: &[Function],
    bridges: &LiteMap<Bus, usize>,
    leaky: &LeakyBuses,
    index: usize,
) -> usize {
    let mut point = index;
    let mut at = index;
    for _ in 0..MOST_LEVELS {
        let Some(&above) = bridges.get(&functions[at].bus()) else {
            return point;
        };
        if !leaky.isolates(&functions[above]) {
            point = above;
        }
        at = above;
    }
    point
}

/// Joins the functions of each device that has several of them without ACS.
fn join_devices(functions: &[Function], leaky: &LeakyBuses, sets: &mut Sets) {
    let slot = |f: &Function| (f.bus(), f.address.device);
    let mut start = 0;
    for device in functions.chunk_by(|a, b| slot(a) == slot(b)) {
        if device.len() > 1 {
            let places = start..start + device.len();
            sets.join_all(places.filter(|&i| !leaky.isolates(&functions[i])));
        }
        start += device.len();
    }
}

/// Joins the downstream ports of each switch of which one lacks ACS.
fn join_switches(functions: &[Function], leaky: &LeakyBuses, sets: &mut Sets) {
    for &bus in leaky.0.keys() {
        let on_bus = |f: &Function| f.bus() == bus && f.port == Some(PortType::Downstream);
        sets.join_all((0..functions.len()).filter(|&i| on_bus(&functions[i])));
    }
}

/// Buses inside switches on which a downstream port lacks ACS.
struct LeakyBuses(LiteMap<Bus, ()>);

impl LeakyBuses {
    fn of(functions: &[Function]) -> Self {
        let lacking = functions
            .iter()
            .filter(|f| f.port == Some(PortType::Downstream) && f.found.capabilities.acs.is_none());
        let mut buses = LiteMap::new();
        for function in lacking {
            buses.insert(function.bus(), ());
        }
        Self(buses)
    }

    /// Linux's `pci_acs_enabled()` for the features that isolation takes, supposing that ACS is
    /// turned on wherever it exists.
    fn isolates(&self, function: &Function) -> bool {
        let acs = function.found.capabilities.acs.is_some();
        match function.port {
            None | Some(PortType::ToPci | PortType::FromPci | PortType::EventCollector) => false,
            Some(PortType::RootPort) => acs,
            Some(PortType::Downstream) => !self.0.contains_key(&function.bus()),
            Some(
                PortType::Endpoint
                | PortType::LegacyEndpoint
                | PortType::Upstream
                | PortType::RootComplexEndpoint,
            ) => acs || !function.found.multi_function,
        }
    }
}

/// Disjoint sets of indices; a set is named by its lowest member.
struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    fn new(count: usize) -> Self {
        Self {
            parent: (0..count).collect(),
        }
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.parent[index] != index {
            self.parent[index] = self.parent[self.parent[index]];
            index = self.parent[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b)] = a.min(b);
    }

    fn join_all(&mut self, mut members: impl Iterator<Item = usize>) {
        if let Some(first) = members.next() {
            members.for_each(|i| self.join(first, i));
        }
    }
}
