//! The lines typed before.

use alloc::collections::VecDeque;
use alloc::string::String;

use crate::limits::{HISTORY_BYTES, HISTORY_LINES};

/// The last lines, [`HISTORY_LINES`] of them or [`HISTORY_BYTES`] of text, and a place among them.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Oldest first.
    lines: VecDeque<String>,
    /// Bytes of their text.
    bytes: usize,
    /// How many lines back from the line being typed; 0 is that line itself.
    back: usize,
    /// The line being typed, kept while another is looked at.
    draft: String,
}

impl History {
    /// Remembers `line`, unless it is blank or the same as the last; back to the present.
    pub(crate) fn push(&mut self, line: &str) {
        self.back = 0;
        self.draft = String::new();
        if line.trim().is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        while self.lines.len() == HISTORY_LINES || self.bytes + line.len() > HISTORY_BYTES {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= oldest.len();
        }
        self.bytes += line.len();
        self.lines.push_back(String::from(line));
    }

    /// The line before; `current` is kept if it is the one being typed.
    pub(crate) fn up(&mut self, current: &str) -> Option<&str> {
        if self.back == self.lines.len() {
            return None;
        }
        if self.back == 0 {
            self.draft = String::from(current);
        }
        self.back += 1;
        self.at()
    }

    /// The line after, at last the one being typed.
    pub(crate) fn down(&mut self) -> Option<&str> {
        self.back = self.back.checked_sub(1)?;
        self.at()
    }

    fn at(&self) -> Option<&str> {
        match self.back {
            0 => Some(&self.draft),
            back => self.lines.get(self.lines.len() - back).map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn the_oldest_lines_go_when_there_is_too_much_text() {
        let mut history = History::default();
        let line = |c: &str| c.repeat(HISTORY_BYTES / 2);
        for c in ["a", "b", "c"] {
            history.push(&line(c));
        }
        history.push("d");
        assert_eq!(history.up(""), Some("d"));
        assert_eq!(history.up(""), Some(&*line("c")));
        assert_eq!(history.up(""), None);
        assert_eq!(history.bytes, HISTORY_BYTES / 2 + 1);
    }

    #[test]
    fn keeps_the_draft_and_64_lines() {
        let mut history = History::default();
        assert_eq!(history.up("x"), None);
        for i in 0..70 {
            history.push(&format!("line {i}"));
            history.push(&format!("line {i}"));
            history.push("  ");
        }
        assert_eq!(history.up("draft"), Some("line 69"));
        for i in (6..69).rev() {
            assert_eq!(history.up("edited"), Some(&*format!("line {i}")));
        }
        assert_eq!(history.up("edited"), None);
        for i in 7..70 {
            assert_eq!(history.down(), Some(&*format!("line {i}")));
        }
        assert_eq!(history.down(), Some("draft"));
        assert_eq!(history.down(), None);
    }
}
