//! What the controller tells.

use crate::Io;
use crate::device::Kind;
use crate::host::Host;
use crate::job::Wait;
use crate::layout::{EVENT_COUNT, PACKET, packet};
use crate::port::bit;
use crate::register::interrupter;
use crate::trb::{Trb, code, kind};

impl Host {
    /// Takes events, up to a report of a keyboard.
    pub(crate) fn take_events(&mut self, io: &mut impl Io, now: u64) {
        let mut any = false;
        for _ in 0..EVENT_COUNT {
            let Some(event) = self.events.take(io) else {
                break;
            };
            any = true;
            if self.take_event(io, now, event) {
                break;
            }
        }
        if any {
            let dequeue = self.events.dequeue(io) | interrupter::BUSY;
            io.write(self.registers.runtime + interrupter::DEQUEUE, dequeue);
        }
    }

    /// Whether it was a report.
    fn take_event(&mut self, io: &mut impl Io, now: u64, event: Trb) -> bool {
        match event.kind() {
            kind::PORT_EVENT => {
                self.roots |= bit(event.port()) & self.registers.ports;
            }
            kind::COMMAND_EVENT => {
                if let Some(Wait::Command { at, .. }) = self.waiting()
                    && event.0[0] == at
                {
                    self.go_on(io, now, Some(event));
                }
            }
            kind::TRANSFER_EVENT if event.endpoint_id() == 1 => self.take_control(io, now, event),
            kind::TRANSFER_EVENT => return self.take_packet(io, event),
            _ => {}
        }
        false
    }

    fn take_control(&mut self, io: &mut impl Io, now: u64, event: Trb) {
        let Some(Wait::Transfer { at, slot, .. }) = self.waiting() else {
            return;
        };
        let is_whole = event.0[0] == at;
        let is_good = matches!(event.code(), code::SUCCESS | code::SHORT);
        let is_stop = (code::STOPPED..=code::STOPPED_LAST).contains(&event.code());
        // A short packet of its data may be told of before the end.
        if event.slot() == slot && (is_whole || !is_good) && !is_stop {
            self.go_on(io, now, Some(event));
        }
    }

    /// What a device sent by itself; whether it was a report.
    fn take_packet(&mut self, io: &mut impl Io, event: Trb) -> bool {
        let slot = event.slot();
        let Some(device) = self.device(slot) else {
            return false;
        };
        let Some(function) = device.function else {
            return false;
        };
        let is_listening = matches!(device.kind, Kind::Keyboard | Kind::Hub);
        if !is_listening || event.endpoint_id() != function.endpoint {
            return false;
        }
        match event.code() {
            code::SUCCESS | code::SHORT => {}
            code::STOPPED..=code::STOPPED_LAST => return false,
            _ => {
                self.lose(slot);
                return false;
            }
        }
        let Some(index) = device.interrupt.index_of(io, event.0[0]) else {
            return false;
        };
        let asked = u32::from(function.packet).min(PACKET);
        let length = asked.saturating_sub(event.rest());
        let mut bytes: [u8; 8] = Self::bytes(io, packet(slot, index));
        let length = usize::try_from(length).unwrap_or(8).min(8);
        bytes[length..].fill(0);
        let is_report = device.kind == Kind::Keyboard && length > 0;
        let place = device.place;
        if is_report {
            device.keys.take(bytes);
        } else {
            // Bit 0 is the hub itself, whose power is nothing to be done about.
            device.changed |= u16::from_le_bytes([bytes[0], bytes[1]]) & !1;
        }
        if self.trouble.0 == place {
            // It works.
            self.trouble.1 = 0;
        }
        self.listen_once(io, slot);
        is_report
    }
}
