//! All units of a machine, of whichever vendor.

use core::fmt;

use bulkhead_memory::{PAGE, Region};
use bulkhead_pci::Address;

use crate::pages::{MapError, Shape};
use crate::vtd::Fault;
use crate::{Iommus, Kind, Physical, Requester, amd, vtd};

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

/// Why a machine's units are not used. Displays as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
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
            Self::Registers(region) => write!(f, "its registers at {region} can't be reached"),
            Self::Cannot(base, what) => write!(f, "the unit at {base:#x} {what}"),
            Self::Silent(base) => {
                write!(
                    f,
                    "the unit at {base:#x} does not answer: all are switched off"
                )
            }
        }
    }
}

/// All units, switched on: what is given to nobody is blocked.
#[derive(Debug)]
pub enum Fabric {
    /// Intel's.
    VtD(vtd::Fabric),
    /// AMD's.
    AmdVi(amd::Fabric),
}

impl Fabric {
    /// Looks at all units, and switches them on: from then on nothing passes but what [`attach`](Self::attach)
    /// lets, and the requests of `own` functions, wherever their bus is nobody's. `reaches` tells whether
    /// registers are mapped, `take` gives so many bytes of zeroes, whole pages, for tables. `None`: there
    /// is no unit.
    ///
    /// # Errors
    /// [`Unusable`] says why they are left as they are.
    pub fn start(
        hw: &impl Physical,
        iommus: &Iommus,
        own: &[Address],
        reaches: impl Fn(Region) -> bool,
        mut take: impl FnMut(u64) -> u64,
    ) -> Result<Option<Self>, Unusable> {
        let Some(kind) = iommus.kind.filter(|_| !iommus.units.is_empty()) else {
            return Ok(None);
        };
        let mut registers = iommus.units.iter().map(|unit| unit.registers);
        if let Some(registers) = registers.find(|registers| !reaches(*registers)) {
            return Err(Unusable::Registers(registers));
        }
        Ok(Some(match kind {
            Kind::VtD => Self::VtD(vtd::Fabric::start(hw, iommus, own, || take(PAGE))?),
            Kind::AmdVi => Self::AmdVi(amd::Fabric::start(hw, iommus, own, take)?),
        }))
    }

    /// Makes room for names on buses that others may have, so that they can be [let](Self::pass). None passes
    /// yet. Those of functions that are Bulkhead's own always do. `take` as in [`start`](Self::start).
    pub fn reserve(
        &mut self,
        hw: &impl Physical,
        names: &[Requester],
        mut take: impl FnMut(u64) -> u64,
    ) {
        match self {
            Self::VtD(fabric) => fabric.reserve(hw, names, || take(PAGE)),
            Self::AmdVi(fabric) => fabric.reserve(names),
        }
    }

    /// Lets requests under such names pass as they are, wherever their bus is nobody's, because of a domain, or
    /// no longer because of it. Whether each unit has said that it has forgotten what was.
    pub fn pass(&self, hw: &impl Physical, names: &[Requester], number: u16, passes: bool) -> bool {
        names.is_empty()
            || match self {
                Self::VtD(fabric) => fabric.pass(hw, names, number, passes),
                Self::AmdVi(fabric) => fabric.pass(hw, names, number, passes),
            }
    }

    /// How many units there are, and how many of them firmware had left translating.
    fn counts(&self) -> (usize, usize) {
        match self {
            Self::VtD(fabric) => fabric.counts(),
            Self::AmdVi(fabric) => fabric.counts(),
        }
    }

    /// What tables they walk.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        match self {
            Self::VtD(fabric) => fabric.shape(),
            Self::AmdVi(_) => amd::SHAPE,
        }
    }

    /// Lets requests from some buses reach `memory`, or with `None` all of it. The tables are made in
    /// `room`, which no device can reach. `number` is the domain's, from 1 on.
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
        match self {
            Self::VtD(fabric) => fabric.attach(hw, buses, memory, room, number),
            Self::AmdVi(fabric) => fabric.attach(hw, buses, memory, room, number),
        }
    }

    /// Blocks all requests from some buses. Whether each unit has said that none is on its way any more.
    pub fn detach(&self, hw: &impl Physical, buses: &[Buses]) -> bool {
        match self {
            Self::VtD(fabric) => fabric.detach(hw, buses),
            Self::AmdVi(fabric) => fabric.detach(hw, buses),
        }
    }

    /// Takes the next request that was blocked. For one core at a time.
    pub fn take_fault(&self, hw: &impl Physical) -> Option<Fault> {
        match self {
            Self::VtD(fabric) => fabric.take_fault(hw),
            Self::AmdVi(fabric) => fabric.take_fault(hw),
        }
    }
}

/// `1 unit in use`, and what firmware had done with it.
impl fmt::Display for Fabric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, left) = self.counts();
        let plural = if units == 1 { "" } else { "s" };
        write!(f, "{units} unit{plural} in use")?;
        match left {
            0 => Ok(()),
            left if left == units => f.write_str(" that firmware left translating"),
            left => write!(f, ", {left} of them left translating by firmware"),
        }
    }
}
