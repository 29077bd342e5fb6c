//! Names of functions and buses, as Linux and `lspci` write them.

use core::fmt;
use core::str::FromStr;

/// Devices that a bus can have (PCIe §2.2.4.2: a five-bit device number).
pub(crate) const DEVICES: u8 = 32;
/// Functions that a device can have (a three-bit function number).
pub(crate) const FUNCTIONS: u8 = 8;

/// Where a function is: `0000:01:00.0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The machine's PCI segment group (a "domain" in Linux).
    pub segment: u16,
    /// Bus in the segment.
    pub bus: u8,
    /// Device on the bus, below 32.
    pub device: u8,
    /// Function of the device, below 8.
    pub function: u8,
}

impl Address {
    /// The bus it is on.
    #[must_use]
    pub const fn bus(self) -> Bus {
        Bus {
            segment: self.segment,
            number: self.bus,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04x}:{:02x}:{:02x}.{:x}",
            self.segment, self.bus, self.device, self.function
        )
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A bus: `0000:01`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bus {
    /// The machine's PCI segment group.
    pub segment: u16,
    /// Bus in the segment.
    pub number: u8,
}

impl fmt::Display for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}", self.segment, self.number)
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text names no function or no bus. Displays as what follows the text in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Not the name of a function.
    NotAFunction,
    /// Not the name of a bus.
    NotABus,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAFunction => {
                "is not a PCI function (accepted: 0000:01:00.0, 01:00.0; hexadecimal)"
            }
            Self::NotABus => "is not a PCI bus (accepted: 0000:01, 01; hexadecimal)",
        })
    }
}

impl core::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse_address(text).ok_or(AddressError::NotAFunction)
    }
}

impl FromStr for Bus {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse_bus(text).ok_or(AddressError::NotABus)
    }
}

fn parse_address(text: &str) -> Option<Address> {
    let (bus, place) = text.rsplit_once(':')?;
    let bus = parse_bus(bus)?;
    let (device, function) = place.split_once('.')?;
    let (device, function) = (byte(device, 2)?, byte(function, 1)?);
    (device < DEVICES && function < FUNCTIONS).then_some(Address {
        segment: bus.segment,
        bus: bus.number,
        device,
        function,
    })
}

fn parse_bus(text: &str) -> Option<Bus> {
    let (segment, number) = match text.split_once(':') {
        Some((segment, number)) => (hex(segment, 4)?, number),
        None => (0, text),
    };
    Some(Bus {
        segment,
        number: byte(number, 2)?,
    })
}

fn byte(digits: &str, longest: usize) -> Option<u8> {
    u8::try_from(hex(digits, longest)?).ok()
}

/// One to `longest` (at most 4) hexadecimal digits. `from_str_radix` alone would take a sign.
fn hex(digits: &str, longest: usize) -> Option<u16> {
    let well_formed = digits.len() <= longest && digits.bytes().all(|b| b.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| well_formed)
}
