//! Bytes as words of a ring, which goes on at its beginning where it ends.
//!
//! In pieces that lie in a row, so that nothing is computed for each word: this is what every byte of a frame
//! and of a disk goes through.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::WORD;

/// Words in a row, and those after them at the ring's beginning.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    row: &'a [AtomicU64],
    then: &'a [AtomicU64],
}

impl<'a> Span<'a> {
    /// So many words from that count on, at most the whole ring.
    pub(crate) fn of(ring: &'a [AtomicU64], at: u64, count: usize) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "it is less than a usize")]
        let start = (at % ring.len() as u64) as usize;
        let (begin, end) = ring.split_at(start);
        let row = &end[..count.min(end.len())];
        let then = &begin[..(count - row.len()).min(begin.len())];
        Self { row, then }
    }

    /// The next ones that lie in a row, at most so many; none at the end.
    fn take(&mut self, most: usize) -> &'a [AtomicU64] {
        if self.row.is_empty() {
            self.row = core::mem::take(&mut self.then);
        }
        let (taken, rest) = self.row.split_at(most.min(self.row.len()));
        self.row = rest;
        taken
    }

    /// The next word.
    pub(crate) fn word(&mut self) -> Option<&'a AtomicU64> {
        self.take(1).first()
    }

    /// The bytes that are there.
    pub(crate) fn read(&mut self, mut into: &mut [u8]) {
        while into.len() >= WORD {
            let cells = self.take(into.len() / WORD);
            if cells.is_empty() {
                return;
            }
            let (these, rest) = into.split_at_mut(cells.len() * WORD);
            for (cell, chunk) in cells.iter().zip(these.chunks_exact_mut(WORD)) {
                chunk.copy_from_slice(&cell.load(Ordering::Relaxed).to_le_bytes());
            }
            into = rest;
        }
        if let Some(cell) = self.take(into.len().min(1)).first() {
            let word = cell.load(Ordering::Relaxed).to_le_bytes();
            into.copy_from_slice(&word[..into.len()]);
        }
    }
}

/// Bytes that become words.
pub(crate) struct Writer<'a> {
    span: Span<'a>,
    word: u64,
    filled: usize,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(span: Span<'a>) -> Self {
        Self {
            span,
            word: 0,
            filled: 0,
        }
    }

    /// More of them.
    pub(crate) fn put(&mut self, mut bytes: &[u8]) {
        while self.filled != 0
            && let Some((byte, rest)) = bytes.split_first()
        {
            self.add(*byte);
            bytes = rest;
        }
        while bytes.len() >= WORD {
            let cells = self.span.take(bytes.len() / WORD);
            if cells.is_empty() {
                return;
            }
            let (these, rest) = bytes.split_at(cells.len() * WORD);
            for (cell, chunk) in cells.iter().zip(these.chunks_exact(WORD)) {
                let word = chunk.try_into().map_or(0, u64::from_le_bytes);
                cell.store(word, Ordering::Relaxed);
            }
            bytes = rest;
        }
        for byte in bytes {
            self.add(*byte);
        }
    }

    /// The last word may have less.
    pub(crate) fn finish(mut self) {
        if self.filled != 0 {
            self.next();
        }
    }

    fn add(&mut self, byte: u8) {
        self.word |= u64::from(byte) << (8 * self.filled);
        self.filled += 1;
        if self.filled == WORD {
            self.next();
        }
    }

    fn next(&mut self) {
        if let Some(cell) = self.span.word() {
            cell.store(self.word, Ordering::Relaxed);
        }
        (self.word, self.filled) = (0, 0);
    }
}
