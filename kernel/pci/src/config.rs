//! Configuration space and time, as this crate sees them.

use crate::Address;
use crate::register::{COMMAND, ID};

/// Configuration space by dwords (PCIe §7.2.2: ECAM).
///
/// `offset` is in bytes, a multiple of 4 and below 4096. A read of what is not there gives all
/// ones; a write to it does nothing.
pub trait ConfigSpace {
    /// The dword at `offset` of the function at `a`.
    fn read(&self, a: Address, offset: u16) -> u32;
    /// Writes the dword at `offset` of the function at `a`; complete when it returns.
    fn write(&self, a: Address, offset: u16, value: u32);
}

/// Time to wait.
pub trait Clock {
    /// Returns after at least `us` microseconds.
    fn wait_us(&self, us: u64);
}

/// The registers of one function.
#[derive(Clone, Copy)]
pub(crate) struct Registers<'a> {
    config: &'a dyn ConfigSpace,
    address: Address,
}

impl<'a> Registers<'a> {
    pub(crate) fn new(config: &'a dyn ConfigSpace, address: Address) -> Self {
        Self { config, address }
    }

    pub(crate) fn read(self, offset: u16) -> u32 {
        self.config.read(self.address, offset)
    }

    pub(crate) fn write(self, offset: u16, value: u32) {
        self.config.write(self.address, offset, value);
    }

    /// Vendor (low half) and device; `None` where nothing answers.
    ///
    /// Vendor 0x0001 stands for a function that asks to be tried again (PCIe §2.3.2,
    /// Configuration Request Retry Status); 0xffff and 0 are no vendor (PCI §6.2.1; Linux takes
    /// broken boards' 0 for an empty slot as well).
    pub(crate) fn identity(self) -> Option<u32> {
        let id = self.read(ID);
        (!matches!(id & 0xffff, 0 | 0x0001 | 0xffff)).then_some(id)
    }

    pub(crate) fn command(self) -> u16 {
        low(self.read(COMMAND))
    }

    /// Writes the Command register; Status above it is cleared by ones, so it gets zeros.
    pub(crate) fn set_command(self, command: u16) {
        self.write(COMMAND, u32::from(command));
    }

    /// Changes the Command register, if that is a change.
    pub(crate) fn change_command(self, clear: u16, set: u16) {
        let found = self.command();
        let wanted = found & !clear | set;
        if wanted != found {
            self.set_command(wanted);
        }
    }
}

/// The lower 16 bits.
pub(crate) fn low(dword: u32) -> u16 {
    (dword & 0xffff) as u16
}

/// The upper 16 bits.
pub(crate) fn high(dword: u32) -> u16 {
    (dword >> 16) as u16
}
