//! Bytes on their way from one end of a console to the other.
//!
//! A console is one of a few, and its words are the next one's that is attached. A core that was stopped in
//! between, by firmware or for good, may go on then: so each word says of which attachment it is, and is
//! changed only from what was read of it. What comes too late is lost, and never another's.

use crate::sync::Word64;

/// Bytes in a word; the attachment's number is above.
const IN_WORD: usize = 6;
/// Where the number stands.
const NUMBER: u32 = 48;
const OFFSET: u64 = (1 << NUMBER) - 1;

/// Why bytes were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotPut {
    /// There is no room for all of them: none was taken.
    Full,
    /// They are not where they were said to be.
    Unreadable,
    /// No terminal is open.
    Shut,
    /// The attachment is over.
    Over,
}

pub(crate) struct Ring<const W: usize> {
    words: [Word64; W],
    /// All that was ever put, and taken, below the number.
    put: Word64,
    taken: Word64,
}

const fn word(number: u16, offset: u64) -> u64 {
    (number as u64) << NUMBER | offset & OFFSET
}

/// What a word says of that attachment; `None` if it is another's.
const fn of(number: u16, word: u64) -> Option<u64> {
    if word >> NUMBER == number as u64 {
        Some(word & OFFSET)
    } else {
        None
    }
}

impl<const W: usize> Ring<W> {
    /// Most that is kept. A word that is written is no longer read.
    pub(crate) const ROOM: usize = (W - 1) * IN_WORD;

    pub(crate) const fn new() -> Self {
        Self {
            words: [const { Word64::new(0) }; W],
            put: Word64::new(0),
            taken: Word64::new(0),
        }
    }

    /// Nothing was put yet for that attachment.
    pub(crate) fn begin(&self, number: u16) {
        for counter in [&self.put, &self.taken] {
            let before = counter.load();
            let age = number.wrapping_sub((before >> NUMBER) as u16);
            // One that comes after its own time is over takes nothing from the next.
            if age <= u16::MAX / 2 {
                counter.replace(before, word(number, 0));
            }
        }
    }

    /// From which byte on it is kept, and up to which.
    pub(crate) fn span(&self, number: u16) -> Option<(u64, u64)> {
        let taken = of(number, self.taken.load())?;
        let put = of(number, self.put.load())?;
        // Who lies about what he took, on two cores at once, hides no more than his own.
        (taken <= put).then_some((taken, put))
    }

    fn place(&self, offset: u64) -> (Option<&Word64>, usize) {
        let (index, inside) = (offset / IN_WORD as u64, offset % IN_WORD as u64);
        #[expect(clippy::cast_possible_truncation, reason = "less than W, and than 6")]
        let (index, inside) = ((index % W as u64) as usize, inside as usize);
        (self.words.get(index), inside)
    }

    /// Puts `count` bytes, all or none; `read` gives those from an offset on.
    pub(crate) fn put(
        &self,
        number: u16,
        count: usize,
        mut read: impl FnMut(usize, &mut [u8]) -> Option<()>,
    ) -> Result<(), NotPut> {
        let (taken, begun) = self.span(number).ok_or(NotPut::Over)?;
        if (begun - taken).saturating_add(count as u64) > Self::ROOM as u64 {
            return Err(NotPut::Full);
        }
        let mut done = 0;
        while done < count {
            let (place, inside) = self.place(begun + done as u64);
            let mut bytes = [0; IN_WORD];
            let length = (IN_WORD - inside).min(count - done);
            let part = bytes.get_mut(inside..inside + length);
            read(done, part.ok_or(NotPut::Unreadable)?).ok_or(NotPut::Unreadable)?;
            let fresh = u64::from_le_bytes([
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], 0, 0,
            ]);
            let place = place.ok_or(NotPut::Over)?;
            let before = place.load();
            let kept = of(number, before).unwrap_or(0) & ((1 << (8 * inside)) - 1);
            if !place.replace(before, word(number, kept | fresh)) {
                return Err(NotPut::Over);
            }
            done += length;
        }
        let is_put = self
            .put
            .replace(word(number, begun), word(number, begun + count as u64));
        is_put.then_some(()).ok_or(NotPut::Over)
    }

    /// Reads from an offset on, without taking: how many bytes.
    pub(crate) fn read(&self, number: u16, from: u64, into: &mut [u8]) -> usize {
        let Some((taken, put)) = self.span(number) else {
            return 0;
        };
        if !(taken..=put).contains(&from) {
            return 0;
        }
        let mut done = 0;
        while done < into.len() && from + (done as u64) < put {
            let offset = from + done as u64;
            let (place, inside) = self.place(offset);
            let Some(word) = place.and_then(|place| of(number, place.load())) else {
                break;
            };
            let bytes = word.to_le_bytes();
            let most = usize::try_from(put - offset).unwrap_or(IN_WORD);
            let bytes = bytes.iter().take(IN_WORD).skip(inside).take(most);
            for (to, byte) in into.iter_mut().skip(done).zip(bytes) {
                *to = *byte;
                done += 1;
            }
        }
        done
    }

    /// What stands before that offset was taken; `false` if that can't be.
    pub(crate) fn take(&self, number: u16, until: u64) -> bool {
        let Some((taken, put)) = self.span(number) else {
            return false;
        };
        (taken..=put).contains(&until)
            && (taken == until || self.taken.replace(word(number, taken), word(number, until)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use proptest::prelude::*;

    use super::*;

    type Small = Ring<4>;

    fn put<const W: usize>(ring: &Ring<W>, number: u16, bytes: &[u8]) -> Result<(), NotPut> {
        ring.put(number, bytes.len(), |from, into| {
            into.copy_from_slice(bytes.get(from..from + into.len())?);
            Some(())
        })
    }

    fn take_all<const W: usize>(ring: &Ring<W>, number: u16) -> Vec<u8> {
        let (from, _) = ring.span(number).unwrap();
        let mut bytes = [0; 64];
        let count = ring.read(number, from, &mut bytes);
        assert!(ring.take(number, from + count as u64));
        bytes[..count].to_vec()
    }

    #[test]
    fn all_or_none_are_put() {
        let ring = Small::new();
        ring.begin(1);
        assert_eq!(put(&ring, 1, &[7; 18]), Ok(()));
        assert_eq!(put(&ring, 1, &[8]), Err(NotPut::Full));
        assert_eq!(put(&ring, 2, &[8]), Err(NotPut::Over));
        assert!(!ring.take(1, 19) && !ring.take(2, 1) && ring.take(1, 1));
        assert_eq!(ring.put(1, 1, |_, _| None), Err(NotPut::Unreadable));
        assert_eq!(put(&ring, 1, &[8]), Ok(()));
        let all = take_all(&ring, 1);
        assert_eq!((all.len(), all[17]), (18, 8));
        assert_eq!(ring.read(1, 0, &mut [0; 4]), 0, "what was taken is gone");
    }

    #[test]
    fn the_next_attachment_begins_empty_and_no_late_one_begins_again() {
        let ring = Small::new();
        for number in [0x7000, 0xe000, u16::MAX] {
            ring.begin(number);
        }
        put(&ring, u16::MAX, b"secret").unwrap();
        ring.begin(1);
        assert_eq!(ring.span(1), Some((0, 0)));
        put(&ring, 1, b"a").unwrap();
        ring.begin(u16::MAX);
        assert_eq!(put(&ring, u16::MAX, b"late"), Err(NotPut::Over));
        assert_eq!(take_all(&ring, 1), b"a");
    }

    proptest! {
        /// As a queue of bytes.
        #[test]
        fn what_was_put_comes_out(pieces in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..20), any::<bool>()), 0..60)) {
            let ring = Small::new();
            ring.begin(3);
            let (mut wanted, mut got) = (Vec::new(), Vec::new());
            for (piece, is_read) in pieces {
                if put(&ring, 3, &piece).is_ok() {
                    wanted.extend_from_slice(&piece);
                }
                if is_read {
                    got.extend(take_all(&ring, 3));
                }
            }
            got.extend(take_all(&ring, 3));
            prop_assert_eq!(got, wanted);
        }
    }
}
