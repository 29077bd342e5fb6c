//! INTx: from a function's pin to an interrupt (Bridge §9.1; ACPI 6.5 §6.2.13 for _PRT).

use alloc::vec::Vec;

use crate::address::DEVICES;
use crate::{Address, Bus, Function, Unit};

/// Pins of a device.
const PINS: u8 = 4;

/// Where a device's pin leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The bus that the device is on.
    pub bus: Bus,
    /// The device, below 32.
    pub device: u8,
    /// Its pin: 1 is INTA, 4 is INTD, as in the device's Interrupt Pin register.
    pub pin: u8,
    /// The global system interrupt.
    pub gsi: u32,
}

/// The routes of the devices on a unit's bus, from the machine's.
///
/// `machine` holds what the firmware's _PRTs say, of any bus. A bus without a _PRT of its own
/// gets its pins through the bridge above it, turned by the device number. All four pins of a
/// device are routed (as far as the machine routes them): bridges hand on pins that they don't
/// use themselves.
#[must_use]
pub fn routes(functions: &[Function], machine: &[Route], unit: &Unit) -> Vec<Route> {
    let mut all = Vec::new();
    for device in 0..DEVICES {
        let is_there = functions
            .iter()
            .any(|f| f.bus() == unit.bus && f.address.device == device);
        if is_there {
            all.extend((1..=PINS).filter_map(|pin| {
                Some(Route {
                    bus: unit.bus,
                    device,
                    pin,
                    gsi: gsi(machine, unit, device, pin)?,
                })
            }));
        }
    }
    all
}

fn gsi(machine: &[Route], unit: &Unit, device: u8, pin: u8) -> Option<u32> {
    let (mut bus, mut device, mut pin) = (unit.bus, device, pin);
    let mut bridges = unit.path.iter().rev();
    loop {
        let route = machine
            .iter()
            .find(|r| r.bus == bus && r.device == device && r.pin == pin);
        if let Some(route) = route {
            return Some(route.gsi);
        }
        let bridge = bridges.next()?;
        (device, pin) = through(*bridge, device, pin);
        bus = bridge.bus();
    }
}

/// The device and pin by which a pin below a bridge leaves it (Bridge table 9-1).
const fn through(bridge: Address, device: u8, pin: u8) -> (u8, u8) {
    (bridge.device, (pin - 1 + device % PINS) % PINS + 1)
}

/// The interrupt that the pin of a function leads to for whom `unit`, which it is in, is a root bus;
/// `None` if it has no pin, or nobody knows.
#[must_use]
pub fn lead(
    functions: &[Function],
    machine: &[Route],
    unit: &Unit,
    function: &Function,
) -> Option<u32> {
    let (mut device, mut pin) = (function.address.device, function.interrupt_pin);
    if !(1..=PINS).contains(&pin) {
        return None;
    }
    let own = crate::unit(functions, function.bus()).ok()?;
    // Below the root bus Linux climbs by itself, whatever firmware says of a bus there.
    let within = own.path.iter().rev();
    for bridge in within.take_while(|bridge| unit.contains(bridge.bus())) {
        (device, pin) = through(*bridge, device, pin);
    }
    gsi(machine, unit, device, pin)
}
