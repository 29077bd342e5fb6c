//! Where in a ring somebody reads, while its Linux writes on.

use crate::address::Space;
use crate::follow::{Note, Piece};
use crate::ring::{Look, Record, after, ahead, read_text};
use crate::text::{printable, stamp};
use crate::{Ram, Ring};

/// Descriptors that are looked at in one step.
const STEP: u32 = 64;

/// How long a line that may go on is waited for, in milliseconds, and one that is being written while
/// later ones are there already: its writer may never come back.
const OPEN_MS: u64 = 200;
const UNWRITTEN_MS: u64 = 1000;

/// Room that a byte needs with the stamp before it, or a line's end behind it.
const STAMPED: usize = 32;

/// What was shown last, so that it can be found again.
#[derive(Debug)]
pub(crate) struct Pen {
    /// Of the line that is being written: its bytes, by FNV-1a, and how many there are.
    hash: u64,
    pub(crate) column: usize,
    /// Of the last whole one.
    pub(crate) last: Option<u64>,
}

impl Default for Pen {
    fn default() -> Self {
        Self {
            hash: FNV,
            column: 0,
            last: None,
        }
    }
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

impl Pen {
    /// Writes a byte that is fit to be shown.
    pub(crate) fn put(&mut self, byte: u8, piece: &mut Piece) {
        piece.push(byte);
        self.pass(byte);
    }

    /// The same without showing it.
    pub(crate) const fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            self.last = Some(self.hash);
            self.hash = FNV;
            self.column = 0;
        } else {
            self.hash = (self.hash ^ byte as u64).wrapping_mul(0x100_0000_01b3);
            self.column += 1;
        }
    }

    /// Whether a line has begun.
    pub(crate) const fn is_inside(&self) -> bool {
        self.column > 0
    }

    /// Whether a text begins as the line that has begun.
    pub(crate) fn has_begun(&self, text: impl Iterator<Item = u8>) -> bool {
        let mut other = Self::default();
        text.take(self.column).for_each(|byte| other.pass(byte));
        (other.hash, other.column) == (self.hash, self.column)
    }

    /// Leaves the line that has begun, which is not whole.
    pub(crate) fn leave(&mut self, piece: &mut Piece) {
        if self.is_inside() {
            piece.push(b'\n');
            self.column = 0;
        }
        self.hash = FNV;
    }
}

/// A place in a ring.
#[derive(Debug, Default)]
pub(crate) struct Position {
    /// Number of the descriptor that is read next, and bytes of its text that were handed out.
    next: Option<u64>,
    given: u64,
    /// Since when there is no going on, in milliseconds.
    since_ms: Option<u64>,
    /// The last whole record that was handed out: its number, and its time.
    last: Option<(u64, u64)>,
    /// Records that were lost and not told of.
    lost: u64,
}

impl Position {
    /// Reads on, as much as `piece` has room for. `rows`: records to begin with, at the end of the ring,
    /// if it is the first time.
    pub(crate) fn read<R: Ram>(
        &mut self,
        (ring, ram): (&Ring, &R),
        rows: Option<u64>,
        now_ms: u64,
        pen: &mut Pen,
        piece: &mut Piece,
    ) -> Option<Note> {
        let mut space = ring.space();
        let (tail, head) = ring.ends(ram, &mut space)?;
        let end = after(head, 1);
        let first = match rows.map(|rows| after(end, rows.wrapping_neg())) {
            Some(first) if ahead(tail, first) > 0 => first,
            _ => tail,
        };
        let next = *self.next.get_or_insert(first);
        if self.is_of_another(ring, ram, &mut space, (tail, end)) {
            *self = Self::default();
            pen.leave(piece);
            return Some(Note::Another);
        }
        if let Some(lost) = u64::try_from(ahead(next, tail))
            .ok()
            .filter(|lost| *lost > 0)
        {
            self.lose(lost, pen, piece);
        }
        for _ in 0..STEP {
            let next = self.next.filter(|next| *next != end)?;
            let is_newest = next == head;
            let (record, is_whole) = match ring.look(ram, &mut space, next) {
                Look::Whole(record) => (record, true),
                // If a later one is there already, nothing is added to it any more.
                Look::Open(record) if self.is_overdue(now_ms, OPEN_MS) => (record, !is_newest),
                Look::Open(_) => return None,
                Look::Unwritten if is_newest || !self.is_overdue(now_ms, UNWRITTEN_MS) => {
                    return None;
                }
                // Where a ring begins there is one that never said anything.
                Look::Gone if (self.last, self.lost, self.given) == (None, 0, 0) => {
                    self.pass(1);
                    continue;
                }
                Look::Unwritten | Look::Gone => {
                    self.lose(1, pen, piece);
                    continue;
                }
            };
            if self.lost > 0 {
                return Some(Note::Lost(Some(core::mem::take(&mut self.lost))));
            }
            match self.give(ram, &mut space, &record, pen, piece) {
                None => self.lose(1, pen, piece),
                Some(true) if is_whole => self.finish(&record, pen, piece),
                Some(_) => return None,
            }
        }
        None
    }

    /// Whether the ring is not the one that was read before: another kernel's, after a kexec.
    fn is_of_another<R: Ram>(
        &self,
        ring: &Ring,
        ram: &R,
        space: &mut Space,
        (tail, end): (u64, u64),
    ) -> bool {
        let is_behind = self.next.is_some_and(|next| ahead(end, next) > 0);
        let is_changed = self.last.is_some_and(|(id, time)| {
            let is_there = ahead(tail, id) >= 0;
            let record = is_there.then(|| ring.record(ram, space, id)).flatten();
            record.is_some_and(|record| record.time != time)
        });
        is_behind || is_changed
    }

    /// Whether it has not gone on for so long.
    fn is_overdue(&mut self, now_ms: u64, most_ms: u64) -> bool {
        let since = *self.since_ms.get_or_insert(now_ms);
        now_ms.saturating_sub(since) >= most_ms
    }

    /// Passes over records that can't be read.
    fn lose(&mut self, count: u64, pen: &mut Pen, piece: &mut Piece) {
        pen.leave(piece);
        self.lost = self.lost.saturating_add(count);
        self.pass(count);
    }

    fn pass(&mut self, count: u64) {
        self.next = self.next.map(|next| after(next, count));
        self.given = 0;
        self.since_ms = None;
    }

    /// Hands out what is left of a record's text: whether that was all; `None` if it was overwritten.
    fn give<R: Ram>(
        &mut self,
        ram: &R,
        space: &mut Space,
        record: &Record,
        pen: &mut Pen,
        piece: &mut Piece,
    ) -> Option<bool> {
        let mut chunk = [0; 32];
        while let Some(left) = record
            .length
            .checked_sub(self.given)
            .filter(|left| *left > 0)
        {
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let length = chunk.len().min(most);
            let chunk = chunk.get_mut(..length)?;
            read_text(ram, space, record, self.given, chunk)?;
            for byte in chunk {
                if piece.room() < 2 * STAMPED {
                    return Some(false);
                }
                if !pen.is_inside() {
                    begin(record, pen, piece);
                }
                pen.put(printable(*byte), piece);
                self.given += 1;
            }
        }
        Some(piece.room() >= 2 * STAMPED)
    }

    /// Ends a record that was handed out, and goes on to the next.
    fn finish(&mut self, record: &Record, pen: &mut Pen, piece: &mut Piece) {
        if record.length == 0 {
            begin(record, pen, piece);
        }
        // A text does not end with one, but what a Linux writes there is its own affair.
        if pen.is_inside() {
            pen.put(b'\n', piece);
        }
        self.last = self.next.map(|next| (next, record.time));
        self.pass(1);
    }
}

/// Begins a line with its time.
fn begin(record: &Record, pen: &mut Pen, piece: &mut Piece) {
    for byte in stamp(record.time).as_bytes() {
        pen.put(*byte, piece);
    }
}
