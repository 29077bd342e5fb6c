//! Why a unit's functions can't be used as they are.

use core::fmt;

use bulkhead_memory::{Bytes, Region};

use crate::{Address, Bus, Window, WindowKind};

/// Why BARs don't get, or don't have, usable addresses. Displays as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignError {
    /// A BAR has no address and no window has room.
    NoRoom {
        /// The function.
        function: Address,
        /// The BAR's index.
        bar: u8,
        /// Its size in bytes (ports).
        size: u64,
        /// What kind of window it looked for.
        kind: WindowKind,
        /// Whose windows.
        within: Within,
    },
    /// A BAR's address is in no window.
    Outside {
        /// The function.
        function: Address,
        /// The BAR's index.
        bar: u8,
        /// The address.
        address: u64,
        /// Whose windows.
        within: Within,
    },
    /// A bridge's window is in no window of the bridge above it.
    WindowOutside {
        /// The bridge.
        bridge: Address,
        /// Its window.
        window: Window,
        /// Whose windows.
        within: Within,
    },
    /// Two functions on one bus have an address in common, as BARs or as bridges' windows.
    Overlap {
        /// One.
        function: Address,
        /// What it has.
        region: Region,
        /// The other; may be the same function.
        other: Address,
        /// What that has.
        other_region: Region,
    },
}

/// Whose windows something has to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Those of the bridge above.
    Bridge(Address),
    /// What is in use on a root bus.
    RootBus(Bus),
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge(bridge) => write!(f, "the windows of {bridge}"),
            Self::RootBus(bus) => write!(f, "what is in use on bus {bus}"),
        }
    }
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom {
                function,
                bar,
                size,
                kind,
                within,
            } => write!(
                f,
                "BAR {bar} ({} of {}) of {function} has no address and does not fit into {within}",
                Bytes(*size),
                Room(*kind),
            ),
            Self::Outside {
                function,
                bar,
                address,
                within,
            } => write!(
                f,
                "BAR {bar} of {function} at {address:#x} lies outside of {within}"
            ),
            Self::WindowOutside {
                bridge,
                window,
                within,
            } => write!(
                f,
                "the window {window} of {bridge} lies outside of {within}"
            ),
            Self::Overlap {
                function,
                region,
                other,
                other_region,
            } => write!(
                f,
                "{function} at {region} overlaps {other} at {other_region}"
            ),
        }
    }
}

impl core::error::Error for AssignError {}

/// A kind of room in a sentence.
struct Room(WindowKind);

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            WindowKind::Io => "I/O",
            WindowKind::Memory => "memory",
            WindowKind::Prefetchable => "prefetchable memory",
        })
    }
}
