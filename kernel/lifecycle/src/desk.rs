//! A line for Bulkhead's shell, and what the shell says: one at a time in all of the machine.
//!
//! Whoever asks claims it, and has it until he says that he has seen the answer. Lines are rare and short;
//! who finds it taken is told so, and asks again.
//!
//! A core may be stopped at any step of writing its line, and go on when the desk is another's, be it of
//! another partition or of another core of its own. So each claim has a number, which no other has; each word
//! of a line says of which claim it is, and is changed only from what was read while that claim was in force. The
//! shell takes the line of one claim: all of it, or none.

mod claim;

use alloc::string::String;
use core::fmt;

use crate::hardware::Hardware;
use crate::life::Phase;
use crate::places::Asker;
use crate::standing::{KIND, PASSED, Standing};
use crate::sync::{Word8, Word64};
use crate::{Lifecycle, Outcome};
use claim::Claim;

/// Longest line, in bytes.
pub const LINE_BYTES: usize = 1000;
/// Bytes that are kept of what the shell says, from the byte on that was asked for.
pub const SAID_BYTES: usize = 8 << 10;

/// Bytes of a line in a word; the number of its claim is above.
const IN_WORD: usize = 4;
const LINE_WORDS: usize = LINE_BYTES.div_ceil(IN_WORD);

pub(crate) struct Desk {
    owner: Word64,
    /// By who claimed it: words that say of which claim they are.
    line: [Word64; LINE_WORDS],
    line_bytes: Word64,
    line_from: Word64,
    /// By the shell: from which byte on it is kept what it says, and all that it said.
    from: Word64,
    total: Word64,
    said: [Word8; SAID_BYTES],
}

impl Desk {
    pub(crate) const fn new() -> Self {
        Self {
            owner: Word64::new(0),
            line: [const { Word64::new(0) }; LINE_WORDS],
            line_bytes: Word64::new(0),
            line_from: Word64::new(0),
            from: Word64::new(0),
            total: Word64::new(0),
            said: [const { Word8::new(0) }; SAID_BYTES],
        }
    }

    pub(crate) fn claim(&self) -> Claim {
        Claim(self.owner.load())
    }

    /// Whether a line that was passed by that asker is the one that lies here.
    fn has_line(&self, asker: Asker, line: usize) -> bool {
        let claim = self.claim();
        claim.asker() == Some(asker) && claim.line() == line
    }

    /// Changes the word as long as `change` says to what.
    fn change(&self, change: impl Fn(Claim) -> Option<Claim>) {
        loop {
            let claim = self.claim();
            let Some(next) = change(claim) else { return };
            if self.owner.replace(claim.0, next.0) {
                return;
            }
        }
    }

    pub(crate) fn give_up(&self, claim: Claim) {
        self.change(|now| (now.done() == claim.done()).then_some(now.free()));
    }

    /// The shell is no longer about it.
    fn finish(&self) {
        self.change(|now| Some(now.done()));
    }

    /// The claim of that partition, if it has it.
    pub(crate) fn claim_of(&self, partition: usize) -> Option<Claim> {
        let claim = Claim(self.owner.peek());
        (claim.asker()?.partition == partition).then_some(claim)
    }

    /// Whether it is in force still.
    pub(crate) fn is_still(&self, claim: Claim) -> bool {
        self.claim().done() == claim.done()
    }

    /// Has a word say that of this claim; `false`: it is not in force any more.
    fn put(&self, claim: Claim, place: &Word64, value: u32) -> bool {
        loop {
            // Before the look at the claim: who has claimed it since then, and has written this word,
            // keeps it.
            let before = place.load();
            if self.claim() != claim {
                return false;
            }
            if place.replace(before, claim.word(value)) {
                return true;
            }
        }
    }

    /// The line of a request, for which this core has that claim; `false`: it has it no more.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it has at most a thousand bytes"
    )]
    pub(crate) fn put_line(&self, claim: Claim, from: u32, line: &str) -> bool {
        let words = line.as_bytes().chunks(IN_WORD).map(|bytes| {
            let mut word = [0; IN_WORD];
            word.iter_mut()
                .zip(bytes)
                .for_each(|(to, byte)| *to = *byte);
            u32::from_le_bytes(word)
        });
        let ends = [
            (&self.line_from, from),
            (&self.line_bytes, line.len() as u32),
        ];
        self.line
            .iter()
            .zip(words)
            .chain(ends)
            .all(|(place, value)| self.put(claim, place, value))
    }

    /// The line of that claim, and from which byte on it is kept what is said; `None` if any of it is
    /// another's.
    fn line(&self, claim: Claim) -> Option<(u32, String)> {
        let from = claim.value(self.line_from.load())?;
        let count = claim.value(self.line_bytes.load())? as usize;
        let mut line = String::with_capacity(count);
        for word in self.line.iter().take(count.div_ceil(IN_WORD)) {
            let bytes = claim.value(word.load())?.to_le_bytes();
            let left = bytes.into_iter().take(count - line.len());
            line.extend(left.map(char::from));
        }
        Some((from, line))
    }

    /// From here on the shell says what that claim is told. By its core only, which is about it.
    fn begin(&self, claim: Claim, from: u32) {
        self.total.store(claim.word(0));
        self.from.store(claim.word(from));
    }

    /// What is kept of what was said, from `offset` on, into `chunk`: how many bytes. They are of whoever's
    /// claim it is [still](Self::is_still).
    pub(crate) fn read(&self, offset: usize, chunk: &mut [u8]) -> usize {
        let mut bytes = 0;
        for (to, byte) in chunk.iter_mut().zip(self.said.iter().skip(offset)) {
            *to = byte.load();
            bytes += 1;
        }
        bytes
    }

    /// From which byte on it is kept, how many were said to that claim, and how many of them are kept.
    pub(crate) fn span(&self, claim: Claim) -> (u32, u32, usize) {
        let from = claim.value(self.from.load()).unwrap_or(0);
        let total = claim.value(self.total.load()).unwrap_or(0);
        let kept = total.saturating_sub(from) as usize;
        (from, total, kept.min(SAID_BYTES))
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
        let claim = desk.claim();
        let (from, total, _) = desk.span(claim);
        for (at, byte) in (total as usize..).zip(text.bytes()) {
            let place = at
                .checked_sub(from as usize)
                .and_then(|at| desk.said.get(at));
            if let Some(place) = place {
                place.store(byte);
            }
        }
        desk.total
            .store(claim.word(total.wrapping_add(text.len() as u32)));
        Ok(())
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Claims it; `None` if it is another's, who may still come for it.
    pub(crate) fn claim_desk(&self, hw: &impl Hardware, asker: Asker) -> Option<Claim> {
        self.claim_desk_as(hw, asker, false)
    }

    fn claim_desk_as(&self, hw: &impl Hardware, asker: Asker, is_in_work: bool) -> Option<Claim> {
        let claim = self.desk.claim();
        let owner = claim.asker();
        let is_free = !claim.is_in_work()
            && owner.is_none_or(|other| other == asker || self.is_abandoned(hw, other));
        let next = claim.next(asker);
        let next = if is_in_work { next.in_work() } else { next };
        (is_free && self.desk.owner.replace(claim.0, next.0)).then_some(next)
    }

    /// Its new run asks for nothing yet.
    pub(crate) fn free_desk_of(&self, partition: usize) {
        if let Some(claim) = self.desk.claim_of(partition) {
            self.desk.give_up(claim);
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
        let claim = Claim(self.desk.owner.peek());
        let asker = claim.asker()?;
        let place = self.slot(asker.partition)?.places().get(asker.place)?;
        if place.word() >> KIND != PASSED {
            return None;
        }
        let passed = place.standing();
        let is_its = passed.line() == Some(claim.line());
        if !is_its || !self.desk.owner.replace(claim.0, claim.in_work().0) {
            return None;
        }
        if self.take(place, asker, passed).is_some() {
            if let Some((from, line)) = self.desk.line(claim) {
                self.desk.begin(claim, from);
                return Some((asker, line));
            }
            self.answer(asker, Outcome::LineBusy);
        }
        self.desk.finish();
        None
    }

    /// Answers lines whose askers have lost the desk meanwhile. To be called now and then.
    pub fn refuse_lost_lines(&self) {
        let is_lost = |asker, passed: Standing| {
            let line = passed.line();
            line.is_some_and(|line| !self.desk.has_line(asker, line))
        };
        while let Some((asker, ..)) = self.take_passed(is_lost) {
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
        let claim = has_token.then(|| self.claim_desk_as(hw, asker, true));
        let Some(claim) = claim.flatten() else {
            return false;
        };
        self.desk.begin(claim, 0);
        let _ = fmt::Write::write_str(&mut self.saying(), why);
        self.desk.finish();
        true
    }
}
