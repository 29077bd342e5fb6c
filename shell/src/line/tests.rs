//! Editing, seen through a terminal.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::limits::LINE_BYTES;
use crate::terminal::Terminal;

/// An editor and what its operator sees.
#[derive(Default)]
struct Session {
    editor: LineEditor,
    terminal: Terminal,
    submitted: Vec<String>,
}

impl Session {
    fn new() -> Self {
        let mut session = Self::default();
        session.editor.prompt(&mut session.terminal).unwrap();
        session
    }

    fn typed(bytes: &str) -> Self {
        let mut session = Self::new();
        session.feed(bytes.as_bytes());
        session
    }

    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let outcome = self.editor.feed(byte, &mut self.terminal).unwrap();
            if let Some(Outcome::Submitted(line)) = outcome {
                self.submitted.push(line);
                self.editor.prompt(&mut self.terminal).unwrap();
            }
        }
    }

    /// What the row must show and where the cursor must be, worked out anew.
    fn expected(&self) -> (String, usize) {
        let text = self.editor.buffer.text();
        let scroll = self.editor.scroll;
        let mut view: Vec<char> = text.chars().skip(scroll).take(69).collect();
        if scroll > 0 && !view.is_empty() {
            view[0] = '<';
        }
        if text.len() > scroll + 69 {
            view[68] = '>';
        }
        let row = format!("bulkhead> {}", view.iter().collect::<String>());
        let column = 10 + self.editor.buffer.cursor() - scroll;
        (row.trim_end().to_string(), column)
    }

    fn assert_shown(&self) {
        let seen = (self.terminal.line(), self.terminal.column());
        assert_eq!(seen, self.expected());
        let (first, last) = (10 + usize::from(self.editor.scroll > 0), 79);
        assert!((first..=last).contains(&seen.1), "cursor out of the view");
    }
}

#[test]
fn keys_do_what_they_say() {
    let table = [
        ("abc\x1b[Dx", "abxc", 13),
        ("abc\x1b[D\x1b[D\x1b[Cx", "abxc", 13),
        ("abc\x1b[Hx", "xabc", 11),
        ("abc\x1b[1~x", "xabc", 11),
        ("abc\x1bOHx", "xabc", 11),
        ("abc\x01x\x05y", "xabcy", 15),
        ("abc\x01\x1b[4~y", "abcy", 14),
        ("abc\x01\x1b[3~", "bc", 10),
        ("abc\x7f\x08", "a", 11),
        ("abc\x01\x1b[C\x0b", "a", 11),
        ("abc\x1b[D\x15", "c", 10),
        ("define a  b\x17", "define a", 20),
        ("define a  b  \x17", "define a", 20),
        ("one two\x1bb\x1bbx", "xone two", 11),
        ("one two\x01\x1b[1;5Cx", "onex two", 14),
        ("\x03", "", 10),
        ("a\x04b", "ab", 12),
    ];
    for (bytes, text, column) in table {
        let session = Session::typed(bytes);
        let row = format!("bulkhead> {text}");
        assert_eq!(session.terminal.line(), row.trim_end(), "{bytes:?}");
        assert_eq!(session.terminal.column(), column, "{bytes:?}");
    }
}

#[test]
fn control_c_gives_the_line_up() {
    let session = Session::typed("abc\x1b[D\x03list\r");
    assert_eq!(
        session.terminal.screen(),
        "bulkhead> abc^C\nbulkhead> list\nbulkhead>"
    );
    assert_eq!(session.submitted, ["list"]);
}

#[test]
fn control_l_clears_the_screen() {
    let session = Session::typed("a\rb\rcd\x1b[D\x0c");
    assert_eq!(session.terminal.screen(), "bulkhead> cd");
    assert_eq!(session.terminal.column(), 11);
}

#[test]
fn pasted_lines_are_prompted_once() {
    for paste in ["a\r\nb\r\n", "a\nb\n", "a\rb\r"] {
        let session = Session::typed(paste);
        assert_eq!(session.submitted, ["a", "b"]);
        assert_eq!(
            session.terminal.screen(),
            "bulkhead> a\nbulkhead> b\nbulkhead>"
        );
    }
}

#[test]
fn history_goes_back_and_forth() {
    let mut session = Session::typed("first\rsecond\rdra");
    session.feed(b"\x1b[A");
    assert_eq!(session.terminal.line(), "bulkhead> second");
    session.feed(b"\x1bOA");
    assert_eq!(session.terminal.line(), "bulkhead> first");
    session.feed(b"\x1b[A");
    assert_eq!(session.terminal.bells, 1);
    session.feed(b"\x1b[B\x1b[B");
    assert_eq!(session.terminal.line(), "bulkhead> dra");
    session.feed(b"\x10!\r\x10");
    assert_eq!(session.submitted, ["first", "second", "second!"]);
    assert_eq!(session.terminal.line(), "bulkhead> second!");
}

#[test]
fn what_is_not_ascii_rings_the_bell() {
    let session = Session::typed("\u{e9}a");
    assert_eq!(session.terminal.bells, 2);
    assert_eq!(session.terminal.line(), "bulkhead> a");
}

#[test]
fn a_line_ends_at_its_limit() {
    let mut session = Session::typed(&"x".repeat(LINE_BYTES));
    assert_eq!(session.terminal.bells, 0);
    session.feed(b"yy");
    assert_eq!(session.terminal.bells, 2);
    session.feed(b"\x7fz\r");
    assert_eq!(session.submitted[0].len(), LINE_BYTES);
    assert!(session.submitted[0].ends_with("xz"));
}

#[test]
fn a_long_line_scrolls_and_is_written_out_at_last() {
    let line: String = ('a'..='z').cycle().take(100).collect();
    let mut session = Session::typed(&line);
    session.assert_shown();
    assert!(session.terminal.line().starts_with("bulkhead> <"));
    session.feed(b"\x01");
    assert_eq!(
        session.terminal.line(),
        format!("bulkhead> {}>", &line[..68])
    );
    session.feed(b"\r");
    let (first, rest) = line.split_at(70);
    assert_eq!(
        session.terminal.screen(),
        format!("bulkhead> {first}\n{rest}\nbulkhead>")
    );
    assert_eq!(session.submitted, [line]);
}

#[test]
fn typing_on_costs_little() {
    let session = Session::typed(&"x".repeat(1000));
    assert!(
        session.terminal.received < 8 * 1000,
        "{} characters sent",
        session.terminal.received
    );
}

#[test]
fn events_come_between() {
    let mut session = Session::typed("start web\x1b[D\x1b[D");
    let print = |out: &mut dyn Write| out.write_str("* web: powered-off\n");
    session
        .editor
        .interrupt(&mut session.terminal, print)
        .unwrap();
    assert_eq!(
        session.terminal.screen(),
        "* web: powered-off\nbulkhead> start web"
    );
    assert_eq!(session.terminal.column(), 17);
    session.feed(b"x");
    session.assert_shown();
}

/// Keys and noise, keys being likelier.
fn input() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => "[ -~]{1,30}".prop_map(String::into_bytes),
        6 => prop::sample::select(vec![
            "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[H", "\x1b[F", "\x1b[3~", "\x7f",
            "\x01", "\x05", "\x15", "\x0b", "\x17", "\x0c", "\x03", "\r", "\x1bb", "\x1bf",
        ])
        .prop_map(|key| key.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 1..8),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Whatever is typed, and whatever is printed between, the row shows what the editor holds.
    #[test]
    fn the_row_always_shows_the_text(bytes in input(), events in any::<u8>()) {
        let mut session = Session::new();
        for byte in bytes {
            session.feed(&[byte]);
            session.assert_shown();
            if byte % 64 == events % 64 {
                let print = |out: &mut dyn Write| out.write_str("* event\n");
                session.editor.interrupt(&mut session.terminal, print).unwrap();
                session.assert_shown();
            }
        }
    }
}
