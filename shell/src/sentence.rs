//! What an error repeats of what was typed, and how much of it: never more than [`limits`] says.
//!
//! [`limits`]: crate::limits

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write};

use crate::limits::{LISTED_NAMES, MESSAGE_BYTES, QUOTED_CHARS};

/// What stands for the rest of a text.
const CUT: &str = "...";

/// A word as an error repeats it: its first [`QUOTED_CHARS`] characters.
pub(crate) struct Cut<'a>(pub(crate) &'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(QUOTED_CHARS) {
            Some((end, _)) => write!(f, "{}{CUT}", &self.0[..end]),
            None => f.write_str(self.0),
        }
    }
}

/// `a, b, c`, or `a, b, c and 7 more`, or `none`.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let mut text = String::new();
    let mut separator = "";
    for name in names.by_ref().take(LISTED_NAMES) {
        // A string takes whatever it is given.
        let _ = write!(text, "{separator}{}", Cut(name));
        separator = ", ";
    }
    match names.count() {
        0 if text.is_empty() => String::from("none"),
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// Makes a sentence as long as one may be. The ledger's errors repeat what was typed without
/// cutting it, so words that are too long are cut here too.
pub(crate) fn bounded(message: &str) -> String {
    let mut text = String::with_capacity(message.len().min(MESSAGE_BYTES));
    for part in message.split_inclusive(' ') {
        let word = part.trim_end_matches(' ');
        // A quotation mark in front does not count: it is not the operator's.
        let chars = QUOTED_CHARS + usize::from(word.starts_with('"'));
        let end = word.char_indices().nth(chars + CUT.len() + 1);
        let pieces = match (end, word.char_indices().nth(chars)) {
            (Some(_), Some((end, _))) => {
                let mark = if word.ends_with('"') { "\"" } else { "" };
                [&word[..end], CUT, mark, &part[word.len()..]]
            }
            // With its own dots and mark it has been cut already, or is hardly too long.
            _ => [part, "", "", ""],
        };
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        if text.len() + bytes > MESSAGE_BYTES - CUT.len() {
            text.push_str(CUT);
            break;
        }
        text.extend(pieces);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut() {
        let (fits, long) = ("x".repeat(QUOTED_CHARS), "x".repeat(QUOTED_CHARS + 1));
        assert_eq!(format!("{}", Cut(&fits)), fits);
        assert_eq!(format!("{}", Cut(&long)), format!("{fits}..."));
        let wide = "\u{e9}".repeat(QUOTED_CHARS + 1);
        assert_eq!(format!("{}", Cut(&wide)).chars().count(), QUOTED_CHARS + 3);
    }

    #[test]
    fn sentences_are_cut() {
        let word = "x".repeat(5000);
        let cut = "x".repeat(QUOTED_CHARS);
        assert_eq!(
            bounded(&format!("name \"{word}\" is long")),
            format!("name \"{cut}...\" is long")
        );
        assert_eq!(
            bounded(&format!("no {word} here")),
            format!("no {cut}... here")
        );
        let already = format!("\"{cut}...\" is cut ");
        assert_eq!(bounded(&already), already);
        let many = bounded(&"ab ".repeat(5000));
        assert!(many.len() <= MESSAGE_BYTES && many.ends_with("ab ..."));
        assert!(bounded(&"\u{e9}".repeat(5000)).len() < 4 * QUOTED_CHARS);
    }

    #[test]
    fn names_are_counted() {
        assert_eq!(listed([]), "none");
        assert_eq!(listed(["a", "b"]), "a, b");
        let names = ["a"; LISTED_NAMES + 2];
        assert!(listed(names).ends_with("a, a and 2 more"));
    }
}
