//! How strong the walls around a partition's devices are.

use core::fmt;

use alloc::vec::Vec;

use bulkhead_iommu::{Iommus, Requester, Routes, Shape, named_elsewhere};
use bulkhead_memory::Region;
use bulkhead_pci::{Address, Function};

/// What keeps a partition's devices from memory that is not its own. Displays as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// What its Linux tells them.
    Bare,
    /// The machine's IOMMU.
    Dma,
}

impl Isolation {
    /// All.
    pub const ALL: [Self; 2] = [Self::Bare, Self::Dma];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Dma => "dma",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The IOMMUs of a machine, switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iommu {
    /// What tables they walk.
    pub shape: Shape,
    /// Functions whose requests go by none.
    pub unserved: Vec<Address>,
    /// Functions that firmware has reach some memory, whoever has them.
    pub pinned: Vec<(Address, Region)>,
    /// Functions whose requests come under a name on a bus that is not theirs.
    pub elsewhere: Vec<(Address, Requester)>,
}

impl Iommu {
    /// Of a machine with these functions, ascending by address.
    #[must_use]
    pub fn of(shape: Shape, iommus: &Iommus, functions: &[Function]) -> Self {
        let routes = Routes::new(iommus, functions);
        let addresses = || functions.iter().map(|f| f.address);
        let pinned = |address| {
            let reserved = routes.reserved_for(address);
            reserved.map(move |reserved| (address, reserved.region))
        };
        Self {
            shape,
            unserved: addresses()
                .filter(|address| routes.unit_of(*address).is_none())
                .collect(),
            pinned: addresses().flat_map(pinned).collect(),
            elsewhere: named_elsewhere(iommus, functions),
        }
    }
}
