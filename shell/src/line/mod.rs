//! The line editor: bytes in, a redrawn row out, now and then a whole line.
//!
//! A line longer than the row scrolls sideways in jumps; `<` and `>` mark what is out of sight.
//! When it is submitted it is written out in full, so that a log of the session has it.
//!
//! Key types: [`LineEditor`], [`Outcome`].

mod buffer;
mod history;
mod keys;
mod row;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use buffer::Buffer;
use history::History;
use keys::{Decoder, Key};
use row::Row;

pub(crate) use row::COLUMNS;

/// What the operator is asked with.
pub(crate) const PROMPT: &str = "bulkhead> ";
/// Columns of text that fit beside the prompt.
const VIEW: usize = COLUMNS - PROMPT.len();
/// Columns of context that a sideways jump leaves between the cursor and the edge.
const JUMP: usize = 23;

const BELL: char = '\u{7}';
/// Erase the display, cursor to the upper left corner.
const CLEAR_SCREEN: &str = "\u{1b}[2J\u{1b}[H";

/// What a byte led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The line goes on.
    Editing,
    /// The line is done; the cursor is at the start of a new row and there is no prompt.
    Submitted(String),
    /// The line is done, but is not all there; otherwise as [`Self::Submitted`].
    TooLong {
        /// As much of it as was kept.
        start: String,
        /// How long it would have been, in bytes.
        bytes: usize,
    },
    /// The word before the cursor is to be completed.
    Complete,
}

/// The editor of the line after the prompt.
#[derive(Debug, Default)]
pub(crate) struct LineEditor {
    decoder: Decoder,
    buffer: Buffer,
    history: History,
    row: Row,
    /// Characters of the text left of the view.
    scroll: usize,
    /// Characters that were typed when the line was full, and are lost: their line must not be run
    /// without them. Whoever edits it then has seen what is left of it.
    lost: usize,
    /// Whether the prompt is on the screen.
    prompted: bool,
    /// The rest of this key is for somebody else.
    swallowing: bool,
}

impl LineEditor {
    /// Shows the prompt and what was typed so far.
    pub(crate) fn prompt(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.prompted = true;
        self.redraw(out)
    }

    /// The text left of the cursor.
    pub(crate) fn before(&self) -> &str {
        self.buffer.before()
    }

    /// The text right of the cursor.
    pub(crate) fn after(&self) -> &str {
        self.buffer.after()
    }

    /// Inserts `text` at the cursor as if it had been typed.
    pub(crate) fn insert(&mut self, text: &str, out: &mut dyn Write) -> fmt::Result {
        let inserted = self.buffer.insert(text);
        self.redraw_or_bell(inserted, out)
    }

    /// Rings the bell.
    pub(crate) fn bell(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_char(BELL)
    }

    /// Lets `print` print whole lines above the line being typed.
    pub(crate) fn interrupt(
        &mut self,
        out: &mut dyn Write,
        print: impl FnOnce(&mut dyn Write) -> fmt::Result,
    ) -> fmt::Result {
        self.row.erase(out)?;
        print(out)?;
        if self.prompted {
            self.redraw(out)?;
        }
        Ok(())
    }

    /// Goes to a new row, leaving the typed line where it is; [`Self::prompt`] shows it again.
    pub(crate) fn step_down(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.row.move_to_end(out)?;
        self.leave_row(out)
    }

    /// Takes one byte from the terminal.
    pub(crate) fn feed(
        &mut self,
        byte: u8,
        out: &mut dyn Write,
    ) -> Result<Option<Outcome>, fmt::Error> {
        let Some(key) = self.decoder.push(byte) else {
            return Ok(None);
        };
        if core::mem::take(&mut self.swallowing) {
            return Ok(None);
        }
        self.press(key, out).map(Some)
    }

    /// Takes the first byte of a key that is for somebody else: all of the key does nothing here.
    pub(crate) fn swallow(&mut self, byte: u8) {
        self.swallowing = self.decoder.push(byte).is_none() && self.decoder.is_inside();
    }

    fn press(&mut self, key: Key, out: &mut dyn Write) -> Result<Outcome, fmt::Error> {
        match key {
            Key::Enter => return self.submit(out),
            Key::Tab => return Ok(Outcome::Complete),
            Key::Interrupt => self.give_up(out)?,
            Key::ClearScreen => {
                out.write_str(CLEAR_SCREEN)?;
                self.row.leave();
                self.redraw(out)?;
            }
            key => {
                let changed = self.edit(key);
                self.count_lost(key, changed);
                self.redraw_or_bell(changed, out)?;
            }
        }
        Ok(Outcome::Editing)
    }

    /// Does what `key` does to the text; false if that is nothing.
    fn edit(&mut self, key: Key) -> bool {
        let buffer = &mut self.buffer;
        let (cursor, end) = (buffer.cursor(), buffer.end());
        match key {
            Key::Char(byte) => buffer.insert(char::from(byte).encode_utf8(&mut [0; 4])),
            Key::Backspace => cursor > 0 && buffer.delete_to(cursor - 1),
            Key::Delete => buffer.delete_to(cursor + 1),
            Key::KillToEnd => buffer.delete_to(end),
            Key::KillToStart => buffer.delete_to(0),
            Key::KillWord => buffer.delete_to(buffer.word_left()),
            Key::Left => cursor > 0 && buffer.move_to(cursor - 1),
            Key::Right => buffer.move_to(cursor + 1),
            Key::WordLeft => buffer.move_to(buffer.word_left()),
            Key::WordRight => buffer.move_to(buffer.word_right()),
            // No bell: pressing these twice is not a mistake.
            Key::Home => buffer.move_to(0) || cursor == 0,
            Key::End => buffer.move_to(end) || cursor == end,
            Key::Up => recall(buffer, |current| self.history.up(current)),
            Key::Down => recall(buffer, |_| self.history.down()),
            Key::Enter | Key::Tab | Key::Interrupt | Key::ClearScreen | Key::Unknown => false,
        }
    }

    /// Counts what a full line does not take.
    fn count_lost(&mut self, key: Key, changed: bool) {
        match key {
            Key::Char(_) if changed => {}
            Key::Char(_) => self.lost = self.lost.saturating_add(1),
            // Moving the cursor is no change to the text.
            Key::Left | Key::Right | Key::WordLeft | Key::WordRight | Key::Home | Key::End => {}
            _ if changed => self.lost = 0,
            _ => {}
        }
    }

    fn submit(&mut self, out: &mut dyn Write) -> Result<Outcome, fmt::Error> {
        if self.buffer.end() > VIEW {
            self.row.erase(out)?;
            write!(out, "{PROMPT}{}", self.buffer.text())?;
        }
        self.leave_row(out)?;
        let line = self.buffer.take();
        let lost = core::mem::take(&mut self.lost);
        if lost > 0 {
            self.history.push("");
            let bytes = line.len().saturating_add(lost);
            return Ok(Outcome::TooLong { start: line, bytes });
        }
        self.history.push(&line);
        Ok(Outcome::Submitted(line))
    }

    fn give_up(&mut self, out: &mut dyn Write) -> fmt::Result {
        if self.buffer.end() + 2 > VIEW {
            self.row.erase(out)?;
            out.write_str(PROMPT)?;
        } else {
            self.row.move_to_end(out)?;
        }
        out.write_str("^C")?;
        self.leave_row(out)?;
        self.buffer.set("");
        self.lost = 0;
        self.history.push("");
        self.prompt(out)
    }

    fn leave_row(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.row.leave();
        self.prompted = false;
        out.write_char('\n')
    }

    fn redraw_or_bell(&mut self, changed: bool, out: &mut dyn Write) -> fmt::Result {
        if changed {
            self.redraw(out)
        } else {
            self.bell(out)
        }
    }

    fn redraw(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.scroll = follow(self.scroll, self.buffer.cursor(), self.buffer.end());
        let text = self.buffer.text().as_bytes();
        let mut wanted = Vec::with_capacity(COLUMNS);
        wanted.extend_from_slice(PROMPT.as_bytes());
        wanted.extend(text.iter().skip(self.scroll).take(VIEW));
        if self.scroll > 0
            && let Some(first) = wanted.get_mut(PROMPT.len())
        {
            *first = b'<';
        }
        if self.scroll + VIEW < text.len()
            && let Some(last) = wanted.last_mut()
        {
            *last = b'>';
        }
        let column = PROMPT.len() + self.buffer.cursor() - self.scroll;
        self.row.show(&wanted, column, out)
    }
}

fn recall<'a>(buffer: &mut Buffer, step: impl FnOnce(&str) -> Option<&'a str>) -> bool {
    let line = step(buffer.text());
    if let Some(line) = line {
        buffer.set(line);
    }
    line.is_some()
}

/// The new scroll position of a text of `length` characters: the cursor is in the view and on
/// neither of its marks.
fn follow(scroll: usize, cursor: usize, length: usize) -> usize {
    if length <= VIEW {
        return 0;
    }
    let first = if scroll > 0 { scroll + 1 } else { 0 };
    let hidden_right = scroll + VIEW < length;
    let last = scroll + VIEW - if hidden_right { 2 } else { 0 };
    if cursor < first {
        cursor.saturating_sub(JUMP)
    } else if cursor > last {
        cursor + JUMP - VIEW
    } else {
        scroll
    }
}
