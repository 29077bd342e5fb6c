//! PCI: which unit goes with a name, and whether it can be had.

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_model::{Definition, DeviceName, Devices, Machine};
use bulkhead_pci::{self as pci, Address, Bus, Unit};

use super::DeviceError;
use crate::Partition;

/// The bus that goes with a function.
pub(super) fn bus_of(address: Address, machine: &Machine) -> Result<Bus, DeviceError> {
    let name = DeviceName::Function(address);
    if machine.ecam.is_empty() {
        return Err(DeviceError::NoEcam { name });
    }
    let Some(function) = machine.function(address) else {
        return Err(DeviceError::AbsentFunction { address });
    };
    if machine.shell_function == Some(address) {
        // On a root bus, too, where the error would be that there is no having it alone.
        return Err(DeviceError::Shell {
            name,
            function: address,
        });
    }
    let unit = pci::unit(&machine.functions, address.bus())
        .map_err(|error| DeviceError::Bus { name, error })?;
    if unit.bridge.is_some() {
        return Ok(address.bus());
    }
    // A bridge without numbers leads nowhere.
    let below = function.bridge.as_ref().map(|bridge| bridge.secondary);
    Err(match below.filter(|number| *number > address.bus) {
        Some(number) => DeviceError::Bridge {
            address,
            below: Bus {
                number,
                ..address.bus()
            },
        },
        None => DeviceError::OnRootBus { address },
    })
}

/// Adds the unit of `bus`, unless it is there by another name already.
pub(super) fn add_unit<'a>(
    devices: &mut Devices,
    name: DeviceName,
    bus: Bus,
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition>,
) -> Result<(), DeviceError> {
    if machine.ecam.is_empty() {
        return Err(DeviceError::NoEcam { name });
    }
    if Devices::segment_in_partition(bus.segment).is_none() {
        return Err(DeviceError::LastSegment { name });
    }
    let unit =
        pci::unit(&machine.functions, bus).map_err(|error| DeviceError::Bus { name, error })?;
    if let Some(function) = machine.shell_function_in(&unit) {
        return Err(DeviceError::Shell { name, function });
    }
    for other in others {
        let overlapping = |theirs: &&Unit| theirs.overlaps(&unit);
        if let Some(theirs) = other.claim.devices.units.iter().find(overlapping) {
            return Err(taken(name, &unit, theirs, other));
        }
    }
    match devices.units.iter().find(|own| own.overlaps(&unit)) {
        // Two functions of one bus, or one of them and the bus itself.
        Some(own) if own.bus == unit.bus => return Ok(()),
        Some(own) => {
            return Err(DeviceError::Nested {
                name,
                inner: own.bus.max(unit.bus),
                outer: own.bus.min(unit.bus),
            });
        }
        None => {}
    }
    pci::check(&machine.functions, &unit).map_err(|error| DeviceError::Unusable { name, error })?;
    devices.units.push(unit);
    Ok(())
}

/// Why `unit` can't be had beside `theirs`. It is said to be shared where the other partition
/// asked for something else than is asked for now, and has this because it goes along.
fn taken(name: DeviceName, unit: &Unit, theirs: &Unit, other: &Partition) -> DeviceError {
    let owner = String::from(other.definition.name.as_str());
    let asked = &other.definition.devices;
    let is_asked = |address: &&Address| asked.contains(&DeviceName::Function(**address));
    let mut on_their_bus = theirs.functions.iter().filter(|f| f.bus() == theirs.bus);
    let with = on_their_bus.clone().find(is_asked);
    let with = if theirs.contains(unit.bus) {
        // All of it is theirs.
        let goes_along = matches!(name, DeviceName::Function(_)) && !asked.contains(&name);
        with.filter(|_| goes_along && theirs.bus == unit.bus)
    } else {
        with.or_else(|| on_their_bus.next())
    };
    match with {
        Some(&with) => DeviceError::Shared {
            name,
            bus: theirs.bus,
            with,
            owner,
        },
        None => DeviceError::Taken { name, owner },
    }
}

/// Functions that come with those asked for, being on the same bus or below it, and the bus;
/// bridges left out.
pub(crate) fn companions(
    definition: &Definition,
    devices: &Devices,
    machine: &Machine,
) -> Vec<(Address, Bus)> {
    let is_named = |name: DeviceName| definition.devices.contains(&name);
    let is_bridge = |address: Address| machine.function(address).is_some_and(|f| f.is_bridge());
    devices
        .units
        .iter()
        .filter(|unit| !is_named(DeviceName::Bus(unit.bus)))
        .flat_map(|unit| unit.functions.iter().map(|address| (*address, unit.bus)))
        .filter(|(address, _)| !is_named(DeviceName::Function(*address)) && !is_bridge(*address))
        .collect()
}
