//! The devices of a claim.
//!
//! The unit of a PCI claim is a bus and everything below it, because a stock Linux uses whatever
//! it finds there; `docs/devices.md` has the reasons.

use alloc::vec::Vec;

use bulkhead_memory::Region;
use bulkhead_pci::{Address, Unit, WindowKind};

use crate::{Com, Machine};

mod name;
mod screen;

pub use name::{DeviceName, DeviceNameError};

/// A machine's segment S is S + 1 in a partition: in any other segment than 0 a stock Linux
/// reaches configuration space by ECAM only, never by the ports that all partitions share.
const SEGMENT_SHIFT: u16 = 1;

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
    /// The numbers of I/O APICs, as [`Machine::io_apics`] has them; ascending.
    pub io_apics: Vec<u8>,
}

impl Devices {
    /// The segment by which a partition knows a segment of the machine; `None` for the last one,
    /// which would become 0.
    #[must_use]
    pub const fn segment_in_partition(segment: u16) -> Option<u16> {
        segment.checked_add(SEGMENT_SHIFT)
    }

    /// The address by which a partition knows one of its functions.
    #[must_use]
    pub const fn address_in_partition(address: Address) -> Address {
        match Self::segment_in_partition(address.segment) {
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
            DeviceName::IoApic(Some(number)) => self.io_apics.contains(&number),
            DeviceName::IoApic(None) => !self.io_apics.is_empty(),
        }
    }

    /// Physical memory behind which the devices are, and the screen's.
    pub fn memory<'a>(&'a self, machine: &'a Machine) -> impl Iterator<Item = Region> + 'a {
        let windows = self.units.iter().flat_map(|unit| &unit.windows);
        let screen = machine.screen.filter(|_| self.framebuffer);
        windows
            .filter(|window| window.kind != WindowKind::Io)
            .map(|window| window.region)
            .chain(screen.and_then(|screen| screen::region(&screen)))
    }
}
