//! A line to words, each knowing where it came from.
//!
//! The rules are the shell's of every Linux, cut down: words are separated by spaces and tabs;
//! `#` at the start of a word begins a comment; single quotes keep everything between them;
//! double quotes too, except that `\"` stands for `"` and `\\` for `\`. Quotes may begin
//! anywhere in a word (`cmdline="a b"`). Outside quotes a backslash is an ordinary character.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{CommandError, Span};
use crate::limits::{LINE_BYTES, WORDS};

/// A word without its quotes, and where it stands in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// What it says.
    pub(crate) text: String,
    /// Where it is, quotes included.
    pub(crate) span: Span,
    /// The bytes of the line within `span` that no byte of `text` came from, in order: quotes, and
    /// what a backslash stands before. A line is at most [`LINE_BYTES`] long.
    skipped: Vec<u16>,
}

impl Word {
    /// Where the bytes `range` of the text stand in the line; the end of the word for what
    /// lies behind it.
    pub(crate) fn place(&self, range: Range<usize>) -> Span {
        let start = self.origin(range.start);
        let last = range.end.checked_sub(1).and_then(|i| self.origin(i));
        match (start, last) {
            (Some(start), Some(last)) if start <= last => Span {
                start,
                end: last + 1,
            },
            _ => Span {
                start: start.unwrap_or(self.span.end),
                end: start.unwrap_or(self.span.end),
            },
        }
    }

    /// The byte of the line that byte `index` of the text came from.
    fn origin(&self, index: usize) -> Option<usize> {
        let behind = |at: usize, skipped: &u16| at + usize::from(usize::from(*skipped) <= at);
        let at = self.skipped.iter().fold(self.span.start + index, behind);
        (index < self.text.len()).then_some(at)
    }

    /// Byte `at` of the line is not part of the text.
    fn skip(&mut self, at: usize) {
        // `split` refuses longer lines.
        self.skipped.extend(u16::try_from(at));
    }
}

/// A line taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Its words, in order.
    pub(crate) words: Vec<Word>,
    /// Whether it ends in a comment.
    pub(crate) comment: bool,
}

/// What is wrong with a line of so many bytes.
pub(crate) fn too_long(bytes: usize) -> String {
    format!("the line has {bytes} bytes (accepted: at most {LINE_BYTES})")
}

/// Takes `line` apart. One that is too long is not looked into at all.
pub(crate) fn split(line: &str) -> Result<Words, CommandError> {
    if line.len() > LINE_BYTES {
        let surplus = Span {
            start: LINE_BYTES,
            end: line.len(),
        };
        return Err(CommandError::new(surplus, too_long(line.len())));
    }
    let mut words = Words::default();
    let mut rest = line.char_indices().peekable();
    while let Some(&(start, c)) = rest.peek() {
        match c {
            ' ' | '\t' => {
                rest.next();
            }
            '#' => {
                words.comment = true;
                break;
            }
            _ if words.words.len() == WORDS => {
                let span = Span {
                    start,
                    end: start + c.len_utf8(),
                };
                let message = format!("the line has more than {WORDS} words");
                return Err(CommandError::new(span, message));
            }
            _ => words.words.push(Word::read(start, line.len(), &mut rest)?),
        }
    }
    Ok(words)
}

type Characters<'a> = core::iter::Peekable<core::str::CharIndices<'a>>;

impl Word {
    /// Reads the word that starts at byte `start`; the line has `end` bytes.
    fn read(start: usize, end: usize, rest: &mut Characters<'_>) -> Result<Self, CommandError> {
        let mut word = Self {
            text: String::new(),
            span: Span { start, end },
            skipped: Vec::new(),
        };
        while let Some(&(at, c)) = rest.peek() {
            match c {
                ' ' | '\t' => {
                    word.span.end = at;
                    break;
                }
                '"' | '\'' => {
                    rest.next();
                    word.skip(at);
                    word.read_quoted(at, c, rest)?;
                }
                _ => {
                    rest.next();
                    word.push(at, c)?;
                }
            }
        }
        Ok(word)
    }

    fn read_quoted(
        &mut self,
        opened: usize,
        quote: char,
        rest: &mut Characters<'_>,
    ) -> Result<(), CommandError> {
        while let Some((at, c)) = rest.next() {
            if c == quote {
                self.skip(at);
                return Ok(());
            }
            let escaped = rest
                .next_if(|&(_, next)| quote == '"' && c == '\\' && matches!(next, '"' | '\\'))
                .map(|(_, next)| next);
            // The character stands where its backslash does.
            if escaped.is_some() {
                self.skip(at + 1);
            }
            self.push(at, escaped.unwrap_or(c))?;
        }
        let span = Span {
            start: opened,
            end: opened + 1,
        };
        let message = format!("this quote is not closed: a second {quote} is missing");
        Err(CommandError::new(span, message))
    }

    fn push(&mut self, at: usize, c: char) -> Result<(), CommandError> {
        if !matches!(c, ' '..='~') {
            let end = at + c.len_utf8();
            let message = format!(
                "the character U+{:04X} is not accepted: only printable ASCII is",
                u32::from(c)
            );
            return Err(CommandError::new(Span { start: at, end }, message));
        }
        self.text.push(c);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn texts(line: &str) -> Vec<String> {
        let words = split(line).unwrap().words;
        words.into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn quoting() {
        let table: [(&str, &[&str]); 14] = [
            ("", &[]),
            (" \t ", &[]),
            ("a  b\tc ", &["a", "b", "c"]),
            ("a # b", &["a"]),
            ("# a", &[]),
            ("a#b", &["a#b"]),
            ("a '#b' \"# c\"", &["a", "#b", "# c"]),
            ("k=\"a b\" c", &["k=a b", "c"]),
            ("k='a \"b\"'", &["k=a \"b\""]),
            (r#"k="a \"b\" \\ \n""#, &[r#"k=a "b" \ \n"#]),
            (r"k='a\'", &[r"k=a\"]),
            (r"a\ b", &[r"a\", "b"]),
            ("''", &[""]),
            ("a''b\"\"c", &["abc"]),
        ];
        for (line, expected) in table {
            assert_eq!(texts(line), expected, "{line}");
        }
    }

    #[test]
    fn spans_include_quotes_and_places_do_not() {
        let words = split(r#"x k="a \"b" y"#).unwrap().words;
        assert_eq!(words[1].span, Span { start: 2, end: 11 });
        assert_eq!(words[1].text, r#"k=a "b"#);
        assert_eq!(words[1].place(2..3), Span { start: 5, end: 6 });
        assert_eq!(words[1].place(4..6), Span { start: 7, end: 10 });
        assert_eq!(words[1].place(6..9), Span { start: 11, end: 11 });
    }

    #[test]
    fn refusals() {
        let error = split("a k=\"b c").unwrap_err();
        assert_eq!(error.span, Span { start: 4, end: 5 });
        assert_eq!(
            error.message,
            "this quote is not closed: a second \" is missing"
        );
        let error = split("a \u{e9}").unwrap_err();
        assert_eq!(error.span, Span { start: 2, end: 4 });
        assert!(split("a # \u{e9}").is_ok());
    }

    proptest! {
        #[test]
        fn spans_lie_in_the_line(line in "[ab =\"'\\\\#\t\u{e9}]{0,40}", from in 0..9usize, len in 0..9usize) {
            let spans = match split(&line) {
                Ok(words) => words.words.iter()
                    .flat_map(|w| vec![w.span, w.place(from..from + len), w.place(0..w.text.len())])
                    .collect(),
                Err(error) => vec![error.span],
            };
            for span in spans {
                prop_assert!(span.start <= span.end && span.end <= line.len());
                prop_assert!(line.get(span.start..span.end).is_some());
            }
        }

        #[test]
        fn any_line_is_survived(line in any::<String>()) {
            let _ = split(&line);
        }
    }
}
