//! The screen is memory of a graphics function: whoever has the one can't be without the other.

use alloc::string::String;

use bulkhead_model::{DeviceName, Devices, Machine};
use bulkhead_pci::Address;

use super::DeviceError;
use crate::Partition;

/// Refuses the screen while somebody else has the function that it is memory of, and that
/// function while somebody else has the screen.
pub(super) fn check<'a>(
    devices: &Devices,
    asked: &[DeviceName],
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition>,
) -> Result<(), DeviceError> {
    let Some(function) = machine.screen_function() else {
        return Ok(());
    };
    for other in others {
        let theirs = &other.claim.devices;
        let owner = || String::from(other.definition.name.as_str());
        if devices.framebuffer && theirs.has_function(function) {
            return Err(DeviceError::ScreenOf {
                function,
                owner: owner(),
            });
        }
        if theirs.framebuffer && devices.has_function(function) {
            return Err(DeviceError::HasScreen {
                name: asked_for(devices, function, asked),
                function,
                owner: owner(),
            });
        }
    }
    Ok(())
}

/// The item of the list with which a function of the claim came: itself, its unit's bus, or
/// another function on that bus.
fn asked_for(devices: &Devices, function: Address, asked: &[DeviceName]) -> DeviceName {
    let itself = DeviceName::Function(function);
    let unit = devices
        .units
        .iter()
        .find(|unit| unit.contains(function.bus()))
        .filter(|_| !asked.contains(&itself));
    let with_unit = |name: &&DeviceName| {
        unit.is_some_and(|unit| match name {
            DeviceName::Bus(bus) => *bus == unit.bus,
            DeviceName::Function(address) => address.bus() == unit.bus,
            _ => false,
        })
    };
    asked.iter().find(with_unit).copied().unwrap_or(itself)
}
