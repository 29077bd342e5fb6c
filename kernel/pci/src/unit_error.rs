//! Why a bus and what is below it can't be claimed together.

use core::fmt;

use crate::{Address, Bus};

/// Why a bus is no unit. Displays as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitError {
    /// No function is on the bus.
    Empty {
        /// The bus.
        bus: Bus,
    },
    /// The bus lies in the range of a bridge, but no bridge leads to it.
    NotBelow {
        /// The bus.
        bus: Bus,
        /// The bridge.
        bridge: Address,
    },
    /// Two bridges claim to lead to one bus.
    TwoBridges {
        /// The bus.
        bus: Bus,
        /// The two.
        bridges: [Address; 2],
    },
    /// A bridge's bus numbers can't be true.
    BadBridge {
        /// The bridge.
        bridge: Address,
        /// Its secondary bus.
        secondary: u8,
        /// Its subordinate bus.
        subordinate: u8,
    },
    /// A bridge's buses are not all in the range of the bridge above it.
    OutOfRange {
        /// The bridge.
        bridge: Address,
        /// The bridge above.
        above: Address,
    },
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { bus } => write!(f, "no function is on PCI bus {bus}"),
            Self::NotBelow { bus, bridge } => write!(
                f,
                "PCI bus {bus} lies in the range of bridge {bridge}, but no bridge leads to it"
            ),
            Self::TwoBridges { bus, bridges } => write!(
                f,
                "bridges {} and {} both claim to lead to PCI bus {bus}",
                bridges[0], bridges[1]
            ),
            Self::BadBridge {
                bridge,
                secondary,
                subordinate,
            } => write!(
                f,
                "bridge {bridge} claims to lead to PCI buses {secondary:02x} to {subordinate:02x}, \
                 which can't be"
            ),
            Self::OutOfRange { bridge, above } => write!(
                f,
                "bridge {bridge} leads to PCI buses that bridge {above} above it does not pass on"
            ),
        }
    }
}

impl core::error::Error for UnitError {}
