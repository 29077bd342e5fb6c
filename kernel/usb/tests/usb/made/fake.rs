//! A controller made of memory: registers, rings and contexts as xHCI has them, and what is plugged in.

use std::cell::Cell;

use bulkhead_usb::{Io, Needs, needs};

use super::device::Device;

const OPERATIONAL: u32 = 0x40;
const PORTS: u32 = OPERATIONAL + 0x400;
const RUNTIME: u32 = 0x1000;
const DOORBELLS: u32 = 0x2000;
const EXTENDED: u32 = 0x3000;
pub(crate) const BASE: u32 = 0x0040_0000;

/// A ring, as the controller follows it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Follow {
    pub(crate) at: u32,
    pub(crate) cycle: u32,
}

#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) is_enabled: bool,
    /// The way to its device: the controller's port, then those of hubs.
    pub(crate) path: Vec<usize>,
    pub(crate) control: Follow,
    pub(crate) halted: bool,
    pub(crate) interrupt: Option<(u32, Follow)>,
}

pub(crate) struct Fake {
    pub(crate) memory: Vec<u32>,
    pub(crate) large_contexts: bool,
    pub(crate) scratch: u32,
    /// Firmware's hold, and whether it lets go.
    pub(crate) legacy: u32,
    pub(crate) lets_go: bool,
    pub(crate) legacy_control: u32,
    /// It does nothing that it is told.
    pub(crate) is_dead: bool,
    /// It does no command.
    pub(crate) is_deaf: bool,
    pub(crate) command: u32,
    ports: Vec<u32>,
    pub(crate) plugged: Vec<Option<Device>>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) commands: Follow,
    pub(crate) contexts: u32,
    event: Follow,
    pub(crate) resets: u32,
    /// Commands that were carried out, by their types.
    pub(crate) log: Vec<u32>,
    pub(crate) reads: Cell<u32>,
}

impl Fake {
    /// Ports 1 to 4 are of USB 2, 5 to 8 of USB 3.
    pub(crate) fn new() -> Self {
        Self {
            memory: Vec::new(),
            large_contexts: false,
            scratch: 0,
            legacy: 0,
            lets_go: true,
            legacy_control: 0xe000_e011,
            is_dead: false,
            is_deaf: false,
            command: 1,
            ports: vec![0x2a0; 9],
            plugged: (0..9).map(|_| None).collect(),
            slots: Vec::new(),
            commands: Follow::default(),
            contexts: 0,
            event: Follow::default(),
            resets: 0,
            log: Vec::new(),
            reads: Cell::new(0),
        }
    }

    pub(crate) fn give_memory(&mut self) -> Needs {
        let needs = needs(self).expect("it can be used");
        // Whatever was there before.
        self.memory = vec![0xdead_beef; needs.bytes() as usize / 4];
        needs
    }

    pub(crate) fn plug(&mut self, port: usize, device: Device) {
        self.plugged[port] = Some(device);
        self.ports[port] = self.ports[port] & !0x3c02 | 1 | 1 << 17;
        self.port_event(port);
    }

    pub(crate) fn unplug(&mut self, port: usize) {
        self.plugged[port] = None;
        self.ports[port] = self.ports[port] & !0x3c03 | 1 << 17;
        self.port_event(port);
    }

    /// The device at the end of a way.
    pub(crate) fn device(&mut self, path: &[usize]) -> Option<&mut Device> {
        let (root, rest) = path.split_first()?;
        let mut device = self.plugged.get_mut(*root)?.as_mut()?;
        for port in rest {
            device = device.children.get_mut(port)?;
        }
        Some(device)
    }

    /// The device at the end of a way, if each port on it is enabled: none hears anything behind one
    /// that is not (USB §11.5.1.4), as where a device has given way to another.
    pub(crate) fn hears(&mut self, path: &[usize]) -> Option<&mut Device> {
        let (root, rest) = path.split_first()?;
        if self.ports.get(*root)? & 2 == 0 {
            return None;
        }
        let mut device = self.plugged.get_mut(*root)?.as_mut()?;
        for port in rest {
            if device.status.get(port)?[0] & 2 == 0 {
                return None;
            }
            device = device.children.get_mut(port)?;
        }
        Some(device)
    }

    /// Has a device send something by itself; whether it was listened to.
    pub(crate) fn send(&mut self, path: &[usize], bytes: &[u8], code: u32) -> bool {
        let is_it = |slot: &Slot| slot.is_enabled && slot.path == path;
        let Some(index) = self.slots.iter().position(is_it) else {
            return false;
        };
        let Some((endpoint, mut follow)) = self.slots[index].interrupt else {
            return false;
        };
        let Some((at, trb)) = self.next(&mut follow) else {
            return false;
        };
        self.slots[index].interrupt = Some((endpoint, follow));
        let length = trb[2] & 0x1ffff;
        let sent = bytes.len().min(length as usize);
        self.put_bytes(trb[0], &bytes[..sent]);
        let code = match code {
            1 if sent < length as usize => 13,
            code => code,
        };
        let rest = length - u32::try_from(sent).expect("few");
        let slot = u32::try_from(index).expect("few");
        self.post([
            at,
            0,
            code << 24 | rest,
            32 << 10 | endpoint << 16 | slot << 24,
        ]);
        true
    }

    pub(crate) fn port_changed(&mut self, hub: &[usize], port: usize) {
        let bit = 1u16 << port;
        self.send(hub, &bit.to_le_bytes(), 1);
    }

    fn port_event(&mut self, port: usize) {
        let port = u32::try_from(port).expect("few");
        self.post([port << 24, 0, 1 << 24, 34 << 10]);
    }

    pub(crate) fn post(&mut self, mut trb: [u32; 4]) {
        if self.command & 1 == 0 || self.event.at == 0 {
            return;
        }
        trb[3] |= self.event.cycle;
        for (offset, dword) in (0..).step_by(4).zip(trb) {
            self.set(self.event.at + offset, dword);
        }
        self.event.at += 16;
        if self.event.at & 0x1ff == 0 {
            self.event.at -= 0x200;
            self.event.cycle ^= 1;
        }
    }

    pub(crate) fn get(&self, address: u32) -> u32 {
        let offset = address.checked_sub(BASE).expect("inside the shared memory");
        self.memory[offset as usize / 4]
    }

    pub(crate) fn set(&mut self, address: u32, value: u32) {
        let offset = address.checked_sub(BASE).expect("inside the shared memory");
        self.memory[offset as usize / 4] = value;
    }

    pub(crate) fn put_bytes(&mut self, address: u32, bytes: &[u8]) {
        for (index, byte) in (0..).zip(bytes) {
            let at = address + index;
            let shift = 8 * (at % 4);
            let old = self.get(at & !3);
            self.set(at & !3, old & !(0xff << shift) | u32::from(*byte) << shift);
        }
    }

    /// The next TRB of a ring, over its link.
    pub(crate) fn next(&self, follow: &mut Follow) -> Option<(u32, [u32; 4])> {
        loop {
            let at = follow.at;
            let trb = [0, 4, 8, 12].map(|offset| self.get(at + offset));
            if trb[3] & 1 != follow.cycle {
                return None;
            }
            if trb[3] >> 10 & 0x3f == 6 {
                assert_eq!(trb[3] & 2, 2, "the cycle changes at the end");
                *follow = Follow {
                    at: trb[0],
                    cycle: follow.cycle ^ 1,
                };
                continue;
            }
            follow.at += 16;
            return Some((at, trb));
        }
    }

    fn write_port(&mut self, port: usize, value: u32) {
        let speed = self.plugged[port].as_ref().map_or(0, |d| d.speed as u32);
        let register = &mut self.ports[port];
        assert_eq!(value & 2, 0, "a one disables the port");
        *register &= !(value & 0x00fe_0000);
        *register = *register & !(1 << 9) | value & 1 << 9;
        if value & 1 << 4 != 0 {
            assert!(port < 5, "a port of USB 3");
            *register = *register & !0x3c00 | speed << 10 | 1 << 21;
            *register |= if speed == 0 { 0 } else { 2 };
            self.port_event(port);
        }
    }
}

impl Io for Fake {
    fn read(&self, offset: u32) -> u32 {
        self.reads.set(self.reads.get() + 1);
        match offset {
            0x00 => 0x0110_0000 | OPERATIONAL,
            0x04 => 8 << 24 | 1 << 8 | 32,
            0x08 => (self.scratch & 0x1f) << 27 | (self.scratch >> 5) << 21,
            0x10 => (EXTENDED / 4) << 16 | u32::from(self.large_contexts) << 2,
            0x14 => DOORBELLS,
            0x18 => RUNTIME,
            OPERATIONAL => self.command,
            0x44 => u32::from(self.command & 1 == 0),
            0x48 => 1,
            PORTS..0x4d0 => self.ports[((offset - PORTS) / 16 + 1) as usize],
            EXTENDED => self.legacy | 4 << 8 | 1,
            0x3004 => self.legacy_control,
            0x3010 => 0x0200_0402,
            0x3018 => 4 << 8 | 1,
            0x3020 => 0x0300_0002,
            0x3028 => 4 << 8 | 5,
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32) {
        if self.is_dead {
            return;
        }
        match offset {
            OPERATIONAL if value & 2 != 0 => {
                self.resets += 1;
                self.command = 0;
                self.event.at = 0;
                self.slots.clear();
            }
            OPERATIONAL => self.command = value,
            0x58 => {
                let (at, cycle) = (value & !0x3f, value & 1);
                self.commands = Follow { at, cycle };
            }
            0x70 => self.contexts = value,
            0x78 => self.slots = (0..=value).map(|_| Slot::default()).collect(),
            PORTS..0x4d0 => self.write_port(((offset - PORTS) / 16 + 1) as usize, value),
            // The segment table.
            0x1030 => {
                let (at, cycle) = (self.get(value), 1);
                assert_eq!(self.get(value + 8), 32);
                self.event = Follow { at, cycle };
            }
            EXTENDED => {
                self.legacy = value & 0x0101_0000;
                if self.lets_go {
                    self.legacy &= !(1 << 16);
                }
            }
            0x3004 => self.legacy_control = value,
            DOORBELLS if !self.is_deaf => self.carry_out_commands(),
            0x2004..0x2100 if value == 1 => self.transfer(((offset - DOORBELLS) / 4) as usize),
            _ => {}
        }
    }

    fn load(&self, offset: u32) -> u32 {
        self.memory[offset as usize / 4]
    }

    fn store(&mut self, offset: u32, value: u32) {
        self.memory[offset as usize / 4] = value;
    }

    fn base(&self) -> u32 {
        BASE
    }
}
