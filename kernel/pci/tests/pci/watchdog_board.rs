//! A made function with a watchdog, and the registers around it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bulkhead_pci::watchdog::Register::{Config8, Memory8, Memory32, Port8, Port16};
use bulkhead_pci::watchdog::{Outcome, Platform, Register, State, Watchdog};
use bulkhead_pci::{Address, ConfigSpace, Function};

use crate::fake::address;

/// One function, and the registers around it. What is not named reads as all ones, and what is
/// written to it is lost.
#[derive(Default)]
pub(crate) struct Board {
    pub(crate) config: RefCell<BTreeMap<u16, u32>>,
    pub(crate) registers: RefCell<BTreeMap<Register, u32>>,
    /// The power management registers of AMD, behind their ports.
    pub(crate) indexed: Vec<u8>,
    pub(crate) index: RefCell<u8>,
    pub(crate) writes: RefCell<Vec<(Register, u32)>>,
    /// A register that stays as it is.
    pub(crate) locked: Option<Register>,
}

pub(crate) const PLACE: &str = "00:1f.0";

impl Board {
    pub(crate) fn new(id: u32, config: &[(u16, u32)], registers: &[(Register, u32)]) -> Self {
        let mut all: BTreeMap<u16, u32> = config.iter().copied().collect();
        all.insert(0, id);
        Self {
            config: all.into(),
            registers: registers.iter().copied().collect::<BTreeMap<_, _>>().into(),
            ..Self::default()
        }
    }

    pub(crate) fn indexed(mut self, bytes: &[(usize, u8)]) -> Self {
        self.indexed = vec![0; 256];
        for (at, byte) in bytes {
            self.indexed[*at] = *byte;
        }
        self
    }

    pub(crate) fn watchdog(&self, class: (u8, u8)) -> Option<Watchdog> {
        Watchdog::of(&self.function(class))
    }

    pub(crate) fn function(&self, (class, subclass): (u8, u8)) -> Function {
        let id = self.config.borrow()[&0];
        let mut function = Function::new(address(PLACE));
        (function.vendor, function.device_id) = (id as u16, (id >> 16) as u16);
        (function.class, function.subclass) = (class, subclass);
        function
    }

    /// Its state, what stopping it gives, and its state then.
    pub(crate) fn stop(&self, watchdog: Watchdog) -> (State, Outcome, State) {
        let before = watchdog.state(self, self);
        assert_eq!(*self.writes.borrow(), [], "looking writes nothing");
        let outcome = watchdog.stop(self, self);
        (before, outcome, watchdog.state(self, self))
    }

    pub(crate) fn set_register(&self, register: Register, value: u32) {
        self.registers.borrow_mut().insert(register, value);
    }
}

impl ConfigSpace for Board {
    fn read(&self, a: Address, offset: u16) -> u32 {
        assert_eq!(a, address(PLACE));
        let config = self.config.borrow();
        config.get(&offset).copied().unwrap_or(0)
    }

    fn write(&self, a: Address, offset: u16, value: u32) {
        assert_eq!(a, address(PLACE));
        panic!("{value:#x} is written to {offset:#x}");
    }
}

impl Platform for Board {
    fn get(&self, register: Register) -> u32 {
        if register == Port8(0xcd7) && !self.indexed.is_empty() {
            return self.indexed[usize::from(*self.index.borrow())].into();
        }
        let found = self.registers.borrow().get(&register).copied();
        found.unwrap_or(match register {
            Port8(_) | Memory8(_) | Config8(..) => 0xff,
            Port16(_) => 0xffff,
            Memory32(_) => u32::MAX,
        })
    }

    fn set(&self, register: Register, value: u32) {
        if register == Port8(0xcd6) {
            *self.index.borrow_mut() = value as u8;
            return;
        }
        self.writes.borrow_mut().push((register, value));
        if self.locked == Some(register) {
            return;
        }
        if let Some(old) = self.registers.borrow_mut().get_mut(&register) {
            *old = value;
        }
    }
}
