//! What a key means: the bytes of a terminal, or scrolling, which is the screen's own affair.

use arrayvec::ArrayVec;
use pc_keyboard::{DecodedKey, KeyCode};

/// Bytes that a key is at most.
pub const LONGEST: usize = 8;

/// What the operator did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// What a terminal would have sent.
    Bytes(ArrayVec<u8, LONGEST>),
    /// Page Up.
    PageUp,
    /// Page Down.
    PageDown,
}

/// Modifiers that make a sequence another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) alt: bool,
    pub(crate) control: bool,
}

impl Input {
    /// What a key means that is pressed while others are held.
    pub(crate) fn of(key: DecodedKey, held: Held) -> Option<Self> {
        match key {
            DecodedKey::Unicode(c) => Some(character(c, held)),
            DecodedKey::RawKey(code) => match code {
                KeyCode::PageUp => Some(Self::PageUp),
                KeyCode::PageDown => Some(Self::PageDown),
                KeyCode::ArrowUp => Some(cursor(b'A', held)),
                KeyCode::ArrowDown => Some(cursor(b'B', held)),
                KeyCode::ArrowRight => Some(cursor(b'C', held)),
                KeyCode::ArrowLeft => Some(cursor(b'D', held)),
                KeyCode::End => Some(cursor(b'F', held)),
                KeyCode::Home => Some(cursor(b'H', held)),
                _ => None,
            },
        }
    }
}

fn character(c: char, held: Held) -> Input {
    let mut bytes = ArrayVec::new();
    // There is room: the longest is ESC and the four bytes of a character.
    let mut add = |part: &[u8]| {
        let _ = bytes.try_extend_from_slice(part);
    };
    let c = match c {
        // As terminals have it; where no key has this character, the digit.
        ']' | '5' if held.control && !held.alt => '\u{1d}',
        c => c,
    };
    match c {
        // The Delete key; Backspace is 0x08.
        '\u{7f}' => add(b"\x1b[3~"),
        '\n' => add(b"\r"),
        _ => {
            if held.alt {
                add(b"\x1b");
            }
            add(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Input::Bytes(bytes)
}

/// As xterm sends them: modifiers are 1 plus Alt 2, Control 4.
fn cursor(letter: u8, held: Held) -> Input {
    let modifier = b'1' + 2 * u8::from(held.alt) + 4 * u8::from(held.control);
    let mut bytes = ArrayVec::new();
    let sequence: &[u8] = if modifier == b'1' {
        &[0x1b, b'[', letter]
    } else {
        &[0x1b, b'[', b'1', b';', modifier, letter]
    };
    // There is room: the longest has six bytes.
    let _ = bytes.try_extend_from_slice(sequence);
    Input::Bytes(bytes)
}
