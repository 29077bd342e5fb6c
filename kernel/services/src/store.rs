//! The variables of one partition, kept over its restarts.
//!
//! Its bytes lie in the partition's own RAM ([`STORE_BYTES`]), where its Linux is told of no room: nothing
//! that is read there is trusted. What says which of them count is kept by Bulkhead ([`Book`]).
//!
//! Any core of the partition may be reset at any step, also in the middle of a change. So there are
//! two halves: a change is written to the one that is not in force, whole, and one word then says
//! that it is ([`Book::live`]). Until then nothing has changed.
//!
//! What a panicking Linux writes (`efi_pstore`) has room of its own, [`DUMP_BYTES`], which nothing else
//! gets: the records of earlier panics give way to it, the oldest first. What is there of the same panic
//! does not: it is written newest line first, and its beginning says why.
//!
//! A Linux makes one call at a time, but that is not trusted: a second one waits for the first, for a
//! bounded time. Only cores of the same partition ever wait for each other, and what a core held that
//! was reset is let go at the next launch ([`Book::release`]).

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use crate::half::{Entry, Half, Key};

/// Bytes of all variables but the records of panics, with names and 20 bytes for each.
pub const OTHER_BYTES: usize = 12 << 10;

/// Bytes of the records of panics: at least seven, of up to 1 KiB of compressed text (`efi_pstore`). Linux writes none
/// unless 5 KiB stay free of what it is told is (`EFI_MIN_RESERVE`), so there is more than one needs.
pub const DUMP_BYTES: usize = 8 << 10;

/// Bytes of one half.
const HALF: usize = OTHER_BYTES + DUMP_BYTES;

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
    /// Its name or its data is longer than any may be, or the name is none.
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
    /// What lies before it in the half in force is of earlier runs. Written and read as that.
    earlier: AtomicU32,
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
            earlier: AtomicU32::new(0),
            is_held: AtomicBool::new(false),
        }
    }

    /// Empties the store. No core of the partition is inside.
    pub fn clear(&self) {
        self.live.store(0, Ordering::Release);
        self.begin();
    }

    /// Another run begins. Lets go of what a core held that was reset: no core of the partition is inside.
    pub fn begin(&self) {
        let length = self.live.load(Ordering::Acquire) & !SECOND;
        self.earlier.store(length, Ordering::Release);
        self.release();
    }

    fn release(&self) {
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
    ///
    /// One whose name an earlier one has is passed over: whoever goes by names would begin again from there.
    #[must_use]
    pub fn after(&self, last: Option<&Entry>) -> Option<Entry> {
        let (half, length, ..) = self.halves();
        let start = last.map_or(0, Entry::end);
        let mut behind = half.entries_from(start, length);
        behind.find(|entry| !half.is_hidden(entry, length))
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

    /// Bytes that are left, names and records included. The records of panics count as free: they give
    /// way to others.
    #[must_use]
    pub fn free(&self) -> usize {
        let (half, length, ..) = self.halves();
        let dumps = half.entries(length).filter(|entry| half.is_dump(entry));
        HALF - length + dumps.map(|entry| entry.bytes()).sum::<usize>()
    }

    /// Bytes that are left for what is a record of a panic, or is not.
    fn room(&self, is_dump: bool) -> usize {
        let (half, length, ..) = self.halves();
        let same = half
            .entries(length)
            .filter(|entry| half.is_dump(entry) == is_dump);
        let used = same.map(|entry| entry.bytes()).sum();
        let all = if is_dump { DUMP_BYTES } else { OTHER_BYTES };
        all.saturating_sub(used)
    }

    /// Which records of earlier panics give way to that of `key`, if it takes so many bytes more: those
    /// that begin before this place and are of another panic.
    fn end_of_those_that_give_way(&self, key: &Key<'_>, more: usize) -> Result<usize, Fault> {
        let mut room = self.room(key.is_dump());
        if more <= room {
            return Ok(0);
        }
        let (half, length, ..) = self.halves();
        for entry in half
            .entries(length)
            .filter(|entry| self.gives_way(entry, key))
        {
            room += entry.bytes();
            if more <= room {
                return Ok(entry.end());
            }
        }
        Err(Fault::Full)
    }

    /// Whether it is a record of an earlier panic than that of `key`.
    fn gives_way(&self, entry: &Entry, key: &Key<'_>) -> bool {
        let half = self.halves().0;
        let is_earlier = entry.at < self.earlier() || half.panic_of(entry) != key.panic();
        key.is_dump() && half.is_dump(entry) && !half.is(entry, key) && is_earlier
    }

    /// What lies before it is of earlier runs.
    fn earlier(&self) -> usize {
        let earlier = self.0.book.earlier.load(Ordering::Acquire);
        usize::try_from(earlier).unwrap_or(0)
    }

    /// Takes a variable away.
    ///
    /// # Errors
    /// [`Fault::Missing`].
    pub fn delete(&self, key: &Key<'_>) -> Result<(), Fault> {
        self.find(key).ok_or(Fault::Missing)?;
        // All of that name: its Linux may have written another one, which would come to light.
        let half = self.halves().0;
        let copied = self.copy_without(|other| half.is(other, key));
        let (at, earlier) = copied.ok_or(Fault::Full)?;
        self.commit(at, earlier)
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
        if data > MAX_DATA || !key.is_name() {
            return Err(Fault::TooLong);
        }
        let replaced = old.map_or(0, |entry| entry.bytes());
        let more = key.record_bytes(data).saturating_sub(replaced);
        let end = self.end_of_those_that_give_way(key, more)?;
        let (half, _, other, _) = self.halves();
        // All of that name, as in `delete`: this one is to be found.
        let is_left_out =
            |entry: &Entry| half.is(entry, key) || entry.at < end && self.gives_way(entry, key);
        let (at, earlier) = self.copy_without(is_left_out).ok_or(Fault::Full)?;
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
        self.commit(new.end(), earlier)
    }

    /// Copies records to the other half; how many bytes they take, and those of earlier runs.
    fn copy_without(&self, is_left_out: impl Fn(&Entry) -> bool) -> Option<(usize, usize)> {
        let (half, length, other, _) = self.halves();
        let (mut at, mut earlier) = (0, 0);
        for entry in half.entries(length).filter(|entry| !is_left_out(entry)) {
            other.copy(at, half, entry.at, entry.bytes())?;
            at += entry.bytes();
            if entry.at < self.earlier() {
                earlier = at;
            }
        }
        Some((at, earlier))
    }

    /// Puts the other half in force, with so many bytes in use.
    fn commit(&self, length: usize, earlier: usize) -> Result<(), Fault> {
        let (_, _, other, which) = self.halves();
        let word = u32::try_from(length).map_err(|_| Fault::Full)?;
        let earlier = u32::try_from(earlier).map_err(|_| Fault::Full)?;
        if length > other.len() {
            return Err(Fault::Full);
        }
        // Nobody looks between the two, in whichever order they are: that takes the store. If this core is
        // reset there, nobody gets it until the next run begins, and all that is there is of earlier ones.
        self.0.book.earlier.store(earlier, Ordering::Release);
        // Release: whoever sees this word sees the half.
        self.0.book.live.store(word | which, Ordering::Release);
        Ok(())
    }
}
