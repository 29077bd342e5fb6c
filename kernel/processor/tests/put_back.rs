//! What is written to several processors, in which order, and what they hold in the end.
#![allow(missing_docs, reason = "a test has no public interface")]

mod machines;

use std::collections::{BTreeMap, BTreeSet};

use bulkhead_processor::steps::{Registers, Step, TSC_ADJUST, apply, put_back};
use bulkhead_processor::table::{Acknowledgement, Action, TABLE};
use bulkhead_processor::{BootValues, Features};
use machines::{ALL, CLIENT, Processor, QEMU_64, QEMU_MAX, SERVER, ZEN_1, ZEN_4, ZEN_5};

const TRACE: u32 = 0x570;
const GLOBAL: u32 = 0x38f;
const SAMPLES: u32 = 0x3f1;
const DEBUG: u32 = 0x1d9;
const FEEDBACK: u32 = 0x17d1;

/// A core: every register that its features promise, with the rules of the manuals. Breaking one is
/// a fault here even where a processor would let it pass.
struct Core {
    name: &'static str,
    values: BTreeMap<u32, u64>,
    refused: BTreeSet<u32>,
    written: Vec<u32>,
    has_awaited: bool,
}

impl Core {
    /// As it comes from firmware.
    fn at_boot(processor: &Processor, features: &Features) -> Self {
        let rows = TABLE.iter().flat_map(|row| {
            let value = match row.action {
                Action::Set(value) => value,
                Action::Clear(bits) => 0xd00 & !bits,
                action if action.restores() => 0x40 + u64::from(row.first & 0xf),
                _ => 0,
            };
            row.registers(features).map(move |number| (number, value))
        });
        Self {
            name: processor.name,
            values: rows.collect(),
            refused: BTreeSet::new(),
            written: Vec::new(),
            has_awaited: false,
        }
    }

    /// A Linux has used it all.
    fn after_a_linux(&mut self) {
        for (number, value) in &mut self.values {
            *value ^= (0xf2ff_0000 + u64::from(*number)) | 1;
        }
    }

    fn get(&self, register: u32) -> u64 {
        self.values.get(&register).copied().unwrap_or(0)
    }
}

impl Registers for Core {
    fn read(&mut self, register: u32) -> Option<u64> {
        let is_there = self.values.contains_key(&register);
        assert!(is_there, "{}: {register:#x} is read", self.name);
        (!self.refused.contains(&register)).then(|| self.get(register))
    }

    fn write(&mut self, register: u32, value: u64) -> bool {
        let name = self.name;
        assert!(
            self.values.contains_key(&register),
            "{name}: {register:#x} is not there"
        );
        if self.refused.contains(&register) {
            return false;
        }
        if self.values.contains_key(&TSC_ADJUST) && self.written.is_empty() {
            assert_eq!(register, TSC_ADJUST, "{name}: time comes first");
        }
        match register {
            // Intel SDM Vol. 3C: a fault while TraceEn is set.
            0x560 | 0x561 | 0x571 | 0x572 | 0x580..=0x587 => {
                assert_eq!(self.get(TRACE) & 1, 0, "{name}: {register:#x} is traced");
            }
            0xc1..=0xca | 0x186..=0x18f | 0x309..=0x318 | 0x38d => {
                assert_eq!(self.get(GLOBAL), 0, "{name}: {register:#x} counts");
            }
            0xc001_0200..=0xc001_021f => {
                let global = self.get(0xc000_0301);
                assert_eq!(global, 0, "{name}: {register:#x} counts");
            }
            0x600 => {
                let writers = self.get(SAMPLES) | self.get(DEBUG);
                assert_eq!(writers, 0, "{name}: the store is being written");
            }
            0x17d0 => {
                assert_eq!(self.get(FEEDBACK), 0, "{name}: the table is being written");
                assert!(self.has_awaited, "{name}: the table may be being written");
            }
            0x390 => {
                // Two fixed counters more than there are, or a reserved bit, is a fault.
                assert_eq!(value & !0xcc80_000f_0000_00ff, 0, "{name}: {value:#x}");
            }
            _ => {}
        }
        self.written.push(register);
        self.values.insert(register, value);
        true
    }

    fn wait_for(&mut self, what: Acknowledgement) {
        assert_eq!((what.register, what.bit, what.us), (0x1b1, 26, 2_000));
        assert_eq!(self.get(FEEDBACK), 0, "it was stopped before");
        self.has_awaited = true;
    }
}

/// A processor's features, its values at boot, and the core after a Linux.
fn used(processor: &Processor) -> (Features, BootValues, Core, Core) {
    let features = processor.features();
    let mut fresh = Core::at_boot(processor, &features);
    let boot = BootValues::read(&features, |register| fresh.read(register));
    let mut core = Core::at_boot(processor, &features);
    core.after_a_linux();
    (features, boot, fresh, core)
}

fn registers(steps: impl Iterator<Item = Step>) -> BTreeSet<u32> {
    steps.map(Step::register).collect()
}

#[test]
fn all_that_a_linux_changed_is_as_at_boot() {
    for processor in ALL {
        let (features, boot, fresh, mut core) = used(processor);
        let refused = apply(put_back(&features, &boot), &mut core);
        assert_eq!(refused, 0, "{}", processor.name);
        for row in TABLE {
            for register in row.registers(&features) {
                let (now, then) = (core.get(register), fresh.get(register));
                match row.action {
                    Action::Leave => assert_ne!(now, then, "{}: {}", processor.name, row.name),
                    Action::AcknowledgeCounters => {}
                    _ => assert_eq!(now, then, "{}: {}", processor.name, row.name),
                }
            }
        }
    }
}

#[test]
fn what_is_as_at_boot_already_is_not_written_without_need() {
    for processor in ALL {
        let (features, boot, mut fresh, _) = used(processor);
        let steps: Vec<Step> = put_back(&features, &boot).collect();
        for step in &steps {
            if matches!(step, Step::Restore { .. } | Step::Clear { .. }) {
                apply([*step].into_iter(), &mut fresh);
            }
        }
        assert_eq!(fresh.written, [], "{}", processor.name);
    }
}

/// By hand, from the manuals: what each of these has, and nothing else.
#[test]
fn just_the_registers_that_a_processor_has_are_written() {
    let always = || {
        let legacy = 0xc001_0000..=0xc001_0007;
        let amd = [DEBUG, 0xc001_0015, 0xc001_0114, 0xc001_0117];
        let others = [0x174, 0x175, 0x176, 0xc000_0080, 0xc000_0102];
        let syscall = 0xc000_0081..=0xc000_0084;
        legacy.chain(amd).chain(others).chain(syscall)
    };
    let steps = |processor: &Processor| {
        let (features, boot, ..) = used(processor);
        registers(put_back(&features, &boot))
    };
    assert_eq!(steps(&QEMU_64), always().collect());
    let max = [0x19a, 0x19b, 0x6e1, 0xc000_0103];
    assert_eq!(steps(&QEMU_MAX), always().chain(max).collect());

    let zen = || {
        let sampling = [0xc001_1030, 0xc001_1033];
        let masks = [0xc001_1019, 0xc001_101a, 0xc001_101b, 0xc001_1027];
        let others = [0xda0, 0xc000_0103, 0xc001_0062];
        let more = sampling.into_iter().chain(masks).chain(others);
        always().chain(more)
    };
    let six = 0xc001_0200..=0xc001_020b;
    assert_eq!(steps(&ZEN_1), zen().chain(six.clone()).collect());
    let since = || {
        let monitoring = [0xc000_0301, 0xc000_0302, 0xc000_010e, 0xc000_010f];
        let stacks = [0x6a0, 0x6a2, 0x6a4, 0x6a5, 0x6a6, 0x6a7, 0x6a8];
        let others = [0x48, 0xc8f, 0xc001_02b3];
        monitoring.into_iter().chain(stacks).chain(others)
    };
    assert_eq!(steps(&ZEN_4), zen().chain(since()).chain(six).collect());
    let eight = 0xc001_0200..=0xc001_020f;
    let time = [TSC_ADJUST, 0x6e0];
    assert_eq!(
        steps(&ZEN_5),
        zen().chain(since()).chain(eight).chain(time).collect()
    );
}

/// Of Intel's, which have most, what tells one from the other.
#[test]
fn intels_are_told_apart() {
    let steps = |processor: &Processor| {
        let (features, boot, ..) = used(processor);
        registers(put_back(&features, &boot))
    };
    let (client, server) = (steps(&CLIENT), steps(&SERVER));
    let only = |some: &BTreeSet<u32>, other: &BTreeSet<u32>| -> Vec<u32> {
        some.difference(other).copied().collect()
    };
    // Filters of the trace, last branches, feedback.
    let clients = [
        0x572, 0x580, 0x581, 0x582, 0x583, 0x14ce, 0x14cf, 0x17d0, 0x17d1, 0x17d4, 0x17da,
    ];
    assert_eq!(only(&client, &server), clients);
    let banks = 0x28c..=0x29f;
    // Two counters and their selects, transactions, FRED, matrices, user interrupts, bounds, PASID.
    let servers: BTreeSet<u32> = [0xc7, 0xc8, 0x18c, 0x18d, 0x10f, 0x122, 0x123, 0x1c4, 0x1c5]
        .into_iter()
        .chain(0x1cc..=0x1d4)
        .chain(banks)
        .chain(0x985..=0x98a)
        .chain([0xd90, 0xd93])
        .collect();
    assert_eq!(only(&server, &client), Vec::from_iter(servers));
    let none = |number: &u32| *number >= 0xc001_0000;
    assert!(!client.iter().chain(&server).any(none), "AMD's");
}

#[test]
fn samples_that_are_not_to_be_had_are_not_touched() {
    let without = Processor {
        registers: &[(0x179, 12), (0xcf, 0), (0x10a, 0), (0x1a0, 1 << 12)],
        ..CLIENT
    };
    let (features, boot, ..) = used(&without);
    let registers = registers(put_back(&features, &boot));
    assert!(!registers.contains(&SAMPLES));
    // Nor what the capability registers do not promise.
    for register in [0x280, 0x4d0, 0x33, 0x122, 0x1b01] {
        assert!(!registers.contains(&register), "{register:#x}");
    }
}

#[test]
fn a_register_that_could_not_be_read_is_not_given_a_value() {
    let features = CLIENT.features();
    // HWP_REQUEST is a fault until HWP is enabled.
    let boot = BootValues::read(&features, |register| (register != 0x774).then_some(7));
    let steps = registers(put_back(&features, &boot));
    assert!(!steps.contains(&0x774));
    assert_eq!(boot.get(&features, 0x774), None);
    assert_eq!(boot.get(&features, TSC_ADJUST), Some(7));
    assert_eq!(boot.get(&features, TRACE), None, "nobody asks for it");
}

#[test]
fn what_is_refused_is_counted_and_the_rest_is_done() {
    for processor in [&CLIENT, &ZEN_4] {
        let (features, boot, fresh, mut core) = used(processor);
        core.refused = BTreeSet::from([0x48, 0xc000_0080, 0xda0]);
        let refused = apply(put_back(&features, &boot), &mut core);
        assert_eq!(refused, 3, "{}", processor.name);
        for register in [0x6a2, 0xc000_0102, DEBUG] {
            assert_eq!(core.get(register), fresh.get(register));
        }
    }
}

#[test]
fn feedback_that_is_off_is_not_waited_for() {
    let (features, boot, mut fresh, _) = used(&CLIENT);
    let stop = put_back(&features, &boot).filter(|step| matches!(step, Step::Stop { .. }));
    assert_eq!(apply(stop, &mut fresh), 0);
    assert!(!fresh.has_awaited && fresh.written.is_empty());
}

#[test]
fn no_register_stands_twice() {
    let numbers = TABLE.iter().flat_map(|row| {
        let count = row.count.highest();
        (0..count).map(|number| row.first + number * row.stride)
    });
    let mut seen = BTreeSet::new();
    for number in numbers {
        assert!(seen.insert(number), "{number:#x}");
    }
}
