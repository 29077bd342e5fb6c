//! The one row of the terminal that the editor owns, and how to make it show something else.
//!
//! Only carriage return, backspace, spaces and printable characters are sent: this works on the
//! dumbest terminal of 80 columns, and in a log it still reads as text. The last column is
//! never written, so no terminal's way of wrapping matters.

use alloc::vec::Vec;
use core::fmt::{self, Write};

/// Columns that are used of a row; a terminal has one more at least.
pub(crate) const COLUMNS: usize = 79;

/// What the row shows at this moment.
#[derive(Debug)]
pub(crate) struct Row {
    shown: Vec<u8>,
    column: usize,
}

/// An empty row, with room for the longest one: it never grows, so that the heap in use does not
/// depend on what was typed.
impl Default for Row {
    fn default() -> Self {
        Self {
            shown: Vec::with_capacity(COLUMNS),
            column: 0,
        }
    }
}

impl Row {
    /// Makes the row show `wanted` (printable ASCII, at most [`COLUMNS`]) with the cursor in
    /// `column` (at most `wanted.len()`), by sending only what differs.
    pub(crate) fn show(
        &mut self,
        wanted: &[u8],
        column: usize,
        out: &mut dyn Write,
    ) -> fmt::Result {
        let same = self
            .shown
            .iter()
            .zip(wanted)
            .take_while(|(old, new)| old == new)
            .count();
        if same < self.shown.len().max(wanted.len()) {
            self.move_to(same, out)?;
            put(&wanted[same..], out)?;
            for _ in wanted.len()..self.shown.len() {
                out.write_char(' ')?;
            }
            self.column = self.shown.len().max(wanted.len());
            self.shown.clear();
            self.shown.extend_from_slice(wanted);
        }
        self.move_to(column, out)
    }

    /// Makes the row empty, the cursor at its start.
    pub(crate) fn erase(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.show(b"", 0, out)
    }

    /// The terminal went on to a new, empty row: whatever was shown is no longer ours.
    pub(crate) fn leave(&mut self) {
        self.shown.clear();
        self.column = 0;
    }

    /// Moves the cursor right of everything that is shown.
    pub(crate) fn move_to_end(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.move_to(self.shown.len(), out)
    }

    fn move_to(&mut self, column: usize, out: &mut dyn Write) -> fmt::Result {
        if column < self.column && self.column - column <= column {
            for _ in column..self.column {
                out.write_char('\u{8}')?;
            }
        } else if column != self.column {
            if column < self.column {
                out.write_char('\r')?;
                self.column = 0;
            }
            put(self.shown.get(self.column..column).unwrap_or(b""), out)?;
        }
        self.column = column;
        Ok(())
    }
}

fn put(text: &[u8], out: &mut dyn Write) -> fmt::Result {
    text.iter().try_for_each(|&b| out.write_char(char::from(b)))
}
