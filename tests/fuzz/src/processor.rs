//! What a processor says of itself: CPUID, the registers that it promises, and those of memory types.

use std::collections::BTreeMap;

use bulkhead_processor::cpuid::Capability;
use bulkhead_processor::mtrr::Snapshot;
use bulkhead_processor::steps::{self, Registers};
use bulkhead_processor::table::{Acknowledgement, TABLE};
use bulkhead_processor::{BootValues, Features};

use crate::Target;
use crate::bytes::Plan;

pub(crate) const TARGETS: [Target; 2] = [
    Target {
        name: "cpuid",
        most: 512,
        run: cpuid,
        seeds: || {
            let words = |words: &[u32]| {
                let words = words.iter().map(|word| word.to_le_bytes());
                words.collect::<Vec<_>>().concat()
            };
            let made = |name: &[u8; 12]| {
                let part = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|by| name[at + by]));
                [0x20, part(0), part(4), part(8), 0x8000_0022, 0, 0, 0]
            };
            let all = [u32::MAX; 64];
            vec![
                words(&[&made(b"GenuntelineI")[..], &all].concat()),
                words(&[&made(b"AuthcAMDenti")[..], &all].concat()),
                words(&made(b"GenuntelineI")),
            ]
        },
    },
    Target {
        name: "mtrr",
        most: 512,
        run: mtrr,
        seeds: || {
            let of = |capability: u64, default: u64| {
                let first = [capability, default].map(u64::to_le_bytes).concat();
                [&first[..], &[6; 300]].concat()
            };
            vec![of(0x508, 0xc06), of(0xff, 0xffff), of(0, 0)]
        },
    },
];

/// A register file that refuses some and counts what is written.
struct File<'a> {
    plan: Plan<'a>,
    written: Vec<u32>,
}

impl Registers for File<'_> {
    fn read(&mut self, _: u32) -> Option<u64> {
        let value = self.plan.u64();
        (value != 1).then_some(value)
    }
    fn write(&mut self, register: u32, _: u64) -> bool {
        self.written.push(register);
        self.plan.u8() & 1 == 0
    }
    fn wait_for(&mut self, what: Acknowledgement) {
        assert!(what.bit < 64 && what.us <= 1_000_000);
    }
}

/// Only what there is is asked for, read and written, whatever is answered.
fn cpuid(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let mut highest = [0; 2];
    let word = |plan: &mut Plan<'_>| u32::from(plan.u16()) | u32::from(plan.u16()) << 16;
    let mut reads = Vec::new();
    // Both take of one plan.
    let words = std::cell::RefCell::new(&mut plan);
    let features = Features::read(
        |leaf, sub| {
            let answer = [0; 4].map(|_: u32| word(&mut words.borrow_mut()));
            let half = usize::from(leaf >= 0x8000_0000);
            if leaf == 0 || leaf == 0x8000_0000 {
                highest[half] = answer[0];
            }
            assert!(
                leaf & 0x7fff_ffff == 0 || leaf <= highest[half],
                "{leaf:x}.{sub}"
            );
            answer
        },
        |register| {
            reads.push(register);
            let value = words.borrow_mut().u64();
            (value != 1).then_some(value)
        },
    );
    assert!(reads.iter().all(|read| {
        let mut known = Capability::ALL.into_iter();
        known.any(|one| one.register() == *read)
    }));
    let mut there = Vec::new();
    for row in TABLE {
        let registers: Vec<u32> = row.registers(&features).collect();
        let most = usize::try_from(row.count.highest()).expect("it is small");
        assert!(registers.len() <= most, "{}", row.name);
        there.extend(registers);
    }
    let boot = BootValues::read(&features, |register| {
        assert!(there.contains(&register), "{register:#x}");
        let value = plan.u64();
        (value != 1).then_some(value)
    });
    let all: Vec<steps::Step> = steps::put_back(&features, &boot).collect();
    for step in &all {
        assert!(there.contains(&step.register()), "{step:x?}");
    }
    let mut file = File {
        plan,
        written: Vec::new(),
    };
    let refused = steps::apply(all.iter().copied(), &mut file);
    assert!(usize::try_from(refused).is_ok_and(|refused| refused <= all.len()));
    assert!(file.written.iter().all(|register| there.contains(register)));
}

const CAPABILITY: u32 = 0xfe;
const DEFAULT_TYPE: u32 = 0x2ff;
const ENABLE: u64 = 1 << 11;

/// One core's, and another one that is given the same.
fn mtrr(bytes: &[u8]) {
    let mut plan = Plan(bytes);
    let capability = plan.u64();
    let default_type = plan.u64();
    let others: Vec<u64> = (0..60).map(|_| plan.u64()).collect();
    let read = |register: u32| match register {
        CAPABILITY => capability,
        DEFAULT_TYPE => default_type,
        0x200..0x220 | 0x250 | 0x258 | 0x259 | 0x268..0x270 => {
            others[usize::try_from(register % 60).expect("it is small")]
        }
        _ => panic!("{register:#x} is none of them"),
    };
    let snapshot = Snapshot::read(read);
    let mut second = BTreeMap::from([(CAPABILITY, capability), (DEFAULT_TYPE, u64::MAX)]);
    let count = u32::from(capability.to_le_bytes()[0]);
    for (register, value) in snapshot.writes() {
        let acts = second[&DEFAULT_TYPE] & ENABLE != 0;
        assert!(
            register == DEFAULT_TYPE || !acts,
            "{register:#x} while they act"
        );
        let is_there = match register {
            DEFAULT_TYPE => true,
            0x200..0x250 => (register - 0x200) / 2 < count,
            _ => capability & 1 << 8 != 0,
        };
        assert!(is_there, "{register:#x} is not there");
        second.insert(register, value);
    }
    assert_eq!(second[&DEFAULT_TYPE], default_type);
    let again = Snapshot::read(|register| second[&register]);
    assert_eq!(again, snapshot);
}
