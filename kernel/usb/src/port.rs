//! The controller's own ports (xHCI §4.19).

use crate::Io;
use crate::device::Place;
use crate::host::Host;
use crate::register::port;

/// A port's bit in a set of ports; none for a number that no set has room for.
pub(crate) fn bit(port: u8) -> u64 {
    1u64.checked_shl(u32::from(port)).unwrap_or(0)
}

impl Host {
    /// What a port's register says; all its changes are taken note of.
    pub(crate) fn take_port(&self, io: &mut impl Io, number: u8) -> u32 {
        let register = self.registers.port(number);
        let value = io.read(register);
        if value & port::CHANGES != 0 {
            io.write(register, value & (port::KEPT | port::CHANGES));
        }
        value
    }

    /// Begins the reset of a port.
    pub(crate) fn reset_port(&self, io: &mut impl Io, number: u8) {
        let register = self.registers.port(number);
        let value = io.read(register);
        io.write(register, value & port::KEPT | port::RESET);
    }

    /// Looks at a port; whether something there is to be found out.
    pub(crate) fn look_at_port(&mut self, io: &mut impl Io, number: u8) -> bool {
        let value = self.take_port(io, number);
        let has_changed = value & port::CONNECT_CHANGE != 0;
        let is_connected = value & port::CONNECTED != 0 && value != u32::MAX;
        let place = Place {
            hub: 0,
            port: number,
        };
        self.is_new(place, has_changed, is_connected)
    }

    /// Forgets the device at a place if it is another one, or none, by now; whether there is one to
    /// be found out.
    pub(crate) fn is_new(&mut self, place: Place, has_changed: bool, is_connected: bool) -> bool {
        if has_changed || !is_connected {
            self.set_useless(place, false);
            if self.trouble.0 == place {
                self.trouble.1 = 0;
            }
        }
        let known = self.at(place);
        if let Some(slot) = known
            && (has_changed || !is_connected)
        {
            self.forget(slot);
            return is_connected;
        }
        is_connected && known.is_none() && !self.is_useless(place)
    }

    /// Says whether what is at a place is of no use.
    pub(crate) fn set_useless(&mut self, place: Place, is_so: bool) {
        let bit = bit(place.port);
        if place.hub == 0 {
            self.useless = self.useless & !bit | if is_so { bit } else { 0 };
        } else if let Some(hub) = self.device(place.hub) {
            let bit = (bit & 0xffff) as u16;
            hub.useless = hub.useless & !bit | if is_so { bit } else { 0 };
        }
    }

    fn is_useless(&mut self, place: Place) -> bool {
        let useless = if place.hub == 0 {
            self.useless
        } else {
            self.device(place.hub)
                .map_or(0, |hub| u64::from(hub.useless))
        };
        useless & bit(place.port) != 0
    }
}
