//! A fake machine's configuration space and clock.
//!
//! Accesses find their way through the bridges as they are set at that moment, so whatever is
//! below a bridge that lost its numbers, sleeps or is in reset does not answer. What a device
//! must not be made to suffer is written down as an accident.

use std::cell::{Cell, RefCell};
use std::fmt::Write;

use bulkhead_pci::EcamRange;
use bulkhead_pci::{Address, Clock, ConfigSpace};

use crate::node::{ADVANCED, EXPRESS, Node, POWER};

#[derive(Default)]
pub(crate) struct Fake {
    places: Vec<Place>,
    nodes: RefCell<Vec<Node>>,
    now: Cell<u64>,
    pub(crate) accidents: RefCell<Vec<String>>,
    pub(crate) writes: RefCell<Vec<(Address, u16, u32)>>,
}

/// Where a node is plugged in.
#[derive(Clone, Copy)]
struct Place {
    /// The bridge above; else on this root bus.
    parent: Option<usize>,
    root_bus: u8,
    device: u8,
    function: u8,
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

impl Fake {
    pub(crate) fn root(&mut self, bus: u8, device: u8, function: u8, node: Node) -> usize {
        self.plug(None, bus, device, function, node)
    }

    pub(crate) fn below(&mut self, bridge: usize, device: u8, function: u8, node: Node) -> usize {
        self.plug(Some(bridge), 0, device, function, node)
    }

    fn plug(&mut self, parent: Option<usize>, bus: u8, dev: u8, fun: u8, node: Node) -> usize {
        self.places.push(Place {
            parent,
            root_bus: bus,
            device: dev,
            function: fun,
        });
        self.nodes.borrow_mut().push(node);
        self.places.len() - 1
    }

    pub(crate) fn ranges(&self) -> [EcamRange; 1] {
        [EcamRange {
            base: 0xb000_0000,
            segment: 0,
            first_bus: 0,
            last_bus: 255,
        }]
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    /// Changes a node behind everybody's back.
    pub(crate) fn edit(&self, node: usize, change: impl FnOnce(&mut Node)) {
        change(&mut self.nodes.borrow_mut()[node]);
    }

    pub(crate) fn node(&self, node: usize) -> Node {
        self.nodes.borrow()[node].clone()
    }

    pub(crate) fn nodes(&self) -> Vec<Node> {
        self.nodes.borrow().clone()
    }

    pub(crate) fn assert_no_accident(&self) {
        assert_eq!(*self.accidents.borrow(), Vec::<String>::new());
    }

    /// The node that an address leads to right now.
    pub(crate) fn find(&self, a: Address) -> Option<usize> {
        let nodes = self.nodes.borrow();
        let child = |parent, bus| {
            self.places.iter().position(|p| {
                p.parent == parent
                    && (parent.is_some() || p.root_bus == bus)
                    && (p.device, p.function) == (a.device, a.function)
            })
        };
        if a.segment != 0 {
            return None;
        }
        if self
            .places
            .iter()
            .any(|p| p.parent.is_none() && p.root_bus == a.bus)
        {
            return child(None, a.bus);
        }
        let mut above = None;
        loop {
            let bridge = (0..nodes.len()).find(|&i| {
                self.places[i].parent == above
                    && self.passes(&nodes[i])
                    && buses(&nodes[i]).contains(&a.bus)
            })?;
            if *buses(&nodes[bridge]).start() == a.bus {
                return child(Some(bridge), 0);
            }
            above = Some(bridge);
        }
    }

    /// Whether a bridge passes configuration accesses on.
    fn passes(&self, node: &Node) -> bool {
        let is_awake = !node.has(POWER) || node.word(POWER + 4) & 3 == 0;
        node.is_bridge()
            && node.held_since.is_none()
            && self.now.get() >= node.answers_at
            && node.word(0x18) >> 8 & 0xff != 0
            && is_awake
    }

    fn accident(&self, a: Address, what: std::fmt::Arguments<'_>) {
        let mut text = String::new();
        write!(text, "{a}: {what}").unwrap();
        self.accidents.borrow_mut().push(text);
    }

    fn descendants(&self, bridge: usize) -> Vec<usize> {
        let is_below = |mut at: usize| {
            while let Some(parent) = self.places[at].parent {
                if parent == bridge {
                    return true;
                }
                at = parent;
            }
            false
        };
        (0..self.places.len()).filter(|&i| is_below(i)).collect()
    }

    fn reset_node(&self, index: usize, kind: usize, quiet_us: u64) {
        let now = self.now.get();
        let node = &mut self.nodes.borrow_mut()[index];
        node.forget(now, quiet_us);
        node.resets[kind] += 1;
        node.answers_at = node.reset_us.map_or(u64::MAX, |us| now + us);
    }

    /// What a write sets off besides changing the register.
    fn side_effects(&self, a: Address, index: usize, offset: u16, before: u32, value: u32) {
        let node = self.node(index);
        if offset == EXPRESS + 8 && node.has(EXPRESS) && value & 1 << 15 != 0 {
            if node.word(EXPRESS + 4) & 1 << 28 == 0 {
                self.accident(a, format_args!("FLR of a function without one"));
            }
            self.reset_node(index, 0, 100_000);
        }
        if offset == ADVANCED + 4 && node.has(ADVANCED) && value & 1 != 0 {
            self.reset_node(index, 0, 100_000);
        }
        if offset == POWER + 4 && node.has(POWER) && before & 3 == 0 && value & 3 == 3 {
            self.edit(index, |n| n.asleep_since = Some(self.now()));
        }
        if offset == POWER + 4 && node.has(POWER) && before & 3 == 3 && value & 3 == 0 {
            if node
                .asleep_since
                .is_some_and(|since| self.now() < since + 10_000)
            {
                self.accident(a, format_args!("woken too early"));
            }
            let control = node.word(POWER + 4);
            if control & 1 << 3 == 0 {
                self.reset_node(index, 2, 10_000);
                self.edit(index, |n| n.answers_at = 0);
            }
            self.edit(index, |n| n.earliest = self.now() + 10_000);
        }
        if offset == 0x3c && node.is_bridge() {
            self.bridge_control(a, index, value & 1 << 22 != 0);
        }
    }

    fn bridge_control(&self, a: Address, index: usize, hold: bool) {
        let now = self.now.get();
        let held = self.node(index).held_since;
        match (held, hold) {
            (None, true) => self.edit(index, |n| n.held_since = Some(now)),
            (Some(since), false) => {
                if now - since < 1_000 {
                    self.accident(a, format_args!("bus reset of {} us only", now - since));
                }
                self.edit(index, |n| n.held_since = None);
                for below in self.descendants(index) {
                    self.reset_node(below, 1, 100_000);
                }
            }
            _ => {}
        }
    }

    fn check_write(&self, a: Address, node: &Node, offset: u16, value: u32) {
        let at = usize::from(offset / 4);
        if value & node.cleared[at] & node.value[at] != 0 {
            self.accident(
                a,
                format_args!("write of {value:#x} to {offset:#x} clears a status"),
            );
        }
        let bars = if node.is_bridge() {
            0x10..0x18
        } else {
            0x10..0x28
        };
        let changes = (value ^ node.value[at]) & node.writable[at] != 0;
        let decodes = node.word(0x04) & 3 != 0;
        let is_host = node.word(0x08) >> 16 == 0x0600;
        if bars.contains(&offset) && changes && decodes && !is_host {
            self.accident(a, format_args!("BAR at {offset:#x} moves while decoding"));
        }
        if bars.contains(&offset) && node.writable[at] == 0 && value != u32::MAX && value != 0 {
            self.accident(
                a,
                format_args!("write of {value:#x} to no BAR at {offset:#x}"),
            );
        }
    }
}

fn buses(node: &Node) -> std::ops::RangeInclusive<u8> {
    (node.word(0x18) >> 8) as u8..=(node.word(0x18) >> 16) as u8
}

impl ConfigSpace for Fake {
    fn read(&self, a: Address, offset: u16) -> u32 {
        assert!(offset < 4096 && offset.is_multiple_of(4), "{offset:#x}");
        let Some(index) = self.find(a) else {
            return u32::MAX;
        };
        let node = self.node(index);
        if self.now() < node.earliest {
            self.accident(a, format_args!("read of {offset:#x} too early"));
        }
        if self.now() < node.answers_at {
            let asks_again = node.retries && offset == 0;
            return if asks_again { 0xffff_0001 } else { u32::MAX };
        }
        let pending = |at: u16, bit: u32| {
            let is_pending = offset == at && self.now() < node.pending_until;
            if is_pending { bit } else { 0 }
        };
        let mut value = node.word(offset);
        if node.has(EXPRESS) {
            value |= pending(EXPRESS + 8, 1 << 21);
        }
        if node.has(ADVANCED) {
            value |= pending(ADVANCED + 4, 1 << 8);
        }
        value
    }

    fn write(&self, a: Address, offset: u16, value: u32) {
        assert!(offset < 4096 && offset.is_multiple_of(4), "{offset:#x}");
        self.writes.borrow_mut().push((a, offset, value));
        let Some(index) = self.find(a) else { return };
        let node = self.node(index);
        if self.now() < node.earliest {
            self.accident(a, format_args!("write to {offset:#x} too early"));
        }
        if self.now() < node.answers_at {
            return;
        }
        self.check_write(a, &node, offset, value);
        let at = usize::from(offset / 4);
        self.edit(index, |n| {
            n.value[at] = n.value[at] & !n.writable[at] | value & n.writable[at];
            n.value[at] &= !(value & n.cleared[at]);
        });
        self.side_effects(a, index, offset, node.value[at], value);
    }
}

impl Clock for Fake {
    fn wait_us(&self, us: u64) {
        self.now.set(self.now.get() + us);
    }
}
