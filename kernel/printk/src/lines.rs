//! Records as lines of text.

use crate::Ram;
use crate::ring::{Record, Records};
use crate::text::{Bytes, stamp};

/// The text of one record, read piece by piece.
#[derive(Debug)]
pub(crate) struct Text {
    record: Record,
    /// Bytes that were read.
    read: u64,
    piece: [u8; 32],
    /// Of those, bytes that were handed out.
    given: usize,
    length: usize,
}

impl Text {
    pub(crate) const fn of(record: Record) -> Self {
        Self {
            record,
            read: 0,
            piece: [0; 32],
            given: 0,
            length: 0,
        }
    }

    /// The next byte.
    pub(crate) fn next<R: Ram>(&mut self, records: &mut Records<'_, R>) -> Option<u8> {
        if self.given == self.length {
            let rest = self.record.length - self.read;
            let most = usize::try_from(rest).unwrap_or(usize::MAX);
            self.length = self.piece.len().min(most);
            self.given = 0;
            let piece = self.piece.get_mut(..self.length)?;
            records.read(&self.record, self.read, piece)?;
            self.read += piece.len() as u64;
        }
        let byte = self.piece.get(self.given)?;
        self.given += 1;
        (self.length > 0).then_some(*byte)
    }
}

/// Lines, byte by byte.
#[derive(Debug)]
pub struct Lines<'a, R> {
    records: Records<'a, R>,
    text: Option<Text>,
    stamp: Bytes<32>,
    /// Bytes of the stamp that were handed out.
    stamped: usize,
    /// A byte of the text that waits until a line has its stamp.
    waiting: Option<u8>,
    is_at_start: bool,
}

impl<'a, R> Lines<'a, R> {
    pub(crate) const fn new(records: Records<'a, R>) -> Self {
        Self {
            records,
            text: None,
            stamp: Bytes::new(),
            stamped: 0,
            waiting: None,
            is_at_start: false,
        }
    }
}

impl<R: Ram> Iterator for Lines<'_, R> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            if let Some(byte) = self.stamp.as_bytes().get(self.stamped) {
                self.stamped += 1;
                return Some(*byte);
            }
            if let Some(byte) = self.waiting.take() {
                return Some(byte);
            }
            let Some(text) = &mut self.text else {
                let record = self.records.next()?;
                self.stamp = stamp(record.time);
                self.stamped = 0;
                self.text = Some(Text::of(record));
                continue;
            };
            let byte = text.next(&mut self.records);
            // What has begun a line: the record itself, or a line of its own text before.
            let was_at_start = core::mem::replace(&mut self.is_at_start, byte == Some(b'\n'));
            match byte {
                Some(byte) if was_at_start => {
                    self.waiting = Some(byte);
                    self.stamped = 0;
                }
                Some(byte) => return Some(byte),
                None => {
                    self.text = None;
                    // A text does not end with one, but what a Linux writes there is its own affair.
                    if !was_at_start {
                        return Some(b'\n');
                    }
                }
            }
        }
    }
}
