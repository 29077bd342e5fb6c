//! SPCR: the serial port that firmware talks on (Microsoft, "Serial Port Console Redirection
//! Table", versions 1.00 to 1.09: revisions 1 to 4 of the table).

use alloc::vec::Vec;
use core::fmt;

use crate::bytes::{u8_at, u16_at, u32_at, u64_at};
use crate::problem::Note as _;
use crate::{Problem, Signature};

/// Offsets of fields.
mod offset {
    pub(super) const REVISION: usize = 8;
    pub(super) const INTERFACE: usize = 36;
    /// A generic address (ACPI §5.2.3.2).
    pub(super) const SPACE: usize = 40;
    pub(super) const BIT_WIDTH: usize = 41;
    pub(super) const ACCESS_SIZE: usize = 43;
    pub(super) const ADDRESS: usize = 44;
    pub(super) const BAUD: usize = 58;
    pub(super) const PCI_DEVICE_ID: usize = 64;
    pub(super) const PCI_VENDOR: usize = 66;
    pub(super) const PCI_BUS: usize = 68;
    pub(super) const PCI_DEVICE: usize = 69;
    pub(super) const PCI_FUNCTION: usize = 70;
    pub(super) const PCI_SEGMENT: usize = 75;
    /// Since revision 3.
    pub(super) const CLOCK: usize = 76;
    /// Since revision 4.
    pub(super) const PRECISE_BAUD: usize = 80;
}

/// All fields of the first revision.
const SHORTEST_BYTES: usize = 80;
/// Registers of a 16550.
const REGISTERS: u16 = 8;

/// A 16550-compatible port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialPort {
    /// Where its registers are.
    pub registers: SerialRegisters,
    /// Its rate; `None`: as the firmware left it.
    pub baud: Option<u32>,
    /// Its clock in Hz, if the firmware tells.
    pub clock: Option<u32>,
    /// The PCI function that it is, if the firmware says so.
    pub function: Option<SerialFunction>,
}

/// Where registers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SerialRegisters {
    /// I/O ports from there on.
    Io(u16),
    /// Memory.
    Memory {
        /// Address of the first one.
        address: u64,
        /// Bytes from one to the next, and of each access: 1, 2 or 4.
        stride: u8,
    },
}

/// A PCI function by its place, which need not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialFunction {
    /// PCI segment group.
    pub segment: u8,
    /// Bus.
    pub bus: u8,
    /// Device.
    pub device: u8,
    /// Function.
    pub function: u8,
}

/// Why the table gives no port that can be used. Displays as the end of a sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSerialPort {
    /// Firmware's console is turned off.
    Off,
    /// Not a 16550.
    Interface(u8),
    /// Neither ports nor memory, or an address that can't be.
    Address {
        /// Number of the address space.
        space: u8,
        /// The address.
        address: u64,
    },
}

impl fmt::Display for NoSerialPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("says that the firmware uses no port"),
            Self::Interface(kind) => write!(
                f,
                "names a port of interface type {kind:#x} (accepted: 0, 1 and 0x12, which are 16550s)"
            ),
            Self::Address { space, address } => write!(
                f,
                "names {address:#x} in address space {space}, where no 16550 can be"
            ),
        }
    }
}

/// Reads an SPCR.
pub(crate) fn parse(
    table: &[u8],
    problems: &mut Vec<Problem>,
) -> Option<Result<SerialPort, NoSerialPort>> {
    if table.len() < SHORTEST_BYTES {
        problems.note(Problem::TooShort {
            table: Signature(*b"SPCR"),
            length: table.len(),
        });
        return None;
    }
    let revision = u8_at(table, offset::REVISION)?;
    let at = |since: u8, offset| {
        let value = u32_at(table, offset).filter(|_| revision >= since);
        value.filter(|value| *value != 0)
    };
    let registers = match registers(table)? {
        Ok(registers) => registers,
        Err(error) => return Some(Err(error)),
    };
    Some(Ok(SerialPort {
        registers,
        baud: at(4, offset::PRECISE_BAUD).or(configured_baud(u8_at(table, offset::BAUD)?)),
        clock: at(3, offset::CLOCK),
        function: function(table),
    }))
}

fn registers(table: &[u8]) -> Option<Result<SerialRegisters, NoSerialPort>> {
    const MEMORY: u8 = 0;
    const IO: u8 = 1;
    let (space, address) = (
        u8_at(table, offset::SPACE)?,
        u64_at(table, offset::ADDRESS)?,
    );
    let interface = u8_at(table, offset::INTERFACE)?;
    if address == 0 {
        return Some(Err(NoSerialPort::Off));
    }
    if !matches!(interface, 0 | 1 | 0x12) {
        return Some(Err(NoSerialPort::Interface(interface)));
    }
    let registers = match space {
        IO => u16::try_from(address)
            .ok()
            .filter(|port| port.checked_add(REGISTERS - 1).is_some())
            .map(SerialRegisters::Io),
        MEMORY => {
            let stride = stride(table)?;
            let is_possible = address.is_multiple_of(u64::from(stride))
                && address
                    .checked_add(u64::from(REGISTERS) * u64::from(stride))
                    .is_some();
            is_possible.then_some(SerialRegisters::Memory { address, stride })
        }
        _ => None,
    };
    Some(registers.ok_or(NoSerialPort::Address { space, address }))
}

/// By the access size, which Linux goes by too; where that says nothing (it was reserved at
/// first), or bytes of registers that are 32 bits wide, by the width of the register.
fn stride(table: &[u8]) -> Option<u8> {
    let width = u8_at(table, offset::BIT_WIDTH)?;
    Some(match (u8_at(table, offset::ACCESS_SIZE)?, width) {
        (2, _) | (0, 16) => 2,
        (3, _) | (0 | 1, 32) => 4,
        _ => 1,
    })
}

/// Codes that are not defined are taken as 0, "as it is": the firmware has used the port.
fn configured_baud(code: u8) -> Option<u32> {
    match code {
        3 => Some(9600),
        4 => Some(19_200),
        6 => Some(57_600),
        7 => Some(115_200),
        _ => None,
    }
}

fn function(table: &[u8]) -> Option<SerialFunction> {
    const NONE: u16 = 0xffff;
    let is_pci =
        u16_at(table, offset::PCI_DEVICE_ID)? != NONE && u16_at(table, offset::PCI_VENDOR)? != NONE;
    let function = SerialFunction {
        segment: u8_at(table, offset::PCI_SEGMENT)?,
        bus: u8_at(table, offset::PCI_BUS)?,
        device: u8_at(table, offset::PCI_DEVICE)?,
        function: u8_at(table, offset::PCI_FUNCTION)?,
    };
    (is_pci && function.device < 32 && function.function < 8).then_some(function)
}
