//! Lines, and the one that says why.

/// Longest reason that is kept, in bytes.
pub const MOST_REASON: usize = 120;

/// What a panic's first line begins with (`kernel/panic.c`). What it is told with once more, at the end
/// of its trace, does not begin so.
const PANIC: &[u8] = b"Kernel panic - not syncing: ";

/// Bytes, as many as there are, up to `N`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Bytes<N> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
        }
    }

    /// One more, if there is room.
    pub fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// How many more there is room for.
    pub(crate) const fn room(&self) -> usize {
        N - self.length
    }

    /// Drops all.
    pub(crate) const fn clear(&mut self) {
        self.length = 0;
    }

    /// All of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The same as text, if it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// Why a kernel panicked, fit to be shown between quotes.
pub type Reason = Bytes<MOST_REASON>;

/// `[    0.000000] `, of nanoseconds, as a console has it.
pub(crate) fn stamp(nanoseconds: u64) -> Bytes<32> {
    let (seconds, mut us) = (nanoseconds / 1_000_000_000, nanoseconds / 1000 % 1_000_000);
    let mut digits = [b' '; 11];
    let mut rest = seconds;
    for place in digits.iter_mut().rev() {
        *place = digit(rest);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let mut stamp = Bytes::new();
    stamp.push(b'[');
    let first = digits.iter().position(|byte| *byte != b' ').unwrap_or(0);
    // At least five places.
    for byte in digits.iter().skip(first.min(digits.len() - 5)) {
        stamp.push(*byte);
    }
    stamp.push(b'.');
    for _ in 0..6 {
        stamp.push(digit(us / 100_000));
        us = us % 100_000 * 10;
    }
    stamp.push(b']');
    stamp.push(b' ');
    stamp
}

const fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

/// A byte that a Linux wrote, fit to be shown.
#[must_use]
pub const fn printable(byte: u8) -> u8 {
    match byte {
        b' '..=b'~' | b'\n' => byte,
        b'\t' => b' ',
        _ => b'?',
    }
}

/// Whether a text, which comes in pieces, says why its kernel panicked.
pub(crate) struct Matcher {
    matched: usize,
    reason: Reason,
}

impl Matcher {
    pub(crate) const fn new() -> Self {
        Self {
            matched: 0,
            reason: Reason::new(),
        }
    }

    /// Takes the next byte; whether more may matter.
    pub(crate) fn feed(&mut self, byte: u8) -> bool {
        match PANIC.get(self.matched) {
            Some(expected) if *expected == byte => self.matched += 1,
            Some(_) => return false,
            None if byte == b'\n' => return false,
            None if byte == b'"' => self.reason.push(b'\''),
            None => self.reason.push(printable(byte)),
        }
        true
    }

    pub(crate) fn finish(self) -> Option<Reason> {
        (self.matched == PANIC.len() && self.reason.length > 0).then_some(self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_as_a_console_has_them() {
        let cases = [
            (0, "[    0.000000] "),
            (1_999, "[    0.000001] "),
            (12_345_678_901, "[   12.345678] "),
            (99_999_000_000_000, "[99999.000000] "),
            (123_456_000_001_000, "[123456.000001] "),
            (u64::MAX, "[18446744073.709551] "),
        ];
        for (nanoseconds, expected) in cases {
            assert_eq!(stamp(nanoseconds).as_str(), expected);
        }
    }

    fn reason(pieces: &[&[u8]]) -> Option<std::string::String> {
        let mut matcher = Matcher::new();
        let mut bytes = pieces.concat().into_iter();
        while bytes.next().is_some_and(|byte| matcher.feed(byte)) {}
        matcher.finish().map(|reason| reason.as_str().into())
    }

    extern crate std;

    #[test]
    fn the_reason_is_what_follows_on_that_line() {
        let text: &[&[u8]] = &[b"Kernel panic - not sy", b"ncing: a \"b\"\x1b", b"c\nd"];
        assert_eq!(reason(text).as_deref(), Some("a 'b'?c"));
        assert_eq!(
            reason(&[b"---[ end Kernel panic - not syncing: a ]---"]),
            None
        );
        assert_eq!(reason(&[b"Kernel panic - not syncing: "]), None);
        let long = [b'x'; 500];
        let text: &[&[u8]] = &[PANIC, &long];
        assert_eq!(reason(text).map(|reason| reason.len()), Some(MOST_REASON));
    }
}
