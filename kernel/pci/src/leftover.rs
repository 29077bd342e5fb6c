//! What firmware has left as it should not stay.

use alloc::vec::Vec;

use crate::config::Registers;
use crate::register::{BUS_MASTER, INTX_DISABLE};
use crate::{Bus, ConfigSpace, Function, assign, unit};

/// Base classes (PCI Code and ID Assignment Specification, §1).
const STORAGE: u8 = 0x01;
const NETWORK: u8 = 0x02;
const WIRELESS: u8 = 0x0d;
const BRIDGE: u8 = 0x06;
/// Base class and subclass of USB controllers.
const USB: (u8, u8) = (0x0c, 0x03);

/// Keeps disk and network controllers that firmware used from writing to memory that they take for
/// their own still: their rings lie in RAM that is free now.
///
/// And whoever has a pin no longer asks by it: nobody would answer, and the line may be one that a
/// partition's device needs. Drivers turn it on again, for whoever gets the function.
///
/// USB controllers are left alone until they are claimed: firmware may be making a PS/2 keyboard of
/// them.
pub fn quiet(config: &dyn ConfigSpace, functions: &[Function]) {
    let is_usb = |f: &Function| (f.class, f.subclass) == USB;
    for function in functions.iter().filter(|f| !is_usb(f)) {
        let stops = matches!(function.class, STORAGE | NETWORK | WIRELESS);
        let has_pin = function.interrupt_pin != 0 && function.class != BRIDGE;
        let clear = if stops { BUS_MASTER } else { 0 };
        let set = if has_pin { INTX_DISABLE } else { 0 };
        if clear | set != 0 {
            Registers::new(config, function.address).change_command(clear, set);
        }
    }
}

/// Gives BARs below each bridge addresses, where firmware has left some without; nothing is written
/// to them yet.
///
/// What can't be given an address stays without; a claim of it is refused, with the reason.
pub fn assign_all(functions: &mut [Function]) {
    let below = |function: &Function| {
        let bridge = function.bridge.as_ref()?;
        Some(Bus {
            segment: function.address.segment,
            number: bridge.secondary,
        })
    };
    let buses: Vec<Bus> = functions.iter().filter_map(below).collect();
    for bus in buses {
        if let Ok(unit) = unit(functions, bus) {
            // The reason is found again when it is claimed.
            let _ = assign(functions, &unit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one_register::{ADDRESS, OneRegister};

    #[test]
    fn only_disks_and_networks_stop_and_no_status_is_cleared() {
        for (class, found, wanted) in [
            (STORAGE, 0xf910_0147, 0x0143),
            (NETWORK, 0xf910_0007, 0x0003),
            (WIRELESS, 0xf910_0004, 0x0000),
            // Not at work: not even written.
            (STORAGE, 0xf910_0003, 0xf910_0003),
            // A display, a bridge, a USB controller.
            (0x03, 0xf910_0007, 0xf910_0007),
            (0x06, 0xf910_0007, 0xf910_0007),
            (0x0c, 0xf910_0007, 0xf910_0007),
        ] {
            let one = OneRegister::new(4, found);
            let mut function = Function::new(ADDRESS);
            function.class = class;
            quiet(&one, &[function]);
            assert_eq!(one.value(), wanted, "class {class:#x}, {found:#x}");
        }
    }

    #[test]
    fn no_pin_is_held_by_what_nobody_has() {
        for (class, subclass, found, wanted) in [
            (STORAGE, 0, 0xf910_0147, 0x0543),
            (0x03, 0, 0xf910_0007, 0x0407),
            // SMBus.
            (0x0c, 5, 0xf910_0003, 0x0403),
            // Is so already: not even written.
            (NETWORK, 0, 0xf910_0403, 0xf910_0403),
            // A bridge hands on what is below it; firmware may have its keyboard by a USB controller.
            (0x06, 4, 0xf910_0007, 0xf910_0007),
            (0x0c, 3, 0xf910_0007, 0xf910_0007),
        ] {
            let one = OneRegister::new(4, found);
            let mut function = Function::new(ADDRESS);
            (function.class, function.subclass) = (class, subclass);
            function.interrupt_pin = 1;
            quiet(&one, &[function]);
            assert_eq!(one.value(), wanted, "class {class:#x}, {found:#x}");
        }
    }
}
