//! The variables of one partition, kept over its restarts.
//!
//! Its bytes lie in the partition's own RAM ([`STORE_BYTES`]), where its Linux is told of no room: nothing
//! that is read there is trusted. What says which of them count is kept by Bulkhead ([`Book`]).
//!
//! Any core of the partition may be reset at any step, also in the middle of a change. So there are
//! two halves: a change is written to the one that is not in force, whole, and one word then says
//! that it is ([`Book::live`]). Until then nothing has changed.
//!
//! A Linux makes one call at a time, but that is not trusted: a second one waits for the first, for a
//! bounded time. Only cores of the same partition ever wait for each other, and what a core held that
//! was reset is let go at the next launch ([`Book::release`]).

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use crate::half::{Entry, Half, Key, MAX_NAME};

/// Bytes of one half. Linux keeps 5 KiB of it free by itself (`EFI_MIN_RESERVE`), and a panic's records are
/// some 5 KiB (`efi_pstore`).
const HALF: usize = 12 << 10;

/// Bytes of a store.
pub const STORE_BYTES: usize = 2 * HALF;

/// Most data of one variable, in bytes.
pub const MAX_DATA: usize = 8 << 10;

/// How often a core looks whether another one of its partition has left the store.
const LOOKS: u32 = 1_000_000;

/// Which half is in force; the other bits are how many bytes of it are in use.
const SECOND: u32 = 1 << 31;

/// Why a store was not changed, or not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such variable.
    Missing,
    /// There is no room for it.
    Full,
    /// Its name or its data is longer than any may be.
    TooLong,
    /// What is to be stored could not be read.
    Unreadable,
    /// Another core of the partition does not leave the store.
    Busy,
}

/// What is known of a store beside its bytes.
#[derive(Debug, Default)]
pub struct Book {
    /// The half in force, and its length: written by a core of the partition that holds the store,
    /// read by the next one (release, acquire).
    live: AtomicU32,
    /// Whether a core of the partition is inside. Its counterpart is a second core of the same
    /// partition, in [`Self::hold`].
    is_held: AtomicBool,
}

impl Book {
    /// Of an empty store, whatever its bytes are.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            live: AtomicU32::new(0),
            is_held: AtomicBool::new(false),
        }
    }

    /// Empties the store. No core of the partition is inside.
    pub fn clear(&self) {
        self.live.store(0, Ordering::Release);
        self.release();
    }

    /// Lets go of what a core held that was reset. No core of the partition is inside: it is being
    /// launched.
    pub fn release(&self) {
        self.is_held.store(false, Ordering::Release);
    }
}

/// The variables of one partition.
#[derive(Clone, Copy, Debug)]
pub struct Store<'a> {
    halves: [Half<'a>; 2],
    book: &'a Book,
}

/// A store while this core alone is inside.
#[derive(Debug)]
pub struct Held<'a>(Store<'a>);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.book.release();
    }
}

impl<'a> Store<'a> {
    /// The one whose bytes these are, and of which `book` was kept.
    #[must_use]
    pub const fn new(bytes: &'a [AtomicU8; STORE_BYTES], book: &'a Book) -> Self {
        let (first, second) = bytes.split_at(HALF);
        Self {
            halves: [Half(first), Half(second)],
            book,
        }
    }

    /// Goes inside.
    ///
    /// # Errors
    /// [`Fault::Busy`] if another core stays inside.
    pub fn hold(self) -> Result<Held<'a>, Fault> {
        for _ in 0..LOOKS {
            if !self.book.is_held.swap(true, Ordering::Acquire) {
                return Ok(Held(self));
            }
            core::hint::spin_loop();
        }
        Err(Fault::Busy)
    }
}

impl Held<'_> {
    /// The half in force, its length, and the other half with what to call it.
    fn halves(&self) -> (Half<'_>, usize, Half<'_>, u32) {
        let live = self.0.book.live.load(Ordering::Acquire);
        let [first, second] = self.0.halves;
        let length = usize::try_from(live & !SECOND).unwrap_or(0).min(HALF);
        if live & SECOND == 0 {
            (first, length, second, SECOND)
        } else {
            (second, length, first, 0)
        }
    }

    /// The variable of that name.
    #[must_use]
    pub fn find(&self, key: &Key<'_>) -> Option<Entry> {
        let (half, length, ..) = self.halves();
        half.entries(length).find(|entry| half.is(entry, key))
    }

    /// The first variable, or the one behind `last`.
    #[must_use]
    pub fn after(&self, last: Option<&Entry>) -> Option<Entry> {
        let (half, length, ..) = self.halves();
        half.entry(last.map_or(0, Entry::end), length)
    }

    /// Its vendor.
    #[must_use]
    pub fn vendor(&self, entry: &Entry) -> [u8; 16] {
        self.halves().0.vendor(entry)
    }

    /// Reads of its name, in bytes of UTF-16, from `offset` on.
    pub fn read_name(&self, entry: &Entry, offset: usize, into: &mut [u8]) {
        self.halves().0.read(entry.name_at() + offset, into);
    }

    /// Reads of its data, from `offset` on.
    pub fn read(&self, entry: &Entry, offset: usize, into: &mut [u8]) {
        self.halves().0.read(entry.data_at() + offset, into);
    }

    /// Bytes that are left, names and records included.
    #[must_use]
    pub fn free(&self) -> usize {
        HALF - self.halves().1
    }

    /// Takes a variable away.
    ///
    /// # Errors
    /// [`Fault::Missing`].
    pub fn delete(&self, key: &Key<'_>) -> Result<(), Fault> {
        let entry = self.find(key).ok_or(Fault::Missing)?;
        let at = self.copy_without(Some(&entry)).ok_or(Fault::Full)?;
        self.commit(at)
    }

    /// Gives a variable `size` bytes of data, which `source` fills in from an offset on; the old ones
    /// stay before them if it is `append`ed to.
    ///
    /// # Errors
    /// [`Fault`]; then nothing has changed.
    pub fn set(
        &self,
        key: &Key<'_>,
        append: bool,
        size: usize,
        mut source: impl FnMut(usize, &mut [u8]) -> Option<()>,
    ) -> Result<(), Fault> {
        let old = self.find(key);
        let kept = old.filter(|_| append);
        let kept_bytes = kept.map_or(0, |entry| entry.data);
        let data = kept_bytes.checked_add(size).ok_or(Fault::TooLong)?;
        if data > MAX_DATA || key.name.len() > MAX_NAME {
            return Err(Fault::TooLong);
        }
        let replaced = old.map_or(0, |entry| entry.end() - entry.at);
        if key.record_bytes(data) > self.free() + replaced {
            return Err(Fault::Full);
        }
        let (half, _, other, _) = self.halves();
        let at = self.copy_without(old.as_ref()).ok_or(Fault::Full)?;
        let new = other.begin(at, key, data).ok_or(Fault::Full)?;
        if let Some(kept) = kept {
            let copied = other.copy(new.data_at(), half, kept.data_at(), kept_bytes);
            copied.ok_or(Fault::Full)?;
        }
        let to = new.data_at() + kept_bytes;
        let mut chunk = [0; 256];
        for offset in (0..size).step_by(chunk.len()) {
            let length = chunk.len().min(size - offset);
            let chunk = &mut chunk[..length];
            source(offset, chunk).ok_or(Fault::Unreadable)?;
            other.write(to + offset, chunk).ok_or(Fault::Full)?;
        }
        self.commit(new.end())
    }

    /// Copies all records but one to the other half; how many bytes they take.
    fn copy_without(&self, left_out: Option<&Entry>) -> Option<usize> {
        let (half, length, other, _) = self.halves();
        let (before, behind) = left_out.map_or((length, length), |entry| (entry.at, entry.end()));
        other.copy(0, half, 0, before)?;
        let rest = length.checked_sub(behind)?;
        other.copy(before, half, behind, rest)?;
        Some(before + rest)
    }

    /// Puts the other half in force, with so many bytes in use.
    fn commit(&self, length: usize) -> Result<(), Fault> {
        let (_, _, other, which) = self.halves();
        let word = u32::try_from(length).map_err(|_| Fault::Full)?;
        if length > other.len() {
            return Err(Fault::Full);
        }
        // Release: whoever sees this word sees the half.
        self.0.book.live.store(word | which, Ordering::Release);
        Ok(())
    }
}
