//! Interrupts by pin: which functions need an I/O APIC, and whether their pins are known to lead to one
//! of the claim (requirements I1, I2).

use bulkhead_model::{DeviceName, Devices, Lead, Machine};
use bulkhead_pci::{self as pci, Address, Function};

use super::DeviceError;

/// Whether a function can interrupt by a pin and by nothing else.
pub(super) fn is_pin_only(function: &Function) -> bool {
    !function.is_bridge() && !function.can_msi() && function.interrupt_pin != 0
}

/// The interrupt that the pin of a function of the claim is.
pub(super) fn gsi(devices: &Devices, function: &Function, machine: &Machine) -> Option<u32> {
    let mut units = devices.units.iter();
    let unit = units.find(|unit| unit.contains(function.bus()))?;
    pci::lead(&machine.functions, &machine.routes, unit, function)
}

/// Where the pin leads of a function that nothing can interrupt for; `None` if something can.
fn missing(devices: &Devices, function: &Function, machine: &Machine) -> Option<Lead> {
    if !is_pin_only(function) {
        return None;
    }
    match machine.lead(gsi(devices, function, machine)) {
        Lead::IoApic(number) if devices.io_apics.contains(&number) => None,
        lead => Some(lead),
    }
}

/// Where the pin of a function that needs it leads, whoever has the function.
pub(super) fn pin_only(function: &Function, machine: &Machine) -> Option<Lead> {
    if !is_pin_only(function) {
        return None;
    }
    let unit = pci::unit(&machine.functions, function.bus()).ok();
    let gsi = unit.and_then(|unit| pci::lead(&machine.functions, &machine.routes, &unit, function));
    Some(machine.lead(gsi))
}

/// Whether Linux will be able to use the function's interrupt.
pub(super) fn check(
    devices: &Devices,
    address: Address,
    machine: &Machine,
) -> Result<(), DeviceError> {
    let function = machine.function(address);
    match function.and_then(|function| missing(devices, function, machine)) {
        None => Ok(()),
        Some(Lead::IoApic(number)) => Err(DeviceError::PinOnly { address, number }),
        Some(Lead::Unknown) => Err(DeviceError::PinUnknown { address }),
    }
}

/// The PS/2 controller's two interrupts: Linux drives it by them only.
pub(super) fn check_ps2(devices: &Devices, machine: &Machine) -> Result<(), DeviceError> {
    const KEYBOARD_AND_MOUSE: [u8; 2] = [1, 12];
    let mut lacking = KEYBOARD_AND_MOUSE.into_iter();
    let lacking = lacking.find(|irq| devices.ps2 && !devices.has_irq(machine, *irq));
    let Some(irq) = lacking else {
        return Ok(());
    };
    let number = machine.io_apic_of(machine.isa_gsi(irq)).unwrap_or(0);
    let name = DeviceName::Ps2;
    Err(DeviceError::NeedsIoApic { name, number })
}

/// Functions of the claim that nothing can interrupt for, and where their pins lead.
pub(crate) fn without_interrupt<'a>(
    devices: &'a Devices,
    machine: &'a Machine,
) -> impl Iterator<Item = (Address, Lead)> + 'a {
    let own = machine.functions.iter();
    own.filter(|function| devices.has_function(function.address))
        .filter_map(|function| Some((function.address, missing(devices, function, machine)?)))
}
