//! Cards that a Linux has taken in by itself: behind a port of the claim, and unknown at boot.

use crate::config::{ConfigSpace, Registers};
use crate::register::{BUS_MASTER, INTX_DISABLE, bridge};
use crate::setup::{Layout, Presence};
use crate::{Address, Grant};

/// Functions of one device: behind a port there is no other.
const FUNCTIONS: u8 = 8;

impl Grant {
    /// Keeps functions right below the grant's gates and bridges from memory that are not its own.
    ///
    /// Only their Command register is written, which every function has. They are not reset.
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
            for function in 0..FUNCTIONS {
                let address = Address {
                    bus: secondary,
                    device: 0,
                    function,
                    ..port
                };
                let mut own = self.functions.iter().filter(|f| f.address == address);
                let is_known = own.any(|f| f.presence(config) == Presence::Here);
                let stranger = Registers::new(config, address);
                if !is_known && stranger.identity().is_some() {
                    stranger.change_command(BUS_MASTER, INTX_DISABLE);
                }
            }
        }
    }
}
