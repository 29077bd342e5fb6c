//! Devices: there, usable, and nobody else's (requirements D1, D2, I1-I4).
//!
//! The unit of a PCI claim is a bus and everything below it, because a stock Linux uses whatever
//! it finds there; `docs/devices.md` has the reasons.

use bulkhead_memory::{sort_ascending, sort_by_key};
use bulkhead_model::{Definition, DeviceName, Devices, Machine};

use crate::{Partition, console};

mod error;
mod group;
mod interrupt;
mod line;
mod pci;
mod screen;
mod standing;

pub use error::DeviceError;
pub(crate) use group::shared_groups;
pub(crate) use interrupt::without_interrupt;
pub(crate) use line::shared_lines;
pub(crate) use pci::companions;
pub use standing::Standing;

/// The highest local APIC ID that the interrupt of a device can name: message or I/O APIC, it has eight
/// bits for it, and 255 means all (Intel SDM Vol. 3A, "Message Address Register Format"). Linux would
/// send what is meant for core 257 to core 1, which is another's. More needs interrupt remapping.
const MOST_INTERRUPTED: u32 = 254;

/// Whether Linux routes interrupts of it to any of its cores.
const fn interrupts(name: DeviceName) -> bool {
    match name {
        DeviceName::Function(_) | DeviceName::Bus(_) | DeviceName::IoApic(_) | DeviceName::Ps2 => {
            true
        }
        DeviceName::Port(_) | DeviceName::Rtc | DeviceName::Framebuffer => false,
    }
}

/// Checks the devices of `definition` one by one against the machine and `others`, for a partition of
/// those cores.
pub(crate) fn resolve<'a>(
    definition: &Definition,
    cores: &[u32],
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition> + Clone,
) -> Result<Devices, DeviceError> {
    let mut devices = Devices::default();
    let far = cores.iter().find(|core| **core > MOST_INTERRUPTED);
    for (index, &name) in definition.devices.iter().enumerate() {
        if let Some(&core) = far
            && interrupts(name)
        {
            return Err(DeviceError::BeyondInterrupts { name, core });
        }
        if definition.devices[..index].contains(&name) {
            return Err(DeviceError::Repeated { name });
        }
        match name {
            DeviceName::Function(address) => {
                let bus = pci::bus_of(address, machine)?;
                pci::add_unit(&mut devices, name, bus, machine, others.clone())?;
            }
            DeviceName::Bus(bus) => {
                pci::add_unit(&mut devices, name, bus, machine, others.clone())?;
            }
            DeviceName::Port(port) => {
                if definition.console == Some(port) {
                    return Err(DeviceError::IsConsole { name });
                }
                console::check(port, machine, others.clone())
                    .map_err(|error| DeviceError::Port { name, error })?;
                devices.ports.push(port);
            }
            DeviceName::Ps2 | DeviceName::Rtc | DeviceName::Framebuffer => {
                add_legacy(&mut devices, name, machine, others.clone())?;
            }
            DeviceName::IoApic(number) => {
                let number = io_apic(name, number, machine, others.clone())?;
                if devices.io_apics.contains(&number) {
                    return Err(DeviceError::Repeated { name });
                }
                devices.io_apics.push(number);
            }
        }
    }
    sort_by_key(&mut devices.units, |unit| unit.bus);
    sort_ascending(&mut devices.ports);
    sort_ascending(&mut devices.io_apics);
    interrupt::check_ps2(&devices, machine)?;
    screen::check(&devices, &definition.devices, machine, others)?;
    for name in &definition.devices {
        if let DeviceName::Function(address) = name {
            interrupt::check(&devices, *address, machine)?;
        }
    }
    Ok(devices)
}

fn add_legacy<'a>(
    devices: &mut Devices,
    name: DeviceName,
    machine: &Machine,
    mut others: impl Iterator<Item = &'a Partition>,
) -> Result<(), DeviceError> {
    let (place, absent) = match name {
        DeviceName::Ps2 => (
            &mut devices.ps2,
            (!machine.has_ps2).then_some("no controller answers at port 0x64"),
        ),
        DeviceName::Rtc => (
            &mut devices.rtc,
            (!machine.has_rtc).then_some("the firmware says that there is none"),
        ),
        _ => (
            &mut devices.framebuffer,
            machine.screen.is_none().then_some("the loader set none up"),
        ),
    };
    if let Some(why) = absent {
        return Err(DeviceError::Absent { name, why });
    }
    if let Some(other) = others.find(|other| other.claim.devices.has(name)) {
        let owner = other.definition.name.clone();
        return Err(DeviceError::Taken { name, owner });
    }
    *place = true;
    Ok(())
}

/// Which I/O APIC goes with a name, if it can be had.
fn io_apic<'a>(
    name: DeviceName,
    number: Option<u8>,
    machine: &Machine,
    mut others: impl Iterator<Item = &'a Partition>,
) -> Result<u8, DeviceError> {
    let count = machine.io_apics.len();
    if count == 0 {
        let why = "the firmware names none";
        return Err(DeviceError::Absent { name, why });
    }
    let number = match number {
        None if count > 1 => return Err(DeviceError::WhichIoApic { count }),
        None => 0,
        Some(number) if usize::from(number) >= count => {
            return Err(DeviceError::NoSuchIoApic { name, count });
        }
        Some(number) => number,
    };
    if let Some(other) = others.find(|other| other.claim.devices.io_apics.contains(&number)) {
        let owner = other.definition.name.clone();
        return Err(DeviceError::Taken { name, owner });
    }
    Ok(number)
}
