//! Interrupts by pin: which functions need the I/O APIC, and whether their pins are known to lead
//! there (requirements I1, I2).

use bulkhead_pci::{self as pci, Address, Function, Unit};

use super::{DeviceError, Devices};
use crate::Machine;

/// Whether a function can interrupt by a pin and by nothing else.
pub(super) fn is_pin_only(function: &Function) -> bool {
    !function.is_bridge() && !function.can_msi() && function.interrupt_pin != 0
}

impl Devices {
    /// Whether Linux will be able to use the function's interrupt.
    pub(super) fn check_interrupt(
        &self,
        address: Address,
        machine: &Machine,
    ) -> Result<(), DeviceError> {
        let Some(function) = machine.function(address) else {
            return Ok(());
        };
        if !is_pin_only(function) || self.has_route(function, machine) {
            return Ok(());
        }
        Err(if self.io_apic {
            DeviceError::PinUnknown { address }
        } else {
            DeviceError::PinOnly { address }
        })
    }

    /// Functions of the claim that nothing can interrupt for.
    pub(crate) fn without_interrupt<'a>(
        &'a self,
        machine: &'a Machine,
    ) -> impl Iterator<Item = Address> + 'a {
        let own = machine.functions.iter();
        own.filter(|function| self.has_function(function.address))
            .filter(|function| is_pin_only(function) && !self.has_route(function, machine))
            .map(|function| function.address)
    }

    /// Whether the function's pin leads to an I/O APIC of the claim.
    fn has_route(&self, function: &Function, machine: &Machine) -> bool {
        let bus = function.address.bus();
        let is_its = |route: &pci::Route| {
            route.bus == bus
                && route.device == function.address.device
                && route.pin == function.interrupt_pin
        };
        // Below a bridge of its own, Linux finds the way by itself.
        let is_known = |unit: &Unit| {
            let routes = pci::routes(&machine.functions, &machine.routes, unit);
            unit.contains(bus)
                && (unit.bus != bus && !routes.is_empty() || routes.iter().any(is_its))
        };
        self.io_apic && self.units.iter().any(is_known)
    }
}
