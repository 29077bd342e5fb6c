//! Whatever is written, the screen shows what a simple model of a terminal shows, and only changed
//! rows had to be drawn for that.

use bulkhead_terminal::screen::{Display, Row, Surface};
use proptest::prelude::*;

const COLUMNS: usize = 20;
const ROWS: usize = 6;

/// A terminal that keeps every line there ever was and redraws everything.
struct Model {
    lines: Vec<Vec<char>>,
    top: usize,
    line: usize,
    column: usize,
}

impl Model {
    fn new() -> Self {
        Self {
            lines: vec![Vec::new()],
            top: 0,
            line: 0,
            column: 0,
        }
    }

    fn write(&mut self, text: &str) {
        // Sequences stand as one character each: see `piece`.
        for c in text.chars() {
            match c {
                'Ⓗ' => (self.line, self.column) = (self.top, 0),
                'Ⓚ' => self.lines[self.line].truncate(self.column),
                'Ⓙ' => {
                    self.lines[self.line].truncate(self.column);
                    self.lines[self.line + 1..].fill(Vec::new());
                }
                'Ⓒ' => self.clear(),
                '\r' => self.column = 0,
                '\n' => self.next_line(),
                '\u{8}' => self.column = self.column.saturating_sub(1),
                ' '..='~' => self.put(c),
                _ => self.put('?'),
            }
        }
    }

    fn put(&mut self, c: char) {
        if self.column == COLUMNS {
            self.next_line();
        }
        let line = &mut self.lines[self.line];
        while line.len() <= self.column {
            line.push(' ');
        }
        line[self.column] = c;
        self.column += 1;
    }

    fn next_line(&mut self) {
        self.line += 1;
        self.column = 0;
        if self.line == self.lines.len() {
            self.lines.push(Vec::new());
        }
        self.top = self.top.max((self.line + 1).saturating_sub(ROWS));
    }

    fn clear(&mut self) {
        let is_blank = |line: &Vec<char>| line.iter().all(|c| *c == ' ');
        while self.lines.len() > self.top && self.lines.last().is_some_and(is_blank) {
            self.lines.pop();
        }
        self.lines.push(Vec::new());
        self.top = self.lines.len() - 1;
        (self.line, self.column) = (self.top, 0);
    }

    fn rows(&self) -> Vec<String> {
        let row = |row: usize| match self.lines.get(self.top + row) {
            Some(line) => line.iter().collect::<String>().trim_end().to_string(),
            None => String::new(),
        };
        (0..ROWS).map(row).collect()
    }

    fn cursor(&self) -> (usize, usize) {
        (self.line - self.top, self.column.min(COLUMNS - 1))
    }
}

/// What has been drawn.
#[derive(Default)]
struct Drawn {
    rows: [String; ROWS],
    cursors: [Option<usize>; ROWS],
    kinds: [Option<bulkhead_terminal::screen::Kind>; ROWS],
}

impl Surface for Drawn {
    fn draw(&mut self, row: usize, content: &Row<'_>) {
        self.rows[row] = String::from_utf8(content.cells.to_vec()).unwrap();
        self.cursors[row] = content.cursor;
        self.kinds[row] = Some(content.kind);
    }
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "word ",
        "error: ",
        "* web: ",
        "\n",
        "\r",
        "\u{8}",
        "\u{8}\u{8}",
        "é",
        "bulkhead> ",
        "0123456789",
        "a line that is longer than the screen",
        "Ⓗ",
        "Ⓚ",
        "Ⓙ",
        "Ⓒ",
        "\n\n\n",
    ])
}

/// The model's marks as the sequences that they stand for.
fn sequences(text: &str) -> String {
    text.replace('Ⓗ', "\u{1b}[H")
        .replace('Ⓚ', "\u{1b}[K")
        .replace('Ⓙ', "\u{1b}[J")
        .replace('Ⓒ', "\u{1b}[2J\u{1b}[H")
}

proptest! {
    #[test]
    fn the_screen_is_the_models(pieces in prop::collection::vec((piece(), any::<bool>()), 0..300)) {
        let mut display = Display::new(COLUMNS, ROWS);
        let mut drawn = Drawn::default();
        let mut model = Model::new();
        for (text, look) in pieces {
            display.write(&sequences(text));
            model.write(text);
            if look {
                display.draw(&mut drawn);
                prop_assert_eq!(&drawn.rows[..], &model.rows()[..]);
                let (row, column) = model.cursor();
                prop_assert_eq!(drawn.cursors[row], Some(column));
                prop_assert_eq!(drawn.cursors.iter().flatten().count(), 1);
                // Nothing would look different if all of it were drawn again.
                let kinds = drawn.kinds;
                display.touch_all();
                display.draw(&mut drawn);
                prop_assert_eq!(kinds, drawn.kinds);
            }
        }
    }

    /// Anything at all, of any size, scrolled about and with a status line that comes and goes.
    #[test]
    fn anything_is_survived(
        (columns, rows) in (0..300usize, 0..300usize),
        steps in prop::collection::vec((any::<String>(), -3..3isize, any::<Option<bool>>()), 0..50),
    ) {
        struct Counted(usize, usize);
        impl Surface for Counted {
            fn draw(&mut self, row: usize, content: &Row<'_>) {
                assert!(row < self.1 && content.cells.len() <= self.0);
                assert!(content.cells.iter().all(|c| matches!(c, b' '..=b'~')));
                assert!(content.cursor.is_none_or(|column| column < self.0));
            }
        }
        let mut display = Display::new(columns, rows);
        let mut surface = Counted(display.columns(), rows.clamp(1, bulkhead_terminal::screen::MAX_ROWS));
        for (text, pages, status) in steps {
            display.write(&text);
            display.page(pages);
            if let Some(on) = status {
                display.set_status(on.then_some(text.as_str()));
            }
            display.draw(&mut surface);
            prop_assert!(!display.is_dirty());
        }
    }
}
