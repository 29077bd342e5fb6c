//! Whose the desk is, in one word.

use crate::places::Asker;

/// Somebody has it: his partition above bit 8, his place below.
const CLAIMED: u64 = 1 << 63;
/// The shell is about it: whoever's it is or was, it is nobody else's. It is in the same word, so that it can't
/// become another's at that very moment.
const IN_WORK: u64 = 1 << 62;
/// From here on it is counted how often it was claimed, so that no old claim is taken for a new one.
const COUNT: u64 = 1 << 16;
const OWNER: u64 = CLAIMED | (COUNT - 1);

/// The desk at one moment: whose it is, and by which claim.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim(pub(super) u64);

impl Claim {
    /// Whose it is.
    pub(crate) fn asker(self) -> Option<Asker> {
        let number = |part: u64| usize::try_from(part).ok();
        Some(Asker {
            partition: number(self.0 >> 8 & 0xff).filter(|_| self.0 & CLAIMED != 0)?,
            place: number(self.0 & 0xff)?,
        })
    }

    /// The next one, an asker's.
    pub(super) fn next(self, asker: Asker) -> Self {
        let count = self.free().done().0.wrapping_add(COUNT);
        let owner = CLAIMED | (asker.partition as u64) << 8 | asker.place as u64;
        Self(Self(count).free().done().0 | owner)
    }

    /// The same, and nobody's.
    pub(super) const fn free(self) -> Self {
        Self(self.0 & !OWNER)
    }

    /// The same, and the shell is about it.
    pub(super) const fn in_work(self) -> Self {
        Self(self.0 | IN_WORK)
    }

    pub(super) const fn is_in_work(self) -> bool {
        self.0 & IN_WORK != 0
    }

    /// The same, and the shell is not about it.
    pub(super) const fn done(self) -> Self {
        Self(self.0 & !IN_WORK)
    }

    /// Its number, as far as it has room in a word beside what is said there.
    #[expect(clippy::cast_possible_truncation, reason = "its low bits")]
    const fn number(self) -> u32 {
        (self.0 / COUNT) as u32
    }

    /// The same, where a request that was passed says by which one ([`Passed`](crate::standing::Standing::Passed)).
    pub(crate) const fn line(self) -> usize {
        (self.number() & 0xffff) as usize
    }

    /// A word that says that of this claim.
    pub(super) const fn word(self, value: u32) -> u64 {
        (self.number() as u64) << 32 | value as u64
    }

    /// What a word says of this claim; `None` if it is another's.
    #[expect(clippy::cast_possible_truncation, reason = "its low half")]
    pub(super) const fn value(self, word: u64) -> Option<u32> {
        if word >> 32 == self.number() as u64 {
            Some(word as u32)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_claim_has_a_number_and_only_its_own_words() {
        let asker = |partition, place| Asker { partition, place };
        let mut claim = Claim(0);
        assert_eq!(claim.asker(), None);
        for (partition, place) in [(0, 1), (0xfe, 8), (0xfe, 8), (3, 2)] {
            let (before, owner) = (claim, asker(partition, place));
            claim = before.in_work().next(owner);
            assert_eq!(claim.asker(), Some(owner));
            assert!(!claim.is_in_work() && claim.in_work().is_in_work());
            assert_eq!(claim.in_work().done().0, claim.0);
            assert_eq!(claim.free().asker(), None);
            assert_eq!(claim.value(claim.word(u32::MAX)), Some(u32::MAX));
            assert_eq!(claim.value(before.word(7)), None);
            assert_eq!(claim.free().next(owner).line(), claim.line() + 1);
        }
        // The count ends below the bit of the shell's work.
        let last = Claim((IN_WORK - 1) & !(COUNT - 1)).next(asker(1, 1));
        assert_eq!((last.line(), last.is_in_work()), (0, false));
    }
}
