//! What a made AMD-Vi unit lets pass.

use bulkhead_iommu::amd::Blocked;
use bulkhead_iommu::{Buses, Fabric, Iommus, Physical, Unusable};
use bulkhead_memory::Region;

use crate::made::{BUS_1, at, from, ivhd, ivrs, region};
use crate::made_amd::{BASE, Made};

const ROOM: u64 = 0x4ff0_0000;

const OWN_DEVFN: u8 = 0xa0;
/// The I/O APIC's ID, and what firmware lets it send: all.
const IO_APIC: u16 = 0x00a0 + 2;

pub(crate) fn start(made: &Made) -> Result<Option<Fabric>, Unusable> {
    let entries: [&[u8]; 3] = [
        &[1, 0, 0, 0],
        &[2, 0x10, 0, 0],
        &[72, 0, 0, 0xd7, 2, IO_APIC as u8, 0, 1],
    ];
    let iommus = Iommus::of_ivrs(&ivrs(&[ivhd(0x11, 0, BASE, &entries)]));
    let mut next = 0x10_0000;
    let take = |bytes| {
        let place = next;
        next += bytes;
        place
    };
    Fabric::start(made, &iommus, &[at(0, 0x14, 0)], |_| true, take)
}

/// With INVALIDATE_IOMMU_ALL, and without.
pub(crate) const FEATURES: [u64; 2] = [1 << 6, 0];

#[test]
fn what_is_given_to_nobody_is_blocked_and_a_domain_reaches_its_memory_alone() {
    for features in FEATURES {
        let made = Made::new(features);
        let ask = |bus, devfn, address| made.request(from(bus, devfn), address, true);
        assert_eq!(ask(1, 0, 0x1234), Ok(0x1234), "off");
        let fabric = start(&made).unwrap().unwrap();
        let all = made.commands.borrow().get(&8).copied();
        assert_eq!(all, (features != 0).then_some(1));
        assert_eq!(made.commands.borrow().get(&2), Some(&0x1_0000));
        assert_eq!(ask(1, 0, 0x1000), Err(Blocked::Address));
        let fault = fabric.take_fault(&made).unwrap();
        assert_eq!(fault.device.to_string(), "0000:01:00.0");
        assert_eq!((fault.address, fault.is_read), (0x1000, false));
        assert_eq!(fabric.take_fault(&made), None);

        let room = Region::new(ROOM, 16 << 12).unwrap();
        let memory = [
            region(0x4000_0000, ROOM),
            region(room.end(), 0x5000_0000),
            region(4 << 30, 6 << 30),
        ];
        fabric
            .attach(&made, &BUS_1, Some(&memory), room, 1)
            .unwrap();
        for (bus, devfn) in [(1, 0), (1, 0xff), (2, 8)] {
            for inside in [
                0x4000_0000,
                ROOM - 1,
                room.end(),
                0x4fff_ffff,
                4 << 30,
                (6 << 30) - 1,
            ] {
                assert_eq!(ask(bus, devfn, inside), Ok(inside));
            }
            for outside in [0, 0x3fff_ffff, ROOM, room.end() - 1, 0x5000_0000, 1 << 40] {
                assert_eq!(ask(bus, devfn, outside), Err(Blocked::Address));
            }
            assert_eq!(ask(bus, devfn, 1 << 50), Err(Blocked::Beyond));
        }
        assert_eq!(ask(3, 0, 0x4000_0000), Err(Blocked::Address));
        // What the unit has cached is forgotten with the mapping.
        assert!(fabric.detach(&made, &BUS_1));
        assert_eq!(ask(1, 0, 0x4000_0000), Err(Blocked::Address));
        fabric.attach(&made, &BUS_1, None, room, 2).unwrap();
        assert_eq!(ask(1, 0, 0x1234), Ok(0x1234), "bare");
        assert!(fabric.detach(&made, &BUS_1));
        assert_eq!(ask(1, 0, 0x1234), Err(Blocked::Address));
        // Bulkhead's own function passes as long as its bus is nobody's, and no other one of that bus.
        let own = [Buses {
            segment: 0,
            first: 0,
            last: 0,
        }];
        for _ in 0..2 {
            assert_eq!(ask(0, OWN_DEVFN, 0x1234), Ok(0x1234));
            assert_eq!(ask(0, OWN_DEVFN + 1, 0x1234), Err(Blocked::Address));
            fabric.attach(&made, &own, Some(&memory), room, 1).unwrap();
            assert_eq!(ask(0, OWN_DEVFN, 0x1234), Err(Blocked::Address));
            assert!(fabric.detach(&made, &own));
        }
    }
}

#[test]
fn interrupts_of_what_is_nobodys_are_blocked_but_for_the_io_apics() {
    let made = Made::new(0);
    let fabric = start(&made).unwrap().unwrap();
    assert_eq!(made.passes_interrupts(0x0100), (false, false));
    assert_eq!(made.passes_interrupts(0xffff), (false, false));
    assert_eq!(made.passes_interrupts(IO_APIC), (true, true));
    assert_eq!(made.passes_interrupts(u16::from(OWN_DEVFN)), (true, true));
    let room = Region::new(ROOM, 1 << 12).unwrap();
    fabric.attach(&made, &BUS_1, None, room, 1).unwrap();
    assert_eq!(made.passes_interrupts(0x0100), (true, true));
    assert!(fabric.detach(&made, &BUS_1));
    assert_eq!(made.passes_interrupts(0x0100), (false, false));
}

#[test]
fn one_that_firmware_left_translating_is_taken_over_without_a_pause() {
    let made = Made::new(1 << 6);
    // Its table lets everything pass; an exclusion range is set; a log has overflowed.
    let table = 0x7000_0000;
    for id in 0..0x200u64 {
        made.store64(table + id * 32, 0b11 | 3 << 61);
    }
    made.set(0, table | 1);
    made.set(8, 0x7010_0000 | 9 << 56);
    made.set(0x10, 0x7020_0000 | 9 << 56);
    made.set(0x20, 0x1000 | 3);
    made.set(0x28, 0xffff_f000);
    made.set(0x2020, 1);
    made.control(1 << 12 | 1 << 2 | 1 << 17 | 1);
    assert_eq!(made.request(from(1, 0), 0x5000, true), Ok(0x5000));
    let fabric = start(&made).unwrap().unwrap();
    assert_eq!(
        fabric.to_string(),
        "1 unit in use that firmware left translating"
    );
    assert_eq!(
        made.request(from(1, 0), 0x5000, true),
        Err(Blocked::Address),
        "what it had cached is forgotten"
    );
    assert_eq!(made.register(0x20) & 1, 0, "the exclusion range is gone");
    assert_eq!(made.register(0x2020) & 1, 0);
    assert_eq!(
        made.register(0x18) & 1 << 17,
        1 << 17,
        "not changed while it is on"
    );
    // One whose table can't be replaced is not touched.
    let made = Made::new(0);
    made.control(1 | 1 << 34);
    let error = start(&made).unwrap_err().to_string();
    assert!(error.contains("in several parts"), "{error}");
    assert_eq!(made.register(0x18), 1 | 1 << 34);
}

#[test]
fn a_log_that_is_full_goes_on_once_it_is_read() {
    let made = Made::new(0);
    let fabric = start(&made).unwrap().unwrap();
    for round in 0..2 {
        for page in 0..1000 {
            let _ = made.request(from(1, 0), page << 12, false);
        }
        assert_eq!(made.register(0x2020) & 1, 1, "it is full");
        let mut told = 0;
        while let Some(fault) = fabric.take_fault(&made) {
            assert_eq!((fault.address, fault.is_read), (told << 12, true));
            told += 1;
        }
        assert_eq!(told, 255, "round {round}");
        assert_eq!(made.register(0x2020) & 1, 0);
    }
    // What is no request of a device's is passed over.
    made.tell(5 << 60, 0x1000);
    made.tell(2 << 60 | 1 << 51 | 0x0208, 0xfee0_1000);
    let fault = fabric.take_fault(&made).unwrap();
    assert_eq!(fault.device.to_string(), "0000:02:01.0");
    assert_eq!((fault.address, fault.is_read), (0xfee0_1000, false));
    assert_eq!(fabric.take_fault(&made), None);
}

#[test]
fn what_it_cannot_do_is_said() {
    let refused = |register, value| {
        let made = Made::new(0);
        made.set(register, value);
        let error = start(&made).unwrap_err().to_string();
        assert_eq!(made.register(0), 0, "nothing was touched");
        error
    };
    assert!(refused(0x18, u64::MAX).ends_with("does not answer"));
    assert!(refused(0x30, u64::MAX).ends_with("does not answer"));
    assert!(refused(0x30, 3 << 10).ends_with("does not translate"));
    let made = Made::new(0);
    made.is_silent.set(true);
    made.may_stop.set(true);
    assert_eq!(start(&made).unwrap_err(), Unusable::Silent(BASE));
}

#[test]
fn one_that_answers_no_more_is_told_of_and_holds_nobody_up() {
    let made = Made::new(0);
    let fabric = start(&made).unwrap().unwrap();
    let room = Region::new(ROOM, 16 << 12).unwrap();
    let memory = [region(0x4000_0000, ROOM)];
    fabric
        .attach(&made, &BUS_1, Some(&memory), room, 1)
        .unwrap();
    made.is_silent.set(true);
    assert!(!fabric.detach(&made, &BUS_1));
    assert!(!fabric.detach(&made, &BUS_1));
    // It goes on where it was.
    made.is_silent.set(false);
    assert!(fabric.detach(&made, &BUS_1));
    let found = made.request(from(1, 0), 0x4000_0000, true);
    assert_eq!(found, Err(Blocked::Address));
}
