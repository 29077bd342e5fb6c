//! Control sequences: the few that the shell sends are understood, all others are swallowed whole.
//!
//! Source: ECMA-48, 5.4 "Control sequences".

/// What a character means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A character to be shown: printable ASCII.
    Show(u8),
    /// To the start of the row.
    CarriageReturn,
    /// To the start of the next row.
    NewLine,
    /// One column left.
    Backspace,
    /// To the next column that is a multiple of eight.
    Tab,
    /// `ESC [ H`: to the upper left corner.
    Home,
    /// `ESC [ J`: erase from the cursor to the end of the screen.
    EraseBelow,
    /// `ESC [ 2 J`: erase the screen.
    EraseAll,
    /// `ESC [ K`: erase from the cursor to the end of the row.
    EraseRow,
    /// Nothing, or not yet.
    Nothing,
}

/// Where in a sequence the text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// Outside.
    #[default]
    Outside,
    /// After `ESC`.
    Escape,
    /// After `ESC [`, with the first number; `None` once there was anything else.
    Csi(Option<u8>),
}

impl Sequence {
    /// Takes one character.
    pub(crate) fn push(&mut self, c: char) -> Meaning {
        let state = core::mem::take(self);
        match (state, c) {
            (_, '\u{1b}') => {
                *self = Self::Escape;
                Meaning::Nothing
            }
            (_, '\0'..='\u{1f}' | '\u{7f}') => control(c),
            (Self::Outside, ' '..='~') => Meaning::Show(c as u8),
            // The font has no more; one mark for each character keeps columns in line.
            (Self::Outside, _) => Meaning::Show(b'?'),
            (Self::Escape, '[') => {
                *self = Self::Csi(Some(0));
                Meaning::Nothing
            }
            (Self::Escape, _) => Meaning::Nothing,
            (Self::Csi(number), '0'..='9') => {
                let digit = c as u8 - b'0';
                *self = Self::Csi(number.map(|n| n.saturating_mul(10).saturating_add(digit)));
                Meaning::Nothing
            }
            (Self::Csi(number), '@'..='~') => end(number, c),
            (Self::Csi(_), _) => {
                *self = Self::Csi(None);
                Meaning::Nothing
            }
        }
    }
}

const fn control(c: char) -> Meaning {
    match c {
        '\r' => Meaning::CarriageReturn,
        '\n' => Meaning::NewLine,
        '\u{8}' => Meaning::Backspace,
        '\t' => Meaning::Tab,
        _ => Meaning::Nothing,
    }
}

const fn end(number: Option<u8>, c: char) -> Meaning {
    match (number, c) {
        (Some(0 | 1), 'H') => Meaning::Home,
        (Some(0), 'J') => Meaning::EraseBelow,
        (Some(2), 'J') => Meaning::EraseAll,
        (Some(0), 'K') => Meaning::EraseRow,
        _ => Meaning::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    extern crate alloc;

    fn meanings(text: &str) -> Vec<Meaning> {
        let mut sequence = Sequence::default();
        let all = text.chars().map(|c| sequence.push(c));
        all.filter(|m| *m != Meaning::Nothing).collect()
    }

    #[test]
    fn what_the_shell_sends() {
        assert_eq!(
            meanings("\u{1b}[2J\u{1b}[H"),
            [Meaning::EraseAll, Meaning::Home]
        );
        assert_eq!(
            meanings("\u{1b}[K\u{1b}[J"),
            [Meaning::EraseRow, Meaning::EraseBelow]
        );
        assert_eq!(
            meanings("\r\u{8}\n"),
            [
                Meaning::CarriageReturn,
                Meaning::Backspace,
                Meaning::NewLine
            ]
        );
        assert_eq!(
            meanings("a\u{7}é"),
            [Meaning::Show(b'a'), Meaning::Show(b'?')]
        );
    }

    #[test]
    fn others_are_swallowed_whole() {
        assert_eq!(meanings("\u{1b}[1;31mx"), [Meaning::Show(b'x')]);
        assert_eq!(meanings("\u{1b}[?25lx"), [Meaning::Show(b'x')]);
        assert_eq!(meanings("\u{1b}[99999Jx"), [Meaning::Show(b'x')]);
        assert_eq!(meanings("\u{1b}[2;2Jx"), [Meaning::Show(b'x')]);
        assert_eq!(meanings("\u{1b}cx"), [Meaning::Show(b'x')]);
        // A control character ends a sequence.
        assert_eq!(
            meanings("\u{1b}[2\nJ"),
            [Meaning::NewLine, Meaning::Show(b'J')]
        );
    }
}
