//! The variables as a Linux sees them, by addresses that are not trusted.

mod common;
mod ram;

use bulkhead_lifecycle::{CallerMemory, GUID, MAX_REQUEST_BYTES, State, Status, Variables};
use bulkhead_model::RestartPolicy::Never;
use bulkhead_services::Store;
use common::Machine;
use proptest::prelude::*;
use ram::{ATTRIBUTES, BASE, DATA, FIXED, NAME, Ram, SIZE, VENDOR, new_store, ram, units};

fn with<T>(
    machine: &Machine,
    memory: &Ram,
    caller: usize,
    call: impl FnOnce(
        &Variables<'_, common::At<'_>, Ram, { common::PARTITIONS }, { common::CORES }>,
    ) -> T,
) -> T {
    with_store(machine, memory, new_store(), caller, call)
}

fn with_store<T>(
    machine: &Machine,
    memory: &Ram,
    store: Store<'_>,
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
        store: Some(store),
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
    for (name, guid) in [("control", &GUID), ("Contr\u{f6}l", &GUID)] {
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
    for name in FIXED {
        memory.write(SIZE, &0x100u64.to_le_bytes());
        let next = with(&machine, &memory, 1, |v| v.next(SIZE, NAME, VENDOR));
        assert_eq!(next, Some(Status::Success));
        assert_eq!(memory.take(NAME, memory.number(SIZE)), units(name));
    }
    let next = with(&machine, &memory, 1, |v| v.next(SIZE, NAME, VENDOR));
    assert_eq!(next, Some(Status::NotFound));
    // One that is not there has none behind it.
    let memory = ram("Nothing", &[1; 16], 0x100);
    let next = with(&machine, &memory, 1, |v| v.next(SIZE, NAME, VENDOR));
    assert_eq!(next, Some(Status::InvalidParameter));
}

#[test]
fn the_global_variables_are_read_only() {
    const GLOBAL: [u8; 16] = [
        0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b,
        0x8c,
    ];
    let machine = Machine::new(Never);
    for (name, size) in [
        ("SecureBoot", 1),
        ("SetupMode", 1),
        ("OsIndicationsSupported", 8),
    ] {
        let memory = ram(name, &GLOBAL, 0x100);
        memory.write(DATA, &[0xee; 8]);
        assert_eq!(get(&machine, &memory), Some(Status::Success), "{name}");
        assert_eq!(memory.read_u64(SIZE), Some(size));
        let left = memory.read_u64(DATA).map(|value| value << (64 - 8 * size));
        assert_eq!(left, Some(0), "{name} is 0");
        let set = with(&machine, &memory, 1, |v| v.set(NAME, VENDOR, [7, 1, DATA]));
        assert_eq!(set, Some(Status::WriteProtected), "{name}");
    }
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
    let foreign = [0, BASE - 1, BASE + 0x4000, u64::MAX - 1];
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
            with(&machine, &memory, 1, |v| v.query(7, [bad, DATA, DATA])),
        ];
        let refused = none.map(|status| status.unwrap_or(Status::InvalidParameter));
        assert_eq!(refused, [Status::InvalidParameter; 6], "{bad:#x}");
        let name = with(&machine, &memory, 1, |v| {
            v.get(bad, VENDOR, [0, SIZE, DATA])
        });
        assert_eq!(name, None, "{bad:#x}");
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
        data in prop_oneof![Just(DATA), BASE..BASE + 0x4100, any::<u64>()],
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
