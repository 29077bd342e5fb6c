//! Records between two sides through memory that both can write.
//!
//! A [`Channel`] is one side of it. Each side writes a block of words, and the ring of what it sends; the
//! other one only reads them. That is what both ought to do: nothing that is read is trusted. What a side
//! has sent and taken it knows by itself; what the other one says of it is checked before it is used, and
//! one that says what can't be is answered by beginning anew.
//!
//! ```text
//! words   0  side 0: epoch, seen, rings | tail | head | doze     each on a cache line of its own
//!        32  side 1: the same
//!        64  ring of side 0, then that of side 1, equally long
//! ```
//!
//! **Beginning.** Each side has an epoch, a number that it raises when it begins, and says which epoch of
//! the other it has *seen*. Before it says so it has taken back its counts to 0. A side sends and takes
//! only while both have seen each other, so a restart of either ends in both counting from 0 again, and
//! what was under way is lost, as on a wire.
//!
//! **A record** is a word with its length in bytes and as many words as that takes. Counts are in words and
//! only grow.
//!
//! **Sleeping.** Who goes to sleep makes its *doze* odd, looks once more for what it [needs](Need), and
//! sleeps; who has sent or taken something looks at the other's doze afterwards, and rings once for each odd
//! number.
#![no_std]
#![forbid(unsafe_code)]

mod span;

use core::sync::atomic::{AtomicU64, Ordering, fence};

use span::{Span, Writer};

/// Longest record, in bytes: a frame as long as IP packets get, with what is put in front of it.
pub const MOST_BYTES: usize = 66_000;

const BLOCK: usize = 32;
const BLOCKS: usize = 2 * BLOCK;
/// In a block: words on cache lines of their own.
const EPOCH: usize = 0;
const SEEN: usize = 1;
const RINGS: usize = 2;
const TAIL: usize = 8;
const HEAD: usize = 16;
const DOZE: usize = 24;
/// Two of the longest records.
const LEAST_RING: usize = 2 * words(MOST_BYTES);

const WORD: usize = size_of::<u64>();

/// Words that a record of that many bytes takes.
const fn words(bytes: usize) -> usize {
    1 + bytes.div_ceil(WORD)
}

/// What became of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not there, or has not seen this side yet.
    Down,
    /// Both have just seen each other.
    Begun,
    /// They go on.
    Up,
}

/// What a side waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A record.
    Record,
    /// Room for a record of that many bytes, before which it takes none.
    Room(usize),
    /// Either of the two.
    Either(usize),
}

/// One side of a channel.
#[derive(Debug)]
pub struct Channel<'a> {
    cells: &'a [AtomicU64],
    is_second: bool,
    ring: usize,
    epoch: u64,
    /// The other side's.
    seen: u64,
    is_up: bool,
    rings: bool,
    tail: u64,
    head: u64,
    doze: u64,
    /// For which of the other's dozes it was rung.
    rung: u64,
    lies: u64,
}

impl<'a> Channel<'a> {
    /// Begins as one side of the channel in that memory, which can ring for the other one or not; `None` if
    /// it is too small for one.
    #[must_use]
    pub fn open(cells: &'a [AtomicU64], is_second: bool, rings: bool) -> Option<Self> {
        let ring = cells.len().checked_sub(BLOCKS)? / 2;
        if ring < LEAST_RING {
            return None;
        }
        let mut channel = Self {
            cells,
            is_second,
            ring,
            epoch: 0,
            seen: 0,
            is_up: false,
            rings,
            tail: 0,
            head: 0,
            doze: 0,
            rung: 0,
            lies: 0,
        };
        channel.epoch = channel.own(EPOCH).load(Ordering::Relaxed);
        channel.begin();
        Some(channel)
    }

    /// How often the other side has said what can't be.
    #[must_use]
    pub const fn lies(&self) -> u64 {
        self.lies
    }

    /// Whether records go through, as of the last [`poll`](Self::poll).
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.is_up
    }

    /// Looks whether the other side is there. To be called before each round of sending and taking.
    pub fn poll(&mut self) -> State {
        if !self.stands() {
            self.caught();
        }
        let epoch = self.other(EPOCH).load(Ordering::Acquire);
        if epoch != self.seen {
            self.meet(epoch);
        }
        let sees_us = self.other(SEEN).load(Ordering::Acquire) == self.epoch;
        let was_up = core::mem::replace(&mut self.is_up, self.seen != 0 && sees_us);
        match (was_up, self.is_up) {
            (_, false) => State::Down,
            (false, true) => State::Begun,
            (true, true) => State::Up,
        }
    }

    /// Sends a record made of these parts; `false` if there is no room for it now, or the channel is down,
    /// or it is longer than [`MOST_BYTES`].
    pub fn send(&mut self, parts: &[&[u8]]) -> bool {
        let bytes = parts.iter().map(|part| part.len()).sum();
        if bytes > MOST_BYTES || !self.has_room(bytes) {
            return false;
        }
        let span = Span::of(self.ring_of(self.is_second), self.tail, words(bytes));
        let mut writer = Writer::new(span);
        writer.put(&(bytes as u64).to_le_bytes());
        for part in parts {
            writer.put(part);
        }
        writer.finish();
        self.tail += words(bytes) as u64;
        self.own(TAIL).store(self.tail, Ordering::Release);
        true
    }

    /// Whether a record of that many bytes would be sent.
    pub fn has_room(&mut self, bytes: usize) -> bool {
        if !self.is_up {
            return false;
        }
        let head = self.other(HEAD).load(Ordering::Acquire);
        match self.tail.checked_sub(head) {
            Some(used) if used <= self.ring as u64 => {
                (self.ring as u64 - used) >= words(bytes) as u64
            }
            _ => {
                self.caught();
                false
            }
        }
    }

    /// Takes the next record: how long it is. What has no room in `into` is lost.
    pub fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        if !self.is_up {
            return None;
        }
        let tail = self.other(TAIL).load(Ordering::Acquire);
        let there = tail.checked_sub(self.head);
        if there == Some(0) {
            return None;
        }
        let bytes = there.filter(|there| *there <= self.ring as u64);
        let bytes = bytes.and_then(|there| {
            let mut span = Span::of(self.ring_of(!self.is_second), self.head, self.ring);
            let bytes = span.word()?.load(Ordering::Relaxed);
            let bytes = usize::try_from(bytes).ok()?;
            let is_whole = bytes <= MOST_BYTES && words(bytes) as u64 <= there;
            is_whole.then_some((bytes, span))
        });
        let Some((bytes, mut span)) = bytes else {
            self.caught();
            return None;
        };
        let taken = bytes.min(into.len());
        span.read(&mut into[..taken]);
        self.head += words(bytes) as u64;
        self.own(HEAD).store(self.head, Ordering::Release);
        Some(taken)
    }

    /// Whether there is something to take.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.is_up && self.other(TAIL).load(Ordering::Acquire) != self.head
    }

    /// Whether that is there.
    pub fn has(&mut self, need: Need) -> bool {
        match need {
            Need::Record => self.has_more(),
            Need::Room(bytes) => self.has_room(bytes),
            Need::Either(bytes) => self.has_more() || self.has_room(bytes),
        }
    }

    /// Says that this side is about to sleep. Then look once more for what it needs, and sleep if that is not
    /// there.
    pub fn doze(&mut self) {
        self.doze |= 1;
        self.own(DOZE).store(self.doze, Ordering::Relaxed);
        // Before the look; pairs with the one in `is_waited_for`.
        fence(Ordering::SeqCst);
    }

    /// This side is awake.
    pub fn wake(&mut self) {
        self.doze = self.doze.wrapping_add(self.doze & 1);
        self.own(DOZE).store(self.doze, Ordering::Relaxed);
    }

    /// Whether the other side sleeps and has to be woken. To be asked after sending and taking; says so
    /// once for each sleep.
    pub fn is_waited_for(&mut self) -> bool {
        // After what was sent; pairs with the one in `doze`.
        fence(Ordering::SeqCst);
        let doze = self.other(DOZE).load(Ordering::Relaxed);
        let is_asleep = doze & 1 == 1 && doze != self.rung;
        if is_asleep {
            self.rung = doze;
        }
        is_asleep
    }

    /// Whether the other side says that it rings.
    #[must_use]
    pub fn is_rung(&self) -> bool {
        self.other(RINGS).load(Ordering::Relaxed) == 1
    }

    /// A number that the other side notices: neither the last one, nor the one that it has seen, to which
    /// a liar before this side, in whose place it is, can make the count come round.
    fn begin(&mut self) {
        self.meet(0);
        let seen = self.other(SEEN).load(Ordering::Acquire);
        let next = |epoch: u64| epoch.wrapping_add(1).max(1);
        self.epoch = next(self.epoch);
        if self.epoch == seen {
            self.epoch = next(self.epoch);
        }
        let rings = u64::from(self.rings);
        self.own(RINGS).store(rings, Ordering::Relaxed);
        self.own(EPOCH).store(self.epoch, Ordering::Release);
        self.wake();
    }

    /// Counts from 0 again, and says that it has seen the other's epoch.
    fn meet(&mut self, epoch: u64) {
        self.own(SEEN).store(0, Ordering::Release);
        (self.tail, self.head, self.is_up, self.rung) = (0, 0, false, 0);
        self.own(TAIL).store(0, Ordering::Release);
        self.own(HEAD).store(0, Ordering::Release);
        self.seen = epoch;
        self.own(SEEN).store(epoch, Ordering::Release);
    }

    /// Whether all that this side says of itself is there. Where the other one has written over it, a peer that
    /// comes after that liar would never meet it, or not know what it has seen.
    fn stands(&self) -> bool {
        let said = [
            (EPOCH, self.epoch),
            (SEEN, self.seen),
            (RINGS, self.rings.into()),
            (TAIL, self.tail),
            (HEAD, self.head),
            (DOZE, self.doze),
        ];
        let mut said = said.iter();
        said.all(|(word, value)| self.own(*word).load(Ordering::Relaxed) == *value)
    }

    fn caught(&mut self) {
        self.lies += 1;
        self.begin();
    }

    fn own(&self, word: usize) -> &AtomicU64 {
        self.block(self.is_second, word)
    }

    fn other(&self, word: usize) -> &AtomicU64 {
        self.block(!self.is_second, word)
    }

    fn block(&self, is_second: bool, word: usize) -> &AtomicU64 {
        &self.cells[if is_second { BLOCK } else { 0 } + word]
    }

    /// What that side sends.
    fn ring_of(&self, is_second: bool) -> &'a [AtomicU64] {
        let start = BLOCKS + if is_second { self.ring } else { 0 };
        &self.cells[start..start + self.ring]
    }
}
