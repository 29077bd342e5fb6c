//! What a partition's terminal may do to the operator's: be drawn.
//!
//! Text passes, and the control sequences by which a program draws: the cursor, erasing, colours, scrolling, the
//! alternate screen. What makes a terminal answer (its answer would be typed, maybe at Bulkhead's prompt by then),
//! print, beep in another way, take the clipboard or a title, forget what has scrolled away, or send other keys
//! after this is over, does not. What passes is undone by [`Passage::restore`].
//!
//! Source: ECMA-48; XTerm Control Sequences.

use core::fmt;

/// Longest control sequence that passes, in bytes.
const MOST: usize = 32;

const ESC: u8 = 0x1b;
/// These end a sequence wherever it is.
const CANCELS: [u8; 2] = [0x18, 0x1a];

/// Where in what the partition sends it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// Behind ESC and the first of two.
    Charset,
    /// The same, of what does not pass.
    Other,
    /// Inside a control sequence.
    Control,
    /// Inside a string for the terminal, up to its end.
    String,
    /// The same, behind an ESC.
    StringEscape,
}

/// The way of a partition's bytes to the operator's terminal, in pieces of any length.
#[derive(Clone, Debug, Default)]
pub struct Passage {
    state: State,
    /// The sequence, or the beginning of a character.
    held: [u8; MOST],
    length: usize,
    /// Something was passed that is to be undone.
    is_changed: bool,
}

impl Passage {
    /// Before the first byte.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Text,
            held: [0; MOST],
            length: 0,
            is_changed: false,
        }
    }

    /// Passes what may be.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn pass(&mut self, bytes: &[u8], out: &mut dyn fmt::Write) -> fmt::Result {
        bytes.iter().try_for_each(|byte| self.feed(*byte, out))
    }

    /// Undoes what a program may have left behind: colours, another character set, the other screen, a hidden
    /// cursor, a part that scrolls.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn restore(&mut self, out: &mut dyn fmt::Write) -> fmt::Result {
        let is_changed = core::mem::take(self).is_changed;
        if is_changed {
            // A scrolling region's end puts the cursor into the corner.
            out.write_str(
                "\x1b[?1049l\x1b7\x1b[r\x1b8\x1b(B\x0f\x1b[?1l\x1b>\x1b[?7h\x1b[?25h\x1b[4l\x1b[m",
            )?;
        }
        Ok(())
    }

    fn hold(&mut self, byte: u8) -> bool {
        let place = self.held.get_mut(self.length);
        let has_room = place.is_some();
        if let Some(place) = place {
            *place = byte;
            self.length += 1;
        }
        has_room
    }

    fn held(&self) -> &[u8] {
        self.held.get(..self.length).unwrap_or_default()
    }

    fn begin(&mut self, state: State) {
        (self.state, self.length) = (state, 0);
    }

    /// Passes what is held, which is ASCII or one character.
    fn release(&mut self, out: &mut dyn fmt::Write) -> fmt::Result {
        let done = core::str::from_utf8(self.held()).map_or(Ok(()), |text| out.write_str(text));
        self.begin(State::Text);
        done
    }

    fn feed(&mut self, byte: u8, out: &mut dyn fmt::Write) -> fmt::Result {
        if CANCELS.contains(&byte) {
            self.begin(State::Text);
            return Ok(());
        }
        if byte == ESC && self.state != State::String {
            if self.state == State::Text && self.length > 0 {
                out.write_char('?')?;
            }
            self.begin(State::Escape);
            self.hold(byte);
            return Ok(());
        }
        match self.state {
            State::Text => self.text(byte, out),
            State::Escape => self.escape(byte, out),
            State::Charset => {
                self.hold(byte);
                if b"0B".contains(&byte) {
                    self.is_changed = true;
                    return self.release(out);
                }
                self.begin(State::Text);
                Ok(())
            }
            State::Other => {
                if byte >= b'0' {
                    self.begin(State::Text);
                }
                Ok(())
            }
            State::Control => self.control(byte, out),
            State::String => {
                match byte {
                    ESC => self.begin(State::StringEscape),
                    0x07 => self.begin(State::Text),
                    _ => {}
                }
                Ok(())
            }
            State::StringEscape => {
                let is_end = byte == b'\\';
                self.begin(if is_end { State::Text } else { State::String });
                Ok(())
            }
        }
    }

    fn text(&mut self, byte: u8, out: &mut dyn fmt::Write) -> fmt::Result {
        if byte < 0x80 {
            if self.length > 0 {
                self.length = 0;
                out.write_char('?')?;
            }
            return match byte {
                0x07..=0x0f | b' '..=b'~' => {
                    self.is_changed |= byte == 0x0e;
                    out.write_char(char::from(byte))
                }
                _ => Ok(()),
            };
        }
        self.hold(byte);
        match core::str::from_utf8(self.held()) {
            Ok(text) => {
                // C1, whose sequences are not looked at.
                let is_control = text.chars().any(char::is_control);
                if is_control {
                    self.begin(State::Text);
                    return Ok(());
                }
                self.release(out)
            }
            // It may go on.
            Err(error) if error.error_len().is_none() => Ok(()),
            Err(_) => {
                // What can begin another is one.
                let is_begin = self.length > 1 && (0xc2..=0xf4).contains(&byte);
                self.begin(State::Text);
                if is_begin {
                    self.hold(byte);
                }
                out.write_char('?')
            }
        }
    }

    fn escape(&mut self, byte: u8, out: &mut dyn fmt::Write) -> fmt::Result {
        self.hold(byte);
        match byte {
            b'[' => self.state = State::Control,
            // OSC, DCS, SOS, PM, APC.
            b']' | b'P' | b'X' | b'^' | b'_' => self.begin(State::String),
            b'(' | b')' => self.state = State::Charset,
            b'7' | b'8' | b'D' | b'E' | b'H' | b'M' | b'=' | b'>' => {
                self.is_changed = true;
                return self.release(out);
            }
            b' '..=b'/' => self.begin(State::Other),
            _ => self.begin(State::Text),
        }
        Ok(())
    }

    fn control(&mut self, byte: u8, out: &mut dyn fmt::Write) -> fmt::Result {
        match byte {
            // A control character inside of it takes effect at once, in a terminal too.
            0x08..=0x0d => return out.write_char(char::from(byte)),
            0..=0x1f | 0x7f.. => {
                if byte >= 0x80 {
                    self.begin(State::Text);
                }
                return Ok(());
            }
            _ => {}
        }
        let has_room = self.hold(byte);
        if byte < b'@' {
            // What is too long goes on, and is not passed.
            return Ok(());
        }
        if has_room && passes(self.held().get(2..).unwrap_or_default()) {
            self.is_changed = true;
            return self.release(out);
        }
        self.begin(State::Text);
        Ok(())
    }
}

/// Whether a control sequence draws: what stands behind ESC `[`.
fn passes(sequence: &[u8]) -> bool {
    let Some((last, parameters)) = sequence.split_last() else {
        return false;
    };
    let is_number = |byte: &u8| byte.is_ascii_digit();
    if let Some(private) = parameters.strip_prefix(b"?") {
        // Cursor keys, reverse, origin, wrapping, blinking, cursor, the other screen.
        const MODES: [&[u8]; 10] = [
            b"1", b"5", b"6", b"7", b"12", b"25", b"47", b"1047", b"1048", b"1049",
        ];
        let is_known = |mode: &[u8]| MODES.contains(&mode);
        return matches!(last, b'h' | b'l') && private.split(|byte| *byte == b';').all(is_known);
    }
    if !parameters
        .iter()
        .all(|byte| is_number(byte) || b";:".contains(byte))
    {
        return false;
    }
    match last {
        b'h' | b'l' => parameters == b"4",
        // All of it, but for what has scrolled away.
        b'J' => matches!(parameters, b"" | b"0" | b"1" | b"2"),
        // With more of them it is about the mouse.
        b'T' => parameters.iter().all(is_number),
        b'@'..=b'I' | b'K'..=b'M' | b'P' | b'S' | b'X' | b'Z' => true,
        b'`' | b'a' | b'd'..=b'g' | b'm' | b'r' | b's' | b'u' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;
    use proptest::prelude::*;

    use super::*;

    fn passed(bytes: &[u8]) -> String {
        let mut out = String::new();
        Passage::new().pass(bytes, &mut out).unwrap();
        out
    }

    #[test]
    fn what_draws_passes() {
        for text in [
            "login: \x07\x08 \x08\r\n\ttext",
            "\x1b[2J\x1b[H\x1b[1;31mred\x1b[0m\x1b[K\x1b[10;20H",
            "\x1b[?1049h\x1b[?25l\x1b[1;24r\x1b[3T\x1b7\x1b8\x1b(0lqk\x1b(B",
            "Grüße, 日本 🦀",
        ] {
            assert_eq!(passed(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_a_terminal_answers_to_or_keeps_does_not() {
        for (bytes, left) in [
            (&b"a\x1b[6nb\x1b[cb\x1b[>cb\x1b[0c"[..], "abbb"),
            (b"a\x1b]0;title\x07b\x1b]52;c;bHM=\x1b\\c", "abc"),
            (
                b"a\x1bP+q544e\x1b\\b\x1b_x\x1b\\c\x1b^x\x1b\\d\x1bXx\x1b\\",
                "abcd",
            ),
            (b"\x05\x11\x13\x00\x7fa", "a"),
            (
                b"\x1b[?1000h\x1b[?2004h\x1b[?25;1000h\x1b[21t\x1b[5i\x1b[3Ja",
                "a",
            ),
            (b"\x1bca\x1b[!pb\x1b[1;2;3;4;5Tc\x1bZd\x1b#8e", "abcde"),
            (b"\x9b6n\xff\xc3a", "?6n??a"),
            ("\u{9b}6n".as_bytes(), "6n"),
            (b"\x1b[1\x18a\x1b]x\x1ab", "ab"),
            (b"\xe6\x97\x1b[mx", "?\x1b[mx"),
        ] {
            // A dropped intermediate's last byte is text at worst.
            let got = passed(bytes);
            assert!(
                got == left || got.replace('8', "") == left.replace('8', ""),
                "{bytes:?}: {got:?}"
            );
        }
        let long = [&b"\x1b["[..], &[b'1'; 100], b"mx"].concat();
        assert_eq!(passed(&long), "x");
    }

    #[test]
    fn what_was_changed_is_put_back() {
        let mut passage = Passage::new();
        let mut out = String::new();
        passage.pass(b"plain text\r\n", &mut out).unwrap();
        out.clear();
        passage.restore(&mut out).unwrap();
        assert_eq!(out, "");
        passage
            .pass(b"\x1b[?1049h\x1b[31m\x1b]half", &mut out)
            .unwrap();
        out.clear();
        passage.restore(&mut out).unwrap();
        assert!(
            out.contains("\x1b[?1049l") && out.contains("\x1b[m"),
            "{out:?}"
        );
        out.clear();
        passage.pass(b"x", &mut out).unwrap();
        assert_eq!(out, "x", "what was begun is forgotten");
    }

    proptest! {
        /// What passes passes again as it is: nothing dangerous is put together of pieces that were left.
        #[test]
        fn what_has_passed_is_harmless(bytes in proptest::collection::vec(prop_oneof![
            Just(ESC), Just(b'['), Just(b']'), Just(b'?'), Just(b';'), Just(b'n'), Just(b'c'), Just(b'm'),
            Just(7), Just(0x18), Just(b'\\'), Just(b'6'), any::<u8>(),
        ], 0..60), cut in 0usize..60) {
            let once = passed(&bytes);
            prop_assert_eq!(passed(once.as_bytes()), once.clone());
            let mut out = String::new();
            let mut passage = Passage::new();
            let (first, rest) = bytes.split_at(cut.min(bytes.len()));
            passage.pass(first, &mut out).unwrap();
            passage.pass(rest, &mut out).unwrap();
            prop_assert_eq!(out, once);
        }
    }
}
