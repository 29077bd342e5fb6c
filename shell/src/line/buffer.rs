//! The text being edited and the cursor in it.

use alloc::string::String;

use crate::limits::LINE_BYTES;

/// A line of printable ASCII with a cursor.
///
/// Invariant: `cursor <= text.len() <= LINE_BYTES`.
#[derive(Debug)]
pub(crate) struct Buffer {
    text: String,
    cursor: usize,
}

/// An empty line with room for the longest one: it never grows.
impl Default for Buffer {
    fn default() -> Self {
        Self {
            text: String::with_capacity(LINE_BYTES),
            cursor: 0,
        }
    }
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

    /// Takes the text out; the room for it stays.
    pub(crate) fn take(&mut self) -> String {
        self.cursor = 0;
        let text = self.text.clone();
        self.text.clear();
        text
    }

    /// Whether there is room for `bytes` more.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.text.len() + bytes <= LINE_BYTES
    }

    /// Puts `text` at the cursor; false, and nothing done, if it is not printable ASCII or
    /// the line would become too long.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        let fits = self.has_room(text.len());
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
