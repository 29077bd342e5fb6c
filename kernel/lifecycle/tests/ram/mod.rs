//! The RAM of a Linux that calls a service.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::cell::RefCell;

use std::sync::atomic::AtomicU8;

use bulkhead_lifecycle::CallerMemory;
use bulkhead_services::{Book, STORE_BYTES, Store};

pub(crate) const BASE: u64 = 0x1000;
pub(crate) const NAME: u64 = BASE;
pub(crate) const VENDOR: u64 = BASE + 0x400;
pub(crate) const SIZE: u64 = BASE + 0x420;
pub(crate) const ATTRIBUTES: u64 = BASE + 0x430;
pub(crate) const DATA: u64 = BASE + 0x500;

/// The variables that every Linux has, in the order in which they are enumerated.
pub(crate) const FIXED: [&str; 18] = [
    "Partitions",
    "Control",
    "Answers",
    "Details",
    "Events",
    "Output",
    "Machine",
    "Held",
    "Ring",
    "Agent",
    "Terminal",
    "Console1",
    "Console2",
    "Console3",
    "Console4",
    "SecureBoot",
    "SetupMode",
    "OsIndicationsSupported",
];

/// The caller's RAM: from [`BASE`] on; nothing else is its own.
pub(crate) struct Ram(RefCell<Vec<u8>>);

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

pub(crate) fn ram(name: &str, guid: &[u8; 16], size: u64) -> Ram {
    let ram = Ram(RefCell::new(vec![0; 0x4000]));
    ram.write(NAME, &units(name));
    ram.write(VENDOR, guid);
    ram.write(SIZE, &size.to_le_bytes());
    ram
}

/// A name as UEFI has it, with its zero.
pub(crate) fn units(name: &str) -> Vec<u8> {
    let units = name.encode_utf16().chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

impl Ram {
    pub(crate) fn put(&self, to: u64, bytes: &[u8]) {
        self.write(to, bytes).expect("it is the caller's");
    }

    pub(crate) fn take(&self, from: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).expect("small")];
        self.read(from, &mut bytes).expect("it is the caller's");
        bytes
    }

    pub(crate) fn number(&self, from: u64) -> u64 {
        self.read_u64(from).expect("it is the caller's")
    }
}

/// An empty store, for as long as the test runs; its bytes are what they happen to be.
pub(crate) fn new_store() -> Store<'static> {
    let bytes: [AtomicU8; STORE_BYTES] = std::array::from_fn(|_| AtomicU8::new(0xa5));
    Store::new(Box::leak(Box::new(bytes)), Box::leak(Box::new(Book::new())))
}
