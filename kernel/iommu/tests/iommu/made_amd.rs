//! A made AMD-Vi unit.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bulkhead_iommu::amd::{Blocked, translate};
use bulkhead_iommu::{Physical, Requester};

pub(crate) const BASE: u64 = 0xfed8_0000;
const RUNS: u64 = 0b11000;

/// Memory, and registers that do what AMD §2.4, §2.5 and §3.4 say. What it has cached of an entry of the
/// device table, or of a page's translation, it goes on using until it is told to forget.
#[derive(Default)]
pub(crate) struct Made {
    memory: RefCell<BTreeMap<u64, u64>>,
    registers: RefCell<BTreeMap<u64, u64>>,
    entries: RefCell<BTreeMap<u16, [u64; 4]>>,
    pages: RefCell<BTreeMap<(u16, u16, u64), u64>>,
    pub(crate) commands: RefCell<BTreeMap<u64, u64>>,
    pub(crate) is_silent: Cell<bool>,
    pub(crate) may_stop: Cell<bool>,
}

impl Made {
    pub(crate) fn new(features: u64) -> Self {
        let made = Self::default();
        made.set(0x30, features);
        made
    }

    pub(crate) fn register(&self, offset: u64) -> u64 {
        self.registers.borrow().get(&offset).copied().unwrap_or(0)
    }

    pub(crate) fn set(&self, offset: u64, value: u64) {
        self.registers.borrow_mut().insert(offset, value);
    }

    pub(crate) fn word(&self, at: u64) -> u64 {
        self.memory.borrow().get(&at).copied().unwrap_or(0)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.register(0x18) & 1 != 0
    }

    /// Runs the commands that are in the ring.
    pub(crate) fn run(&self) {
        if self.is_silent.get() || self.register(0x18) & (1 << 12 | 1) != 1 << 12 | 1 {
            return;
        }
        let ring = self.register(8) & 0x000f_ffff_ffff_f000;
        assert_eq!(self.register(8) >> 56, 8, "256 commands");
        while self.register(0x2000) != self.register(0x2008) {
            let head = self.register(0x2000);
            let (what, more) = (self.word(ring + head), self.word(ring + head + 8));
            *self.commands.borrow_mut().entry(what >> 60).or_default() += 1;
            let domain = (what >> 32) as u16;
            match what >> 60 {
                1 => {
                    assert_eq!(what & 7, 1, "it stores, and interrupts nobody");
                    let at = what & 0x000f_ffff_ffff_fff8;
                    self.memory.borrow_mut().insert(at, more);
                }
                2 => {
                    assert_eq!((what & 0x0fff_ffff_ffff_0000, more), (0, 0));
                    self.entries.borrow_mut().remove(&(what as u16));
                }
                3 => {
                    assert_eq!(more, 0x7fff_ffff_ffff_f003, "all of the domain");
                    let mut pages = self.pages.borrow_mut();
                    pages.retain(|(other, ..), _| *other != domain);
                }
                8 => {
                    self.entries.borrow_mut().clear();
                    self.pages.borrow_mut().clear();
                }
                other => panic!("command {other}"),
            }
            self.set(0x2000, (head + 16) & 0xff0);
        }
    }

    pub(crate) fn control(&self, new: u64) {
        let old = self.register(0x18);
        let may = self.may_stop.get();
        assert!(
            may || old & 1 == 0 || new & 1 != 0,
            "it is never switched off"
        );
        self.set(0x18, new);
        let (events, commands) = (new >> 2 & new & 1, new >> 12 & new & 1);
        let runs = events << 3 | commands << 4;
        let runs = if self.is_silent.get() { 0 } else { runs };
        self.set(0x2020, self.register(0x2020) & !RUNS | runs);
    }

    /// What the unit makes of a request now.
    pub(crate) fn request(
        &self,
        from: Requester,
        address: u64,
        is_write: bool,
    ) -> Result<u64, Blocked> {
        if !self.is_on() {
            return Ok(address);
        }
        let table = self.register(0) & 0x000f_ffff_ffff_f000;
        let id = from.id();
        let mut entries = self.entries.borrow_mut();
        let entry = *entries.entry(id).or_insert_with(|| {
            [0, 8, 16, 24].map(|word| self.word(table + u64::from(id) * 32 + word))
        });
        let domain = entry[1] as u16;
        let key = (domain, id, address >> 12);
        if let Some(page) = self.pages.borrow().get(&key) {
            return Ok(page | address & 0xfff);
        }
        let load = |at: u64| match at.checked_sub(table + u64::from(id) * 32) {
            Some(word @ (0 | 8 | 16 | 24)) => entry[(word / 8) as usize],
            _ => self.word(at),
        };
        let found = translate(load, table, from, address, is_write);
        match found {
            Ok(place) => {
                self.pages.borrow_mut().insert(key, place & !0xfff);
            }
            Err(_) => self.tell(2 << 60 | u64::from(is_write) << 53 | u64::from(id), address),
        }
        found
    }

    /// What was written into the table that is in use lets nothing pass untranslated that was blocked, not
    /// for a moment: V and TV stay set, and where everything passes (mode 0) it has a domain.
    pub(crate) fn check(&self, address: u64) {
        let table = self.register(0) & 0x000f_ffff_ffff_f000;
        let Some(place) = address.checked_sub(table).filter(|place| *place < 1 << 21) else {
            return;
        };
        if self.is_on() {
            let entry = table + place / 32 * 32;
            let (low, domain) = (self.word(entry), self.word(entry + 8) & 0xffff);
            assert_eq!(low & 0b11, 0b11);
            assert!(low >> 9 & 7 != 0 || domain != 0, "{low:#x}");
            assert!(low >> 61 == 0 || domain != 0, "{low:#x}");
        }
    }

    /// Writes an event into the log, if it has room.
    pub(crate) fn tell(&self, what: u64, address: u64) {
        let log = self.register(0x10) & 0x000f_ffff_ffff_f000;
        let tail = self.register(0x2018);
        let next = (tail + 16) & 0xff0;
        if self.register(0x2020) & 8 == 0 {
            return;
        }
        if next == self.register(0x2010) {
            self.set(0x2020, self.register(0x2020) & !8 | 1);
            return;
        }
        self.memory.borrow_mut().insert(log + tail, what);
        self.memory.borrow_mut().insert(log + tail + 8, address);
        self.set(0x2018, next);
    }

    /// What it makes of interrupts from an ID (AMD §2.2.5): whether those with a vector pass, and an NMI.
    pub(crate) fn passes_interrupts(&self, id: u16) -> (bool, bool) {
        let table = self.register(0) & 0x000f_ffff_ffff_f000;
        let word = self.word(table + u64::from(id) * 32 + 16);
        let is_said = word & 1 != 0;
        (
            !is_said || word >> 60 & 3 != 0,
            !is_said || word >> 58 & 1 != 0,
        )
    }
}

impl Physical for Made {
    fn load32(&self, _: u64) -> u32 {
        unreachable!("registers are of 64 bits")
    }

    fn store32(&self, _: u64, _: u32) {
        unreachable!("registers are of 64 bits")
    }

    fn load64(&self, address: u64) -> u64 {
        match address.checked_sub(BASE) {
            Some(offset) if offset < 0x4000 => self.register(offset),
            _ => self.word(address),
        }
    }

    fn store64(&self, address: u64, value: u64) {
        let runs = self.register(0x2020) & RUNS;
        match address.checked_sub(BASE) {
            Some(0x18) => {
                self.control(value);
                self.run();
            }
            Some(0x2008) => {
                self.set(0x2008, value);
                self.run();
            }
            Some(0x2020) => self.set(0x2020, self.register(0x2020) & !(value & 0x667)),
            Some(0x08 | 0x2000) if runs & 0x10 != 0 => panic!("commands run"),
            Some(0x10) if runs & 8 != 0 => panic!("events run"),
            Some(offset) if offset < 0x4000 => self.set(offset, value),
            _ => {
                self.memory.borrow_mut().insert(address, value);
                self.check(address);
            }
        }
    }

    fn write_back(&self, _: u64, _: u64) {}

    fn within(&self, _: u64, mut done: impl FnMut() -> bool) -> bool {
        (0..3).any(|_| done())
    }
}
