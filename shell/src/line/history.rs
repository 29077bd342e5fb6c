//! The lines typed before.

use alloc::collections::VecDeque;
use alloc::string::String;

/// Lines that are remembered.
pub(crate) const LINES: usize = 64;

/// The last [`LINES`] lines, and a place among them.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Oldest first.
    lines: VecDeque<String>,
    /// How many lines back from the line being typed; 0 is that line itself.
    back: usize,
    /// The line being typed, kept while another is looked at.
    draft: String,
}

impl History {
    /// Remembers `line`, unless it is blank or the same as the last; back to the present.
    pub(crate) fn push(&mut self, line: &str) {
        self.back = 0;
        self.draft.clear();
        if line.trim().is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
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
