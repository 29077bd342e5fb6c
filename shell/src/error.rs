//! Why a line was refused, and the caret that shows where.
//!
//! Key types: [`Span`], [`CommandError`], [`Failure`].

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

use crate::line::COLUMNS;
use crate::nearest::nearest;
use crate::sentence::{Cut, bounded};

/// A range of bytes of a line; empty where something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// First byte.
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
}

/// Why a line was refused: one sentence, and the place in the line that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandError {
    /// Where in the line.
    pub(crate) span: Span,
    /// The sentence: lower case, no full stop, names the culprit and what is accepted. At most
    /// [`MESSAGE_BYTES`](crate::limits::MESSAGE_BYTES).
    pub(crate) message: String,
}

impl CommandError {
    /// An error about the words at `span`.
    pub(crate) fn new(span: Span, message: impl AsRef<str>) -> Self {
        Self {
            span,
            message: bounded(message.as_ref()),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for CommandError {}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was refused; nothing was changed.
    Refused(CommandError),
    /// A script that was included ended at an error, which has been printed.
    Included {
        /// Its name.
        name: String,
        /// The line of the error in it, from 1.
        line: usize,
    },
    /// The console took no more output.
    Output(fmt::Error),
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self::Refused(error)
    }
}

impl From<fmt::Error> for Failure {
    fn from(error: fmt::Error) -> Self {
        Self::Output(error)
    }
}

/// Prints carets under `span` of the typed `line`, which stands on the row above behind a
/// prompt of `prompt` columns. A line that took more than one row is quoted again, in part.
pub(crate) fn caret_under_typed(
    line: &str,
    span: Span,
    prompt: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    let columns = Columns::of(line, span);
    if prompt + columns.total.max(columns.start + columns.width) <= COLUMNS {
        carets(prompt + columns.start, columns.width, out)
    } else {
        quote(line, span, out)
    }
}

/// Prints `line`, or as much of it around `span` as fits in a row, and carets below.
pub(crate) fn quote(line: &str, span: Span, out: &mut dyn Write) -> fmt::Result {
    const CUT: &str = "...";
    const ROOM: usize = COLUMNS - 2 * CUT.len();
    let columns = Columns::of(line, span);
    // An empty span may lie behind the text.
    let whole = columns.total.max(columns.start + columns.width);
    let (skip, room) = if whole <= COLUMNS {
        (0, COLUMNS)
    } else {
        let centred = columns.start.saturating_sub(ROOM / 2);
        (centred.min(whole - ROOM), ROOM)
    };
    let shown: String = line.chars().skip(skip).take(room).map(printable).collect();
    let left = if skip > 0 { CUT } else { "" };
    let right = if skip + room < columns.total { CUT } else { "" };
    writeln!(out, "{left}{}{right}", shown.trim_end())?;
    let start = columns.start - skip;
    carets(left.len() + start, columns.width.min(room - start), out)
}

/// One column for each character, whatever it is.
const fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        ' '..='~' => c,
        _ => '?',
    }
}

fn carets(column: usize, width: usize, out: &mut dyn Write) -> fmt::Result {
    writeln!(out, "{:column$}{:^<width$}", "", "")
}

/// A span counted in columns: one for each character.
struct Columns {
    start: usize,
    width: usize,
    total: usize,
}

impl Columns {
    fn of(line: &str, span: Span) -> Self {
        let before = |byte: usize| line.char_indices().take_while(|(i, _)| *i < byte).count();
        let start = before(span.start) + span.start.saturating_sub(line.len());
        Self {
            start,
            width: before(span.end).saturating_sub(start).max(1),
            total: line.chars().count(),
        }
    }
}

/// What is said of what other shells put between two commands.
pub(crate) const ONE_COMMAND: &str = "a line has one command, and nothing ends it but its end";

/// Whether other shells would see the end of a command in that word.
pub(crate) fn ends_a_command(word: &str) -> bool {
    word.contains(';') || ["&", "&&", "|", "||"].contains(&word)
}

/// `, did you mean "list"?` for the candidate that is most like `word`; nothing if none is.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    nearest(word, candidates)
        .map(|name| format!(", did you mean \"{}\"?", Cut(name)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(line: &str, start: usize, end: usize) -> String {
        let mut text = String::new();
        quote(line, Span { start, end }, &mut text).unwrap();
        text
    }

    #[test]
    fn a_short_line_is_quoted_whole() {
        assert_eq!(quoted("a\tbc  ", 2, 4), "a bc\n  ^^\n");
        assert_eq!(quoted("\u{e9} b", 3, 4), "? b\n  ^\n");
        assert_eq!(quoted("set", 4, 4), "set\n    ^\n");
    }

    #[test]
    fn a_long_line_is_cut() {
        let line = format!("{}WORD{}", "a".repeat(100), "b".repeat(100));
        let text = quoted(&line, 100, 104);
        let (quotation, carets) = text.split_once('\n').unwrap();
        assert_eq!(quotation.len(), COLUMNS);
        assert_eq!(quotation.find("WORD"), carets.find("^^^^"));
        let ends = [
            quoted(&line, 0, 204),
            quoted(&line, 203, 204),
            quoted(&line, 205, 205),
        ];
        for text in ends {
            assert!(text.lines().all(|row| row.len() <= COLUMNS), "{text}");
            assert!(text.contains('^'), "{text}");
        }
    }
}
