//! The ring buffer of printk: descriptors in a ring, what each says in a second array, the texts in a
//! ring of bytes.
//!
//! It is read without the locks that it does without itself: a descriptor counts if its state names it
//! before and after. One that is written meanwhile is passed over.

use crate::Ram;
use crate::address::Space;
use crate::info::{Info, Key};
use crate::lines::{Lines, Text};
use crate::text::{Matcher, Reason};

/// Records that are looked at, the newest ones. 64 KiB of lines hold no more: each has at least
/// 16 bytes.
pub const MOST_RECORDS: u64 = 4096;

/// Bits of a descriptor's state that are its number; above them is what it is.
const ID_BITS: u32 = 62;
const ID: u64 = (1 << ID_BITS) - 1;
/// `desc_committed`, `desc_finalized`: what it says is complete, but for a line that may go on.
const READABLE: [u64; 2] = [1, 2];

/// A descriptor for each 32 bytes of text (`PRB_AVGBITS`), and 2 GiB of them at most
/// (`LOG_BUF_LEN_MAX`).
const SIZE_BITS: core::ops::RangeInclusive<u32> = 10..=31;
const COUNT_BITS: core::ops::RangeInclusive<u32> = 4..=27;

/// A block of text begins with the number of its descriptor.
const BLOCK_HEAD: u64 = 8;

/// Both ends of a text of no bytes (`EMPTY_LINE_LPOS`). Other odd ones: it was lost.
const EMPTY: u64 = 3;

/// A ring.
#[derive(Debug)]
pub struct Ring {
    info: Info,
    space: Space,
    /// Virtual addresses of its arrays.
    descs: u64,
    infos: u64,
    data: u64,
    count_bits: u32,
    size_bits: u32,
    /// Virtual address of the number of the newest descriptor, and of the oldest.
    head: u64,
    tail: u64,
}

/// What one record says, but for its text.
#[derive(Debug)]
pub struct Record {
    /// Its number, from the first one on.
    pub sequence: u64,
    /// How grave it is: 0 an emergency, 7 for debugging.
    pub level: u8,
    /// Nanoseconds since that kernel started.
    pub time: u64,
    /// Virtual address of its text, and its bytes.
    pub(crate) at: u64,
    pub(crate) length: u64,
    /// Its descriptor's number, and where its state is.
    id: u64,
    state_at: u64,
}

/// What a descriptor says when it is looked at.
#[derive(Debug)]
pub(crate) enum Look {
    /// Nothing yet: it is being written, or its place is still an older one's.
    Unwritten,
    /// A line that may go on.
    Open(Record),
    /// A record.
    Whole(Record),
    /// Nothing any more, or nothing that can be read.
    Gone,
}

/// The records of a ring that can be read, oldest first.
#[derive(Debug)]
pub struct Records<'a, R> {
    ring: &'a Ring,
    ram: &'a R,
    space: Space,
    /// Number of the newest descriptor, and how many are still to come.
    head: u64,
    left: u64,
}

impl<R: Ram> Iterator for Records<'_, R> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.left > 0 {
            self.left -= 1;
            let id = self.head.wrapping_sub(self.left) & ID;
            if let Some(record) = self.ring.record(self.ram, &mut self.space, id) {
                return Some(record);
            }
        }
        None
    }
}

impl<R: Ram> Records<'_, R> {
    /// Reads a part of a record's text, unless it was overwritten meanwhile.
    pub(crate) fn read(&mut self, record: &Record, from: u64, into: &mut [u8]) -> Option<()> {
        read_text(self.ram, &mut self.space, record, from, into)
    }
}

impl Ring {
    /// The one to which `info` leads; `None` if it is none.
    pub(crate) fn open(ram: &impl Ram, info: Info, mut space: Space) -> Option<Self> {
        let counter = info.get(Key::Counter);
        let prb = space.word(ram, info.get(Key::Prb))?;
        let desc_ring = prb.checked_add(info.get(Key::DescRing))?;
        let text_ring = prb.checked_add(info.get(Key::TextRing))?;
        let mut member = |base: u64, key| space.word(ram, base.checked_add(info.get(key))?);
        let ring = Self {
            descs: member(desc_ring, Key::Descs)?,
            infos: member(desc_ring, Key::Infos)?,
            data: member(text_ring, Key::Data)?,
            count_bits: bits(member(desc_ring, Key::CountBits)?, COUNT_BITS)?,
            size_bits: bits(member(text_ring, Key::SizeBits)?, SIZE_BITS)?,
            head: desc_ring.checked_add(info.get(Key::HeadId) + counter)?,
            tail: desc_ring.checked_add(info.get(Key::TailId) + counter)?,
            info,
            space,
        };
        ring.is_plausible(ram).then_some(ring)
    }

    /// Whether its newest or its oldest descriptor is what it should be.
    fn is_plausible(&self, ram: &impl Ram) -> bool {
        let mut space = self.space;
        let mut is_named = |at| {
            let id = space.word(ram, at)? & ID;
            let state = space.word(ram, self.state_of(id)?)?;
            Some(state & ID == id)
        };
        is_named(self.tail) == Some(true) || is_named(self.head) == Some(true)
    }

    fn state_of(&self, id: u64) -> Option<u64> {
        let offset = self.index(id) * self.info.get(Key::DescBytes);
        let member = self.info.get(Key::State) + self.info.get(Key::Counter);
        self.descs.checked_add(offset)?.checked_add(member)
    }

    const fn index(&self, id: u64) -> u64 {
        id & ((1 << self.count_bits) - 1)
    }

    /// What it holds, byte by byte, oldest line first, as a console would show it: `[    0.000000] text`,
    /// a line for each of a record. Of more than [`MOST_RECORDS`] the newest. The bytes are what that
    /// Linux wrote: [`printable`](crate::printable) makes them fit to be shown.
    pub fn lines<'a, R: Ram>(&'a self, ram: &'a R) -> Lines<'a, R> {
        Lines::new(self.records(ram))
    }

    /// The last whole lines of these that have `most` bytes at most.
    pub fn last_lines<'a, R: Ram>(&'a self, ram: &'a R, most: usize) -> Lines<'a, R> {
        let mut surplus = self.lines(ram).count().saturating_sub(most);
        let mut lines = self.lines(ram);
        let mut is_whole = true;
        while surplus > 0 || !is_whole {
            let Some(byte) = lines.next() else { break };
            is_whole = byte == b'\n';
            surplus = surplus.saturating_sub(1);
        }
        lines
    }

    /// What it says why it panicked, the last time that it did: `Attempted to kill init! ...`.
    pub fn panic(&self, ram: &impl Ram) -> Option<Reason> {
        let mut last = None;
        let mut records = self.records(ram);
        while let Some(record) = records.next() {
            let mut reason = Matcher::new();
            let mut text = Text::of(record);
            while let Some(byte) = text.next(&mut records)
                && reason.feed(byte)
            {}
            last = reason.finish().or(last);
        }
        last
    }

    /// The records that can be read, oldest first.
    pub fn records<'a, R: Ram>(&'a self, ram: &'a R) -> Records<'a, R> {
        let mut space = self.space;
        let (head, count) = match self.ends(ram, &mut space) {
            Some((tail, head)) => {
                let most = MOST_RECORDS.min(1 << self.count_bits);
                (head, ((head.wrapping_sub(tail) & ID) + 1).min(most))
            }
            None => (0, 0),
        };
        Records {
            ring: self,
            ram,
            space,
            head,
            left: count,
        }
    }

    /// Numbers of the oldest descriptor and of the newest one.
    pub(crate) fn ends(&self, ram: &impl Ram, space: &mut Space) -> Option<(u64, u64)> {
        Some((
            space.word(ram, self.tail)? & ID,
            space.word(ram, self.head)? & ID,
        ))
    }

    /// Its addresses, to look it over with.
    pub(crate) const fn space(&self) -> Space {
        self.space
    }

    /// What descriptor number `id` says now.
    pub(crate) fn look(&self, ram: &impl Ram, space: &mut Space, id: u64) -> Look {
        let state = self.state_of(id).and_then(|at| space.word(ram, at));
        let Some(state) = state else {
            return Look::Gone;
        };
        if state & ID != id {
            return if ahead(state, id) > 0 {
                Look::Unwritten
            } else {
                Look::Gone
            };
        }
        match (state >> ID_BITS, self.record(ram, space, id)) {
            (0, _) => Look::Unwritten,
            (1, Some(record)) => Look::Open(record),
            (2, Some(record)) => Look::Whole(record),
            _ => Look::Gone,
        }
    }

    pub(crate) fn record(&self, ram: &impl Ram, space: &mut Space, id: u64) -> Option<Record> {
        let state_at = self.state_of(id)?;
        if !is_readable(space.word(ram, state_at)?, id) {
            return None;
        }
        let desc = self.index(id) * self.info.get(Key::DescBytes);
        let block = self.descs.checked_add(desc + self.info.get(Key::Block))?;
        let begin = space.word(ram, block.checked_add(self.info.get(Key::Begin))?)?;
        let next = space.word(ram, block.checked_add(self.info.get(Key::Next))?)?;
        let info = self
            .infos
            .checked_add(self.index(id) * self.info.get(Key::InfoBytes))?;
        let mut member = |key| space.word(ram, info.checked_add(self.info.get(key))?);
        let (sequence, time) = (member(Key::Sequence)?, member(Key::Time)?);
        // The length; a byte of the facility; five bits of flags, and the level.
        let mut tail = [0; 4];
        let at = info.checked_add(self.info.get(Key::TextBytes))?;
        space.read(ram, at, &mut tail)?;
        let [low, high, _, flags] = tail;
        let (at, room) = self.block(ram, space, id, begin, next)?;
        Some(Record {
            sequence,
            level: flags >> 5,
            time,
            at,
            length: u64::from(u16::from_le_bytes([low, high]))
                .min(room)
                .min(RECORD_MAX),
            id,
            state_at,
        })
    }

    /// Where the text between two places of the ring is, and the bytes that it may have. One that would
    /// go beyond the end begins at the start.
    fn block(
        &self,
        ram: &impl Ram,
        space: &mut Space,
        id: u64,
        begin: u64,
        next: u64,
    ) -> Option<(u64, u64)> {
        if begin & 1 != 0 {
            return (begin == EMPTY && next == EMPTY).then_some((0, 0));
        }
        let size = 1u64 << self.size_bits;
        let (first, last) = (
            begin >> self.size_bits,
            next.wrapping_sub(1) >> self.size_bits,
        );
        let at = if first == last { begin & (size - 1) } else { 0 };
        let end = next.wrapping_sub(1) & (size - 1);
        let room = (end + 1).checked_sub(at)?.checked_sub(BLOCK_HEAD)?;
        let block = self.data.checked_add(at)?;
        let text = block.checked_add(BLOCK_HEAD)?;
        (space.word(ram, block)? == id).then_some((text, room))
    }
}

/// Most bytes of a record that are read: twice what a stock kernel puts into one (`LOG_LINE_MAX`, later
/// `PRINTKRB_RECORD_MAX`). Records that lie may share their bytes, and would make a text of many times the
/// ring's size.
const RECORD_MAX: u64 = 2048;

/// How far number `other` is ahead of `id`: they go round.
#[expect(clippy::cast_possible_wrap, reason = "what is meant")]
pub(crate) const fn ahead(id: u64, other: u64) -> i64 {
    (other.wrapping_sub(id) << (64 - ID_BITS)) as i64 >> (64 - ID_BITS)
}

/// The number that follows.
pub(crate) const fn after(id: u64, count: u64) -> u64 {
    id.wrapping_add(count) & ID
}

/// Reads a part of a record's text, unless it was overwritten meanwhile.
pub(crate) fn read_text(
    ram: &impl Ram,
    space: &mut Space,
    record: &Record,
    from: u64,
    into: &mut [u8],
) -> Option<()> {
    space.read(ram, record.at.wrapping_add(from), into)?;
    let state = space.word(ram, record.state_at)?;
    is_readable(state, record.id).then_some(())
}

/// Whether a descriptor is number `id`, and says something complete.
fn is_readable(state: u64, id: u64) -> bool {
    state & ID == id && READABLE.contains(&(state >> ID_BITS))
}

/// A number of bits within bounds: 32 bits of a word.
#[expect(clippy::cast_possible_truncation, reason = "they are cut out of it")]
fn bits(word: u64, bounds: core::ops::RangeInclusive<u32>) -> Option<u32> {
    Some(word as u32).filter(|bits| bounds.contains(bits))
}
