//! Contexts: what a controller is told of a device (xHCI §6.2).

use crate::Io;
use crate::device::{Device, speed};
use crate::layout::{INPUT, PACKET};
use crate::ring::clear;

/// Types of endpoints.
const CONTROL: u32 = 4;
const INTERRUPT_IN: u32 = 7;
/// Errors after which an endpoint halts.
const ERRORS: u32 = 3 << 1;

/// The largest packet of the control endpoint before the device was asked (USB §5.5.3).
pub(crate) const fn first_packet(of_speed: u8) -> u32 {
    match of_speed {
        speed::FULL | speed::LOW => 8,
        speed::HIGH => 64,
        _ => 512,
    }
}

/// Writes an input context, whose parts have `size` bytes.
pub(crate) struct Input<'a, I> {
    pub(crate) io: &'a mut I,
    pub(crate) size: u32,
}

impl<I: Io> Input<'_, I> {
    fn set(&mut self, context: u32, dword: u32, value: u32) {
        self.io
            .store(INPUT + context * self.size + dword * 4, value);
    }

    /// For the address of a device: slot and control endpoint.
    pub(crate) fn address(&mut self, device: &Device) {
        self.begin(device, 0b11, 1);
        self.control(device, first_packet(device.speed));
    }

    /// For another packet size of the control endpoint.
    pub(crate) fn packet(&mut self, device: &Device, packet: u32) {
        self.begin(device, 0b10, 1);
        self.control(device, packet);
    }

    /// For its interrupt endpoint, and for what a hub is.
    pub(crate) fn endpoint(&mut self, device: &Device) {
        let Some(function) = device.function else {
            return;
        };
        let endpoint = u32::from(function.endpoint);
        self.begin(device, 1 << endpoint | 1, endpoint);
        let packet = u32::from(function.packet).min(PACKET);
        let context = endpoint + 1;
        self.set(context, 0, interval(device.speed, function.interval) << 16);
        self.set(
            context,
            1,
            u32::from(function.packet) << 16 | INTERRUPT_IN << 3 | ERRORS,
        );
        let dequeue = device.interrupt.dequeue(self.io);
        self.set(context, 2, dequeue);
        self.set(context, 4, packet << 16 | packet);
    }

    /// The slot, and what is added (xHCI §6.2.5.1, §6.2.2).
    fn begin(&mut self, device: &Device, added: u32, entries: u32) {
        clear(self.io, INPUT, 33 * self.size);
        self.set(0, 1, added);
        let is_hub = device.function.is_some_and(|function| function.is_hub);
        let first = device.route | u32::from(device.speed) << 20 | entries << 27;
        self.set(1, 0, first | u32::from(is_hub) << 26);
        let ports = u32::from(device.ports);
        self.set(1, 1, u32::from(device.root) << 16 | ports << 24);
        let translator = u32::from(device.translator.hub) | u32::from(device.translator.port) << 8;
        self.set(1, 2, translator | u32::from(device.think) << 16);
    }

    fn control(&mut self, device: &Device, packet: u32) {
        self.set(2, 1, packet << 16 | CONTROL << 3 | ERRORS);
        let dequeue = device.control.dequeue(self.io);
        self.set(2, 2, dequeue);
        self.set(2, 4, 8);
    }
}

/// The exponent of an interval in units of 125 us (xHCI §6.2.3.6): what a device says is itself one at
/// high speed, and milliseconds at a lower one.
fn interval(of_speed: u8, said: u8) -> u32 {
    match of_speed {
        speed::FULL | speed::LOW => (u32::from(said.max(1)) * 8).ilog2().clamp(3, 10),
        _ => u32::from(said.clamp(1, 16)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        for (of_speed, said, wanted) in [
            (speed::LOW, 10, 6),
            (speed::FULL, 1, 3),
            (speed::FULL, 255, 10),
            (speed::LOW, 0, 3),
            (speed::HIGH, 12, 11),
            (speed::HIGH, 0, 0),
            (speed::HIGH, 255, 15),
        ] {
            assert_eq!(interval(of_speed, said), wanted, "{of_speed} {said}");
        }
    }
}
