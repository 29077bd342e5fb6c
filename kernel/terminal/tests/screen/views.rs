//! Scrolling back, the status line, what a long text leaves.

use bulkhead_terminal::screen::{Display, Kind, Row, Surface};

/// What is seen, with the kind of each row.
#[derive(Default)]
struct Seen(Vec<(String, Kind)>);

impl Surface for Seen {
    fn draw(&mut self, row: usize, content: &Row<'_>) {
        let blank = || (String::new(), Kind::Output);
        self.0.resize_with(self.0.len().max(row + 1), blank);
        let text = String::from_utf8(content.cells.to_vec()).unwrap();
        self.0[row] = (text.trim_end().to_string(), content.kind);
    }
}

fn seen(display: &mut Display) -> Vec<String> {
    let mut seen = Seen::default();
    display.touch_all();
    display.draw(&mut seen);
    seen.0.into_iter().map(|(text, _)| text).collect()
}

fn with_lines(count: usize) -> Display {
    let mut display = Display::new(40, 5);
    for line in 0..count {
        display.write(&format!("line {line}\n"));
    }
    display
}

#[test]
fn pages_go_back_and_forth() {
    let mut display = with_lines(20);
    assert_eq!(
        seen(&mut display),
        ["line 16", "line 17", "line 18", "line 19", ""]
    );
    display.page(1);
    assert_eq!(seen(&mut display)[0], "line 12");
    assert_eq!(display.text().cursor(), None);
    // New text does not move what is being read.
    display.write("more\nand more\n");
    assert_eq!(seen(&mut display)[0], "line 12");
    display.page(-1);
    assert_eq!(seen(&mut display)[0], "line 16");
    display.page(100);
    assert_eq!(seen(&mut display)[0], "line 0");
    display.scroll_to_end();
    assert_eq!(seen(&mut display)[3], "and more");
}

#[test]
fn two_hundred_rows_are_kept() {
    let mut display = with_lines(1000);
    display.page(isize::MAX);
    assert_eq!(seen(&mut display)[0], "line 801");
    // What is being read goes only when it is the oldest.
    display.write("more\n");
    assert_eq!(seen(&mut display)[0], "line 802");
}

#[test]
fn a_cleared_screen_can_be_scrolled_back_to() {
    let mut display = with_lines(3);
    display.write("\u{1b}[2J\u{1b}[Hnew");
    assert_eq!(seen(&mut display), ["new", "", "", "", ""]);
    display.page(1);
    assert_eq!(
        seen(&mut display)[..4],
        ["line 0", "line 1", "line 2", "new"]
    );
}

#[test]
fn the_status_line_takes_a_row_and_gives_it_back() {
    let mut display = with_lines(4);
    assert_eq!(
        seen(&mut display),
        ["line 0", "line 1", "line 2", "line 3", ""]
    );
    display.set_status(Some("web running"));
    assert_eq!(
        seen(&mut display),
        ["line 1", "line 2", "line 3", "", "web running"]
    );
    display.page(1);
    display.set_status(Some("web running"));
    assert_eq!(seen(&mut display)[4], "PgDn for later lines | web running");
    display.scroll_to_end();
    display.set_status(None);
    display.write("x");
    assert_eq!(seen(&mut display), ["line 1", "line 2", "line 3", "x", ""]);
}

#[test]
fn all_rows_of_a_line_have_its_colour() {
    let mut display = Display::new(10, 4);
    display.write("error: something is wrong\nfine");
    let mut seen = Seen::default();
    display.draw(&mut seen);
    let kinds: Vec<Kind> = seen.0.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, [Kind::Error, Kind::Error, Kind::Error, Kind::Output]);
}

#[test]
fn a_character_costs_one_row() {
    let mut display = with_lines(20);
    let mut seen = Seen::default();
    display.draw(&mut seen);
    display.write("x");
    assert!(display.draw_one(&mut seen));
    assert!(!display.draw_one(&mut seen));
}
