//! A device in a slot.

use crate::descriptor::Function;
use crate::report::Keys;
use crate::ring::Ring;

/// How fast a device is (xHCI §7.2.2.1.1, default speed IDs).
pub(crate) mod speed {
    pub(crate) const FULL: u8 = 1;
    pub(crate) const LOW: u8 = 2;
    pub(crate) const HIGH: u8 = 3;
}

/// What a slot is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    #[default]
    Free,
    /// It is being found out.
    New,
    Keyboard,
    Hub,
    /// It is gone, or of no use: the slot is to be given back.
    Gone,
}

/// Where a device is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The slot of the hub; 0: a port of the controller.
    pub(crate) hub: u8,
    /// The port, from 1.
    pub(crate) port: u8,
}

/// A device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Device {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    pub(crate) speed: u8,
    /// The way from the controller's port, four bits for each hub's port (xHCI §8.9), and how many
    /// hubs there are on it.
    pub(crate) route: u32,
    pub(crate) tier: u8,
    /// The controller's port.
    pub(crate) root: u8,
    /// The high-speed hub that translates for a slower device, and its port.
    pub(crate) translator: Place,
    pub(crate) control: Ring,
    pub(crate) interrupt: Ring,
    pub(crate) function: Option<Function>,
    /// Of a keyboard: what is held, and the lights that it was told.
    pub(crate) keys: Keys,
    pub(crate) lights: u8,
    /// Of a hub: how many ports, the time its translator needs, milliseconds until ports have power.
    pub(crate) ports: u8,
    pub(crate) think: u8,
    pub(crate) power_ms: u16,
    /// Of a hub: ports to be looked at, by bits.
    pub(crate) changed: u16,
    /// Of a hub: ports at which there is nothing of use.
    pub(crate) useless: u16,
}

impl Device {
    /// None.
    pub(crate) const FREE: Self = Self {
        kind: Kind::Free,
        place: Place { hub: 0, port: 0 },
        speed: 0,
        route: 0,
        tier: 0,
        root: 0,
        translator: Place { hub: 0, port: 0 },
        control: Ring::NONE,
        interrupt: Ring::NONE,
        function: None,
        keys: Keys::NONE,
        lights: UNKNOWN,
        ports: 0,
        think: 0,
        power_ms: 0,
        changed: 0,
        useless: 0,
    };

    /// Whether the slot is in use by something that is there.
    pub(crate) const fn is_there(&self) -> bool {
        matches!(self.kind, Kind::New | Kind::Keyboard | Kind::Hub)
    }
}

/// Lights that no keyboard has.
pub(crate) const UNKNOWN: u8 = u8::MAX;
