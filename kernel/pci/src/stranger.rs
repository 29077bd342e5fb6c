//! Cards that a Linux has taken in by itself: behind a port of the claim, and unknown at boot.

use crate::capability::Capabilities;
use crate::config::{ConfigSpace, Registers};
use crate::register::{BUS_MASTER, INTX_DISABLE, bridge};
use crate::setup::{Layout, Presence};
use crate::{Address, Grant};

/// Devices of a bus. Behind a port of PCI Express there is one, but its functions may have the numbers
/// of other devices' (alternative routing IDs); behind a bridge to PCI there may be all.
const DEVICES: u8 = 32;
/// Functions of one device.
const FUNCTIONS: u8 = 8;

impl Grant {
    /// Keeps functions right below the grant's gates and bridges from memory that are not its own.
    ///
    /// They master the bus no more, and have no interrupts and no virtual functions, which would master it
    /// by themselves. They are not reset.
    pub(crate) fn hush_strangers(&self, config: &dyn ConfigSpace) {
        let inner = self.functions.iter();
        let inner = inner.filter(|f| matches!(f.layout, Layout::Bridge { .. }));
        let ports = inner.map(|f| f.address);
        for port in self.gates.iter().map(|gate| gate.bridge).chain(ports) {
            let registers = Registers::new(config, port);
            let [_, secondary, ..] = registers.read(bridge::BUSES).to_le_bytes();
            // All ones are a port that is gone; another bus number would lead to others' functions.
            if registers.identity().is_none() || secondary <= port.bus {
                continue;
            }
            for device in 0..DEVICES {
                self.hush_device(
                    config,
                    Address {
                        bus: secondary,
                        device,
                        function: 0,
                        ..port
                    },
                );
            }
        }
    }

    /// The functions of one device, if it has the first, as each device must: virtual functions may
    /// have any number, and go with the one that made them.
    fn hush_device(&self, config: &dyn ConfigSpace, first: Address) {
        if Registers::new(config, first).identity().is_none() {
            return;
        }
        for function in 0..FUNCTIONS {
            let address = Address { function, ..first };
            let mut own = self.functions.iter().filter(|f| f.address == address);
            let is_known = own.any(|f| f.presence(config) == Presence::Here);
            let stranger = Registers::new(config, address);
            if !is_known && stranger.identity().is_some() {
                stranger.change_command(BUS_MASTER, INTX_DISABLE);
                Capabilities::read(stranger).stop_messages(stranger);
            }
        }
    }
}
