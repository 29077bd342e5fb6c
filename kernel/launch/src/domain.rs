//! What a partition's devices may reach, where an IOMMU sees to it.

use alloc::vec::Vec;

use bulkhead_iommu::{Buses, needs};
use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::{Claim, Definition, Isolation, Machine};

use crate::LaunchError;

/// The same as the running system keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The buses whose requests are the partition's.
    pub buses: Vec<Buses>,
    /// What they reach: its RAM but for [`room`](Self::room). `None`: everything.
    pub memory: Option<Vec<Region>>,
    /// Where the IOMMU's tables for it are, which are reserved to its Linux.
    pub room: Region,
}

/// Bytes that the IOMMU's tables take of a claim: none where no IOMMU is in use, or no device claimed.
///
/// # Errors
/// [`LaunchError`] says why its devices can't be isolated as the definition says.
pub(crate) fn bytes(
    machine: &Machine,
    definition: &Definition,
    claim: &Claim,
) -> Result<u64, LaunchError> {
    let is_isolated = definition.isolation == Isolation::Dma;
    let Some(iommu) = &machine.iommu else {
        return if is_isolated {
            Err(LaunchError::NoIommu)
        } else {
            Ok(0)
        };
    };
    if claim.devices.units.is_empty() {
        return Ok(0);
    }
    if !is_isolated {
        return Ok(PAGE);
    }
    let units = || claim.devices.units.iter();
    let mut functions = units().flat_map(|unit| &unit.functions).copied();
    if let Some(function) = functions.find(|f| iommu.unserved.contains(f)) {
        return Err(LaunchError::Unserved { function });
    }
    let is_own = |address| units().any(|unit| unit.functions.contains(address));
    let mut pinned = iommu.pinned.iter();
    if let Some((function, region)) = pinned.find(|(function, _)| is_own(function)) {
        return Err(LaunchError::Pinned {
            function: *function,
            region: *region,
        });
    }
    let pages = needs(iommu.shape, &claim.own_regions()).map_err(LaunchError::Domain)?;
    Ok(PAGE + pages * PAGE)
}

/// The domain whose tables are in `room`.
pub(crate) fn domain(definition: &Definition, claim: &Claim, room: Region) -> Domain {
    let units = claim.devices.units.iter();
    let buses = units.map(|unit| Buses {
        segment: unit.bus.segment,
        first: unit.bus.number,
        last: unit.last,
    });
    let memory = (definition.isolation == Isolation::Dma).then(|| {
        let mut memory: RegionSet = claim.own_regions().into_iter().collect();
        memory.remove(room);
        memory.iter().collect()
    });
    Domain {
        buses: buses.collect(),
        memory,
        room,
    }
}
