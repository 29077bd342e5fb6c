//! A line for Bulkhead's shell, and what the shell says: one at a time in all of the machine.
//!
//! Whoever asks claims it, and has it until he says that he has seen the answer. Lines are rare and short;
//! who finds it taken is told so, and asks again.

use alloc::string::String;
use core::fmt;

use crate::hardware::Hardware;
use crate::life::Phase;
use crate::places::Asker;
use crate::sync::{Word8, Word32, Word64};
use crate::{Lifecycle, Outcome};

/// Longest line, in bytes.
pub const LINE_BYTES: usize = 1000;
/// Bytes that are kept of what the shell says, from the byte on that was asked for.
pub const SAID_BYTES: usize = 8 << 10;

/// A claim: bit 63, the partition above bit 8, the place.
const CLAIMED: u64 = 1 << 63;

pub(crate) struct Desk {
    owner: Word64,
    /// Whether the shell is about it.
    is_worked_on: Word32,
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

impl Desk {
    pub(crate) const fn new() -> Self {
        Self {
            owner: Word64::new(0),
            is_worked_on: Word32::new(0),
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
        self.owner.load() == claim(asker)
    }

    pub(crate) fn give_up(&self, asker: Asker) {
        let _ = self.owner.replace(claim(asker), 0);
    }

    /// The place of that partition's whose it is.
    pub(crate) fn place_of(&self, partition: usize) -> Option<usize> {
        let asker = self.asker()?;
        (asker.partition == partition).then_some(asker.place)
    }

    /// Whose it is.
    fn asker(&self) -> Option<Asker> {
        let owner = self.owner.peek();
        (owner & CLAIMED != 0).then_some(Asker {
            partition: ((owner & !CLAIMED) >> 8) as usize,
            place: (owner & 0xff) as usize,
        })
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
        let desk = &self.desk;
        let owner = desk.owner.load();
        let is_free = owner == 0 || owner == claim(asker) || self.is_abandoned(hw, owner);
        is_free && desk.is_worked_on.load() == 0 && desk.owner.replace(owner, claim(asker))
    }

    /// Its new run asks for nothing yet.
    pub(crate) fn free_desk_of(&self, partition: usize) {
        if let Some(place) = self.desk.place_of(partition) {
            self.desk.give_up(Asker { partition, place });
        }
    }

    fn is_abandoned(&self, hw: &impl Hardware, owner: u64) -> bool {
        let number = |part: u64| usize::try_from(part).unwrap_or(usize::MAX);
        let (partition, place) = (number((owner & !CLAIMED) >> 8), number(owner & 0xff));
        let slot = self.slot(partition);
        let Some(slot) = slot.filter(|slot| slot.phase() != Phase::Idle) else {
            return true;
        };
        let place = slot.places().get(place);
        place.is_none_or(|place| place.is_stale(hw))
    }

    // --- by the shell's core -------------------------------------------------------------------------

    /// The next line for the shell: who asks, and the line. What it says goes to
    /// [`saying`](Self::saying), and then it is to be [answered](Self::answer_line).
    pub fn next_line(&self) -> Option<(Asker, String)> {
        // Nobody else's can be passed, and this is asked a thousand times a second.
        let asker = self.desk.asker()?;
        let place = self.slot(asker.partition)?.places().get(asker.place)?;
        self.take(place, asker, true)?;
        self.desk.is_worked_on.store(1);
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
        self.answer(
            asker,
            if is_done {
                Outcome::Done
            } else {
                Outcome::Said
            },
        );
        self.desk.is_worked_on.store(0);
    }

    /// Says to the asker why a request was refused: whether there is room for it just now.
    pub fn say(&self, hw: &impl Hardware, asker: Asker, why: &str) -> bool {
        let has_token = asker.place != 0;
        let is_claimed = has_token && self.claim_desk(hw, asker);
        if is_claimed {
            self.desk.begin(0);
            let _ = fmt::Write::write_str(&mut self.saying(), why);
        }
        is_claimed
    }
}
