//! A terminal of 80 columns and 24 rows, as dumb as they come: it knows what the shell may
//! send and panics at anything else.

use core::fmt;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// Columns of the screen.
pub(crate) const WIDTH: usize = 80;
/// Rows of the screen.
pub(crate) const HEIGHT: usize = 24;

/// What an operator sees.
pub(crate) struct Terminal {
    rows: Vec<[char; WIDTH]>,
    /// Rows that scrolled off the top.
    gone: Vec<String>,
    row: usize,
    column: usize,
    escape: String,
    /// Bells rung.
    pub(crate) bells: usize,
    /// Characters received.
    pub(crate) received: usize,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            rows: vec![[' '; WIDTH]; HEIGHT],
            gone: Vec::new(),
            row: 0,
            column: 0,
            escape: String::new(),
            bells: 0,
            received: 0,
        }
    }
}

impl Terminal {
    /// The row of the cursor, without the spaces at its end.
    pub(crate) fn line(&self) -> String {
        text(&self.rows[self.row])
    }

    /// The column of the cursor, from 0.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// Everything down to the row of the cursor, with what scrolled away.
    pub(crate) fn screen(&self) -> String {
        let mut screen = self.gone.clone();
        screen.extend(self.rows[..=self.row].iter().map(text));
        screen.join("\n")
    }

    fn put(&mut self, c: char) {
        self.received += 1;
        if !self.escape.is_empty() {
            return self.escape(c);
        }
        match c {
            '\u{1b}' => self.escape.push(c),
            '\u{7}' => self.bells += 1,
            '\u{8}' => {
                assert!(self.column > 0, "backspace at the left edge");
                self.column -= 1;
            }
            '\r' => self.column = 0,
            // The console layer makes CR LF of it.
            '\n' => {
                self.column = 0;
                self.next_row();
            }
            ' '..='~' => {
                // Wraps late, as VT100 and its children do.
                if self.column == WIDTH {
                    self.column = 0;
                    self.next_row();
                }
                self.rows[self.row][self.column] = c;
                self.column += 1;
            }
            other => panic!("sent to the terminal: {other:?}"),
        }
    }

    fn escape(&mut self, c: char) {
        self.escape.push(c);
        match self.escape.as_str() {
            "\u{1b}[2J" => self.rows = vec![[' '; WIDTH]; HEIGHT],
            "\u{1b}[H" => (self.row, self.column) = (0, 0),
            "\u{1b}[K" => self.rows[self.row][self.column..].fill(' '),
            "\u{1b}[J" => {
                self.rows[self.row][self.column..].fill(' ');
                self.rows[self.row + 1..].fill([' '; WIDTH]);
            }
            partial if "\u{1b}[2J".starts_with(partial) => return,
            other => panic!("sent to the terminal: {other:?}"),
        }
        self.escape.clear();
    }

    fn next_row(&mut self) {
        if self.row + 1 < HEIGHT {
            self.row += 1;
        } else {
            let top = self.rows.remove(0);
            self.gone.push(text(&top));
            self.rows.push([' '; WIDTH]);
        }
    }
}

fn text(row: &[char; WIDTH]) -> String {
    row.iter().collect::<String>().trim_end().to_string()
}

impl fmt::Write for Terminal {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        s.chars().for_each(|c| self.put(c));
        Ok(())
    }
}
