//! Where a UART's registers are, and how they are reached.

use bulkhead_firmware::SerialRegisters;
use bulkhead_terminal::serial::Registers;
use x86_64::instructions::port::Port;

use crate::mem::phys;

/// Registers of a UART that the kernel has for itself.
pub(super) struct Place(SerialRegisters);

impl Place {
    /// Registers at that place.
    ///
    /// # Safety
    /// A UART of Bulkhead's alone, or nothing, must be there for as long as this is used; memory
    /// must be mapped uncached.
    pub(super) unsafe fn new(registers: SerialRegisters) -> Self {
        Self(registers)
    }
}

impl Registers for Place {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a register's value is the low byte"
    )]
    fn read(&mut self, register: u8) -> u8 {
        match self.0 {
            // SAFETY: one of eight ports of a UART of ours, by the contract of `new`.
            SerialRegisters::Io(base) => unsafe { Port::new(base + u16::from(register)).read() },
            SerialRegisters::Memory { address, stride } => {
                let at = address + u64::from(register) * u64::from(stride);
                // Such a UART wants to be reached in its stride's width.
                match stride {
                    // SAFETY: a register of a UART of ours, aligned to its stride of 4, by the
                    // contract of `new`.
                    4 => unsafe { phys::pointer::<u32>(at).read_volatile() as u8 },
                    // SAFETY: the same with a stride of 2.
                    2 => unsafe { phys::pointer::<u16>(at).read_volatile() as u8 },
                    // SAFETY: the same; a byte is aligned everywhere.
                    _ => unsafe { phys::pointer::<u8>(at).read_volatile() },
                }
            }
        }
    }

    fn write(&mut self, register: u8, value: u8) {
        match self.0 {
            // SAFETY: as above.
            SerialRegisters::Io(base) => unsafe {
                Port::new(base + u16::from(register)).write(value);
            },
            SerialRegisters::Memory { address, stride } => {
                let at = address + u64::from(register) * u64::from(stride);
                match stride {
                    // SAFETY: as above.
                    4 => unsafe { phys::pointer::<u32>(at).write_volatile(u32::from(value)) },
                    // SAFETY: as above.
                    2 => unsafe { phys::pointer::<u16>(at).write_volatile(u16::from(value)) },
                    // SAFETY: as above.
                    _ => unsafe { phys::pointer::<u8>(at).write_volatile(value) },
                }
            }
        }
    }
}
