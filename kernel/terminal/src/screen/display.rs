//! The text and the status line below it, drawn row by row where they changed.

use alloc::vec;
use alloc::vec::Vec;

use super::kind::Kind;
use super::text::{Text, trimmed};

/// A row to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its characters, printable ASCII; blank behind them.
    pub cells: &'a [u8],
    /// What it says.
    pub kind: Kind,
    /// The column of the cursor.
    pub cursor: Option<usize>,
}

/// What rows are drawn on.
pub trait Surface {
    /// Draws a row; rows are counted from the top.
    fn draw(&mut self, row: usize, content: &Row<'_>);
}

/// What the screen shows.
#[derive(Clone, Debug)]
pub struct Display {
    text: Text,
    rows: usize,
    status: Vec<u8>,
    status_shown: bool,
    status_dirty: bool,
}

impl Display {
    /// An empty one, of so many columns and rows, the status line among them.
    #[must_use]
    pub fn new(columns: usize, rows: usize) -> Self {
        let text = Text::new(columns, rows);
        Self {
            rows: text.rows(),
            status: vec![b' '; text.columns()],
            text,
            status_shown: false,
            status_dirty: false,
        }
    }

    /// Characters in a row.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.text.columns()
    }

    /// The text above the status line.
    #[must_use]
    pub const fn text(&self) -> &Text {
        &self.text
    }

    /// Writes text.
    pub fn write(&mut self, text: &str) {
        self.text.write(text);
    }

    /// Scrolls the text by pages, back if positive.
    pub fn page(&mut self, pages: isize) {
        let page = isize::try_from(self.text.rows() - 1).unwrap_or(1).max(1);
        self.text.scroll(page.saturating_mul(pages));
    }

    /// Back to where the cursor is.
    pub fn scroll_to_end(&mut self) {
        self.text.scroll(isize::MIN);
    }

    /// Shows a status line, or none.
    pub fn set_status(&mut self, line: Option<&str>) {
        // One row of text must be left.
        let line = line.filter(|_| self.rows > 1);
        if line.is_some() != self.status_shown {
            self.status_shown = line.is_some();
            self.text
                .set_rows(self.rows - usize::from(self.status_shown));
            self.status_dirty = true;
        }
        let Some(line) = line else { return };
        let back = self.text.scrolled_back();
        let hint: &[u8] = if back > 0 {
            b"PgDn for later lines | "
        } else {
            b""
        };
        let new = hint.iter().copied().chain(line.chars().map(|c| match c {
            ' '..='~' => c as u8,
            _ => b'?',
        }));
        let new = new.chain(core::iter::repeat(b' '));
        for (cell, new) in self.status.iter_mut().zip(new) {
            self.status_dirty |= *cell != new;
            *cell = new;
        }
    }

    /// Whether the status line is shown.
    #[must_use]
    pub const fn has_status(&self) -> bool {
        self.status_shown
    }

    /// Makes everything be drawn again.
    pub fn touch_all(&mut self) {
        self.text.touch_all();
        self.status_dirty = true;
    }

    /// Whether anything is to be drawn.
    #[must_use]
    pub const fn is_dirty(&self) -> bool {
        self.text.is_dirty() || self.status_dirty
    }

    /// Draws one row that has changed; `false` if there is none.
    pub fn draw_one(&mut self, surface: &mut impl Surface) -> bool {
        if let Some(row) = self.text.take_dirty() {
            let cursor = self.text.cursor().filter(|(at, _)| *at == row);
            let (cells, kind) = self.text.row(row);
            let cursor = cursor.map(|(_, column)| column);
            surface.draw(
                row,
                &Row {
                    cells: trimmed(cells),
                    kind,
                    cursor,
                },
            );
            return true;
        }
        if core::mem::take(&mut self.status_dirty) && self.status_shown {
            let content = Row {
                cells: &self.status,
                kind: Kind::Status,
                cursor: None,
            };
            surface.draw(self.rows - 1, &content);
            return true;
        }
        false
    }

    /// Draws all rows that have changed.
    pub fn draw(&mut self, surface: &mut impl Surface) {
        while self.draw_one(surface) {}
    }
}
