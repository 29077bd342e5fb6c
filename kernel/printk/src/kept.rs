//! What a partition's last runs have printed, kept over its ends.
//!
//! It lies in the partition's own RAM ([`ROOM_BYTES`]), of which its Linux is told that it is reserved:
//! nothing that is read there is trusted. What says which of it counts is kept by Bulkhead ([`Book`]).
//!
//! A run is written at its end, by the core that does the work of that end, which may be reset meanwhile:
//! then another one writes it anew. It is read by the shell's core.

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::text::{MOST_REASON, Reason, printable};
use crate::{Ram, Ring};

/// Runs that are kept.
pub const RUNS: usize = 3;
/// Bytes that are kept of each: the last ones.
pub const RUN_BYTES: usize = 64 << 10;
/// Bytes of all of it: the texts, and a page with the reasons.
pub const ROOM_BYTES: usize = RUNS * RUN_BYTES + 4096;

/// The room for it.
pub type Room = [AtomicU8; ROOM_BYTES];

/// What is known of it beside its bytes.
#[derive(Debug, Default)]
pub struct Book {
    /// Which run lies in each place; 0 for none. Written last (release), read first (acquire).
    runs: [AtomicU32; RUNS],
    /// Bytes of it.
    lengths: [AtomicU32; RUNS],
}

impl Book {
    /// Of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            runs: [const { AtomicU32::new(0) }; RUNS],
            lengths: [const { AtomicU32::new(0) }; RUNS],
        }
    }

    /// Forgets all.
    pub fn clear(&self) {
        for run in &self.runs {
            run.store(0, Ordering::Release);
        }
    }

    /// Whether that run is kept.
    pub fn has(&self, run: u32) -> bool {
        self.place(run).is_some()
    }

    /// The runs that are kept, oldest first.
    pub fn runs(&self) -> [Option<u32>; RUNS] {
        let mut runs = core::array::from_fn(|place| {
            let run = self.runs.get(place)?.load(Ordering::Acquire);
            (run != 0).then_some(run)
        });
        runs.sort_unstable();
        runs
    }

    fn place(&self, run: u32) -> Option<usize> {
        let place = run as usize % RUNS;
        (run != 0 && self.runs[place].load(Ordering::Acquire) == run).then_some(place)
    }
}

/// The kept runs of one partition.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    room: &'a Room,
    book: &'a Book,
}

impl<'a> Kept<'a> {
    /// Those whose bytes these are, and of which `book` was kept.
    #[must_use]
    pub const fn new(room: &'a Room, book: &'a Book) -> Self {
        Self { room, book }
    }

    /// Keeps the last of what `ring` holds as that of `run`; the oldest one goes.
    pub fn keep(&self, run: u32, ring: &Ring, ram: &impl Ram) {
        let place = run as usize % RUNS;
        self.book.runs[place].store(0, Ordering::Release);
        let mut length = 0;
        let lines = ring.last_lines(ram, RUN_BYTES);
        for (to, byte) in self.text(place).iter().zip(lines) {
            to.store(byte, Ordering::Relaxed);
            length += 1;
        }
        let reason = ring.panic(ram);
        let reason = reason.iter().flat_map(|reason| reason.as_bytes());
        let bytes = reason.copied().chain(core::iter::repeat(0));
        for (to, byte) in self.reason_bytes(place).iter().zip(bytes) {
            to.store(byte, Ordering::Relaxed);
        }
        self.book.lengths[place].store(length, Ordering::Relaxed);
        self.book.runs[place].store(run, Ordering::Release);
    }

    /// Whether that run is kept.
    #[must_use]
    pub fn has(&self, run: u32) -> bool {
        self.book.has(run)
    }

    /// The runs that are kept, oldest first.
    #[must_use]
    pub fn runs(&self) -> [Option<u32>; RUNS] {
        self.book.runs()
    }

    /// What `run` printed, fit to be shown, if it is kept.
    pub fn text_of(&self, run: u32) -> Option<impl Iterator<Item = u8> + use<'a>> {
        let place = self.book.place(run)?;
        let length = self.book.lengths[place].load(Ordering::Relaxed) as usize;
        let text = self.text(place).iter().take(length);
        Some(text.map(|byte| printable(byte.load(Ordering::Relaxed))))
    }

    /// Why that run ended, if it said so.
    #[must_use]
    pub fn reason(&self, run: u32) -> Option<Reason> {
        let place = self.book.place(run)?;
        let mut reason = Reason::new();
        let bytes = self.reason_bytes(place).iter();
        let bytes = bytes.map(|byte| byte.load(Ordering::Relaxed));
        bytes.take_while(|byte| *byte != 0).for_each(|byte| {
            reason.push(match printable(byte) {
                b'\n' | b'"' => b'?',
                byte => byte,
            });
        });
        (!reason.as_bytes().is_empty()).then_some(reason)
    }

    fn text(&self, place: usize) -> &'a [AtomicU8] {
        self.part(place * RUN_BYTES, RUN_BYTES)
    }

    fn reason_bytes(&self, place: usize) -> &'a [AtomicU8] {
        self.part(RUNS * RUN_BYTES + place * MOST_REASON, MOST_REASON)
    }

    fn part(&self, start: usize, bytes: usize) -> &'a [AtomicU8] {
        self.room.get(start..start + bytes).unwrap_or_default()
    }
}

const _: () = assert!(RUNS * MOST_REASON <= 4096);
