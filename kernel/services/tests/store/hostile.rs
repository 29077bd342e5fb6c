//! What a Linux writes over its own store: all that is listed can still be asked for, and what is set is read.

use std::sync::atomic::Ordering;

use bulkhead_services::{Entry, Fault, Key, MAX_NAME, STORE_BYTES};

use crate::{Ram, all, key, put};

/// "a", "b" and "c", with two bytes of data each, in the order of their names.
fn three() -> Ram {
    let ram = Ram::new();
    for name in b"abc" {
        put(&ram.store(), &key(1, &[(*name).into()]), false, &[*name; 2]).expect("room");
    }
    ram
}

/// Bytes of each record.
const RECORD: usize = 20 + 2 + 2;

/// Writes over one of them, whichever half is in force.
fn write_over(ram: &Ram, number: usize, offset: usize, bytes: &[u8]) {
    for half in [0, STORE_BYTES / 2] {
        let at = half + number * RECORD + offset;
        for (to, from) in ram.bytes[at..].iter().zip(bytes) {
            to.store(*from, Ordering::Relaxed);
        }
    }
}

/// First units of the names, as a Linux asks for them: each by the name of the one before.
fn listed(ram: &Ram) -> Vec<u16> {
    let store = ram.store();
    let held = store.hold().expect("free");
    let mut names = Vec::new();
    let mut next = held.after(None);
    while let Some(entry) = next {
        assert!(names.len() < 10, "they come round again: {names:x?}");
        let mut unit = [0; 2];
        held.read_name(&entry, 0, &mut unit);
        names.push(u16::from_le_bytes(unit));
        let name = [u16::from_le_bytes(unit)];
        let found: Option<Entry> = held.find(&key(1, &name[..entry.name.min(1)]));
        next = held.after(found.as_ref());
    }
    names
}

#[test]
fn a_name_that_is_there_twice_is_listed_once_and_set_for_good() {
    let ram = three();
    // "c" is called "a".
    write_over(&ram, 2, 20, b"a");
    assert_eq!(listed(&ram), [u16::from(b'a'), u16::from(b'b')]);
    let a = [u16::from(b'a')];
    put(&ram.store(), &key(1, &a), false, b"new").expect("room");
    assert_eq!(
        all(&ram.store()).get(&(1, a.to_vec())),
        Some(&b"new".to_vec())
    );
    let ram = three();
    write_over(&ram, 2, 20, b"a");
    let deleted = ram.store().hold().expect("free").delete(&key(1, &a));
    assert_eq!(deleted, Ok(()));
    assert_eq!(listed(&ram), [u16::from(b'b')]);
}

#[test]
fn what_no_call_can_have_written_is_the_end() {
    let long = u16::try_from(MAX_NAME + 1).unwrap().to_le_bytes();
    let zeroes = [0; RECORD];
    // No name, one that is too long, a zero in it.
    for (offset, bytes) in [(16, &[0, 0][..]), (16, &long), (20, &[0]), (0, &zeroes)] {
        let ram = three();
        write_over(&ram, 1, offset, bytes);
        assert_eq!(listed(&ram), [u16::from(b'a')], "{offset}: {bytes:x?}");
        put(&ram.store(), &key(1, &[7]), false, b"new").expect("room");
        assert_eq!(listed(&ram), [u16::from(b'a'), 7]);
    }
}

#[test]
fn what_is_no_name_is_not_stored() {
    let ram = three();
    for name in [&[][..], &[0], &[1, 0, 1]] {
        let done = put(
            &ram.store(),
            &Key {
                vendor: [1; 16],
                name,
            },
            false,
            b"x",
        );
        assert_eq!(done, Err(Fault::TooLong), "{name:x?}");
    }
    assert_eq!(all(&ram.store()).len(), 3);
}
