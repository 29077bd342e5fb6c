//! A made VT-d unit, and what it lets pass.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bulkhead_iommu::vtd::{Blocked, translate};
use bulkhead_iommu::{
    Buses, Fabric, Iommus, Kind, MapError, Physical, Requester, Shape, Unusable, build, needs,
};
use bulkhead_memory::Region;

use crate::made::{at, dmar, drhd};

const BASE: u64 = 0xfed9_0000;
const ROOT: u64 = 0x10_0000;
const CONTEXT: u64 = 0x4ff0_0000;

/// Memory, and registers that do what VT-d §11.4 says. What it has cached of a page's translation it goes
/// on using until it is told to forget; what lies in the processors' caches it does not see.
struct Made {
    memory: RefCell<BTreeMap<u64, u64>>,
    dirty: RefCell<BTreeMap<u64, u64>>,
    registers: RefCell<BTreeMap<u64, u64>>,
    cached: RefCell<BTreeMap<(u8, u8, u64), u64>>,
    log: RefCell<Vec<String>>,
    is_silent: Cell<bool>,
}

impl Made {
    fn new() -> Self {
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
        }
    }

    /// One that takes commands by a queue alone.
    fn with_queue() -> Self {
        let made = Self::new();
        made.set(0, 0x60);
        made.set(8, made.register(8) | 0b11 << 54);
        made.set(0x10, made.register(0x10) | 1 << 1);
        made
    }

    fn register(&self, offset: u64) -> u64 {
        self.registers.borrow().get(&offset).copied().unwrap_or(0)
    }

    fn set(&self, offset: u64, value: u64) {
        self.registers.borrow_mut().insert(offset, value);
    }

    fn note(&self, what: &str) {
        self.log.borrow_mut().push(what.to_string());
    }

    /// Runs what is in the queue.
    fn run(&self) {
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
        while self.register(0x80) != self.register(0x88) {
            let head = self.register(0x80);
            let word = |at| self.memory.borrow().get(&at).copied().unwrap_or(0);
            let (low, high) = (word(page + head), word(page + head + 8));
            match low & 0xf {
                1 => self.note(&format!("contexts {low:#x}")),
                2 => {
                    self.note(&format!("pages {low:#x}"));
                    self.cached.borrow_mut().clear();
                }
                5 => {
                    assert_eq!((low & 0xffff_ffff, high % 4), (0x25, 0));
                    self.memory.borrow_mut().insert(high, low >> 32);
                }
                other => panic!("command {other}"),
            }
            self.set(0x80, (head + 16) & 0xff0);
        }
    }

    fn command(&self, value: u64) {
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
            old & 1 << 31 == 0 || new & 1 << 31 != 0,
            "it is never switched off"
        );
        self.set(0x1c, new);
    }

    /// What the unit makes of a request now.
    fn request(&self, requester: Requester, address: u64) -> Result<u64, Blocked> {
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

fn start(made: &Made) -> Result<Option<Fabric>, Unusable> {
    let iommus = Iommus::of_dmar(&dmar(0, &[drhd(true, 0, BASE, &[])]));
    let mut next = ROOT - 4096;
    let take = |_| {
        next += 4096;
        next
    };
    let own = [at(0, 0x14, 0)];
    Fabric::start(made, &iommus, &own, |_| true, take)
}

fn from(bus: u8, devfn: u8) -> Requester {
    Requester {
        segment: 0,
        bus,
        devfn,
    }
}

fn region(start: u64, end: u64) -> Region {
    Region::from_bounds(start, end).unwrap()
}

const BUS_1: [Buses; 1] = [Buses {
    segment: 0,
    first: 1,
    last: 2,
}];

#[test]
fn what_is_given_to_nobody_is_blocked_and_a_domain_reaches_its_memory_alone() {
    play(
        &Made::new(),
        "root, contexts 0xa000000000000000, pages 0x9003000000000000, on",
    );
    play(&Made::with_queue(), "root, contexts 0x11, pages 0xd2, on");
}

fn play(made: &Made, begun: &str) {
    assert_eq!(made.request(from(1, 0), 0x1234), Ok(0x1234), "off");
    let fabric = start(made).unwrap().unwrap();
    let log = made.log.borrow().join(", ");
    assert_eq!(log, begun);
    assert_eq!(made.request(from(1, 0), 0x1000), Err(Blocked::Bus));
    let fault = fabric.take_fault(made).unwrap();
    assert_eq!(fault.device.to_string(), "0000:01:00.0");
    assert_eq!(
        (fault.address, fault.is_read, fault.reason),
        (0x1000, false, 5)
    );
    assert_eq!(fabric.take_fault(made), None);

    let room = Region::new(CONTEXT, 16 << 12).unwrap();
    let memory = [
        region(0x4000_0000, CONTEXT),
        region(room.end(), 0x5000_0000),
    ];
    fabric.attach(made, &BUS_1, Some(&memory), room, 1).unwrap();
    for (bus, devfn) in [(1, 0), (1, 0xff), (2, 8)] {
        for inside in [0x4000_0000, CONTEXT - 1, room.end(), 0x4fff_ffff] {
            assert_eq!(made.request(from(bus, devfn), inside), Ok(inside));
        }
        for outside in [
            0,
            0x3fff_ffff,
            CONTEXT,
            room.end() - 1,
            0x5000_0000,
            1 << 40,
        ] {
            assert_eq!(
                made.request(from(bus, devfn), outside),
                Err(Blocked::Address)
            );
        }
        assert_eq!(
            made.request(from(bus, devfn), 1 << 50),
            Err(Blocked::Beyond)
        );
    }
    assert_eq!(made.request(from(3, 0), 0x4000_0000), Err(Blocked::Bus));
    // What the unit has cached is forgotten with the mapping.
    assert!(fabric.detach(made, &BUS_1));
    assert_eq!(made.request(from(1, 0), 0x4000_0000), Err(Blocked::Bus));
    fabric.attach(made, &BUS_1, None, room, 2).unwrap();
    assert_eq!(made.request(from(1, 0), 0x1234), Ok(0x1234), "bare");
    // Bulkhead's own function passes as long as its bus is nobody's, and no other one of that bus.
    let own = [Buses {
        segment: 0,
        first: 0,
        last: 0,
    }];
    for _ in 0..2 {
        assert_eq!(made.request(from(0, 0xa0), 0x1234), Ok(0x1234));
        assert_eq!(made.request(from(0, 0xa1), 0x1234), Err(Blocked::Function));
        fabric.attach(made, &own, Some(&memory), room, 1).unwrap();
        assert_eq!(made.request(from(0, 0xa0), 0x1234), Err(Blocked::Address));
        fabric.detach(made, &own);
    }
}

#[test]
fn one_that_firmware_left_translating_is_taken_over_without_a_pause() {
    // With its queue in use, its interrupts remapped, an error of its queue.
    for made in [Made::new(), Made::with_queue()] {
        made.set(0x1c, 0x8600_0000);
        made.set(0x88, 0x40);
        made.set(0x80, 0x40);
        made.set(0x34, 0x10);
        made.set(0x64, 0x8000_0001);
        start(&made).unwrap().unwrap();
        let queue = u64::from(made.register(0) == 0x60) << 26;
        assert_eq!(made.register(0x1c), 0xc000_0000 | queue);
        assert_eq!(made.register(0x64), 0, "its protected memory is open");
    }
}

#[test]
fn one_that_answers_no_more_is_told_of_and_holds_nobody_up() {
    for made in [Made::new(), Made::with_queue()] {
        let fabric = start(&made).unwrap().unwrap();
        let room = Region::new(CONTEXT, 16 << 12).unwrap();
        let memory = [region(0x4000_0000, CONTEXT)];
        fabric
            .attach(&made, &BUS_1, Some(&memory), room, 1)
            .unwrap();
        assert_eq!(made.request(from(1, 0), 0x4000_0000), Ok(0x4000_0000));
        made.is_silent.set(true);
        for _ in 0..300 {
            assert!(!fabric.detach(&made, &BUS_1));
        }
        // It does what it was told at last, and answers.
        made.is_silent.set(false);
        made.run();
        for register in [0x28, 0xf8] {
            made.set(register, 0);
        }
        assert!(fabric.detach(&made, &BUS_1));
        assert_eq!(made.request(from(1, 0), 0x4000_0000), Err(Blocked::Bus));
    }
}

#[test]
fn what_it_cannot_do_is_said() {
    let silent = Made::new();
    silent.is_silent.set(true);
    assert_eq!(start(&silent).unwrap_err(), Unusable::Silent(BASE));
    let refused = |register, value| {
        let made = Made::new();
        made.set(register, value);
        let error = start(&made).unwrap_err();
        assert_eq!(made.log.borrow().join(""), "", "nothing was touched");
        error.to_string()
    };
    assert!(refused(8, u64::MAX).ends_with("does not answer"));
    assert!(refused(8, 0b10).ends_with("walks no tables of 3 to 5 levels"));
    assert!(refused(0x10, 0).contains("untranslated"));
    assert!(refused(0, 0x60).ends_with("neither by a queue nor by registers"));
}

#[test]
fn as_many_pages_as_are_said_are_enough_wherever_the_hole_is() {
    let shapes = [
        (4, true, true),
        (4, true, false),
        (3, false, false),
        (5, true, true),
    ];
    for (levels, has_2m, has_1g) in shapes {
        let shape = Shape {
            kind: Kind::VtD,
            levels,
            has_2m,
            has_1g,
        };
        let memory = [
            region(0x4000_0000, 0xc000_0000),
            region(1 << 32, (1 << 32) + (32 << 20)),
        ];
        let pages = needs(shape, &memory).unwrap();
        for hole in [
            0x4000_0000u64,
            0x4010_0000,
            0x7fff_f000,
            0x8000_0000,
            0xbff0_0000,
        ] {
            let room = Region::new(hole, pages << 12).unwrap();
            let parts = [(0x4000_0000, hole), (room.end(), 0xc000_0000)];
            let parts = parts
                .into_iter()
                .filter_map(|(a, b)| Region::from_bounds(a, b));
            let parts: Vec<Region> = parts.chain([memory[1]]).collect();
            let mut tables = BTreeMap::new();
            let built = build(shape, &parts, room, |at, entry| {
                assert!(room.contains(at));
                tables.insert(at, entry);
            });
            assert!(built.is_ok(), "{shape:?} {hole:#x}");
        }
    }
    let shape = Shape {
        kind: Kind::VtD,
        levels: 3,
        has_2m: true,
        has_1g: true,
    };
    let beyond = region((1 << 39) - 4096, (1 << 39) + 4096);
    assert_eq!(needs(shape, &[beyond]), Err(MapError::Beyond(beyond)));
    let odd = region(0x1000, 0x1800);
    assert_eq!(needs(shape, &[odd]), Err(MapError::Unaligned(odd)));
}

#[test]
fn mapping_256_gib_takes_no_time() {
    let shape = Shape {
        kind: Kind::VtD,
        levels: 4,
        has_2m: true,
        has_1g: false,
    };
    let memory = [region(4 << 30, 260 << 30)];
    let pages = needs(shape, &memory).unwrap();
    assert_eq!(pages, 1 + 1 + 256 + 6);
    let room = Region::new(1 << 40, pages << 12).unwrap();
    let mut tables = vec![0u64; usize::try_from(room.size() / 8).unwrap()];
    let begin = std::time::Instant::now();
    let built = build(shape, &memory, room, |at, entry| {
        tables[usize::try_from((at - room.start()) / 8).unwrap()] = entry;
    });
    println!("256 GiB by 2M pages: {:?}", begin.elapsed());
    assert_eq!(built, Ok(room.start()));
    let leaves = tables.iter().filter(|entry| *entry & 0x80 != 0).count();
    assert_eq!(leaves, 128 << 10);
}
