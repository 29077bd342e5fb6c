//! Bytes of a terminal to keys.
//!
//! Understands what xterm, the Linux console, PuTTY, screen and tmux send: control characters,
//! `ESC [` (CSI) and `ESC O` (SS3) sequences. What it does not know is swallowed whole, so
//! that the tail of a sequence never ends up in the line.

/// One key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A printable ASCII character.
    Char(u8),
    /// The line is done.
    Enter,
    /// Complete the word before the cursor.
    Tab,
    /// Delete the character before the cursor.
    Backspace,
    /// Delete the character at the cursor.
    Delete,
    /// One character left.
    Left,
    /// One character right.
    Right,
    /// One word left.
    WordLeft,
    /// One word right.
    WordRight,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    /// The line before, in the history.
    Up,
    /// The line after, in the history.
    Down,
    /// Delete from the cursor to the end of the line.
    KillToEnd,
    /// Delete from the start of the line to the cursor.
    KillToStart,
    /// Delete the word before the cursor.
    KillWord,
    /// Give the line up.
    Interrupt,
    /// Clear the screen.
    ClearScreen,
    /// Something that means nothing here.
    Unknown,
}

/// Where in a sequence the terminal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Between keys.
    #[default]
    Ground,
    /// After `ESC`.
    Escape,
    /// After `ESC O`.
    Ss3,
    /// After `ESC [`.
    Csi(Parameters),
    /// After `ESC [ [`: a function key of the Linux console, one more byte.
    LinuxFunction,
}

/// The numbers of a CSI sequence: the first two are of interest, all are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parameters {
    values: [u8; 2],
    current: u8,
}

impl Parameters {
    fn digit(mut self, digit: u8) -> Self {
        if let Some(value) = self.values.get_mut(usize::from(self.current)) {
            *value = value.saturating_mul(10).saturating_add(digit);
        }
        self
    }

    fn next(mut self) -> Self {
        self.current = self.current.saturating_add(1);
        self
    }
}

/// Turns bytes into keys; never fails, never grows.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
    /// The last byte was CR: an LF now belongs to it.
    after_cr: bool,
}

const ESC: u8 = 0x1b;

impl Decoder {
    /// Whether more bytes of a key are to come.
    pub(crate) fn is_inside(&self) -> bool {
        self.state != State::Ground
    }

    /// Takes one byte; gives a key when one is complete.
    pub(crate) fn push(&mut self, byte: u8) -> Option<Key> {
        let after_cr = core::mem::replace(&mut self.after_cr, byte == b'\r');
        // A control character ends any sequence: a lost byte never costs more than one key.
        if byte < 0x20 || byte == 0x7f {
            self.state = if byte == ESC {
                State::Escape
            } else {
                State::Ground
            };
            return control(byte, after_cr);
        }
        match core::mem::take(&mut self.state) {
            State::Ground => Some(match byte {
                0x20..=0x7e => Key::Char(byte),
                _ => Key::Unknown,
            }),
            State::Escape => self.after_escape(byte),
            State::Ss3 => Some(letter(byte, 1)),
            State::LinuxFunction => Some(Key::Unknown),
            State::Csi(parameters) => self.after_csi(byte, parameters),
        }
    }

    fn after_escape(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'[' => self.state = State::Csi(Parameters::default()),
            b'O' => self.state = State::Ss3,
            b'b' => return Some(Key::WordLeft),
            b'f' => return Some(Key::WordRight),
            _ => return Some(Key::Unknown),
        }
        None
    }

    fn after_csi(&mut self, byte: u8, parameters: Parameters) -> Option<Key> {
        let [number, modifier] = parameters.values;
        self.state = match byte {
            b'[' if parameters == Parameters::default() => State::LinuxFunction,
            b'0'..=b'9' => State::Csi(parameters.digit(byte - b'0')),
            b';' => State::Csi(parameters.next()),
            b'~' => return Some(tilde(number)),
            0x40..=0x7e => return Some(letter(byte, modifier)),
            _ => State::Csi(parameters),
        };
        None
    }
}

fn control(byte: u8, after_cr: bool) -> Option<Key> {
    Some(match byte {
        b'\r' => Key::Enter,
        b'\n' if after_cr => return None,
        b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x08 | 0x7f => Key::Backspace,
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x0b => Key::KillToEnd,
        0x0c => Key::ClearScreen,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillToStart,
        0x17 => Key::KillWord,
        // NUL is line noise or a break; ^D would end a shell that can be left, this one can't.
        0x00 | 0x04 | ESC => return None,
        _ => Key::Unknown,
    })
}

/// `ESC [ modifier letter` and `ESC O letter`; modifiers are 1 plus Shift 1, Alt 2, Ctrl 4.
fn letter(byte: u8, modifier: u8) -> Key {
    let by_word = matches!(modifier, 3..=8);
    match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' if by_word => Key::WordRight,
        b'C' => Key::Right,
        b'D' if by_word => Key::WordLeft,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => Key::Unknown,
    }
}

/// `ESC [ number ~`.
fn tilde(number: u8) -> Key {
    match number {
        1 | 7 => Key::Home,
        4 | 8 => Key::End,
        3 => Key::Delete,
        _ => Key::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        bytes.iter().filter_map(|&b| decoder.push(b)).collect()
    }

    #[test]
    fn sequences_of_common_terminals() {
        let table: [(&[u8], Key); 24] = [
            (b"\x1b[A", Key::Up),
            (b"\x1bOA", Key::Up),
            (b"\x1b[B", Key::Down),
            (b"\x1b[C", Key::Right),
            (b"\x1b[D", Key::Left),
            (b"\x1b[H", Key::Home),
            (b"\x1bOH", Key::Home),
            (b"\x1b[1~", Key::Home),
            (b"\x1b[7~", Key::Home),
            (b"\x1b[F", Key::End),
            (b"\x1bOF", Key::End),
            (b"\x1b[4~", Key::End),
            (b"\x1b[8~", Key::End),
            (b"\x1b[3~", Key::Delete),
            (b"\x1b[1;5C", Key::WordRight),
            (b"\x1b[1;3D", Key::WordLeft),
            (b"\x1b[1;2D", Key::Left),
            (b"\x1bb", Key::WordLeft),
            (b"\x1bf", Key::WordRight),
            (b"\x08", Key::Backspace),
            (b"\x7f", Key::Backspace),
            (b"\x1b[[A", Key::Unknown),
            (b"\x1b[15;2;3~", Key::Unknown),
            (b"\xc3", Key::Unknown),
        ];
        for (bytes, key) in table {
            assert_eq!(keys(bytes), vec![key], "{bytes:x?}");
        }
    }

    #[test]
    fn line_ends_count_once() {
        assert_eq!(keys(b"\r"), [Key::Enter]);
        assert_eq!(keys(b"\n"), [Key::Enter]);
        assert_eq!(keys(b"\r\n"), [Key::Enter]);
        assert_eq!(keys(b"\r\r"), [Key::Enter; 2]);
        assert_eq!(keys(b"\n\n"), [Key::Enter; 2]);
        assert_eq!(keys(b"\r\n\r\n"), [Key::Enter; 2]);
    }

    #[test]
    fn control_characters_break_a_sequence_off() {
        assert_eq!(keys(b"\x1b[\ra"), [Key::Enter, Key::Char(b'a')]);
        assert_eq!(keys(b"\x1b\x1b[A"), [Key::Up]);
        assert_eq!(keys(b"\x1b[99999999999~b"), [Key::Unknown, Key::Char(b'b')]);
        assert_eq!(keys(b"\x00\x04"), []);
    }
}
