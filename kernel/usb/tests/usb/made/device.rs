//! What is plugged in: keyboards, hubs, and others.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    Full = 1,
    Low = 2,
    High = 3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Keyboard,
    Mouse,
    Hub { ports: u8 },
}

pub(crate) struct Device {
    pub(crate) kind: Kind,
    pub(crate) speed: Speed,
    /// Of a hub: what is plugged in, by ports, and each port's status and changes.
    pub(crate) children: BTreeMap<usize, Device>,
    pub(crate) status: BTreeMap<usize, [u16; 2]>,
    pub(crate) lights: Option<u8>,
    /// It refuses what the class has it understand.
    pub(crate) refuses: bool,
    pub(crate) does_not_answer: bool,
    /// It says this in place of a descriptor.
    pub(crate) nonsense: Option<Vec<u8>>,
    /// These in place of the device's descriptor and the configuration's, if there are any.
    pub(crate) said: Vec<Vec<u8>>,
    pub(crate) asked: Vec<[u8; 8]>,
}

impl Device {
    pub(crate) fn new(kind: Kind, speed: Speed) -> Self {
        Self {
            kind,
            speed,
            children: BTreeMap::new(),
            status: BTreeMap::new(),
            lights: None,
            refuses: false,
            does_not_answer: false,
            nonsense: None,
            said: Vec::new(),
            asked: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, port: usize, device: Device) -> Self {
        self.plug(port, device);
        self
    }

    pub(crate) fn plug(&mut self, port: usize, device: Device) {
        self.status.insert(port, [0x101, 1]);
        self.children.insert(port, device);
    }

    pub(crate) fn unplug(&mut self, port: usize) {
        self.status.insert(port, [0x100, 1]);
        self.children.remove(&port);
    }

    fn configuration(&self) -> Vec<u8> {
        let (class, packet) = match self.kind {
            Kind::Keyboard => ([3, 1, 1], 8),
            Kind::Mouse => ([3, 1, 2], 4),
            Kind::Hub { .. } => ([9, 0, 0], 1),
        };
        let mut bytes = vec![9, 2, 25, 0, 1, 1, 0, 0xa0, 50, 9, 4, 0, 0, 1];
        bytes.extend(class);
        bytes.extend([0, 7, 5, 0x81, 3, packet, 0, 10]);
        bytes
    }

    /// Answers a request; `None`: refuses it.
    pub(crate) fn ask(&mut self, setup: [u8; 8], data: u8) -> Option<Vec<u8>> {
        self.asked.push(setup);
        let port = usize::from(setup[4]);
        let feature = setup[2];
        match [setup[0], setup[1], setup[3]] {
            [0x80 | 0xa0, 6, _] if self.nonsense.is_some() => self.nonsense.clone(),
            [0x80, 6, which @ 1..=2] if !self.said.is_empty() => {
                self.said.get(usize::from(which) - 1).cloned()
            }
            [0x80, 6, 1] => {
                let packet = if self.speed == Speed::Low { 8 } else { 64 };
                Some(vec![18, 1, 0, 2, 0, 0, 0, packet])
            }
            [0x80, 6, 2] => Some(self.configuration()),
            [0x00, 9, _] => Some(Vec::new()),
            [0x21, _, _] if self.refuses => None,
            [0x21, 9, _] => {
                self.lights = Some(data);
                Some(Vec::new())
            }
            [0x21, _, _] => Some(Vec::new()),
            _ => self.ask_hub([setup[0], setup[1], setup[3]], port, feature),
        }
    }

    fn ask_hub(&mut self, what: [u8; 3], port: usize, feature: u8) -> Option<Vec<u8>> {
        let Kind::Hub { ports } = self.kind else {
            return None;
        };
        let status = self.status.entry(port).or_insert([0x100, 0]);
        let speed = self.children.get(&port).map(|child| child.speed);
        match (what, feature) {
            ([0xa0, 6, 0x29], _) => Some(vec![9, 0x29, ports, 0x40, 0, 5, 0, 0, 0xff]),
            ([0xa3, 0, _], _) => Some(status.iter().flat_map(|word| word.to_le_bytes()).collect()),
            ([0x23, 3, _], 4) => {
                let bits = match speed? {
                    Speed::Full => 0x103,
                    Speed::Low => 0x303,
                    Speed::High => 0x503,
                };
                *status = [bits, 1 << 4];
                Some(Vec::new())
            }
            ([0x23, 3, _], 8) => Some(Vec::new()),
            ([0x23, 1, _], 16..=20) => {
                status[1] &= !(1 << (feature - 16));
                Some(Vec::new())
            }
            _ => None,
        }
    }
}
