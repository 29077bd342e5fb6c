//! Commands and transfers, as the controller carries them out; what it is told is checked.

use super::device::{Kind, Speed};
use super::fake::{Fake, Follow, Slot};

impl Fake {
    pub(crate) fn carry_out_commands(&mut self) {
        let mut follow = self.commands;
        while let Some((at, trb)) = self.next(&mut follow) {
            let kind = trb[3] >> 10 & 0x3f;
            let slot = (trb[3] >> 24) as usize;
            self.log.push(kind);
            let (code, slot) = self.carry_out(kind, slot, trb[0]);
            let slot = u32::try_from(slot).expect("few");
            self.post([at, 0, code << 24, 33 << 10 | slot << 24]);
        }
        self.commands = follow;
    }

    fn carry_out(&mut self, kind: u32, slot: usize, parameter: u32) -> (u32, usize) {
        if kind == 9 {
            let Some(free) = (1..self.slots.len()).find(|slot| !self.slots[*slot].is_enabled)
            else {
                return (9, 0);
            };
            self.slots[free] = Slot {
                is_enabled: true,
                ..Slot::default()
            };
            return (1, free);
        }
        assert!(
            self.slots[slot].is_enabled,
            "command {kind} for slot {slot}"
        );
        match kind {
            10 => self.slots[slot] = Slot::default(),
            11 => return (self.address(slot, parameter), slot),
            12 => self.configure(slot, parameter),
            13 => assert_eq!(self.get(parameter + 4), 0b10, "only the control endpoint"),
            14 => assert!(std::mem::take(&mut self.slots[slot].halted)),
            16 => {
                let (at, cycle) = (parameter & !0xf, parameter & 1);
                self.slots[slot].control = Follow { at, cycle };
            }
            kind => panic!("command {kind}"),
        }
        (1, slot)
    }

    fn context(&self, input: u32, index: u32, dword: u32) -> u32 {
        let size = if self.large_contexts { 64 } else { 32 };
        self.get(input + index * size + dword * 4)
    }

    fn address(&mut self, slot: usize, input: u32) -> u32 {
        assert_eq!(self.get(input + 4), 0b11, "slot and control endpoint");
        let output = self.get(self.contexts + 8 * u32::try_from(slot).expect("few"));
        assert_eq!(output & 0xfff, 0, "a page for slot {slot}");
        let first = self.context(input, 1, 0);
        let second = self.context(input, 1, 1);
        let mut path = vec![(second >> 16 & 0xff) as usize];
        let mut route = first & 0xf_ffff;
        while route != 0 {
            path.push((route & 0xf) as usize);
            route >>= 4;
        }
        let Some(device) = self.hears(&path) else {
            return 4;
        };
        if device.does_not_answer {
            return 4;
        }
        let speed = device.speed;
        assert_eq!(first >> 20 & 0xf, speed as u32, "speed of {path:?}");
        let translator = self.translator(&path, speed);
        let (hub, port) = translator;
        let wanted = u32::try_from(hub | port << 8).expect("few");
        assert_eq!(
            self.context(input, 1, 2) & 0xffff,
            wanted,
            "translator of {path:?}"
        );
        let packet = self.context(input, 2, 1) >> 16;
        assert_eq!(packet, if speed == Speed::High { 64 } else { 8 });
        let dequeue = self.context(input, 2, 2);
        self.slots[slot].control = Follow {
            at: dequeue & !0xf,
            cycle: dequeue & 1,
        };
        self.slots[slot].path = path;
        1
    }

    /// The slot of the last high-speed hub on the way to a slower device, and its port.
    fn translator(&mut self, path: &[usize], speed: Speed) -> (usize, usize) {
        let hubs = (1..path.len()).rev();
        for length in hubs {
            let is_high = |fake: &mut Self| {
                let hub = fake.device(&path[..length]);
                hub.is_some_and(|hub| hub.speed == Speed::High)
            };
            if speed != Speed::High && is_high(self) {
                let of_hub = |slot: &Slot| slot.is_enabled && slot.path == path[..length];
                let slot = self.slots.iter().position(of_hub).expect("the hub has one");
                return (slot, path[length]);
            }
        }
        (0, 0)
    }

    fn configure(&mut self, slot: usize, input: u32) {
        let added = self.get(input + 4);
        assert_eq!(added & 1, 1, "with the slot");
        let endpoint = (added & !1).trailing_zeros();
        assert_eq!(added.count_ones(), 2, "one endpoint");
        let path = self.slots[slot].path.clone();
        let first = self.context(input, 1, 0);
        assert_eq!(first >> 27, endpoint, "entries");
        // What the controller is told of one that has gone can't be compared.
        let ports = self.hears(&path).map(|device| match device.kind {
            Kind::Hub { ports } => u32::from(ports),
            _ => 0,
        });
        if let Some(ports) = ports {
            assert_eq!(first >> 26 & 1, u32::from(ports > 0), "a hub");
            assert_eq!(self.context(input, 1, 1) >> 24, ports, "ports");
        }
        assert_eq!(
            self.context(input, endpoint + 1, 1) >> 3 & 7,
            7,
            "interrupt, in"
        );
        let dequeue = self.context(input, endpoint + 1, 2);
        let follow = Follow {
            at: dequeue & !0xf,
            cycle: dequeue & 1,
        };
        self.slots[slot].interrupt = Some((endpoint, follow));
    }

    pub(crate) fn transfer(&mut self, slot: usize) {
        let mut follow = self.slots[slot].control;
        let path = self.slots[slot].path.clone();
        let mut setup = [0u8; 8];
        let mut data = None;
        while let Some((at, trb)) = self.next(&mut follow) {
            match trb[3] >> 10 & 0x3f {
                2 => {
                    setup[..4].copy_from_slice(&trb[0].to_le_bytes());
                    setup[4..].copy_from_slice(&trb[1].to_le_bytes());
                }
                3 => data = Some((trb[0], trb[2] & 0x1ffff)),
                4 => {
                    let out = data.filter(|_| setup[0] & 0x80 == 0);
                    let byte = out.map_or(0, |(from, _)| self.get(from).to_le_bytes()[0]);
                    let answer = self.hears(&path).map(|device| device.ask(setup, byte));
                    let code = match answer {
                        None => 4,
                        Some(None) => 6,
                        Some(Some(bytes)) => {
                            if let Some((to, length)) = data.filter(|_| setup[0] & 0x80 != 0) {
                                let length = bytes.len().min(length as usize);
                                self.put_bytes(to, &bytes[..length]);
                            }
                            1
                        }
                    };
                    self.slots[slot].halted = code != 1;
                    let slot = u32::try_from(slot).expect("few");
                    self.post([at, 0, code << 24, 32 << 10 | 1 << 16 | slot << 24]);
                    data = None;
                }
                kind => panic!("a TRB of type {kind}"),
            }
        }
        self.slots[slot].control = follow;
    }
}
