//! The side that uses the disk, behind its kernel's nbd driver.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::MOST_DATA;
use crate::nbd::{self, Cookie, HEADER_BYTES, Header};
use crate::wire::{Answer, Disk, REQUEST_BYTES, Request, What};

/// Bytes that are kept of requests until no more are taken from the kernel.
const MOST_HELD: usize = 8 << 20;
/// What a request without data counts for.
const BARE: usize = 512;
/// Linux's numbers.
const EIO: u32 = 5;
const EINVAL: u32 = 22;

/// What a record from the server was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It tells of its disk for the first time.
    Disk(Disk),
    /// It tells of the same one again, and what was not answered is asked for again.
    Again,
    /// The same, and its Linux is in another run, which may have lost what it had answered: the next flush fails.
    Lost,
    /// It tells of another one: nothing of this client's can be asked there.
    Another(Disk),
    /// An answer.
    Answer,
    /// What can't be.
    Strange,
}

/// A request of the kernel's.
#[derive(Debug)]
struct Asked {
    cookie: Cookie,
    what: What,
    offset: u64,
    /// What is to be written, or what was read by now.
    data: Vec<u8>,
    length: u32,
    pieces: usize,
    /// A change: what this run of the server's has answered of it.
    done: Vec<(u64, Piece)>,
    error: u32,
    /// A flush: how many changes had been answered when it was asked for, and when it was sent.
    given: u64,
    after: u64,
}

impl Asked {
    const fn held(&self) -> usize {
        BARE + self.data.len()
    }
}

/// A part of one that is a record.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Whose.
    of: u64,
    /// Where in that.
    start: usize,
    length: u32,
}

/// What comes of the kernel's next request.
#[derive(Debug, Default)]
struct Incoming {
    header: [u8; HEADER_BYTES],
    /// Of the header, then of the data.
    filled: usize,
    /// Once the header is whole.
    asked: Option<Asked>,
}

/// The client of one server.
#[derive(Debug, Default)]
pub struct Client {
    disk: Option<Disk>,
    /// It has told of its disk since the channel has begun.
    is_met: bool,
    incoming: Incoming,
    asked: BTreeMap<u64, Asked>,
    pieces: BTreeMap<u64, Piece>,
    unsent: VecDeque<u64>,
    next: u64,
    held: usize,
    output: Vec<u8>,
    written: usize,
    /// Changes that were answered, and how many of them a flush has made safe.
    changes: u64,
    flushed: u64,
    is_lost: bool,
    has_left: bool,
}

impl Client {
    /// Of whom nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The channel has begun anew: the server tells of its disk first.
    pub fn begin(&mut self) {
        self.is_met = false;
    }

    /// Whether the kernel needs no disk any more, or speaks another protocol.
    #[must_use]
    pub const fn has_left(&self) -> bool {
        self.has_left
    }

    /// How many requests wait for an answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.asked.len()
    }

    /// Where the next bytes from the kernel go; empty while there is too much to do.
    pub fn room(&mut self) -> &mut [u8] {
        let incoming = &mut self.incoming;
        let filled = incoming.filled;
        match &mut incoming.asked {
            Some(asked) => &mut asked.data[filled..],
            None if self.has_left || self.held + self.output.len() >= MOST_HELD => &mut [],
            None => &mut incoming.header[filled..],
        }
    }

    /// So many bytes were put there.
    pub fn filled(&mut self, bytes: usize) {
        let incoming = &mut self.incoming;
        incoming.filled += bytes;
        if incoming.asked.is_none() && incoming.filled >= HEADER_BYTES {
            incoming.filled = 0;
            match nbd::header(&incoming.header) {
                Some(Header::Request(cookie, request, data)) => self.ask(cookie, request, data),
                Some(Header::Leave) | None => self.has_left = true,
            }
        }
        let filled = self.incoming.filled;
        let is_whole = |asked: &mut Asked| asked.what != What::Write || filled >= asked.data.len();
        if let Some(asked) = self.incoming.asked.take_if(is_whole) {
            self.incoming.filled = 0;
            self.cut(asked);
        }
    }

    /// A header is whole.
    fn ask(&mut self, cookie: Cookie, request: Request, data: usize) {
        // What is not known has no data, as the driver's numbers are in order.
        let Some(what) = request.what else {
            self.output.extend_from_slice(&nbd::answer(cookie, EINVAL));
            return;
        };
        let kept = if what == What::Read {
            request.length as usize
        } else {
            data
        };
        let asked = Asked {
            cookie,
            what,
            offset: request.offset,
            data: alloc::vec![0; kept],
            length: request.length,
            pieces: 0,
            done: Vec::new(),
            error: 0,
            given: self.changes,
            after: 0,
        };
        self.held += asked.held();
        self.incoming.asked = Some(asked);
    }

    /// A request is whole: it is cut into pieces.
    fn cut(&mut self, mut asked: Asked) {
        let of = self.number();
        let is_long = matches!(asked.what, What::Read | What::Write);
        let mut start = 0;
        loop {
            let left = asked.length as usize - start;
            let take = if is_long { left.min(MOST_DATA) } else { left };
            let tag = self.number();
            #[expect(clippy::cast_possible_truncation, reason = "a part of a u32")]
            let length = take as u32;
            self.pieces.insert(tag, Piece { of, start, length });
            self.unsent.push_back(tag);
            asked.pieces += 1;
            start += take;
            if start >= asked.length as usize {
                break;
            }
        }
        self.asked.insert(of, asked);
    }

    const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The next record to be sent, before its data; none while the server has not told of its disk.
    #[must_use]
    pub fn to_send(&self) -> Option<([u8; REQUEST_BYTES], &[u8])> {
        if !self.is_met {
            return None;
        }
        let tag = *self.unsent.front()?;
        let piece = self.pieces.get(&tag)?;
        let asked = self.asked.get(&piece.of)?;
        let request = Request {
            what: Some(asked.what),
            tag,
            offset: asked.offset.saturating_add(piece.start as u64),
            length: piece.length,
        };
        let data = if asked.what == What::Write {
            &asked.data[piece.start..piece.start + piece.length as usize]
        } else {
            &[]
        };
        Some((request.record(), data))
    }

    /// It was sent.
    pub fn sent(&mut self) {
        let piece = self
            .unsent
            .pop_front()
            .and_then(|tag| self.pieces.get(&tag));
        if let Some(asked) = piece.and_then(|piece| self.asked.get_mut(&piece.of)) {
            asked.after = self.changes;
        }
    }

    /// Takes a record from the server.
    pub fn take(&mut self, record: &[u8]) -> Taken {
        if let Some(disk) = Disk::read(record) {
            return self.meet(disk);
        }
        let answer = Answer::read(record).filter(|_| self.is_met);
        let taken = answer.and_then(|(answer, data)| self.answered(answer, data));
        taken.map_or(Taken::Strange, |()| Taken::Answer)
    }

    fn meet(&mut self, disk: Disk) -> Taken {
        let Some(known) = self.disk.replace(disk) else {
            self.is_met = true;
            return Taken::Disk(disk);
        };
        if (Disk {
            run: disk.run,
            ..known
        }) != disk
        {
            self.disk = Some(known);
            self.is_met = false;
            return Taken::Another(disk);
        }
        let is_same = known.run == disk.run;
        if !is_same {
            self.redo();
        }
        if !self.is_met || !is_same {
            self.is_met = true;
            self.unsent = self.pieces.keys().copied().collect();
        }
        if is_same || self.flushed == self.changes {
            return Taken::Again;
        }
        // Whoever waits for one now is told; else the next one, which may ask for what was answered meanwhile.
        self.is_lost = true;
        for asked in self.asked.values_mut() {
            if asked.what == What::Flush {
                asked.error = EIO;
                self.is_lost &= asked.given < self.changes;
            }
        }
        self.flushed = self.changes;
        Taken::Lost
    }

    /// What another run has answered of changes is asked for again. Nobody was told of it yet: no flush has to
    /// fail for it, and none would know of it when the change is whole.
    fn redo(&mut self) {
        for asked in self.asked.values_mut() {
            asked.pieces += asked.done.len();
            self.pieces.extend(asked.done.drain(..));
        }
    }

    /// A piece was answered; `None` if it was not asked for, or has not what was.
    fn answered(&mut self, answer: Answer, data: &[u8]) -> Option<()> {
        let piece = *self.pieces.get(&answer.tag)?;
        // What is to be sent again has no answer yet.
        if self
            .unsent
            .front()
            .is_some_and(|first| answer.tag >= *first)
        {
            return None;
        }
        let asked = self.asked.get_mut(&piece.of)?;
        let wanted = match (asked.what, answer.error) {
            (What::Read, 0) => piece.length as usize,
            _ => 0,
        };
        if data.len() == wanted {
            asked.error = if asked.error == 0 {
                answer.error
            } else {
                asked.error
            };
            if wanted != 0 {
                asked.data[piece.start..piece.start + wanted].copy_from_slice(data);
            }
        } else {
            asked.error = EIO;
        }
        self.pieces.remove(&answer.tag);
        asked.pieces -= 1;
        if asked.pieces == 0 {
            let asked = self.asked.remove(&piece.of)?;
            self.finish(asked);
        } else if asked.what.is_change() {
            asked.done.push((answer.tag, piece));
        }
        (data.len() == wanted).then_some(())
    }

    /// All pieces of one were answered.
    fn finish(&mut self, mut asked: Asked) {
        self.held -= asked.held();
        if asked.what.is_change() && asked.error == 0 {
            self.changes += 1;
        }
        if asked.what == What::Flush && asked.error == 0 {
            self.flushed = self.flushed.max(asked.after);
            if core::mem::take(&mut self.is_lost) {
                asked.error = EIO;
            }
        }
        self.output
            .extend_from_slice(&nbd::answer(asked.cookie, asked.error));
        if asked.what == What::Read && asked.error == 0 {
            self.output.extend_from_slice(&asked.data);
        }
    }

    /// What the kernel is to be told.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.output[self.written..]
    }

    /// So many bytes of it were told.
    pub fn written(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written >= self.output.len() {
            self.output.clear();
            self.written = 0;
        }
    }
}
