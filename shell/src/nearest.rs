//! "Did you mean ...?": the candidate that is most like a mistyped word.

use alloc::vec::Vec;

use crate::limits::QUOTED_CHARS;

/// The candidate that `word` most likely stands for, if it is like any.
///
/// Two mistakes are forgiven (one in a word of up to four letters); the start of a candidate
/// counts as one mistake. Of equals the first is taken.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer than anything that is meant, and not to be copied.
    if word.len() > QUOTED_CHARS {
        return None;
    }
    let allowed = if word.len() <= 4 { 1 } else { 2 };
    candidates
        .into_iter()
        .map(|candidate| {
            let is_start = word.len() >= 2 && candidate.starts_with(word);
            let distance = if is_start {
                1
            } else {
                distance(word, candidate)
            };
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= allowed && *distance < word.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace or swap with their neighbour to make one word of the
/// other (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    // More than the longest word that can match is a mismatch without counting.
    if a.chars().count().abs_diff(b.chars().count()) > 2 {
        return usize::MAX;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut two_above: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != y);
            let mut best = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(two_above[j - 1] + 1);
            }
            row.push(best);
        }
        two_above = core::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typical_slips() {
        let names = ["define", "set", "list", "log", "cores", "memory", "machine"];
        let table = [
            ("lsit", Some("list")),
            ("lst", Some("list")),
            ("defien", Some("define")),
            ("def", Some("define")),
            ("core", Some("cores")),
            ("memry", Some("memory")),
            ("mem", Some("memory")),
            ("x", None),
            // Two of four letters are not enough either: it is another word.
            ("lost", Some("list")),
            ("lots", None),
            ("quit", None),
            // Two letters are not enough to guess by.
            ("ls", None),
            ("reboot", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, names), expected, "{word}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
