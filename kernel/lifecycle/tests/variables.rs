//! The variables as a Linux sees them, by addresses that are not trusted.

mod common;

use std::cell::RefCell;

use bulkhead_lifecycle::{CallerMemory, GUID, MAX_REQUEST_BYTES, State, Status, Variables};
use bulkhead_model::RestartPolicy::Never;
use common::Machine;
use proptest::prelude::*;

const BASE: u64 = 0x1000;
const NAME: u64 = BASE;
const VENDOR: u64 = BASE + 0x400;
const SIZE: u64 = BASE + 0x420;
const ATTRIBUTES: u64 = BASE + 0x430;
const DATA: u64 = BASE + 0x500;

/// The caller's RAM: from [`BASE`] on; nothing else is its own.
struct Ram(RefCell<Vec<u8>>);

impl Ram {
    fn range(&self, at: u64, length: usize) -> Option<std::ops::Range<usize>> {
        let from = usize::try_from(at.checked_sub(BASE)?).ok()?;
        let to = from.checked_add(length)?;
        (to <= self.0.borrow().len()).then_some(from..to)
    }
}

impl CallerMemory for Ram {
    fn read(&self, from: u64, into: &mut [u8]) -> Option<()> {
        let range = self.range(from, into.len())?;
        into.copy_from_slice(&self.0.borrow()[range]);
        Some(())
    }

    fn write(&self, to: u64, bytes: &[u8]) -> Option<()> {
        let range = self.range(to, bytes.len())?;
        self.0.borrow_mut()[range].copy_from_slice(bytes);
        Some(())
    }
}

fn ram(name: &str, guid: &[u8; 16], size: u64) -> Ram {
    let ram = Ram(RefCell::new(vec![0; 0x2000]));
    let units: Vec<u8> = name
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    ram.write(NAME, &units);
    ram.write(VENDOR, guid);
    ram.write(SIZE, &size.to_le_bytes());
    ram
}

fn with<T>(
    machine: &Machine,
    memory: &Ram,
    caller: usize,
    call: impl FnOnce(
        &Variables<'_, common::At<'_>, Ram, { common::PARTITIONS }, { common::CORES }>,
    ) -> T,
) -> T {
    let hardware = machine.at(3);
    let (lifecycle, hardware) = (&machine.life, &hardware);
    call(&Variables {
        lifecycle,
        hardware,
        memory,
        caller,
    })
}

fn get(machine: &Machine, memory: &Ram) -> Option<Status> {
    with(machine, memory, 1, |v| {
        v.get(NAME, VENDOR, [ATTRIBUTES, SIZE, DATA])
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the tests run where usize has 64 bits"
)]
fn text(memory: &Ram) -> String {
    let size = memory.read_u64(SIZE).expect("it is ours");
    let mut bytes = vec![0; size as usize];
    memory.read(DATA, &mut bytes);
    String::from_utf8(bytes).expect("text")
}

#[test]
fn a_linux_reads_a_line_for_each_partition() {
    let machine = Machine::new(Never);
    machine.start(1);
    let memory = ram("Partitions", &GUID, 0x1000);
    assert_eq!(get(&machine, &memory), Some(Status::Success));
    let lines = "one defined 0 2\ntwo running 1 6\nthree defined 0 10\nlast defined 0 0\n";
    assert_eq!(text(&memory), lines);
    let mut attributes = [0; 4];
    memory.read(ATTRIBUTES, &mut attributes);
    assert_eq!(u32::from_le_bytes(attributes), 6);
    let memory = ram("Control", &GUID, 0x1000);
    assert_eq!(get(&machine, &memory), Some(Status::Success));
    assert_eq!(text(&memory), "none: nothing was asked\n");
}

#[test]
fn a_buffer_that_is_too_small_is_told_the_size() {
    let machine = Machine::new(Never);
    let memory = ram("Control", &GUID, 3);
    assert_eq!(get(&machine, &memory), Some(Status::BufferTooSmall));
    assert_eq!(memory.read_u64(SIZE), Some(24));
    let memory = ram("", &GUID, 4);
    let next = with(&machine, &memory, 1, |v| v.next(SIZE, NAME, VENDOR));
    assert_eq!(next, Some(Status::BufferTooSmall));
    assert_eq!(memory.read_u64(SIZE), Some(22));
}

#[test]
fn others_names_and_vendors_are_not_ours() {
    let machine = Machine::new(Never);
    for (name, guid) in [
        ("control", &GUID),
        ("Control", &[1; 16]),
        ("Contr\u{f6}l", &GUID),
    ] {
        let memory = ram(name, guid, 8);
        assert_eq!(get(&machine, &memory), Some(Status::NotFound), "{name}");
        let set = with(&machine, &memory, 1, |v| v.set(NAME, VENDOR, [6, 8, DATA]));
        assert_eq!(set, Some(Status::Unsupported), "{name}");
    }
    let memory = ram("Partitions", &GUID, 8);
    let set = with(&machine, &memory, 1, |v| v.set(NAME, VENDOR, [6, 8, DATA]));
    assert_eq!(set, Some(Status::WriteProtected));
}

#[test]
fn the_variables_are_enumerated() {
    let machine = Machine::new(Never);
    let memory = ram("", &[0; 16], 0x100);
    for name in ["Partitions", "Control"] {
        memory.write(SIZE, &0x100u64.to_le_bytes());
        let next = with(&machine, &memory, 1, |v| v.next(SIZE, NAME, VENDOR));
        assert_eq!(next, Some(Status::Success));
        let units: Vec<u8> = name
            .encode_utf16()
            .chain([0])
            .flat_map(u16::to_le_bytes)
            .collect();
        let mut read = vec![0; units.len()];
        memory.read(NAME, &mut read);
        assert_eq!(read, units);
    }
    let next = with(&machine, &memory, 1, |v| v.next(SIZE, NAME, VENDOR));
    assert_eq!(next, Some(Status::NotFound));
    let query = with(&machine, &memory, 1, |v| {
        v.query([DATA, DATA + 8, DATA + 16])
    });
    assert_eq!(
        (query, memory.read_u64(DATA + 16)),
        (Some(Status::Success), Some(2048))
    );
}

#[test]
fn a_request_is_written_by_who_has_the_right() {
    let machine = Machine::new(Never);
    machine.start(1);
    machine.life.bury_shell();
    let memory = ram("Control", &GUID, 0);
    memory.write(DATA, b"start one\0");
    let set = |caller, size| {
        with(&machine, &memory, caller, |v| {
            v.set(NAME, VENDOR, [6, size, DATA])
        })
    };
    assert_eq!(set(0, 10), Some(Status::AccessDenied));
    assert_eq!(set(1, 0), Some(Status::InvalidParameter));
    assert_eq!(
        set(1, MAX_REQUEST_BYTES as u64 + 1),
        Some(Status::InvalidParameter)
    );
    assert_eq!(set(1, u64::MAX), Some(Status::InvalidParameter));
    assert_eq!(machine.state(0), State::Defined);
    assert_eq!(set(1, 10), Some(Status::Success));
    machine.run();
    assert_eq!(machine.state(0), State::Running);
}

#[test]
fn what_is_not_the_callers_is_refused_and_not_written() {
    let machine = Machine::new(Never);
    let foreign = [0, BASE - 1, BASE + 0x2000, u64::MAX - 1];
    for bad in foreign {
        let memory = ram("Control", &GUID, 0x100);
        let first = ram("", &GUID, 0x100);
        let none = [
            with(&machine, &memory, 1, |v| v.get(NAME, bad, [0, SIZE, DATA])),
            with(&machine, &memory, 1, |v| {
                v.get(NAME, VENDOR, [0, bad, DATA])
            }),
            with(&machine, &memory, 1, |v| {
                v.get(NAME, VENDOR, [0, SIZE, bad])
            }),
            with(&machine, &first, 1, |v| v.next(bad, NAME, VENDOR)),
            with(&machine, &first, 1, |v| v.next(SIZE, NAME, bad)),
            with(&machine, &memory, 1, |v| v.query([bad, DATA, DATA])),
        ];
        assert_eq!(none, [None; 6], "{bad:#x}");
        let name = with(&machine, &memory, 1, |v| {
            v.get(bad, VENDOR, [0, SIZE, DATA])
        });
        assert_eq!(name, Some(Status::NotFound), "{bad:#x}");
        let set = with(&machine, &memory, 1, |v| v.set(NAME, VENDOR, [6, 8, bad]));
        assert_eq!(set, Some(Status::InvalidParameter));
    }
}

proptest! {
    #[test]
    fn any_bytes_and_addresses_are_served(
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
        name in prop_oneof![Just(NAME), any::<u64>()],
        size in prop_oneof![0..80u64, any::<u64>()],
        data in prop_oneof![Just(DATA), BASE..BASE + 0x2100, any::<u64>()],
    ) {
        let machine = Machine::new(Never);
        machine.start(1);
        machine.life.bury_shell();
        let memory = ram("Control", &GUID, size);
        memory.write(DATA, &bytes);
        let _ = with(&machine, &memory, 1, |v| v.set(name, VENDOR, [6, size, data]));
        let _ = with(&machine, &memory, 1, |v| v.get(name, VENDOR, [data, SIZE, DATA]));
        memory.write(NAME, &bytes);
        let _ = with(&machine, &memory, 1, |v| v.get(NAME, VENDOR, [0, SIZE, data]));
        let _ = with(&machine, &memory, 1, |v| v.next(SIZE, NAME, VENDOR));
        machine.run();
        prop_assert_eq!(machine.state(1), State::Running, "nobody ends itself by a request");
    }
}
