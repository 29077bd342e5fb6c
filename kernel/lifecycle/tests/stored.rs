//! The variables that a Linux keeps: what may be written, what not, and what is said.

mod common;
mod ram;

use bulkhead_lifecycle::{GUID, Status, Variables};
use bulkhead_model::RestartPolicy::Never;
use bulkhead_services::{DUMP_BYTES, Key, MAX_DATA, MAX_NAME, OTHER_BYTES, STORE_BYTES, Store};
use common::Machine;
use ram::{ATTRIBUTES, DATA, FIXED, NAME, Ram, SIZE, VENDOR, new_store, ram, units};

const OTHERS: [u8; 16] = [7; 16];
/// Non-volatile, boot services, runtime.
const STORED: u64 = 7;
const APPEND: u64 = 0x40;

struct Linux {
    machine: Machine,
    store: Store<'static>,
}

impl Linux {
    fn new() -> Self {
        Self {
            machine: Machine::new(Never),
            store: new_store(),
        }
    }

    fn call(
        &self,
        memory: &Ram,
        call: impl FnOnce(
            &Variables<'_, common::At<'_>, Ram, { common::PARTITIONS }, { common::CORES }>,
        ) -> Option<Status>,
    ) -> Status {
        let hardware = self.machine.at(3);
        let done = call(&Variables {
            lifecycle: &self.machine.life,
            hardware: &hardware,
            memory,
            caller: 1,
            store: Some(self.store),
        });
        done.unwrap_or(Status::InvalidParameter)
    }

    fn set(&self, name: &str, attributes: u64, data: &[u8]) -> Status {
        let memory = ram(name, &OTHERS, 0);
        memory.put(DATA, data);
        let size = data.len() as u64;
        self.call(&memory, |v| v.set(NAME, VENDOR, [attributes, size, DATA]))
    }

    fn get(&self, name: &str, room: u64) -> (Status, u64, Vec<u8>) {
        let memory = ram(name, &OTHERS, room);
        let status = self.call(&memory, |v| v.get(NAME, VENDOR, [ATTRIBUTES, SIZE, DATA]));
        let size = memory.number(SIZE);
        let length = if status == Status::Success { size } else { 0 };
        (status, size, memory.take(DATA, length))
    }

    /// All names, one after the other, and the last one's vendor.
    fn names(&self) -> (Vec<Vec<u8>>, Vec<u8>) {
        let memory = ram("", &[0; 16], 0);
        let mut names = Vec::new();
        loop {
            memory.put(SIZE, &0x400u64.to_le_bytes());
            match self.call(&memory, |v| v.next(SIZE, NAME, VENDOR)) {
                Status::Success => names.push(memory.take(NAME, memory.number(SIZE))),
                Status::NotFound => return (names, memory.take(VENDOR, 16)),
                status => panic!("{status:?}"),
            }
            assert!(names.len() < 100, "it does not end: {names:?}");
        }
    }

    fn query(&self, attributes: u64) -> (Status, [u64; 3]) {
        let memory = ram("", &OTHERS, 0);
        memory.put(DATA, &[0xee; 24]);
        let addresses = [DATA, DATA + 8, DATA + 16];
        let status = self.call(&memory, |v| v.query(attributes, addresses));
        (status, addresses.map(|address| memory.number(address)))
    }
}

#[test]
fn what_is_written_is_read_appended_to_and_taken_away() {
    let linux = Linux::new();
    assert_eq!(linux.get("Boot0001", 100).0, Status::NotFound);
    assert_eq!(linux.set("Boot0001", STORED, b"one"), Status::Success);
    assert_eq!(
        linux.get("Boot0001", 100),
        (Status::Success, 3, b"one".to_vec())
    );
    assert_eq!(
        linux.get("Boot0001", 2),
        (Status::BufferTooSmall, 3, Vec::new())
    );
    assert_eq!(
        linux.set("Boot0001", STORED | APPEND, b" two"),
        Status::Success
    );
    assert_eq!(linux.set("Boot0001", STORED | APPEND, b""), Status::Success);
    assert_eq!(linux.get("Boot0001", 100).2, b"one two");
    assert_eq!(linux.set("Boot0001", STORED, b"3"), Status::Success);
    assert_eq!(linux.get("Boot0001", 100).2, b"3");
    assert_eq!(linux.set("Boot0001", STORED, b""), Status::Success);
    assert_eq!(linux.get("Boot0001", 100).0, Status::NotFound);
    assert_eq!(linux.set("Boot0001", STORED, b""), Status::NotFound);
    // By attributes that give nobody access.
    assert_eq!(
        linux.set("Boot0002", STORED | APPEND, b"new"),
        Status::Success
    );
    assert_eq!(linux.set("Boot0002", 0, b"x"), Status::Success);
    assert_eq!(linux.get("Boot0002", 100).0, Status::NotFound);
}

#[test]
fn what_there_is_not_is_refused_and_changes_nothing() {
    let linux = Linux::new();
    assert_eq!(linux.set("Kept", STORED, b"as it was"), Status::Success);
    for (attributes, wanted) in [
        (0x2, Status::InvalidParameter),
        (0x3, Status::InvalidParameter),
        (0x4, Status::InvalidParameter),
        (0x5, Status::InvalidParameter),
        (0x6, Status::InvalidParameter),
        (0x107, Status::InvalidParameter),
        (0xf, Status::Unsupported),
        (0x17, Status::Unsupported),
        (0x27, Status::InvalidParameter),
        (0x87, Status::InvalidParameter),
    ] {
        assert_eq!(
            linux.set("Kept", attributes, b"else"),
            wanted,
            "{attributes:#x}"
        );
        assert_eq!(
            linux.set("New", attributes, b"else"),
            wanted,
            "{attributes:#x}"
        );
    }
    assert_eq!(linux.set("", STORED, b"x"), Status::InvalidParameter);
    let long = "n".repeat(MAX_NAME + 1);
    assert_eq!(linux.set(&long, STORED, b"x"), Status::InvalidParameter);
    assert_eq!(linux.get(&long, 9).0, Status::NotFound);
    assert_eq!(linux.get("New", 9).0, Status::NotFound);
    assert_eq!(linux.get("Kept", 100).2, b"as it was");
    // Data that is not the caller's.
    let memory = ram("Kept", &OTHERS, 0);
    let set = linux.call(&memory, |v| {
        v.set(NAME, VENDOR, [STORED, 300, u64::MAX - 100])
    });
    assert_eq!(set, Status::InvalidParameter);
    assert_eq!(linux.get("Kept", 100).2, b"as it was");
}

#[test]
fn the_room_is_as_told() {
    let linux = Linux::new();
    let all = STORE_BYTES as u64 / 2;
    assert_eq!(
        linux.query(STORED),
        (Status::Success, [all, all, MAX_DATA as u64])
    );
    assert_eq!(linux.set("A", STORED, &[1; MAX_DATA]), Status::Success);
    assert_eq!(
        linux.set("B", STORED, &[1; MAX_DATA + 1]),
        Status::InvalidParameter
    );
    let rest = OTHER_BYTES - MAX_DATA - 22;
    // A panic's records have room of their own, which is told too: Linux looks there.
    let left = (rest + DUMP_BYTES) as u64;
    assert_eq!(
        linux.query(STORED).1,
        [all, left, left.min(MAX_DATA as u64)]
    );
    assert_eq!(
        linux.set("B", STORED, &[1; MAX_DATA]),
        Status::OutOfResources
    );
    assert_eq!(linux.set("B", STORED, &vec![1; rest - 22]), Status::Success);
    let left = DUMP_BYTES as u64;
    assert_eq!(
        linux.query(STORED).1,
        [all, left, left.min(MAX_DATA as u64)]
    );
    assert_eq!(linux.set("C", STORED, b"1"), Status::OutOfResources);
    // What is there already can still be changed and taken away.
    assert_eq!(linux.set("A", STORED, &[2; MAX_DATA]), Status::Success);
    assert_eq!(linux.set("A", STORED, b""), Status::Success);
    assert_eq!(linux.set("C", STORED, b"1"), Status::Success);
    // There are no others than these.
    assert_eq!(linux.query(6), (Status::Success, [0; 3]));
    assert_eq!(linux.query(0).0, Status::InvalidParameter);
    assert_eq!(linux.query(4).0, Status::InvalidParameter);
    assert_eq!(linux.query(0x27).0, Status::Unsupported);
}

#[test]
fn stored_ones_are_enumerated_behind_the_others() {
    let linux = Linux::new();
    for name in ["Boot0001", "BootOrder"] {
        assert_eq!(linux.set(name, STORED, b"x"), Status::Success);
    }
    let (names, last) = linux.names();
    let wanted = FIXED.into_iter().chain(["Boot0001", "BootOrder"]);
    assert_eq!(names, wanted.map(units).collect::<Vec<_>>());
    assert_eq!(last, OTHERS);
}

/// A Linux can write over its store as it likes.
#[test]
fn a_record_with_the_name_of_one_that_is_always_there_is_not_enumerated() {
    let linux = Linux::new();
    let held = linux.store.hold().unwrap();
    for (vendor, name) in [(OTHERS, "Boot0001"), (GUID, "Partitions"), (GUID, "Own")] {
        let name: Vec<u16> = name.encode_utf16().collect();
        let key = Key {
            vendor,
            name: &name,
        };
        let one = |_: usize, into: &mut [u8]| {
            into.fill(1);
            Some(())
        };
        assert_eq!(held.set(&key, false, 1, one), Ok(()));
    }
    drop(held);
    let wanted = FIXED.into_iter().chain(["Boot0001", "Own"]);
    assert_eq!(linux.names().0, wanted.map(units).collect::<Vec<_>>());
}

/// Without memory for a store, nothing is kept, and that is said.
#[test]
fn a_partition_without_a_store_is_told() {
    let machine = Machine::new(Never);
    let hardware = machine.at(3);
    let memory = ram("Boot0001", &OTHERS, 8);
    let variables = Variables {
        lifecycle: &machine.life,
        hardware: &hardware,
        memory: &memory,
        caller: 1,
        store: None,
    };
    let set = |size| variables.set(NAME, VENDOR, [STORED, size, DATA]);
    assert_eq!(
        (set(4), set(0)),
        (Some(Status::OutOfResources), Some(Status::NotFound))
    );
    let get = variables.get(NAME, VENDOR, [ATTRIBUTES, SIZE, DATA]);
    assert_eq!(get, Some(Status::NotFound));
    let query = variables.query(STORED, [DATA, DATA + 8, DATA + 16]);
    assert_eq!((query, memory.number(DATA + 8)), (Some(Status::Success), 0));
}
