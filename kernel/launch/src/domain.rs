//! What a partition's devices may reach, where an IOMMU sees to it.

use alloc::vec::Vec;

use bulkhead_iommu::{Buses, Requester, needs};
use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::{Claim, Definition, Isolation, Machine};
use bulkhead_pci::Address;

use crate::{LaunchError, NoWall};

/// The same as the running system keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The buses whose requests are the partition's.
    pub buses: Vec<Buses>,
    /// Names on others' buses under which its functions' requests may come: of one that reaches everything.
    pub names: Vec<Requester>,
    /// What they reach: its RAM but for [`room`](Self::room). `None`: everything.
    pub memory: Option<Vec<Region>>,
    /// Where the IOMMU's tables for it are, which are reserved to its Linux.
    pub room: Region,
}

/// What a partition's devices reach, and what of its RAM that takes.
#[derive(Clone, Debug)]
pub struct Walls {
    /// What holds.
    pub isolation: Isolation,
    /// Why it is no more, if nobody has said that it shall be so.
    pub why: Option<NoWall>,
    /// Bytes that the IOMMU's tables take: none where no IOMMU is in use, or no device claimed.
    pub(crate) bytes: u64,
}

impl Walls {
    /// As the definition says, or the operator for all; else as strong as it can be.
    ///
    /// # Errors
    /// [`LaunchError`] says why the devices can't be isolated as is wanted.
    pub fn of(
        machine: &Machine,
        definition: &Definition,
        claim: &Claim,
    ) -> Result<Self, LaunchError> {
        let wanted = definition.isolation.or(machine.isolation);
        let why = match (wanted, dma(machine, claim)) {
            (Some(Isolation::Bare), _) => None,
            (_, Ok(bytes)) => {
                return Ok(Self {
                    isolation: Isolation::Dma,
                    why: None,
                    bytes,
                });
            }
            (Some(Isolation::Dma), Err(why)) => return Err(why),
            (None, Err(why)) => Some(NoWall(why)),
        };
        let has_tables = machine.iommu.is_some() && !claim.devices.units.is_empty();
        Ok(Self {
            isolation: Isolation::Bare,
            why,
            bytes: if has_tables { PAGE } else { 0 },
        })
    }
}

/// Bytes of tables that isolate the claim's devices, or why that can't be.
fn dma(machine: &Machine, claim: &Claim) -> Result<u64, LaunchError> {
    let iommu = machine.iommu.as_ref().ok_or(LaunchError::NoIommu)?;
    if claim.devices.units.is_empty() {
        return Ok(0);
    }
    let units = || claim.devices.units.iter();
    let mut functions = units().flat_map(|unit| &unit.functions).copied();
    if let Some(function) = functions.find(|f| iommu.unserved.contains(f)) {
        return Err(LaunchError::Unserved { function });
    }
    let is_own = |address| has(claim, address);
    let mut pinned = iommu.pinned.iter();
    if let Some((function, region)) = pinned.find(|(function, _)| is_own(function)) {
        return Err(LaunchError::Pinned {
            function: *function,
            region: *region,
        });
    }
    let has_bus = |name: &Requester| {
        let mut units = units().filter(|unit| unit.bus.segment == name.segment);
        units.any(|unit| (unit.bus.number..=unit.last).contains(&name.bus))
    };
    let mut elsewhere = iommu.elsewhere.iter();
    let found = elsewhere.find(|(function, name)| is_own(function) && !has_bus(name));
    if let Some((function, name)) = found {
        return Err(LaunchError::Elsewhere {
            function: *function,
            name: name.address(),
        });
    }
    let pages = needs(iommu.shape, &claim.own_regions()).map_err(LaunchError::Domain)?;
    Ok(PAGE + pages * PAGE)
}

/// Whether a function is among the claim's.
fn has(claim: &Claim, address: &Address) -> bool {
    let mut units = claim.devices.units.iter();
    units.any(|unit| unit.functions.contains(address))
}

/// The domain whose tables are in `room`.
pub(crate) fn domain(
    machine: &Machine,
    isolation: Isolation,
    claim: &Claim,
    room: Region,
) -> Domain {
    let units = claim.devices.units.iter();
    let iommu = machine
        .iommu
        .iter()
        .filter(|_| isolation == Isolation::Bare);
    let elsewhere = iommu.flat_map(|iommu| &iommu.elsewhere);
    let names = elsewhere.filter(|(function, _)| has(claim, function));
    let buses = units.map(|unit| Buses {
        segment: unit.bus.segment,
        first: unit.bus.number,
        last: unit.last,
    });
    let memory = (isolation == Isolation::Dma).then(|| {
        let mut memory: RegionSet = claim.own_regions().into_iter().collect();
        memory.remove(room);
        memory.iter().collect()
    });
    Domain {
        buses: buses.collect(),
        names: names.map(|(_, name)| *name).collect(),
        memory,
        room,
    }
}
