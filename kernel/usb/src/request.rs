//! Control requests (USB §9.3, §11.24; HID §7.2).

use crate::layout::BUFFER_BYTES;

/// The eight bytes of a request, as two dwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request(pub(crate) [u32; 2]);

/// What is asked for, or told: device, configuration, hub.
pub(crate) const DEVICE: u32 = 1 << 8;
pub(crate) const CONFIGURATION: u32 = 2 << 8;
pub(crate) const HUB: u32 = 0x29 << 8;

/// Features of a hub's port (USB §11.24.2, table 11-17).
pub(crate) mod feature {
    pub(crate) const RESET: u32 = 4;
    pub(crate) const POWER: u32 = 8;
    /// The first of five changes.
    pub(crate) const CHANGES: u32 = 16;
}

impl Request {
    const fn new(kind: u32, request: u32, value: u32, index: u32, length: u32) -> Self {
        Self([kind | request << 8 | value << 16, index | length << 16])
    }

    /// Asks for a descriptor.
    pub(crate) const fn descriptor(which: u32, length: u32) -> Self {
        let kind = if which == HUB { 0xa0 } else { 0x80 };
        let length = if length < BUFFER_BYTES {
            length
        } else {
            BUFFER_BYTES
        };
        Self::new(kind, 6, which, 0, length)
    }

    /// Chooses a configuration.
    pub(crate) const fn configure(value: u8) -> Self {
        Self::new(0x00, 9, value as u32, 0, 0)
    }

    /// Chooses the boot protocol.
    pub(crate) const fn boot_protocol(interface: u8) -> Self {
        Self::new(0x21, 0x0b, 0, interface as u32, 0)
    }

    /// Has reports come at changes only.
    pub(crate) const fn idle(interface: u8) -> Self {
        Self::new(0x21, 0x0a, 0, interface as u32, 0)
    }

    /// Tells the lights, which are the one byte of data.
    pub(crate) const fn lights(interface: u8) -> Self {
        Self::new(0x21, 0x09, 2 << 8, interface as u32, 1)
    }

    /// Asks for the status of a hub's port.
    pub(crate) const fn port_status(port: u8) -> Self {
        Self::new(0xa3, 0, 0, port as u32, 4)
    }

    /// Sets a feature of a hub's port.
    pub(crate) const fn set_port(port: u8, feature: u32) -> Self {
        Self::new(0x23, 3, feature, port as u32, 0)
    }

    /// Clears one.
    pub(crate) const fn clear_port(port: u8, feature: u32) -> Self {
        Self::new(0x23, 1, feature, port as u32, 0)
    }

    /// Whether its data goes to the host.
    pub(crate) const fn is_in(self) -> bool {
        self.0[0] & 0x80 != 0
    }

    /// Bytes of its data.
    pub(crate) const fn length(self) -> u32 {
        self.0[1] >> 16
    }
}
