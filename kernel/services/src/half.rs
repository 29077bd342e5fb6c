//! One half of a store: records, one behind the other, in bytes of the partition's own RAM.
//!
//! A record is the vendor's GUID (16 bytes), the name's length in units and the data's in bytes (two
//! bytes each, little-endian), the name in UTF-16, the data. Nothing in a half is trusted: a core may
//! have been reset while it wrote, and its Linux may write there. A record that reaches beyond the end
//! is the end, and so is one whose name no call can have brought: it could be listed, but not asked for.

use core::sync::atomic::{AtomicU8, Ordering};

/// Longest name of a variable, in UTF-16 units without the terminating zero.
pub const MAX_NAME: usize = 128;

/// Bytes of a record before its name.
const HEADER: usize = 20;

/// `LINUX_EFI_CRASH_GUID`, cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0, and how the names of records begin that a
/// panicking Linux writes: `dump-type0-PART-COUNT-SECONDS-C` (`drivers/firmware/efi/efi-pstore.c`). COUNT
/// is which of its oopses and panics that is.
const CRASH: [u8; 16] = [
    0x79, 0xfc, 0xc8, 0xcf, 0x2e, 0xbe, 0xdc, 0x4d, 0x97, 0xf0, 0x9f, 0x98, 0xbf, 0xe2, 0x98, 0xa0,
];
const DUMP: &[u8; 11] = b"dump-type0-";

/// Whether a name is that of a panic's record.
fn is_dump(vendor: [u8; 16], name: impl Iterator<Item = u16>) -> bool {
    let start = name.take(DUMP.len());
    vendor == CRASH && start.eq(DUMP.iter().map(|byte| u16::from(*byte)))
}

/// Whether these are the units of a variable's name: some, not too many, and none that ends one.
fn is_name(length: usize, mut name: impl Iterator<Item = u16>) -> bool {
    (1..=MAX_NAME).contains(&length) && name.all(|unit| unit != 0)
}

/// The COUNT in a name, as any number that is the same for the same.
fn panic(name: impl Iterator<Item = u16>) -> u64 {
    let (mut dashes, mut count) = (0, 0u64);
    for unit in name {
        if unit == u16::from(b'-') {
            dashes += 1;
        } else if dashes == 3 {
            count = count.wrapping_mul(16).wrapping_add(unit.into());
        }
    }
    count
}

/// What a variable is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// Whose name space it is, in the byte order of UEFI.
    pub vendor: [u8; 16],
    /// UTF-16, without a zero.
    pub name: &'a [u16],
}

impl Key<'_> {
    /// Bytes of a record with so much data.
    pub(crate) const fn record_bytes(&self, data: usize) -> usize {
        HEADER + 2 * self.name.len() + data
    }

    pub(crate) fn is_name(&self) -> bool {
        is_name(self.name.len(), self.name.iter().copied())
    }

    pub(crate) fn is_dump(&self) -> bool {
        is_dump(self.vendor, self.name.iter().copied())
    }

    pub(crate) fn panic(&self) -> u64 {
        panic(self.name.iter().copied())
    }
}

/// A variable in a store, as long as nothing is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where its record begins.
    pub(crate) at: usize,
    /// Length of its name in units.
    pub name: usize,
    /// Length of its data in bytes.
    pub data: usize,
}

impl Entry {
    pub(crate) const fn name_at(&self) -> usize {
        self.at + HEADER
    }

    pub(crate) const fn data_at(&self) -> usize {
        self.name_at() + 2 * self.name
    }

    pub(crate) const fn end(&self) -> usize {
        self.data_at() + self.data
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.end() - self.at
    }
}

/// The bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Half<'a>(pub(crate) &'a [AtomicU8]);

impl Half<'_> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Copies from `at`; what is beyond the end reads as zero.
    pub(crate) fn read(&self, at: usize, into: &mut [u8]) {
        let bytes = self.0.get(at..).unwrap_or_default();
        let bytes = bytes.iter().map(|byte| byte.load(Ordering::Relaxed));
        for (to, from) in into.iter_mut().zip(bytes.chain(core::iter::repeat(0))) {
            *to = from;
        }
    }

    /// Copies to `at`; `None`, with nothing written, if there is no room.
    pub(crate) fn write(&self, at: usize, bytes: &[u8]) -> Option<()> {
        let room = self.0.get(at..at.checked_add(bytes.len())?)?;
        for (to, from) in room.iter().zip(bytes) {
            to.store(*from, Ordering::Relaxed);
        }
        Some(())
    }

    /// Copies `length` bytes of another one.
    pub(crate) fn copy(&self, at: usize, from: Self, start: usize, length: usize) -> Option<()> {
        let to = self.0.get(at..at.checked_add(length)?)?;
        let from = from.0.get(start..start.checked_add(length)?)?;
        for (to, from) in to.iter().zip(from) {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Some(())
    }

    fn u16(&self, at: usize) -> u16 {
        let byte = |at: usize| {
            self.0
                .get(at)
                .map_or(0, |byte| byte.load(Ordering::Relaxed))
        };
        u16::from_le_bytes([byte(at), byte(at + 1)])
    }

    /// The record there, if it lies before `end`.
    pub(crate) fn entry(&self, at: usize, end: usize) -> Option<Entry> {
        if at.checked_add(HEADER)? > end {
            return None;
        }
        let entry = Entry {
            at,
            name: self.u16(at + 16).into(),
            data: self.u16(at + 18).into(),
        };
        if entry.end() > end {
            return None;
        }
        is_name(entry.name, self.name(&entry)).then_some(entry)
    }

    /// All records before `end`.
    pub(crate) fn entries(&self, end: usize) -> impl Iterator<Item = Entry> + '_ {
        self.entries_from(0, end)
    }

    /// The same from one that begins there.
    pub(crate) fn entries_from(&self, at: usize, end: usize) -> impl Iterator<Item = Entry> + '_ {
        let next = move |last: &Entry| self.entry(last.end(), end);
        core::iter::successors(self.entry(at, end), next)
    }

    pub(crate) fn vendor(&self, entry: &Entry) -> [u8; 16] {
        let mut vendor = [0; 16];
        self.read(entry.at, &mut vendor);
        vendor
    }

    pub(crate) fn is(&self, entry: &Entry, key: &Key<'_>) -> bool {
        self.vendor(entry) == key.vendor && self.name(entry).eq(key.name.iter().copied())
    }

    /// Whether an earlier one has its name.
    pub(crate) fn is_hidden(&self, entry: &Entry, end: usize) -> bool {
        let mut earlier = self.entries(end).take_while(|other| other.at < entry.at);
        earlier.any(|other| {
            let is_its = self.vendor(&other) == self.vendor(entry);
            is_its && self.name(&other).eq(self.name(entry))
        })
    }

    /// Whether it is a panic's record.
    pub(crate) fn is_dump(&self, entry: &Entry) -> bool {
        is_dump(self.vendor(entry), self.name(entry))
    }

    /// Which of a Linux's panics it is of.
    pub(crate) fn panic_of(&self, entry: &Entry) -> u64 {
        panic(self.name(entry))
    }

    fn name(&self, entry: &Entry) -> impl Iterator<Item = u16> + '_ {
        let at = entry.name_at();
        (0..entry.name).map(move |index| self.u16(at + 2 * index))
    }

    /// Writes what is before a record's data.
    pub(crate) fn begin(&self, at: usize, key: &Key<'_>, data: usize) -> Option<Entry> {
        let name = u16::try_from(key.name.len()).ok()?;
        let size = u16::try_from(data).ok()?;
        self.write(at, &key.vendor)?;
        self.write(at + 16, &name.to_le_bytes())?;
        self.write(at + 18, &size.to_le_bytes())?;
        for (index, unit) in key.name.iter().enumerate() {
            self.write(at + HEADER + 2 * index, &unit.to_le_bytes())?;
        }
        Some(Entry {
            at,
            name: key.name.len(),
            data,
        })
    }
}
