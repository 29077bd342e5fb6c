//! The text being edited and the cursor in it.

use alloc::string::String;

/// Longest line, in characters: room for the longest kernel command line (2047) would make
/// no sense without room for the rest, and nobody types either.
pub(crate) const LIMIT: usize = 2048;

/// A line of printable ASCII with a cursor.
///
/// Invariant: `cursor <= text.len() <= LIMIT`.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    text: String,
    cursor: usize,
}

impl Buffer {
    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text left of the cursor.
    pub(crate) fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// The text right of the cursor.
    pub(crate) fn after(&self) -> &str {
        &self.text[self.cursor..]
    }

    /// Characters left of the cursor.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Replaces everything, the cursor at the end.
    pub(crate) fn set(&mut self, text: &str) {
        self.text.clear();
        self.text.push_str(text);
        self.cursor = self.text.len();
    }

    /// Takes the text out.
    pub(crate) fn take(&mut self) -> String {
        self.cursor = 0;
        core::mem::take(&mut self.text)
    }

    /// Puts `text` at the cursor; false, and nothing done, if it is not printable ASCII or
    /// the line would become too long.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let fits = self.text.len() + text.len() <= LIMIT;
        let printable = text.bytes().all(|b| matches!(b, 0x20..=0x7e));
        if fits && printable {
            self.text.insert_str(self.cursor, text);
            self.cursor += text.len();
        }
        fits && printable
    }

    /// Moves the cursor; false if it is there already or can't be.
    pub(crate) fn move_to(&mut self, cursor: usize) -> bool {
        let moves = cursor <= self.text.len() && cursor != self.cursor;
        if moves {
            self.cursor = cursor;
        }
        moves
    }

    /// Deletes between the cursor and `to`, on either side; false if that is nothing.
    pub(crate) fn delete_to(&mut self, to: usize) -> bool {
        let (start, end) = (self.cursor.min(to), self.cursor.max(to));
        if start == end || end > self.text.len() {
            return false;
        }
        self.text.replace_range(start..end, "");
        self.cursor = start;
        true
    }

    /// Where the word left of the cursor starts.
    pub(crate) fn word_left(&self) -> usize {
        let word_end = self.before().trim_end_matches(' ').len();
        self.text[..word_end].rfind(' ').map_or(0, |i| i + 1)
    }

    /// Where the word right of the cursor ends.
    pub(crate) fn word_right(&self) -> usize {
        let gap = self.after().len() - self.after().trim_start_matches(' ').len();
        let word = &self.after()[gap..];
        self.cursor + gap + word.find(' ').unwrap_or(word.len())
    }

    /// The end of the text.
    pub(crate) fn end(&self) -> usize {
        self.text.len()
    }
}
