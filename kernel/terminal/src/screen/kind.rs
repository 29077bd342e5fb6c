//! What a line is, by how it begins; and the colours of each kind.

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What a command printed.
    Output,
    /// What is or was typed.
    Input,
    /// `* NAME: ...`
    Event,
    /// `warning: ...`, and what is wrong with the machine.
    Warning,
    /// `error: ...`, the carets above it, and a panic.
    Error,
    /// The row at the bottom.
    Status,
}

/// Red, green, blue: 0 to 255.
pub type Rgb = [u8; 3];

impl Kind {
    /// The kind of a line, by its first row.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let is = |start: &[u8]| line.starts_with(start);
        if is(b"bulkhead>") {
            Self::Input
        } else if is(b"* ") {
            Self::Event
        } else if is(b"warning: ") || is(b"firmware: ") || is(b"problem: ") {
            Self::Warning
        } else if is(b"Bulkhead: ") || is(b"error: ") || has(line, b": error: ") || is_caret(line) {
            Self::Error
        } else {
            Self::Output
        }
    }

    /// Colours of its characters and of what is behind them.
    #[must_use]
    pub const fn colours(self) -> (Rgb, Rgb) {
        const BLACK: Rgb = [0, 0, 0];
        match self {
            Self::Output => ([0xc0, 0xc0, 0xc0], BLACK),
            Self::Input => ([0xff, 0xff, 0xff], BLACK),
            Self::Event => ([0x5f, 0xd7, 0xff], BLACK),
            Self::Warning => ([0xff, 0xd7, 0x5f], BLACK),
            Self::Error => ([0xff, 0x6f, 0x5f], BLACK),
            Self::Status => ([0xff, 0xff, 0xff], [0x1c, 0x3f, 0x6e]),
        }
    }

    /// The same as an attribute of the VGA's text mode: background, then foreground.
    #[must_use]
    pub const fn attribute(self) -> u8 {
        match self {
            Self::Output => 0x07,
            Self::Input => 0x0f,
            Self::Event => 0x0b,
            Self::Warning => 0x0e,
            Self::Error => 0x0c,
            Self::Status => 0x1f,
        }
    }
}

fn has(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// Nothing but spaces and carets: it points at a word of the line above.
fn is_caret(line: &[u8]) -> bool {
    line.contains(&b'^') && line.iter().all(|c| matches!(c, b' ' | b'^'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bulkhead_says_is_told_apart() {
        for (line, kind) in [
            ("bulkhead> list", Kind::Input),
            ("bulkhead>", Kind::Input),
            ("* web: launched run=1 core=1", Kind::Event),
            ("error: core 3 belongs to \"db\"", Kind::Error),
            ("bulkhead.conf:3: error: core 9 does not exist", Kind::Error),
            ("              ^^^   ", Kind::Error),
            ("Bulkhead: panicked at kernel/src/main.rs:1:1:", Kind::Error),
            ("Bulkhead 0.1.0, loaded by Limine 8.2.0", Kind::Output),
            ("warning: last: core 0 is Bulkhead's own", Kind::Warning),
            ("firmware: MADT: malformed", Kind::Warning),
            ("web   running  1-2", Kind::Output),
            ("", Kind::Output),
            ("     ", Kind::Output),
        ] {
            assert_eq!(Kind::of(line.as_bytes()), kind, "{line}");
        }
    }
}
