//! What goes through the variables of a console: a line, and bytes behind it.

use core::fmt;

use super::{Attachment, CONSOLES, Stand};

/// Longest line, its LF included.
pub const HEAD_BYTES: usize = 64;

/// What is written: by an agent to `Terminal`, and by who is attached to his console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// `open ID`: an agent has a terminal for it.
    Open(Attachment),
    /// `closed ID`: its login has ended.
    Closed(Attachment),
    /// `leave ID`: who is attached leaves.
    Leave(Attachment),
    /// `io ID TAKEN [ROWS COLUMNS]`: bytes follow, and those before TAKEN of the other end were taken.
    Io {
        /// Which.
        attachment: Attachment,
        /// All before it was taken.
        taken: u64,
        /// Rows and columns of the terminal, 0: not known.
        size: [u16; 2],
    },
}

/// What is read: `ID STAND FROM ROWS COLUMNS [NAME]`, and the bytes from FROM on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// Which.
    pub attachment: Attachment,
    /// How it stands.
    pub stand: Stand,
    /// The offset of the first byte that follows.
    pub from: u64,
    /// Rows and columns of the other end, 0: not known.
    pub size: [u16; 2],
    /// Whose console it is.
    pub name: &'a str,
}

impl Attachment {
    /// Both numbers in one.
    fn id(self) -> u64 {
        (self.place as u64) << 16 | u64::from(self.number)
    }

    fn of(id: u64) -> Option<Self> {
        let place = usize::try_from(id >> 16).ok()?;
        #[expect(clippy::cast_possible_truncation, reason = "16 bits are meant")]
        let number = id as u16;
        (place < CONSOLES).then_some(Self { place, number })
    }

    /// Its place, from 1 on, as in the name of its variable.
    #[must_use]
    pub const fn console(self) -> usize {
        self.place + 1
    }
}

impl Stand {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Waiting, "waiting"),
        (Self::Open, "open"),
        (Self::Closed, "closed"),
        (Self::Over, "over"),
    ];

    fn word(self) -> &'static str {
        let known = Self::ALL.iter().find(|(stand, _)| *stand == self);
        known.map_or("over", |(_, word)| word)
    }
}

/// The line at the beginning, and where the bytes behind it begin.
fn line(bytes: &[u8]) -> Option<(&str, usize)> {
    let head = bytes.get(..HEAD_BYTES.min(bytes.len()))?;
    let end = head.iter().position(|byte| *byte == b'\n');
    let line = head.get(..end.unwrap_or(head.len()))?;
    // One without an end is all that there is.
    let is_whole = end.is_some() || bytes.len() < HEAD_BYTES;
    let text = core::str::from_utf8(line).ok().filter(|_| is_whole)?;
    let begin = end.map_or(bytes.len(), |end| end + 1);
    Some((text.trim_end_matches('\0'), begin))
}

fn hex<T: TryFrom<u64>>(word: &str) -> Option<T> {
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u64::from_str_radix(word, 16).ok().filter(|_| is_hex)?;
    T::try_from(number).ok()
}

impl Said {
    /// Reads its first bytes: what is said, and where the bytes that follow begin.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (line, begin) = line(bytes)?;
        let mut words = line.split_ascii_whitespace();
        let verb = words.next()?;
        let attachment = Attachment::of(hex(words.next()?)?)?;
        let said = match verb {
            "open" => Self::Open(attachment),
            "closed" => Self::Closed(attachment),
            "leave" => Self::Leave(attachment),
            "io" => Self::Io {
                attachment,
                taken: hex(words.next()?)?,
                size: match words.next() {
                    Some(rows) => [hex(rows)?, hex(words.next()?)?],
                    None => [0; 2],
                },
            },
            _ => return None,
        };
        words.next().is_none().then_some((said, begin))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(attachment) => writeln!(f, "open {:x}", attachment.id()),
            Self::Closed(attachment) => writeln!(f, "closed {:x}", attachment.id()),
            Self::Leave(attachment) => writeln!(f, "leave {:x}", attachment.id()),
            Self::Io {
                attachment,
                taken,
                size: [rows, columns],
            } => writeln!(f, "io {:x} {taken:x} {rows:x} {columns:x}", attachment.id()),
        }
    }
}

impl<'a> Told<'a> {
    /// Reads it, and gives the bytes behind it; `None` if nobody is attached.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (line, begin) = line(bytes)?;
        let mut words = line.split_ascii_whitespace();
        let attachment = Attachment::of(hex(words.next()?)?)?;
        let stand = words.next()?;
        let known = Stand::ALL.iter().find(|(_, word)| *word == stand);
        let told = Self {
            attachment,
            stand: known.map(|(stand, _)| *stand)?,
            from: hex(words.next()?)?,
            size: [hex(words.next()?)?, hex(words.next()?)?],
            name: words.next().unwrap_or_default(),
        };
        Some((told, bytes.get(begin..)?))
    }
}

impl fmt::Display for Told<'_> {
    /// Of the same length as long as it stands as it does: its reader sees by that whether bytes follow.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, stand, [rows, columns]) = (self.attachment.id(), self.stand.word(), self.size);
        write!(
            f,
            "{id:05x} {stand} {:012x} {rows:04x} {columns:04x}",
            self.from
        )?;
        match self.name {
            "" => writeln!(f),
            name => writeln!(f, " {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use proptest::prelude::*;

    use super::*;

    const ONE: Attachment = Attachment {
        place: 3,
        number: 0xbeef,
    };

    #[test]
    fn what_is_written_is_read() {
        let io = Said::Io {
            attachment: ONE,
            taken: 7,
            size: [24, 80],
        };
        for said in [Said::Open(ONE), Said::Closed(ONE), Said::Leave(ONE), io] {
            let text = said.to_string() + "\nbytes";
            let begin = text.len() - 6;
            assert_eq!(Said::parse(text.as_bytes()), Some((said, begin)), "{text}");
        }
        let told = Told {
            attachment: ONE,
            stand: Stand::Waiting,
            from: (1 << 48) - 1,
            size: [u16::MAX; 2],
            name: "sixteen-letters-",
        };
        let text = told.to_string();
        assert!(text.len() <= HEAD_BYTES, "{text}");
        let bytes = text.clone() + "\n\0";
        assert_eq!(Told::parse(bytes.as_bytes()), Some((told, &b"\n\0"[..])));
        let short = Told { from: 0, ..told };
        assert_eq!(short.to_string().len(), text.len());
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "none\n",
            "open\n",
            "open 4beef\n",
            "open +1\n",
            "open 1 2\n",
            "io 1\n",
            "io 1 0 5\n",
            "io 1 0 5 10000\n",
            "io 1 0 5 6 7\n",
            "shut 1\n",
        ] {
            assert_eq!(Said::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Said::parse(&[b' '; 100]), None);
        assert_eq!(Told::parse(b"none\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Some((_, begin)) = Said::parse(&bytes) {
                prop_assert!(begin <= bytes.len());
            }
            let _ = Told::parse(&bytes);
        }
    }
}
