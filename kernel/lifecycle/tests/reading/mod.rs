//! A variable as a Linux reads it.

use bulkhead_lifecycle::{GUID, Status, Variables};

use crate::common::{MEMBERS, Machine};
use crate::ram::{ATTRIBUTES, DATA, NAME, SIZE, VENDOR, ram};

/// What that partition reads, which is there and is text.
pub(crate) fn read(machine: &Machine, caller: usize, name: &str) -> String {
    let memory = ram(name, &GUID, 0x8000);
    let variables = Variables {
        lifecycle: &machine.life,
        hardware: &machine.at(MEMBERS[caller][0]),
        memory: &memory,
        caller,
        store: None,
    };
    let status = variables.get(NAME, VENDOR, [ATTRIBUTES, SIZE, DATA]);
    assert_eq!(status, Some(Status::Success), "{name}");
    String::from_utf8(memory.take(DATA, memory.number(SIZE))).unwrap()
}
