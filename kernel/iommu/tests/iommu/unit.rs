//! What a made VT-d unit lets pass.

use std::collections::BTreeMap;

use bulkhead_iommu::vtd::Blocked;
use bulkhead_iommu::{Buses, Fabric, Iommus, Kind, MapError, Shape, Unusable, build, needs};
use bulkhead_memory::Region;

use crate::made::{BUS_1, at, dmar, drhd, from, region};
use crate::made_vtd::{BASE, Made};

const ROOT: u64 = 0x10_0000;
const CONTEXT: u64 = 0x4ff0_0000;

pub(crate) fn start(made: &Made) -> Result<Option<Fabric>, Unusable> {
    let iommus = Iommus::of_dmar(&dmar(0, &[drhd(true, 0, BASE, &[])]));
    let mut next = ROOT - 4096;
    let take = |_| {
        next += 4096;
        next
    };
    let own = [at(0, 0x14, 0)];
    Fabric::start(made, &iommus, &own, |_| true, take)
}

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
        let fabric = start(&made).unwrap().unwrap();
        let said = fabric.to_string();
        assert_eq!(said, "1 unit in use that firmware left translating");
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
fn one_whose_registers_are_not_mapped_is_not_touched() {
    let made = Made::new();
    let iommus = Iommus::of_dmar(&dmar(0, &[drhd(true, 0, BASE, &[])]));
    let registers = iommus.units[0].registers;
    let error = Fabric::start(&made, &iommus, &[], |region| region != registers, |_| ROOT);
    assert_eq!(error.unwrap_err(), Unusable::Registers(registers));
    assert_eq!(made.log.borrow().join(""), "");
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
    // 64 numbers; all partitions, Bulkhead and nobody want one each.
    assert!(
        refused(8, Made::new().register(8) & !7 | 1).ends_with("has too few numbers for domains")
    );
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

/// What the tables of a room make of an address, by 4 levels.
fn walk(words: &BTreeMap<u64, u64>, top: u64, address: u64) -> Option<u64> {
    const PLACE: u64 = 0xf_ffff_ffff_f000;
    let mut table = top;
    for level in (0..4).rev() {
        let shift = 12 + 9 * level;
        let entry = words.get(&(table + (address >> shift & 511) * 8))?;
        let is_page = level == 0 || entry >> 7 & 1 != 0;
        if entry & 3 == 0 {
            return None;
        }
        if is_page {
            let below = (1 << shift) - 1;
            return Some(entry & PLACE & !below | address & below);
        }
        table = entry & PLACE;
    }
    None
}

#[test]
fn tables_that_are_full_lead_where_they_should() {
    for (has_2m, has_1g) in [(false, false), (true, false), (true, true)] {
        let shape = Shape {
            kind: Kind::VtD,
            levels: 4,
            has_2m,
            has_1g,
        };
        // From the middle of a GiB to the middle of the next but one, and not whole pages of 2 MiB.
        let memory = [region(0x4123_4000, 0xc567_8000)];
        let room = region(1 << 32, 2 << 32);
        let mut words = BTreeMap::new();
        let top = build(shape, &memory, room, |at, entry| {
            words.insert(at, entry);
        })
        .unwrap();
        let steps = (0x4100_0000..0xc600_0000u64).step_by(0x1_3000);
        for at in steps.chain([0x4123_4000, 0xc567_7fff, 0x8000_0000, 0x7fff_ffff]) {
            let is_mapped = memory[0].contains(at);
            let found = walk(&words, top, at);
            assert_eq!(found, is_mapped.then_some(at), "{at:#x} {has_2m} {has_1g}");
        }
    }
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
