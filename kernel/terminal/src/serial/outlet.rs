//! What is sent while the other side is slow, or not there at all.
//!
//! A transmitter that takes nothing for a while may belong to a reader who is busy: it is waited for.
//! One that takes nothing for longer than an operator can bear is taken for dead: what is sent then is
//! dropped, without waiting again, until it takes something. Then it is said how much was lost.

/// Digits of the largest number.
const DIGITS: usize = 20;

/// Whether the line takes what is sent, and what was lost.
#[derive(Debug, Default)]
pub struct Outlet {
    /// The transmitter did not get done in time: nobody waits for it again until it did.
    is_stuck: bool,
    /// Bytes that were dropped since then.
    lost: usize,
}

impl Outlet {
    /// A line that is believed to work.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            is_stuck: false,
            lost: 0,
        }
    }

    /// Whether what is sent now is waited for.
    #[must_use]
    pub const fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    /// Bytes that were dropped and not told yet.
    #[must_use]
    pub const fn lost(&self) -> usize {
        self.lost
    }

    /// Sends bytes. `push` gives the transmitter as many as it takes now, and says how many that
    /// were; with `true` it waits for room, as long as can be borne.
    pub fn send(&mut self, bytes: &[u8], mut push: impl FnMut(&[u8], bool) -> usize) {
        if self.lost > 0 {
            let mut digits = [0; DIGITS];
            let number = decimal(self.lost, &mut digits);
            let note: [&[u8]; 3] = [b"\r\n... ", number, b" bytes lost\r\n"];
            if !note.iter().all(|part| self.push_all(part, &mut push)) {
                self.lost += bytes.len();
                return;
            }
            self.lost = 0;
        }
        if !self.push_all(bytes, &mut push) {
            self.lost += bytes.len();
        }
    }

    /// Whether all of it went out. What of it did is not told apart: it is a few bytes.
    fn push_all(&mut self, bytes: &[u8], push: &mut impl FnMut(&[u8], bool) -> usize) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            let sent = push(rest, !self.is_stuck);
            self.is_stuck = sent == 0;
            if self.is_stuck {
                return false;
            }
            rest = rest.get(sent..).unwrap_or(&[]);
        }
        true
    }
}

/// A number in digits. Not by `core::fmt`: text is formatted into this line, and would be formatted
/// within formatting, on stacks that are measured.
fn decimal(mut number: usize, digits: &mut [u8; DIGITS]) -> &[u8] {
    let mut first = DIGITS;
    loop {
        first -= 1;
        digits[first] = b"0123456789"[number % 10];
        number /= 10;
        if number == 0 || first == 0 {
            return &digits[first..];
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn numbers_have_all_their_digits() {
        for number in [0, 7, 10, 500, usize::MAX] {
            let mut digits = [0; DIGITS];
            let text = String::from_utf8(decimal(number, &mut digits).to_vec()).unwrap();
            assert_eq!(text, std::format!("{number}"));
        }
    }

    /// A transmitter that takes what `room` allows; how often it was waited for.
    struct Far {
        text: Vec<u8>,
        room: usize,
        waits: usize,
    }

    impl Far {
        fn push(&mut self, bytes: &[u8], waits: bool, comes: usize) -> usize {
            if self.room == 0 && waits {
                self.waits += 1;
                self.room = comes;
            }
            let sent = bytes.len().min(self.room);
            self.room -= sent;
            self.text.extend(&bytes[..sent]);
            sent
        }
    }

    fn far() -> Far {
        Far {
            text: Vec::new(),
            room: 4,
            waits: 0,
        }
    }

    #[test]
    fn a_slow_reader_loses_nothing() {
        let (mut outlet, mut far) = (Outlet::new(), far());
        for _ in 0..100 {
            outlet.send(b"twelve bytes", |bytes, waits| far.push(bytes, waits, 3));
        }
        assert_eq!(far.text, b"twelve bytes".repeat(100));
        assert_eq!(outlet.lost(), 0);
    }

    #[test]
    fn a_dead_line_is_waited_for_once_and_what_is_lost_is_told() {
        let (mut outlet, mut far) = (Outlet::new(), far());
        for _ in 0..100 {
            outlet.send(b"lost ", |bytes, waits| far.push(bytes, waits, 0));
        }
        assert_eq!((far.waits, outlet.lost()), (1, 500));
        assert!(outlet.is_stuck());
        far.room = 1000;
        outlet.send(b"there", |bytes, waits| far.push(bytes, waits, 0));
        let text = String::from_utf8(far.text).unwrap();
        assert_eq!(text, "lost\r\n... 500 bytes lost\r\nthere");
        assert!(!outlet.is_stuck());
        assert_eq!(outlet.lost(), 0);
    }

    #[test]
    fn a_note_that_does_not_go_out_is_told_later() {
        let (mut outlet, mut far) = (Outlet::new(), far());
        outlet.send(b"0123456789", |bytes, waits| far.push(bytes, waits, 0));
        assert_eq!(outlet.lost(), 10);
        far.room = 3; // not enough for the note
        outlet.send(b"abc", |bytes, waits| far.push(bytes, waits, 0));
        assert_eq!(outlet.lost(), 13);
    }
}
