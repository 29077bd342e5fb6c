//! A device comes, and goes.

use crate::Io;
use crate::context::first_packet;
use crate::descriptor;
use crate::device::{Device, Kind, Place};
use crate::host::Host;
use crate::hub::MOST_PORTS;
use crate::job::{Job, Next, Step, Wait};
use crate::layout::{BUFFER, BUFFER_BYTES, DEVICES, SLOTS};
use crate::port::bit;
use crate::register::port;
use crate::trb::Trb;

/// Times that a device is tried.
const TRIES: u8 = 3;
/// The longest configuration that is read to its end.
const LONGEST: usize = BUFFER_BYTES as usize;

impl Host {
    /// The device at a place.
    pub(crate) fn at(&self, place: Place) -> Option<u8> {
        let mut devices = (1u8..).zip(&self.devices);
        let (slot, _) = devices.find(|(_, d)| d.is_there() && d.place == place)?;
        Some(slot)
    }

    /// A plug sits, if nothing has moved meanwhile.
    pub(crate) fn settled(&mut self, io: &mut impl Io, job: &Job) -> Next {
        let value = self.take_port(io, job.place.port);
        if value & port::CONNECT_CHANGE != 0 {
            self.requeue(job.place);
            return Next::Done;
        }
        if value & port::CONNECTED == 0 {
            return Next::Done;
        }
        Next::Step(Step::Reset)
    }

    /// A port of the controller was reset.
    pub(crate) fn was_reset(&mut self, io: &mut impl Io, job: &mut Job) -> Next {
        let value = self.take_port(io, job.place.port);
        if value & (port::RESET | port::ENABLED) != port::ENABLED {
            return Next::Failed;
        }
        let [speed, ..] = (value >> port::SPEED & 0xf).to_le_bytes();
        job.speed = speed;
        Next::Step(Step::Recover)
    }

    /// The controller has given the device a slot.
    pub(crate) fn got_slot(&mut self, io: &mut impl Io, job: &mut Job, event: Option<Trb>) -> Next {
        let slot = event.map_or(0, Trb::slot);
        let (place, speed) = (job.place, job.speed);
        match self.device(slot) {
            Some(device) if device.kind == Kind::Free => {
                *device = Device {
                    kind: Kind::New,
                    place,
                    speed,
                    root: place.port,
                    ..Device::FREE
                };
            }
            // One that it was not offered.
            _ => return Next::Failed,
        }
        job.slot = slot;
        if place.hub != 0 && !self.route(place, slot) {
            self.set_useless(place, true);
            self.forget(slot);
            return Next::Done;
        }
        self.furnish(io, slot);
        Next::Step(Step::Address)
    }

    /// The device has said something of itself.
    pub(crate) fn learn(&mut self, io: &impl Io, job: &mut Job) -> Next {
        let said: [u8; 9] = Self::bytes(io, BUFFER);
        let speed = job.speed;
        let Some(device) = self.device(job.slot) else {
            return Next::Failed;
        };
        match (job.step, said) {
            // Its length and type, and the largest packet of its control endpoint.
            (Step::First, [18, 1, _, _, _, _, _, packet @ (8 | 16 | 32 | 64), _]) => {
                job.length = u16::from(packet);
                Next::Step(if u32::from(packet) == first_packet(speed) {
                    Step::Header
                } else {
                    Step::Packet
                })
            }
            (Step::Header, [9, 2, low, high, ..]) => {
                job.length = u16::from_le_bytes([low, high]);
                Next::Step(Step::Configuration)
            }
            (Step::Configuration, _) => {
                let bytes: [u8; LONGEST] = Self::bytes(io, BUFFER);
                let length = usize::from(job.length).min(LONGEST);
                device.function = descriptor::function(&bytes[..length]);
                match device.function {
                    Some(function) if function.is_hub => Next::Step(Step::HubDescriptor),
                    Some(_) => Next::Step(Step::Endpoint),
                    None => {
                        self.set_useless(job.place, true);
                        self.forget(job.slot);
                        Next::Done
                    }
                }
            }
            (Step::HubDescriptor, [7..=u8::MAX, 0x29, ports @ 1..=u8::MAX, low, _, power, ..]) => {
                device.ports = ports.min(MOST_PORTS);
                device.think = low >> 5 & 0b11;
                device.power_ms = u16::from(power) * 2;
                Next::Step(Step::Endpoint)
            }
            _ => Next::Failed,
        }
    }

    /// A job has ended; a device that it has set up is listened to.
    pub(crate) fn ready(&mut self, io: &mut impl Io, job: &Job) {
        let Some(device) = self.device(job.slot) else {
            return;
        };
        let (Kind::New, Some(function)) = (device.kind, device.function) else {
            return;
        };
        if function.is_hub {
            device.kind = Kind::Hub;
            // All its ports: bits 1 and up.
            device.changed = (u16::MAX >> (MOST_PORTS - device.ports)) & !1;
        } else {
            device.kind = Kind::Keyboard;
        }
        self.listen(io, job.slot);
    }

    /// The job can't go on.
    pub(crate) fn fail(&mut self, is_refused: bool) {
        let Some(job) = self.job.take() else { return };
        match job.wait {
            // The hub itself does not answer.
            Wait::Transfer { slot, .. } if is_refused && slot == job.place.hub => self.lose(slot),
            _ => {
                self.forget(job.slot);
                self.again(job.place);
            }
        }
    }

    /// A device does not work any more: it is found out anew.
    pub(crate) fn lose(&mut self, slot: u8) {
        let place = self.device(slot).map(|device| device.place);
        self.forget(slot);
        if let Some(place) = place {
            self.again(place);
        }
    }

    /// Looks at a place again, unless that was in vain before.
    fn again(&mut self, place: Place) {
        if self.trouble.0 == place {
            self.trouble.1 = self.trouble.1.saturating_add(1);
        } else {
            self.trouble = (place, 1);
        }
        if self.trouble.1 < TRIES {
            self.requeue(place);
        } else {
            self.set_useless(place, true);
        }
    }

    /// Looks at a place again.
    fn requeue(&mut self, place: Place) {
        if place.hub == 0 {
            self.roots |= bit(place.port);
        } else if let Some(hub) = self.device(place.hub)
            && hub.kind == Kind::Hub
        {
            hub.changed |= 1u16.checked_shl(u32::from(place.port)).unwrap_or(0);
        }
    }

    /// Gives a device up, and all that is behind it.
    pub(crate) fn forget(&mut self, slot: u8) {
        self.give_up(slot);
        // What is behind it is at most as deep as there are slots.
        for _ in 0..DEVICES {
            for slot in 1u8..=SLOTS {
                let hub = self.device(slot).map_or(0, |device| device.place.hub);
                if self.device(hub).is_some_and(|hub| hub.kind == Kind::Gone) {
                    self.give_up(slot);
                }
            }
        }
    }

    fn give_up(&mut self, slot: u8) {
        if let Some(device) = self.device(slot).filter(|device| device.is_there()) {
            device.kind = Kind::Gone;
            device.keys.release();
        }
    }
}
