//! Devices: there, usable, and nobody else's (requirements D1, D2, I1-I4).
//!
//! The unit of a PCI claim is a bus and everything below it, because a stock Linux uses whatever
//! it finds there; `docs/devices.md` has the reasons.

use alloc::vec::Vec;

use bulkhead_memory::Region;
use bulkhead_pci::{Address, Unit, WindowKind};

use crate::ledger::Partition;
use crate::{Com, Definition, Machine, console, firmware};

mod error;
mod interrupt;
mod name;
mod pci;
mod screen;
mod standing;

pub use error::DeviceError;
pub use name::{DeviceName, DeviceNameError};
pub(crate) use pci::companions;
pub use standing::Standing;

/// The devices of a claim, beside its console.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// PCI buses, each with all below it; none of them overlap. Ascending.
    pub units: Vec<Unit>,
    /// Serial ports, ascending.
    pub ports: Vec<Com>,
    /// The keyboard and mouse controller.
    pub ps2: bool,
    /// The real-time clock.
    pub rtc: bool,
    /// The screen.
    pub framebuffer: bool,
    /// All I/O APICs.
    pub io_apic: bool,
}

impl Devices {
    /// The address by which a partition knows one of its functions.
    #[must_use]
    pub const fn address_in_partition(address: Address) -> Address {
        match firmware::segment_in_partition(address.segment) {
            Some(segment) => Address { segment, ..address },
            // Such a function is in no claim.
            None => address,
        }
    }

    /// Whether the function is among them.
    #[must_use]
    pub fn has_function(&self, address: Address) -> bool {
        self.units.iter().any(|unit| unit.contains(address.bus()))
    }

    /// Whether the device is among them; for a bus: the bus itself, whatever is below it.
    #[must_use]
    pub fn has(&self, name: DeviceName) -> bool {
        match name {
            DeviceName::Function(address) => self.has_function(address),
            DeviceName::Bus(bus) => self.units.iter().any(|unit| unit.contains(bus)),
            DeviceName::Port(com) => self.ports.contains(&com),
            DeviceName::Ps2 => self.ps2,
            DeviceName::Rtc => self.rtc,
            DeviceName::Framebuffer => self.framebuffer,
            DeviceName::IoApic => self.io_apic,
        }
    }

    /// Physical memory behind which the devices are, and the screen's.
    pub(crate) fn memory<'a>(&'a self, machine: &'a Machine) -> impl Iterator<Item = Region> + 'a {
        let windows = self.units.iter().flat_map(|unit| &unit.windows);
        let screen = machine.screen.filter(|_| self.framebuffer);
        windows
            .filter(|window| window.kind != WindowKind::Io)
            .map(|window| window.region)
            .chain(screen.and_then(|screen| screen::region(&screen)))
    }
}

/// Checks the devices of `definition` one by one against the machine and `others`.
pub(crate) fn resolve<'a>(
    definition: &Definition,
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition> + Clone,
) -> Result<Devices, DeviceError> {
    let mut devices = Devices::default();
    for (index, &name) in definition.devices.iter().enumerate() {
        if definition.devices[..index].contains(&name) {
            return Err(DeviceError::Repeated { name });
        }
        match name {
            DeviceName::Function(address) => {
                let bus = pci::bus_of(address, machine)?;
                devices.add_unit(name, bus, machine, others.clone())?;
            }
            DeviceName::Bus(bus) => {
                devices.add_unit(name, bus, machine, others.clone())?;
            }
            DeviceName::Port(port) => {
                if definition.console == Some(port) {
                    return Err(DeviceError::IsConsole { name });
                }
                console::check(port, machine, others.clone())
                    .map_err(|error| DeviceError::Port { name, error })?;
                devices.ports.push(port);
            }
            DeviceName::Ps2 | DeviceName::Rtc | DeviceName::Framebuffer | DeviceName::IoApic => {
                devices.add_legacy(name, machine, others.clone())?;
            }
        }
    }
    devices.units.sort_unstable_by_key(|unit| unit.bus);
    devices.ports.sort_unstable();
    if devices.ps2 && !devices.io_apic {
        let name = DeviceName::Ps2;
        return Err(DeviceError::NeedsIoApic { name });
    }
    devices.check_screen(&definition.devices, machine, others)?;
    for name in &definition.devices {
        if let DeviceName::Function(address) = name {
            devices.check_interrupt(*address, machine)?;
        }
    }
    Ok(devices)
}

impl Devices {
    fn add_legacy<'a>(
        &mut self,
        name: DeviceName,
        machine: &Machine,
        mut others: impl Iterator<Item = &'a Partition>,
    ) -> Result<(), DeviceError> {
        let (place, absent) = match name {
            DeviceName::Ps2 => (
                &mut self.ps2,
                (!machine.has_ps2).then_some("no controller answers at port 0x64"),
            ),
            DeviceName::Rtc => (
                &mut self.rtc,
                (!machine.has_rtc).then_some("the firmware says that there is none"),
            ),
            DeviceName::Framebuffer => (
                &mut self.framebuffer,
                machine.screen.is_none().then_some("the loader set none up"),
            ),
            _ => (
                &mut self.io_apic,
                machine
                    .io_apics
                    .is_empty()
                    .then_some("the firmware names none"),
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
}
