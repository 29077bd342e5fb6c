//! Following what a partition prints, over the ends of its runs: piece by piece, in steps of bounded work.
//!
//! While a run is on, its ring is read ([`Position`]). When it has ended, what was kept of it is, from
//! behind the line that was read last: its ring may lie under the next run's kernel already.

use crate::Ram;
use crate::find::Search;
use crate::position::{Pen, Position};
use crate::source::Source;
use crate::text::Bytes;

/// Bytes that are read in one step.
pub const PIECE_BYTES: usize = 512;

/// What one step has read: whole lines and beginnings of lines, fit to be shown.
pub type Piece = Bytes<PIECE_BYTES>;

/// Lines that are shown of what was printed before.
const ROWS: usize = 20;

/// What is to be said behind a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// What follows is of this run.
    Began(u32),
    /// This run has ended, and all that is there of it was read.
    Ended(u32),
    /// So many records were lost before they were read; it is not known how many.
    Lost(Option<u64>),
    /// What follows is of another kernel in the same run.
    Another,
}

/// Where it is read.
#[derive(Debug, Default)]
enum Place {
    /// Nowhere yet.
    #[default]
    Nowhere,
    /// In the ring.
    Ring(Position),
    /// In what was kept, behind so many bytes.
    Kept(usize),
    /// The run has ended, and was read.
    Over,
}

/// One who reads on and on.
#[derive(Debug, Default)]
pub struct Follower {
    run: u32,
    place: Place,
    pen: Pen,
    search: Search,
    /// Whether the run is read from its first line on.
    is_whole: bool,
}

impl Follower {
    /// One who begins with the last lines that are there.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on: a piece, and what is to be said behind it. With neither there is nothing more for now.
    pub fn read<R: Ram>(
        &mut self,
        source: &Source<'_, R>,
        now_ms: u64,
        piece: &mut Piece,
    ) -> Option<Note> {
        piece.clear();
        if matches!(self.place, Place::Nowhere) && source.run > 0 {
            self.run = source.run;
            self.place = Place::Ring(Position::default());
        }
        let is_kept = source.kept.is_some_and(|kept| kept.has(self.run));
        if matches!(self.place, Place::Ring(_))
            && is_kept
            && let Some(note) = self.turn_to_kept(source, piece)
        {
            return Some(note);
        }
        match &mut self.place {
            Place::Nowhere => None,
            Place::Ring(_) if source.run != self.run => self.end(piece),
            Place::Ring(position) => {
                let rows = (!self.is_whole).then_some(ROWS as u64);
                let note = source.ring_by_steps(&mut self.search).and_then(|ring| {
                    let both = (&ring, source.ram);
                    position.read(both, rows, now_ms, &mut self.pen, piece)
                });
                if note.is_none() && piece.as_bytes().is_empty() && !source.is_live {
                    return self.end(piece);
                }
                note
            }
            Place::Kept(at) => {
                let at = *at;
                self.read_kept(source, at, piece)
            }
            Place::Over if source.run == self.run => None,
            Place::Over => self.begin(source),
        }
    }

    fn read_kept<R>(
        &mut self,
        source: &Source<'_, R>,
        at: usize,
        piece: &mut Piece,
    ) -> Option<Note> {
        let Some(text) = source.kept.and_then(|kept| kept.text_of(self.run)) else {
            self.pen.leave(piece);
            self.place = Place::Over;
            return Some(Note::Lost(None));
        };
        // One is left for a line's end.
        let room = piece.room() - 1;
        let mut length = 0;
        for byte in text.skip(at).take(room) {
            self.pen.put(byte, piece);
            length += 1;
        }
        if length == 0 {
            return self.end(piece);
        }
        self.place = Place::Kept(at + length);
        None
    }

    /// Goes on in what was kept, behind the last line that was shown.
    fn turn_to_kept<R>(&mut self, source: &Source<'_, R>, piece: &mut Piece) -> Option<Note> {
        let kept = source.kept?;
        let text = kept.text_of(self.run)?;
        let (wanted, is_whole) = (self.pen.last, self.is_whole);
        let mut pen = Pen::default();
        // Ends of the last lines, the newest at last.
        let mut ends = [0; ROWS + 1];
        let mut behind = None;
        for (byte, at) in text.zip(1..) {
            pen.pass(byte);
            if byte == b'\n' {
                ends.rotate_left(1);
                if let Some(end) = ends.last_mut() {
                    *end = at;
                }
                if pen.last == wanted {
                    behind = Some(at);
                }
            }
        }
        let [start, ..] = ends;
        let (at, note) = match (wanted, behind) {
            (Some(_), Some(behind)) => (behind, None),
            // More was printed than is kept.
            (Some(_), None) => (0, Some(Note::Lost(None))),
            (None, _) => (if is_whole { 0 } else { start }, None),
        };
        let goes_on = |text| note.is_none() && self.pen.has_begun(text);
        let at = if kept
            .text_of(self.run)
            .is_some_and(|text| goes_on(text.skip(at)))
        {
            at + self.pen.column
        } else {
            self.pen.leave(piece);
            at
        };
        self.place = Place::Kept(at);
        note
    }

    fn end(&mut self, piece: &mut Piece) -> Option<Note> {
        self.pen.leave(piece);
        self.place = Place::Over;
        Some(Note::Ended(self.run))
    }

    /// Goes on to the next run of which anything is there.
    fn begin<R>(&mut self, source: &Source<'_, R>) -> Option<Note> {
        let kept = source.kept.into_iter().flat_map(|kept| kept.runs());
        let next = kept.flatten().find(|run| *run > self.run);
        if source.run == 0 {
            *self = Self::default();
            return None;
        }
        self.run = next.unwrap_or(source.run);
        self.place = Place::Ring(Position::default());
        self.pen = Pen::default();
        self.search = Search::default();
        self.is_whole = true;
        Some(Note::Began(self.run))
    }
}
