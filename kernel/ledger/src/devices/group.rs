//! Isolation groups with two owners: what an IOMMU does not see passes between their devices.

use bulkhead_model::{Devices, Machine, Warning};
use bulkhead_pci::Function;

use crate::Partition;

/// The groups that `partition` shares with each other one, while the machine's IOMMU is in use.
pub(crate) fn shared_groups<'a>(
    partition: &'a Partition,
    machine: &'a Machine,
    others: impl Iterator<Item = &'a Partition>,
) -> impl Iterator<Item = Warning> {
    let is_in_use = machine.iommu.is_some();
    others.filter(move |_| is_in_use).filter_map(move |other| {
        functions(&partition.claim.devices, machine).find_map(|own| {
            let mut theirs = functions(&other.claim.devices, machine);
            let theirs = theirs.find(|theirs| theirs.group == own.group)?;
            Some(Warning::SharedGroup {
                own: own.address,
                theirs: theirs.address,
                other: other.definition.name.clone(),
            })
        })
    })
}

/// Functions of a claim that may use memory by themselves; bridges pass on what comes from below.
fn functions<'a>(devices: &'a Devices, machine: &'a Machine) -> impl Iterator<Item = &'a Function> {
    let own = devices.units.iter().flat_map(|unit| &unit.functions);
    let own = own.filter_map(|address| machine.function(*address));
    own.filter(|function| !function.is_bridge())
}
