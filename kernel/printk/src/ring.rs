//! The ring buffer of printk: descriptors in a ring, what each says in a second array, the texts in a
//! ring of bytes.
//!
//! It is read without the locks that it does without itself: a descriptor counts if its state names it
//! before and after. One that is written meanwhile is passed over.

use crate::Ram;
use crate::address::Space;
use crate::info::{Info, Key};
use crate::text::{self, Reason};

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
    at: u64,
    length: u64,
    /// Its descriptor's number, and where its state is.
    id: u64,
    state_at: u64,
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

    /// Hands out what it holds, oldest first, as a console would show it: `[    0.000000] text`, a line
    /// for each of a record. Of more than [`MOST_RECORDS`] the newest. Bytes are what that Linux wrote:
    /// [`printable`](crate::printable) makes them fit to be shown.
    pub fn lines(&self, ram: &impl Ram, out: &mut dyn FnMut(&[u8])) {
        self.each(ram, |space, record| {
            let mut stamp = text::stamp(record.time);
            out(stamp.as_bytes());
            let mut is_at_start = false;
            let mut piece = |bytes: &[u8]| {
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    if is_at_start {
                        stamp = text::stamp(record.time);
                        out(stamp.as_bytes());
                    }
                    out(line);
                    is_at_start = line.ends_with(b"\n");
                }
            };
            text_of(ram, space, &record, &mut piece);
            // A text does not end with one, but what a Linux writes there is its own affair.
            if !is_at_start {
                out(b"\n");
            }
        });
    }

    /// The last whole lines of these that have `most` bytes at most.
    pub fn last_lines(&self, ram: &impl Ram, most: usize, out: &mut dyn FnMut(&[u8])) {
        let mut rest = 0usize;
        self.lines(ram, &mut |bytes| rest = rest.saturating_add(bytes.len()));
        let (mut is_begun, mut is_at_start) = (false, true);
        self.lines(ram, &mut |bytes| {
            is_begun |= is_at_start && rest <= most;
            if is_begun {
                out(bytes);
            }
            rest = rest.saturating_sub(bytes.len());
            is_at_start = bytes.ends_with(b"\n");
        });
    }

    /// What it says why it panicked, the last time that it did: `Attempted to kill init! ...`.
    pub fn panic(&self, ram: &impl Ram) -> Option<Reason> {
        let mut last = None;
        self.each(ram, |space, record| {
            let mut reason = text::Matcher::new();
            text_of(ram, space, &record, &mut |bytes| reason.feed(bytes));
            last = reason.finish().or(last.take());
        });
        last
    }

    /// Hands out the records that can be read, oldest first, without their texts.
    pub fn records(&self, ram: &impl Ram, out: &mut dyn FnMut(Record)) {
        self.each(ram, |_, record| out(record));
    }

    /// Works on the records that can be read, oldest first.
    fn each(&self, ram: &impl Ram, mut work: impl FnMut(&mut Space, Record)) {
        let mut space = self.space;
        let (Some(head), Some(tail)) = (space.word(ram, self.head), space.word(ram, self.tail))
        else {
            return;
        };
        let most = MOST_RECORDS.min(1 << self.count_bits);
        let count = ((head.wrapping_sub(tail) & ID) + 1).min(most);
        for back in (0..count).rev() {
            let id = head.wrapping_sub(back) & ID;
            if let Some(record) = self.record(ram, &mut space, id) {
                work(&mut space, record);
            }
        }
    }

    fn record(&self, ram: &impl Ram, space: &mut Space, id: u64) -> Option<Record> {
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
            length: u64::from(u16::from_le_bytes([low, high])).min(room),
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

/// Whether a descriptor is number `id`, and says something complete.
fn is_readable(state: u64, id: u64) -> bool {
    state & ID == id && READABLE.contains(&(state >> ID_BITS))
}

/// Hands out the text of a record in pieces, unless it was overwritten meanwhile.
fn text_of(ram: &impl Ram, space: &mut Space, record: &Record, out: &mut dyn FnMut(&[u8])) {
    let mut done = 0;
    let mut bytes = [0; 64];
    while done < record.length {
        #[expect(clippy::cast_possible_truncation, reason = "64 at most")]
        let length = (record.length - done).min(bytes.len() as u64) as usize;
        let piece = &mut bytes[..length];
        let at = record.at.wrapping_add(done);
        let is_same = space.read(ram, at, piece).is_some()
            && matches!(space.word(ram, record.state_at), Some(state) if is_readable(state, record.id));
        if !is_same {
            return;
        }
        out(piece);
        done += length as u64;
    }
}

/// A number of bits within bounds: 32 bits of a word.
#[expect(clippy::cast_possible_truncation, reason = "they are cut out of it")]
fn bits(word: u64, bounds: core::ops::RangeInclusive<u32>) -> Option<u32> {
    Some(word as u32).filter(|bits| bounds.contains(bits))
}
