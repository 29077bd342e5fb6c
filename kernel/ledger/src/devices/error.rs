//! Why a device can't be claimed.

use core::fmt;

use alloc::string::String;

use bulkhead_model::DeviceName;
use bulkhead_pci::{Address, AssignError, Bus, UnitError};

use crate::ConsoleError;

/// Why a device can't be claimed. Displays as the sentence that the shell prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// It is in the list twice.
    Repeated {
        /// What.
        name: DeviceName,
    },
    /// PCI is asked for on a machine without ECAM.
    NoEcam {
        /// What was asked for.
        name: DeviceName,
    },
    /// There is no such function.
    AbsentFunction {
        /// Which.
        address: Address,
    },
    /// There is no such bus, or nothing can be said of it.
    Bus {
        /// What was asked for.
        name: DeviceName,
        /// What is wrong with it.
        error: UnitError,
    },
    /// A bridge above what can be claimed: Bulkhead's own.
    Bridge {
        /// Which.
        address: Address,
        /// The bus below it.
        below: Bus,
    },
    /// A function of a root bus, which is given whole.
    OnRootBus {
        /// Which.
        address: Address,
    },
    /// Another partition has the same bus, or one above or below it.
    Shared {
        /// What was asked for.
        name: DeviceName,
        /// The bus that both would have.
        bus: Bus,
        /// A function there.
        with: Address,
        /// That partition.
        owner: String,
    },
    /// The segment's number is the last one: there is no next one for the partition.
    LastSegment {
        /// What was asked for.
        name: DeviceName,
    },
    /// Two items of the list lie one below the other.
    Nested {
        /// What was asked for.
        name: DeviceName,
        /// The bus that is in both.
        inner: Bus,
        /// The one above.
        outer: Bus,
    },
    /// Bulkhead's own shell uses it, or a function that would come along.
    Shell {
        /// What was asked for.
        name: DeviceName,
        /// The function that is the shell's serial port.
        function: Address,
    },
    /// The screen is memory of a function of another partition's.
    ScreenOf {
        /// The function.
        function: Address,
        /// That partition.
        owner: String,
    },
    /// A function has the screen of another partition.
    HasScreen {
        /// What was asked for.
        name: DeviceName,
        /// The function.
        function: Address,
        /// That partition.
        owner: String,
    },
    /// A base address register that can't be used.
    Unusable {
        /// What was asked for.
        name: DeviceName,
        /// Why.
        error: AssignError,
    },
    /// It can interrupt by a pin only, and that pin's I/O APIC is not claimed.
    PinOnly {
        /// Which.
        address: Address,
        /// The number of that I/O APIC.
        number: u8,
    },
    /// It can interrupt by a pin only, and nobody knows where that pin leads.
    PinUnknown {
        /// Which.
        address: Address,
    },
    /// Wrong serial port.
    Port {
        /// What was asked for.
        name: DeviceName,
        /// What is wrong with it.
        error: ConsoleError,
    },
    /// It is the partition's console anyway.
    IsConsole {
        /// What was asked for.
        name: DeviceName,
    },
    /// The PS/2 controller without the I/O APIC that its interrupts arrive at.
    NeedsIoApic {
        /// What was asked for.
        name: DeviceName,
        /// The number of that I/O APIC.
        number: u8,
    },
    /// "The" I/O APIC, of several.
    WhichIoApic {
        /// How many there are.
        count: usize,
    },
    /// There is no I/O APIC of that number.
    NoSuchIoApic {
        /// What was asked for.
        name: DeviceName,
        /// How many there are.
        count: usize,
    },
    /// It could not interrupt one of the partition's cores.
    BeyondInterrupts {
        /// What was asked for.
        name: DeviceName,
        /// That core's local APIC ID.
        core: u32,
    },
    /// The machine has no such device.
    Absent {
        /// What was asked for.
        name: DeviceName,
        /// Why it is believed.
        why: &'static str,
    },
    /// Another partition has it.
    Taken {
        /// What was asked for.
        name: DeviceName,
        /// That partition.
        owner: String,
    },
}

impl DeviceError {
    /// The item of the list at fault.
    #[must_use]
    pub fn name(&self) -> DeviceName {
        match self {
            Self::Repeated { name }
            | Self::NoEcam { name }
            | Self::Bus { name, .. }
            | Self::Shared { name, .. }
            | Self::LastSegment { name }
            | Self::Nested { name, .. }
            | Self::HasScreen { name, .. }
            | Self::Shell { name, .. }
            | Self::Unusable { name, .. }
            | Self::Port { name, .. }
            | Self::IsConsole { name }
            | Self::NeedsIoApic { name, .. }
            | Self::NoSuchIoApic { name, .. }
            | Self::BeyondInterrupts { name, .. }
            | Self::Absent { name, .. }
            | Self::Taken { name, .. } => *name,
            Self::ScreenOf { .. } => DeviceName::Framebuffer,
            Self::WhichIoApic { .. } => DeviceName::IoApic(None),
            Self::AbsentFunction { address }
            | Self::Bridge { address, .. }
            | Self::OnRootBus { address }
            | Self::PinOnly { address, .. }
            | Self::PinUnknown { address } => DeviceName::Function(*address),
        }
    }
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeated { name } => write!(f, "{name} is listed twice"),
            Self::NoEcam { name } => write!(
                f,
                "{name} can't be given: this machine has no ECAM (no MCFG table), and its ports 0xcf8-0xcff can't be shared (accepted: partitions without PCI devices)"
            ),
            Self::AbsentFunction { address } => {
                write!(f, "there is no {address} (\"devices\" lists what there is)")
            }
            Self::Bus { error, .. } => error.fmt(f),
            Self::Bridge { address, below } => write!(
                f,
                "{address} is a bridge and stays Bulkhead's (accepted: {}, the bus below it)",
                DeviceName::Bus(*below)
            ),
            Self::OnRootBus { address } => write!(
                f,
                "{address} is on a root bus, which goes to one partition with all below it (accepted: {})",
                DeviceName::Bus(address.bus())
            ),
            Self::Shared {
                name,
                bus,
                with,
                owner,
            } => {
                let number = bus.number;
                write!(
                    f,
                    "{name} shares bus {number:02x} with {with} of \"{owner}\""
                )
            }
            Self::LastSegment { name } => write!(
                f,
                "{name} can't be given: its Linux would have it one segment higher, and there is none above ffff"
            ),
            Self::Nested { inner, outer, .. } => write!(
                f,
                "bus {:02x} comes with bus {:02x}, and both are asked for (accepted: {})",
                inner.number,
                outer.number,
                DeviceName::Bus(*outer)
            ),
            Self::Shell { name, function } if *name == DeviceName::Function(*function) => {
                write!(f, "{name} is the console of Bulkhead's shell")
            }
            Self::Shell {
                name: name @ DeviceName::Function(_),
                function,
            } => write!(
                f,
                "{name} would bring {function} along, the console of Bulkhead's shell"
            ),
            Self::Shell { name, function } => write!(
                f,
                "{name} can't be given: {function} on it is the console of Bulkhead's shell"
            ),
            Self::ScreenOf { function, owner } => write!(
                f,
                "{} is memory of {function}, which belongs to \"{owner}\"",
                DeviceName::Framebuffer
            ),
            Self::HasScreen {
                function, owner, ..
            } => write!(
                f,
                "{function} has the {} of \"{owner}\"",
                DeviceName::Framebuffer
            ),
            Self::Unusable { error, .. } => error.fmt(f),
            Self::PinOnly { address, number } => write!(
                f,
                "{address} has neither MSI nor MSI-X: INTx only, needs ioapic{number}"
            ),
            Self::PinUnknown { address } => write!(
                f,
                "{address} has neither MSI nor MSI-X, and the firmware's tables do not tell where its INTx leads"
            ),
            Self::Port { error, .. } => error.fmt(f),
            Self::IsConsole { name } => write!(f, "{name} is the partition's console already"),
            Self::NeedsIoApic { name, number } => write!(
                f,
                "{name} needs ioapic{number} too: Linux drives it by its interrupt only"
            ),
            Self::WhichIoApic { count } => {
                let last = count - 1;
                write!(
                    f,
                    "there are {count} I/O APICs (accepted: ioapic0 to ioapic{last})"
                )
            }
            Self::NoSuchIoApic { name, count } => {
                write!(f, "{name} does not exist (accepted: ioapic0")?;
                match count - 1 {
                    0 => f.write_str(")"),
                    last => write!(f, " to ioapic{last})"),
                }
            }
            Self::BeyondInterrupts { name, core } => write!(
                f,
                "{name} can't interrupt core {core}: an interrupt of a device has eight bits for the \
                 local APIC ID (accepted: cores 0 to 254)"
            ),
            Self::Absent { name, why } => write!(f, "{name} does not exist: {why}"),
            Self::Taken { name, owner } => write!(f, "{name} belongs to \"{owner}\""),
        }
    }
}

impl core::error::Error for DeviceError {}
