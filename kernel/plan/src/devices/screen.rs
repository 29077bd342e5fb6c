//! The screen is memory of a graphics function: whoever has the one can't be without the other.

use alloc::string::String;

use bulkhead_linux::Screen;
use bulkhead_memory::Region;
use bulkhead_pci::{Address, Bar, BarKind, Function};

use super::{DeviceError, DeviceName, Devices};
use crate::Machine;
use crate::ledger::Partition;

impl Devices {
    /// Whether nobody else may draw while their owner runs: the screen is among them, or the
    /// function that it is memory of; in a text mode, any display function.
    #[must_use]
    pub fn takes_screen(&self, machine: &Machine) -> bool {
        const DISPLAY: u8 = 0x03;
        let is_screens = |function: &Function| match screen_function(machine) {
            Some(address) => function.address == address,
            None => function.class == DISPLAY,
        };
        let mut functions = machine.functions.iter();
        self.framebuffer || functions.any(|f| is_screens(f) && self.has_function(f.address))
    }

    /// Refuses the screen while somebody else has the function that it is memory of, and that
    /// function while somebody else has the screen.
    pub(super) fn check_screen<'a>(
        &self,
        asked: &[DeviceName],
        machine: &Machine,
        others: impl Iterator<Item = &'a Partition>,
    ) -> Result<(), DeviceError> {
        let Some(function) = screen_function(machine) else {
            return Ok(());
        };
        for other in others {
            let theirs = &other.claim.devices;
            let owner = || String::from(other.definition.name.as_str());
            if self.framebuffer && theirs.has_function(function) {
                return Err(DeviceError::ScreenOf {
                    function,
                    owner: owner(),
                });
            }
            if theirs.framebuffer && self.has_function(function) {
                return Err(DeviceError::HasScreen {
                    name: self.asked_for(function, asked),
                    function,
                    owner: owner(),
                });
            }
        }
        Ok(())
    }

    /// The item of the list with which a function of the claim came: itself, its unit's bus, or
    /// another function on that bus.
    fn asked_for(&self, function: Address, asked: &[DeviceName]) -> DeviceName {
        let itself = DeviceName::Function(function);
        let unit = self
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
}

/// The function in one of whose base address registers the screen begins.
fn screen_function(machine: &Machine) -> Option<Address> {
    let first = machine.screen?.base;
    let has_it = |function: &&Function| {
        let memory = function.bars.iter().filter(|bar| bar.kind != BarKind::Io);
        memory
            .filter_map(Bar::region)
            .any(|bar| bar.contains(first))
    };
    Some(machine.functions.iter().find(has_it)?.address)
}

/// The memory of the screen; `None` if it is empty or not addressable.
pub(super) fn region(screen: &Screen) -> Option<Region> {
    Region::new(screen.base, screen.size)
}
