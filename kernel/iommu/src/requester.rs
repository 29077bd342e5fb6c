//! Under whose name a function's requests reach the IOMMU.

use alloc::vec::Vec;

use bulkhead_pci::{Address, Function, PortType};

use crate::find::{Iommus, Who};
use crate::route::bridge_to;

/// What a request says of its sender: a bus, and eight bits of device and function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requester {
    /// The PCI segment group, which is not sent.
    pub segment: u16,
    /// Bus.
    pub bus: u8,
    /// Device (five bits) and function.
    pub devfn: u8,
}

impl Requester {
    /// A function's own.
    #[must_use]
    pub const fn of(address: Address) -> Self {
        Self {
            segment: address.segment,
            bus: address.bus,
            devfn: address.device << 3 | address.function,
        }
    }

    /// As [AMD's tables](Self::id) have it.
    #[must_use]
    pub const fn of_id(segment: u16, id: u16) -> Self {
        let [bus, devfn] = id.to_be_bytes();
        Self {
            segment,
            bus,
            devfn,
        }
    }

    /// The function with that name, if there is one.
    #[must_use]
    pub const fn address(self) -> Address {
        Address {
            segment: self.segment,
            bus: self.bus,
            device: self.devfn >> 3,
            function: self.devfn & 7,
        }
    }

    /// As AMD's tables have it.
    #[must_use]
    pub const fn id(self) -> u16 {
        (self.bus as u16) << 8 | self.devfn as u16
    }
}

/// All names under which a function's requests may come: its own first; behind a bridge from
/// conventional PCI the bridge's, too (Linux's `pci_for_each_dma_alias()`). `functions` are those of
/// the machine, ascending by address.
#[must_use]
pub fn requesters(functions: &[Function], address: Address) -> Vec<Requester> {
    let mut names = [Requester::of(address)].to_vec();
    let mut bus = address.bus();
    while let Some(bridge) = bridge_to(functions, bus) {
        let own = Requester::of(bridge.address);
        // Bus numbers fall on the way up, so it ends.
        let secondary = bus.number;
        bus = bridge.bus();
        let name = match bridge.port {
            // PCIe-to-PCI Bridge §2.3: it takes a request over as that of its secondary bus.
            Some(PortType::ToPci) => Requester {
                bus: secondary,
                devfn: 0,
                ..own
            },
            None | Some(PortType::FromPci) => own,
            Some(_) => continue,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Functions whose requests come under a name on a bus that is not theirs, and these names: behind a bridge
/// from conventional PCI that sends its own, or as an IVRS says. `functions` are those of the machine, ascending.
#[must_use]
pub fn named_elsewhere(iommus: &Iommus, functions: &[Function]) -> Vec<(Address, Requester)> {
    let mut found = Vec::new();
    for function in functions.iter().filter(|f| !f.is_bridge()) {
        let address = function.address;
        let mut names = requesters(functions, address);
        names.extend(alias(iommus, address));
        names.retain(|name| name.bus != address.bus);
        found.extend(names.into_iter().map(|name| (address, name)));
    }
    found
}

/// What an IVRS says that a function sends in place of its own name.
fn alias(iommus: &Iommus, address: Address) -> Option<Requester> {
    let own = Requester::of(address).id();
    let mut units = iommus.units.iter();
    units.find_map(|unit| {
        let Who::Ids(ids) = &unit.who else {
            return None;
        };
        let mut ids = ids.iter().filter(|_| unit.segment == address.segment);
        let id = ids.find_map(|ids| ids.alias.filter(|_| ids.contains(own)))?;
        Some(Requester::of_id(address.segment, id))
    })
}
