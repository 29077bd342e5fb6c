//! Interrupts by pin: which functions need the I/O APIC, and whether their pins are known to lead
//! there (requirements I1, I2).

use bulkhead_model::{Devices, Machine};
use bulkhead_pci::{self as pci, Address, Function, Unit};

use super::DeviceError;

/// Whether a function can interrupt by a pin and by nothing else.
pub(super) fn is_pin_only(function: &Function) -> bool {
    !function.is_bridge() && !function.can_msi() && function.interrupt_pin != 0
}

/// Whether Linux will be able to use the function's interrupt.
pub(super) fn check(
    devices: &Devices,
    address: Address,
    machine: &Machine,
) -> Result<(), DeviceError> {
    let Some(function) = machine.function(address) else {
        return Ok(());
    };
    if !is_pin_only(function) || has_route(devices, function, machine) {
        return Ok(());
    }
    Err(if devices.io_apic {
        DeviceError::PinUnknown { address }
    } else {
        DeviceError::PinOnly { address }
    })
}

/// Functions of the claim that nothing can interrupt for.
pub(crate) fn without_interrupt<'a>(
    devices: &'a Devices,
    machine: &'a Machine,
) -> impl Iterator<Item = Address> + 'a {
    let own = machine.functions.iter();
    own.filter(|function| devices.has_function(function.address))
        .filter(|function| is_pin_only(function) && !has_route(devices, function, machine))
        .map(|function| function.address)
}

/// Whether the function's pin leads to an I/O APIC of the claim.
fn has_route(devices: &Devices, function: &Function, machine: &Machine) -> bool {
    let bus = function.address.bus();
    let is_its = |route: &pci::Route| {
        route.bus == bus
            && route.device == function.address.device
            && route.pin == function.interrupt_pin
    };
    // Below a bridge of its own, Linux finds the way by itself.
    let is_known = |unit: &Unit| {
        let routes = pci::routes(&machine.functions, &machine.routes, unit);
        unit.contains(bus) && (unit.bus != bus && !routes.is_empty() || routes.iter().any(is_its))
    };
    devices.io_apic && devices.units.iter().any(is_known)
}
