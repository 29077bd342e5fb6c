//! A line for Bulkhead's shell, and what the shell says: one at a time in all of the machine.
//!
//! Whoever asks claims it, and has it until he says that he has seen the answer. Lines are rare and short;
//! who finds it taken is told so, and asks again.

use alloc::string::String;
use core::fmt;

use crate::hardware::Hardware;
use crate::life::Phase;
use crate::places::Asker;
use crate::standing::{KIND, PASSED};
use crate::sync::{Word8, Word32, Word64};
use crate::{Lifecycle, Outcome};

/// Longest line, in bytes.
pub const LINE_BYTES: usize = 1000;
/// Bytes that are kept of what the shell says, from the byte on that was asked for.
pub const SAID_BYTES: usize = 8 << 10;

/// Somebody has it: his partition above bit 8, his place below.
const CLAIMED: u64 = 1 << 63;
/// The shell is about it: whoever's it is or was, it is nobody else's. It is in the same word, so that it can't
/// become another's at that very moment.
const IN_WORK: u64 = 1 << 62;
/// From here on it is counted how often it was claimed, so that no old claim is taken for a new one.
const COUNT: u64 = 1 << 16;
const OWNER: u64 = CLAIMED | (COUNT - 1);

pub(crate) struct Desk {
    owner: Word64,
    line: [Word8; LINE_BYTES],
    line_bytes: Word32,
    /// From which byte on it is kept what the shell says.
    from: Word32,
    said: [Word8; SAID_BYTES],
    /// All that it said.
    total: Word32,
}

fn claim(asker: Asker) -> u64 {
    CLAIMED | (asker.partition as u64) << 8 | asker.place as u64
}

/// Whose it is.
fn asker_of(word: u64) -> Option<Asker> {
    let number = |part: u64| usize::try_from(part).ok();
    Some(Asker {
        partition: number(word >> 8 & 0xff).filter(|_| word & CLAIMED != 0)?,
        place: number(word & 0xff)?,
    })
}

impl Desk {
    pub(crate) const fn new() -> Self {
        Self {
            owner: Word64::new(0),
            line: [const { Word8::new(0) }; LINE_BYTES],
            line_bytes: Word32::new(0),
            from: Word32::new(0),
            said: [const { Word8::new(0) }; SAID_BYTES],
            total: Word32::new(0),
        }
    }

    /// How much of what was said is kept, and how much there is from the first byte on.
    fn kept(&self) -> usize {
        let kept = self.total.load().saturating_sub(self.from.load());
        (kept as usize).min(SAID_BYTES)
    }

    pub(crate) fn is_of(&self, asker: Asker) -> bool {
        self.owner.load() & OWNER == claim(asker)
    }

    /// Changes the word as long as `change` says to what.
    fn change(&self, change: impl Fn(u64) -> Option<u64>) {
        loop {
            let word = self.owner.load();
            let Some(next) = change(word) else { return };
            if self.owner.replace(word, next) {
                return;
            }
        }
    }

    pub(crate) fn give_up(&self, asker: Asker) {
        self.change(|word| (word & OWNER == claim(asker)).then_some(word & !OWNER));
    }

    /// The shell is no longer about it.
    fn finish(&self) {
        self.change(|word| Some(word & !IN_WORK));
    }

    /// The place of that partition's whose it is.
    pub(crate) fn place_of(&self, partition: usize) -> Option<usize> {
        let asker = asker_of(self.owner.peek())?;
        (asker.partition == partition).then_some(asker.place)
    }

    fn begin(&self, from: u32) {
        self.total.store(0);
        self.from.store(from);
    }

    /// The line of a request, which this core of its partition has claimed it for.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it has at most a thousand bytes"
    )]
    pub(crate) fn put_line(&self, from: u32, line: &str) {
        self.begin(from);
        for (to, byte) in self.line.iter().zip(line.bytes()) {
            to.store(byte);
        }
        self.line_bytes.store(line.len().min(LINE_BYTES) as u32);
    }

    fn line(&self) -> String {
        let bytes = self.line.iter().take(self.line_bytes.load() as usize);
        bytes.map(|byte| char::from(byte.load())).collect()
    }

    /// What is kept of what was said, from `offset` on, into `chunk`: how many bytes.
    pub(crate) fn read(&self, offset: usize, chunk: &mut [u8]) -> usize {
        let kept = self.said.iter().take(self.kept()).skip(offset);
        let mut bytes = 0;
        for (to, byte) in chunk.iter_mut().zip(kept) {
            *to = byte.load();
            bytes += 1;
        }
        bytes
    }

    /// From which byte on it is kept, and how many were said.
    pub(crate) fn span(&self) -> (u32, u32, usize) {
        (self.from.load(), self.total.load(), self.kept())
    }
}

/// Writes what the shell says.
pub struct Saying<'a>(&'a Desk);

impl fmt::Write for Saying<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "more than 4 GiB are not said"
    )]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let desk = self.0;
        let (from, total) = (desk.from.load() as usize, desk.total.load() as usize);
        for (at, byte) in (total..).zip(text.bytes()) {
            let place = at.checked_sub(from).and_then(|at| desk.said.get(at));
            if let Some(place) = place {
                place.store(byte);
            }
        }
        desk.total.store((total + text.len()) as u32);
        Ok(())
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Claims it; `false` if it is another's, who may still come for it.
    pub(crate) fn claim_desk(&self, hw: &impl Hardware, asker: Asker) -> bool {
        self.claim_desk_as(hw, asker, 0)
    }

    fn claim_desk_as(&self, hw: &impl Hardware, asker: Asker, work: u64) -> bool {
        let desk = &self.desk;
        let word = desk.owner.load();
        let is_free = word & IN_WORK == 0
            && asker_of(word).is_none_or(|other| other == asker || self.is_abandoned(hw, other));
        let count = word & !(OWNER | IN_WORK);
        let next = count.wrapping_add(COUNT) & !(OWNER | IN_WORK);
        is_free && desk.owner.replace(word, next | claim(asker) | work)
    }

    /// Its new run asks for nothing yet.
    pub(crate) fn free_desk_of(&self, partition: usize) {
        if let Some(place) = self.desk.place_of(partition) {
            self.desk.give_up(Asker { partition, place });
        }
    }

    fn is_abandoned(&self, hw: &impl Hardware, owner: Asker) -> bool {
        let slot = self.slot(owner.partition);
        let Some(slot) = slot.filter(|slot| slot.phase() != Phase::Idle) else {
            return true;
        };
        let place = slot.places().get(owner.place);
        place.is_none_or(|place| place.is_stale(hw))
    }

    // --- by the shell's core -------------------------------------------------------------------------

    /// The next line for the shell: who asks, and the line. What it says goes to
    /// [`saying`](Self::saying), and then it is to be [answered](Self::answer_line).
    pub fn next_line(&self) -> Option<(Asker, String)> {
        // Nobody else's can be passed, and this is asked a thousand times a second.
        let word = self.desk.owner.peek();
        let asker = asker_of(word)?;
        let place = self.slot(asker.partition)?.places().get(asker.place)?;
        let is_passed = place.word() >> KIND == PASSED;
        if !is_passed || !self.desk.owner.replace(word, word | IN_WORK) {
            return None;
        }
        if self.take(place, asker, true).is_none() {
            self.desk.finish();
            return None;
        }
        Some((asker, self.desk.line()))
    }

    /// Answers lines whose askers have lost the desk meanwhile. To be called now and then.
    pub fn refuse_lost_lines(&self) {
        while let Some((asker, ..)) = self.take_passed(|asker| !self.desk.is_of(asker), true) {
            self.answer(asker, Outcome::LineBusy);
        }
    }

    /// Where what the shell says goes.
    pub const fn saying(&self) -> Saying<'_> {
        Saying(&self.desk)
    }

    /// Answers a line.
    pub fn answer_line(&self, asker: Asker, is_done: bool) {
        // Before the answer, with which its asker may give it up.
        self.desk.finish();
        self.answer(
            asker,
            if is_done {
                Outcome::Done
            } else {
                Outcome::Said
            },
        );
    }

    /// Says to the asker why a request was refused: whether there is room for it just now.
    pub fn say(&self, hw: &impl Hardware, asker: Asker, why: &str) -> bool {
        let has_token = asker.place != 0;
        let is_claimed = has_token && self.claim_desk_as(hw, asker, IN_WORK);
        if is_claimed {
            self.desk.begin(0);
            let _ = fmt::Write::write_str(&mut self.saying(), why);
            self.desk.finish();
        }
        is_claimed
    }
}
