//! Running methods: as little of AML as `_PRT` and `_PIC` take (ACPI §5.8.1, §6.2.13, §19.6).
//!
//! **No hardware is touched.** What a field holds isn't known until a method has stored into it, and
//! what it stored is seen by nobody else. A condition that depends on what isn't known goes both
//! ways, one after the other, and all that may come of it is told.
//!
//! Before anything else runs `\_PIC (1)`, as an operating system calls it that uses the I/O APICs.
//! Variables have the values that the tables give them; those that an `_INI` speaks of, which isn't
//! run, count as unknown.
//!
//! There is no recursion, and what grows with a method's nesting is on the heap: steps, blocks and
//! calls are bounded.

mod act;
mod machine;
mod op;
mod read;
mod value;

use alloc::vec::Vec;

use super::aml::Object;
use super::names::Names;
use super::path::Path;
use machine::Machine;

pub(super) use value::Value;

/// Ways that conditions which aren't known can go: four of them.
const MAX_WAYS: usize = 16;

/// What there is at `path`, or what the method there may return, each value once; `None` if that
/// can't be told.
pub(super) fn outcomes<'a>(names: &mut Names<'a>, path: Path) -> Option<Vec<Value<'a>>> {
    let pic = Path::ROOT
        .child(*b"_PIC")
        .map(|path| (path, names.at(Some(path))));
    let (body, arguments) = match names.at(Some(path)) {
        Object::Absent | Object::Unknown | Object::Field => return None,
        Object::Method(body, arguments) => (body, arguments),
        object => return Some(Vec::from([Machine::worth(path, object)])),
    };
    if arguments != 0 {
        return None;
    }
    let mut found = Vec::new();
    let mut ways: Vec<bool> = Vec::new();
    for _ in 0..MAX_WAYS {
        let mut machine = Machine::new(names, path, core::mem::take(&mut ways));
        if let Some((path, Object::Method(body, 1))) = pic {
            machine.prepare(path, body);
        }
        let value = machine.call(path, body, &[])?;
        if !found.contains(&value) {
            found.push(value);
        }
        ways = machine.ways;
        // The next way: the last condition that held does not.
        while ways.pop_if(|way| !*way).is_some() {}
        match ways.last_mut() {
            Some(way) => *way = false,
            None => return Some(found),
        }
    }
    None
}
