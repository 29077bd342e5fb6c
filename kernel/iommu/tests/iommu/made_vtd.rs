//! A made VT-d unit.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bulkhead_iommu::vtd::{Blocked, translate};
use bulkhead_iommu::{Physical, Requester};

pub(crate) const BASE: u64 = 0xfed9_0000;

/// Memory, and registers that do what VT-d §11.4 says. What it has cached of a page's translation it goes
/// on using until it is told to forget; what lies in the processors' caches it does not see.
pub(crate) struct Made {
    memory: RefCell<BTreeMap<u64, u64>>,
    dirty: RefCell<BTreeMap<u64, u64>>,
    registers: RefCell<BTreeMap<u64, u64>>,
    cached: RefCell<BTreeMap<(u8, u8, u64), u64>>,
    pub(crate) log: RefCell<Vec<String>>,
    pub(crate) is_silent: Cell<bool>,
    pub(crate) may_stop: Cell<bool>,
}

impl Made {
    pub(crate) fn new() -> Self {
        let registers = BTreeMap::from([
            (0, 0x10),
            // 39 and 48 bits, 2M and 1G, one fault record at 0x220; pass-through, IOTLB at 0xf0.
            (
                8,
                0xc_0000_0000 | 0x22 << 24 | 0x2f << 16 | 0b110 << 8 | 1 << 5 | 2,
            ),
            (0x10, 0xf << 8 | 1 << 6),
        ]);
        Self {
            memory: RefCell::default(),
            dirty: RefCell::default(),
            registers: RefCell::new(registers),
            cached: RefCell::default(),
            log: RefCell::default(),
            is_silent: Cell::new(false),
            may_stop: Cell::new(false),
        }
    }

    /// One that takes commands by a queue alone.
    pub(crate) fn with_queue() -> Self {
        let made = Self::new();
        made.set(0, 0x60);
        made.set(8, made.register(8) | 0b11 << 54);
        made.set(0x10, made.register(0x10) | 1 << 1);
        made
    }

    pub(crate) fn register(&self, offset: u64) -> u64 {
        self.registers.borrow().get(&offset).copied().unwrap_or(0)
    }

    pub(crate) fn set(&self, offset: u64, value: u64) {
        self.registers.borrow_mut().insert(offset, value);
    }

    pub(crate) fn note(&self, what: &str) {
        self.log.borrow_mut().push(what.to_string());
    }

    /// Runs what is in the queue.
    pub(crate) fn run(&self) {
        if self.is_silent.get() || self.register(0x1c) & 1 << 26 == 0 {
            return;
        }
        assert_eq!(
            self.register(0x34) & 0x70,
            0,
            "it stands still after errors"
        );
        let page = self.register(0x90);
        assert_eq!(page & 0xfff, 0, "256 places of 16 bytes");
        // What stands behind one without a fence between may be done before it.
        let mut is_forgetting = false;
        while self.register(0x80) != self.register(0x88) {
            let head = self.register(0x80);
            let word = |at| self.memory.borrow().get(&at).copied().unwrap_or(0);
            let (low, high) = (word(page + head), word(page + head + 8));
            match low & 0xf {
                1 => {
                    self.note(&format!("contexts {low:#x}"));
                    is_forgetting = true;
                }
                2 => {
                    assert!(
                        !is_forgetting,
                        "pages may be walked to anew by contexts of before"
                    );
                    self.note(&format!("pages {low:#x}"));
                    self.cached.borrow_mut().clear();
                }
                5 => {
                    assert_eq!((low & 0xffff_ffbf, high % 4), (0x25, 0));
                    is_forgetting &= low & 1 << 6 == 0;
                    self.memory.borrow_mut().insert(high, low >> 32);
                }
                other => panic!("command {other}"),
            }
            self.set(0x80, (head + 16) & 0xff0);
        }
    }

    pub(crate) fn command(&self, value: u64) {
        let old = self.register(0x1c);
        let mut new = old & (1 << 30) | value & 0x8600_0000;
        if !old & new & 1 << 26 != 0 {
            assert_eq!(self.register(0x88), 0, "its queue begins empty");
            self.set(0x80, 0);
        }
        if value & 1 << 30 != 0 {
            new |= 1 << 30;
            self.set(0x1000, self.register(0x20));
            self.note("root");
        }
        if old & 1 << 31 == 0 && new & 1 << 31 != 0 {
            self.note("on");
        }
        assert!(
            old & 1 << 31 == 0 || new & 1 << 31 != 0 || self.may_stop.get(),
            "it is never switched off"
        );
        self.set(0x1c, new);
    }

    /// What the unit makes of a request now.
    pub(crate) fn request(&self, requester: Requester, address: u64) -> Result<u64, Blocked> {
        if self.register(0x1c) & 1 << 31 == 0 {
            return Ok(address);
        }
        let key = (requester.bus, requester.devfn, address >> 12);
        if let Some(page) = self.cached.borrow().get(&key) {
            return Ok(*page);
        }
        let load = |at| self.memory.borrow().get(&at).copied().unwrap_or(0);
        let found = translate(load, self.register(0x1000), requester, address, true);
        match found {
            Ok(page) => {
                self.cached.borrow_mut().insert(key, page);
            }
            Err(_) => {
                self.set(0x220, address);
                self.set(0x228, 1 << 63 | 5 << 32 | u64::from(requester.id()));
                self.set(0x34, 2);
            }
        }
        found
    }
}

impl Physical for Made {
    fn load32(&self, address: u64) -> u32 {
        match address.checked_sub(BASE) {
            Some(offset) if offset < 0x1000 => self.register(offset) as u32,
            _ => self.load64(address) as u32,
        }
    }

    fn store32(&self, address: u64, value: u32) {
        match address - BASE {
            0x18 if self.is_silent.get() => {}
            0x18 => self.command(value.into()),
            0x22c => {
                assert_eq!(value, 1 << 31);
                self.set(0x228, 0);
                self.set(0x34, 0);
            }
            0x34 => self.set(0x34, self.register(0x34) & !u64::from(value & 0x71)),
            0x64 => self.set(0x64, 0),
            offset => self.set(offset, value.into()),
        }
    }

    fn load64(&self, address: u64) -> u64 {
        match address.checked_sub(BASE) {
            Some(offset) if offset < 0x1000 => self.register(offset),
            _ => {
                let dirty = self.dirty.borrow().get(&address).copied();
                let word = || self.memory.borrow().get(&address).copied();
                dirty.or_else(word).unwrap_or(0)
            }
        }
    }

    fn store64(&self, address: u64, value: u64) {
        match address.checked_sub(BASE) {
            Some(0x28 | 0xf8) if self.is_silent.get() => {
                self.set(address - BASE, value);
            }
            Some(0x28 | 0xf8) if self.register(0) == 0x60 => panic!("by a queue only"),
            Some(0x88) => {
                self.set(0x88, value);
                self.run();
            }
            Some(0x28) => self.note(&format!("contexts {value:#x}")),
            Some(0xf8) => {
                self.note(&format!("pages {value:#x}"));
                self.cached.borrow_mut().clear();
            }
            Some(offset) if offset < 0x1000 => self.set(offset, value),
            _ => {
                self.dirty.borrow_mut().insert(address, value);
            }
        }
    }

    fn write_back(&self, address: u64, bytes: u64) {
        let mut dirty = self.dirty.borrow_mut();
        let (lines, end) = (address & !63, (address + bytes + 63) & !63);
        let kept = dirty.split_off(&end);
        self.memory
            .borrow_mut()
            .append(&mut dirty.split_off(&lines));
        dirty.extend(kept);
    }

    fn within(&self, _: u64, mut done: impl FnMut() -> bool) -> bool {
        (0..3).any(|_| done())
    }
}
