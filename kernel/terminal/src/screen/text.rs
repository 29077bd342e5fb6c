//! Lines of text: a ring of the last few, the screen at its end, a cursor on it.
//!
//! A line longer than the screen goes on in the next row, which remembers that. All memory is taken
//! at the start, so that the heap in use does not depend on what is written.

use alloc::vec;
use alloc::vec::Vec;

use super::kind::Kind;
use super::sequence::{Meaning, Sequence};

/// Most characters in a row: a wider screen stays blank at the right.
pub const MAX_COLUMNS: usize = 160;
/// Most rows of a screen.
pub const MAX_ROWS: usize = 100;
/// Rows that are kept, the screen's own among them.
const KEPT: usize = 200;

const _: () = assert!(MAX_ROWS <= KEPT && MAX_ROWS < u128::BITS as usize);

/// The text and where in it the screen is.
#[derive(Clone, Debug)]
pub struct Text {
    columns: usize,
    rows: usize,
    /// `KEPT` lines of `columns` characters, a ring.
    cells: Vec<u8>,
    /// Whether a line goes on from the one before it.
    goes_on: Vec<bool>,
    /// Where in the ring the oldest line is.
    oldest: usize,
    /// Lines in use: at least one. Lines are numbered from the oldest, from 0.
    count: usize,
    /// The line at the top of the screen.
    top: usize,
    /// The cursor's line, and its column: `columns` when the row is full, which wraps late.
    line: usize,
    column: usize,
    /// Lines by which the operator has scrolled back.
    back: usize,
    sequence: Sequence,
    /// Rows of the screen that differ from what was last taken.
    dirty: u128,
}

impl Text {
    /// An empty screen of so many columns and rows, both at least 1 and at most the largest.
    #[must_use]
    pub fn new(columns: usize, rows: usize) -> Self {
        let columns = columns.clamp(1, MAX_COLUMNS);
        Self {
            columns,
            rows: rows.clamp(1, MAX_ROWS),
            cells: vec![b' '; KEPT * columns],
            goes_on: vec![false; KEPT],
            oldest: 0,
            count: 1,
            top: 0,
            line: 0,
            column: 0,
            back: 0,
            sequence: Sequence::default(),
            dirty: u128::MAX,
        }
    }

    /// Characters in a row.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Rows of the screen.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Gives the screen another height; the cursor stays on it.
    pub fn set_rows(&mut self, rows: usize) {
        self.rows = rows.clamp(1, MAX_ROWS);
        self.follow_cursor();
        self.touch_all();
    }

    /// Writes text: characters, line ends, and the control sequences that the shell sends.
    pub fn write(&mut self, text: &str) {
        for c in text.chars() {
            match self.sequence.push(c) {
                Meaning::Show(character) => self.show(character),
                Meaning::CarriageReturn => self.move_to(self.line, 0),
                Meaning::NewLine => self.next_line(false),
                Meaning::Backspace => self.move_to(self.line, self.column.saturating_sub(1)),
                Meaning::Tab => {
                    let column = (self.column / 8 + 1) * 8;
                    self.move_to(self.line, column.min(self.columns - 1));
                }
                Meaning::Home => self.home(),
                Meaning::EraseRow => self.erase_row(),
                Meaning::EraseBelow => self.erase_below(),
                Meaning::EraseAll => self.erase_all(),
                Meaning::Nothing => {}
            }
        }
    }

    /// Scrolls back by so many rows, or forward if negative. Whether that moved anything.
    pub fn scroll(&mut self, rows: isize) -> bool {
        let back = self.back.saturating_add_signed(rows).min(self.top);
        let moved = back != self.back;
        if moved {
            self.back = back;
            self.touch_all();
        }
        moved
    }

    /// Rows that the operator has scrolled back.
    #[must_use]
    pub const fn scrolled_back(&self) -> usize {
        self.back
    }

    /// The characters of a row of the screen and what its line is.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u8], Kind) {
        let line = self.top - self.back + row;
        if row >= self.rows || line >= self.count {
            return (&[], Kind::Output);
        }
        let first = (0..=line)
            .rev()
            .find(|line| !self.goes_on[self.place(*line)])
            .unwrap_or(0);
        (self.cells_of(line), Kind::of(trimmed(self.cells_of(first))))
    }

    /// The cursor's row and column, unless it is scrolled out of sight.
    #[must_use]
    pub fn cursor(&self) -> Option<(usize, usize)> {
        let row = self.line - (self.top - self.back);
        (row < self.rows).then_some((row, self.column.min(self.columns - 1)))
    }

    /// Makes every row count as changed.
    pub fn touch_all(&mut self) {
        self.dirty = u128::MAX;
    }

    /// The next row that has changed since it was last taken, from the top.
    pub fn take_dirty(&mut self) -> Option<usize> {
        let row = self.dirty.trailing_zeros() as usize;
        if row >= self.rows {
            self.dirty = 0;
            return None;
        }
        self.dirty &= !(1 << row);
        Some(row)
    }

    /// Whether a row has changed since it was last taken.
    #[must_use]
    pub const fn is_dirty(&self) -> bool {
        (self.dirty.trailing_zeros() as usize) < self.rows
    }

    fn show(&mut self, character: u8) {
        if self.column >= self.columns {
            self.next_line(true);
        }
        let column = self.column;
        self.cells_mut(self.line)[column] = character;
        self.column += 1;
        self.touch(self.line);
    }

    fn move_to(&mut self, line: usize, column: usize) {
        self.touch(self.line);
        self.line = line;
        self.column = column;
        self.touch(line);
    }

    fn next_line(&mut self, goes_on: bool) {
        if self.line + 1 == self.count {
            self.add_line();
        }
        self.move_to(self.line + 1, 0);
        let place = self.place(self.line);
        self.goes_on[place] = goes_on;
        self.follow_cursor();
    }

    /// Adds an empty line at the end; where there is no room the oldest one goes.
    fn add_line(&mut self) {
        if self.count == KEPT {
            self.oldest = (self.oldest + 1) % KEPT;
            self.top = self.top.saturating_sub(1);
            self.line = self.line.saturating_sub(1);
            // What is looked at stays in place until it is gone.
            self.back = self.back.min(self.top);
            if self.top - self.back == 0 {
                self.touch_all();
            }
        } else {
            self.count += 1;
        }
        let last = self.count - 1;
        self.blank(last);
        self.touch(last);
    }

    /// Scrolls until the cursor is on the screen.
    fn follow_cursor(&mut self) {
        let top = (self.line + 1).saturating_sub(self.rows).max(self.top);
        if self.back > 0 {
            // What the operator looks at stays where it is.
            self.back = (self.back + top - self.top).min(top);
        } else if top != self.top {
            self.touch_all();
        }
        self.top = top;
    }

    fn home(&mut self) {
        // What is below is written over row by row, so no row goes on from another any more.
        for line in self.top..self.count {
            let place = self.place(line);
            self.goes_on[place] = false;
            self.touch(line);
        }
        self.move_to(self.top, 0);
    }

    fn erase_row(&mut self) {
        let column = self.column.min(self.columns);
        self.cells_mut(self.line)[column..].fill(b' ');
        self.touch(self.line);
    }

    fn erase_below(&mut self) {
        self.erase_row();
        for line in self.line + 1..self.count {
            self.blank(line);
            self.touch(line);
        }
    }

    /// Leaves what is on the screen to the scrollback; the cursor goes to the upper left corner.
    fn erase_all(&mut self) {
        let is_blank = |line: &usize| trimmed(self.cells_of(*line)).is_empty();
        let end = (self.top..self.count).rev().find(|line| !is_blank(line));
        let end = end.map_or(self.top, |line| line + 1);
        self.count = end.max(1);
        if end == 0 {
            self.blank(0);
        } else {
            self.add_line();
        }
        self.top = self.count - 1;
        self.line = self.top;
        self.column = 0;
        self.back = 0;
        self.touch_all();
    }

    fn blank(&mut self, line: usize) {
        self.cells_mut(line).fill(b' ');
        let place = self.place(line);
        self.goes_on[place] = false;
    }

    /// Marks a line's row if it is in sight.
    fn touch(&mut self, line: usize) {
        let first = self.top - self.back;
        if (first..first + self.rows).contains(&line) {
            self.dirty |= 1 << (line - first);
        }
    }

    const fn place(&self, line: usize) -> usize {
        (self.oldest + line) % KEPT
    }

    fn cells_of(&self, line: usize) -> &[u8] {
        let start = self.place(line) * self.columns;
        &self.cells[start..start + self.columns]
    }

    fn cells_mut(&mut self, line: usize) -> &mut [u8] {
        let start = self.place(line) * self.columns;
        &mut self.cells[start..start + self.columns]
    }
}

/// Without the spaces at the end.
pub(crate) fn trimmed(cells: &[u8]) -> &[u8] {
    cells.trim_ascii_end()
}
