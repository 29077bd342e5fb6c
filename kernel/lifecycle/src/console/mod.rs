//! Consoles: a terminal inside of a partition, by its agent, for the shell's operator or for another
//! partition that may ask for it.
//!
//! There are a few in all of the machine, each of one partition for one who is attached. Both ends come again
//! and again; one that stays away for too long has left, so that nothing is kept for what was killed. What is
//! typed and what is shown is bounded, and is nobody's but theirs.

use crate::hardware::Hardware;
use crate::life::Phase;
use crate::sync::{Word32, Word64};
use crate::{Lifecycle, Outcome};

mod attend;
mod ring;
mod serve;
mod wire;

pub(crate) use ring::NotPut;
use ring::Ring;
pub use wire::{HEAD_BYTES, Said, Told};

/// How many there are.
pub const CONSOLES: usize = 4;
/// Who is attached and is not heard for so many seconds has left.
const LEFT_SECONDS: u32 = 10;
/// An agent that does not come for so many is waited for.
const AWAITED_SECONDS: u32 = 3;
/// Bytes that are kept of what was typed, and of what is to be shown.
pub const TYPED_BYTES: usize = Ring::<TYPED_WORDS>::ROOM;
/// The same of what is to be shown.
pub const SHOWN_BYTES: usize = Ring::<SHOWN_WORDS>::ROOM;
const TYPED_WORDS: usize = 64;
const SHOWN_WORDS: usize = 512;

/// Somebody is attached.
const CLAIMED: u64 = 1 << 63;
const STATE: u32 = 48;
const NUMBER: u32 = 16;
const ATTACHED: u32 = 8;
/// The shell is attached, and no partition.
const SHELL: u64 = 0xff;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// No agent has opened a terminal yet, or not since it began anew.
    Waiting,
    /// There is one.
    Open,
    /// The agent has closed it: its login has ended.
    Closed,
    /// Nobody is attached, or another.
    Over,
}

/// One attachment to one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub(crate) place: usize,
    pub(crate) number: u16,
}

/// The owner's word, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    is_claimed: bool,
    stand: Stand,
    number: u16,
    /// A partition, or [`SHELL`].
    attached: u64,
    target: usize,
}

impl Owner {
    #[expect(clippy::cast_possible_truncation, reason = "a part of the word each")]
    fn of(word: u64) -> Self {
        Self {
            is_claimed: word & CLAIMED != 0,
            stand: match word >> STATE & 3 {
                0 => Stand::Waiting,
                1 => Stand::Open,
                _ => Stand::Closed,
            },
            number: (word >> NUMBER) as u16,
            attached: word >> ATTACHED & 0xff,
            target: (word & 0xff) as usize,
        }
    }

    const fn word(self) -> u64 {
        let stand = match self.stand {
            Stand::Waiting => 0,
            Stand::Open => 1,
            Stand::Closed | Stand::Over => 2,
        };
        let claimed = if self.is_claimed { CLAIMED } else { 0 };
        claimed
            | stand << STATE
            | (self.number as u64) << NUMBER
            | (self.attached & 0xff) << ATTACHED
            | self.target as u64 & 0xff
    }
}

/// The ends of consoles that are the operator's.
pub trait Terminals {
    /// Attaches him to the console of a partition.
    ///
    /// # Errors
    /// Why not.
    fn attach(&self, target: usize) -> Result<Attachment, Outcome>;

    /// How it stands. To be asked now and then: he is there as long as he is heard.
    fn stand(&self, attachment: Attachment) -> Stand;

    /// Types; whether there was room for it.
    fn type_byte(&self, attachment: Attachment, byte: u8) -> bool;

    /// Takes what is to be shown: how many bytes.
    fn take_shown(&self, attachment: Attachment, into: &mut [u8]) -> usize;

    /// Leaves.
    fn detach(&self, attachment: Attachment);
}

pub(crate) struct Console {
    owner: Word64,
    /// The tick at which who is attached was heard last.
    seen: Word64,
    /// The same of the agent, in this attachment.
    served: Word64,
    /// Rows above bit 16, and columns; 0: not known.
    pub(crate) size: Word32,
    pub(crate) typed: Ring<TYPED_WORDS>,
    pub(crate) shown: Ring<SHOWN_WORDS>,
}

impl Console {
    pub(crate) const fn new() -> Self {
        Self {
            owner: Word64::new(0),
            seen: Word64::new(0),
            served: Word64::new(0),
            size: Word32::new(0),
            typed: Ring::new(),
            shown: Ring::new(),
        }
    }

    fn owner(&self) -> Owner {
        Owner::of(self.owner.load())
    }

    fn change(&self, from: Owner, to: Owner) -> bool {
        self.owner.replace(from.word(), to.word())
    }

    fn free(&self, owner: Owner) -> bool {
        let is_claimed = false;
        self.change(
            owner,
            Owner {
                is_claimed,
                ..owner
            },
        )
    }
}

fn attached(who: Option<usize>) -> u64 {
    who.map_or(SHELL, |partition| partition as u64)
}

fn since(hw: &impl Hardware, tick: u64) -> u64 {
    // A tick of another core may be a little ahead.
    hw.now().saturating_sub(tick)
}

fn seconds(hw: &impl Hardware, seconds: u32) -> u64 {
    hw.ticks(u64::from(seconds) * 1_000_000)
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Attaches the shell, or a partition that may ask for it, to the console of `target`.
    ///
    /// # Errors
    /// Why not.
    pub fn attach(
        &self,
        hw: &impl Hardware,
        who: Option<usize>,
        target: usize,
    ) -> Result<Attachment, Outcome> {
        let slot = self.slot(target).ok_or(Outcome::Unknown)?;
        self.attach_to(hw, who, (target, slot.definition()))
    }

    /// The same, to the one that was defined then.
    pub(crate) fn attach_to(
        &self,
        hw: &impl Hardware,
        who: Option<usize>,
        (target, definition): (usize, u32),
    ) -> Result<Attachment, Outcome> {
        let slot = self.slot(target).ok_or(Outcome::Unknown)?;
        let is_there = slot.phase() == Phase::Running
            && self.agent(hw, target).hears()
            && slot.agent.has_terminal();
        if !is_there {
            return Err(Outcome::NoTerminal);
        }
        if self.console_of(hw, target).is_some() {
            return Err(Outcome::Attached);
        }
        for (place, console) in self.consoles.iter().enumerate() {
            let before = console.owner();
            if before.is_claimed && !self.has_left(hw, console) {
                continue;
            }
            let owner = Owner {
                is_claimed: true,
                stand: Stand::Waiting,
                number: before.number.wrapping_add(1),
                attached: attached(who),
                target,
            };
            // Before it is claimed, so that none takes it for one that was left.
            console.seen.store(hw.now());
            if !console.change(before, owner) {
                continue;
            }
            console.typed.begin(owner.number);
            console.shown.begin(owner.number);
            console.size.store(0);
            // Two that attach at the same moment see each other here, one of them at least.
            let is_other = |(other, console): (usize, &Console)| {
                let owner = console.owner();
                other != place && owner.is_claimed && owner.target == target
            };
            if self.consoles.iter().enumerate().any(is_other) {
                console.free(owner);
                return Err(Outcome::Attached);
            }
            // After it is claimed: its end ends this one too, or it is seen here.
            if slot.definition() != definition {
                console.free(owner);
                return Err(Outcome::Unknown);
            }
            let number = owner.number;
            return Ok(Attachment { place, number });
        }
        Err(Outcome::NoConsole)
    }

    fn has_left(&self, hw: &impl Hardware, console: &Console) -> bool {
        since(hw, console.seen.load()) > seconds(hw, LEFT_SECONDS)
    }

    /// The attachment to a partition, if somebody is.
    pub(crate) fn console_of(&self, hw: &impl Hardware, target: usize) -> Option<Attachment> {
        self.consoles
            .iter()
            .enumerate()
            .find_map(|(place, console)| {
                let owner = console.owner();
                if !owner.is_claimed || owner.target != target {
                    return None;
                }
                if self.has_left(hw, console) {
                    console.free(owner);
                    return None;
                }
                let number = owner.number;
                Some(Attachment { place, number })
            })
    }

    /// The console of an attachment, and its owner's word.
    fn console(&self, attachment: Attachment) -> Option<(&Console, Owner)> {
        let console = self.consoles.get(attachment.place)?;
        let owner = console.owner();
        let is_it = owner.is_claimed && owner.number == attachment.number;
        is_it.then_some((console, owner))
    }

    /// Whose attachment that place is of just now, if it is one of `who`, who still may: and of which
    /// partition.
    pub(crate) fn attachment_at(
        &self,
        who: Option<usize>,
        place: usize,
    ) -> Option<(Attachment, usize)> {
        let owner = self.consoles.get(place)?.owner();
        let number = owner.number;
        let is_his = owner.is_claimed && owner.attached == attached(who);
        let name = self.name(owner.target)?;
        let may = match who {
            Some(partition) => self.slot(partition)?.may_ask_for(&name),
            None => true,
        };
        (is_his && may).then_some((Attachment { place, number }, owner.target))
    }

    /// Those of a partition end: its number is another's from now on.
    pub(crate) fn end_consoles_of(&self, partition: usize) {
        self.change_consoles(partition, |owner| Owner {
            is_claimed: false,
            ..owner
        });
    }

    /// A partition that was attached begins anew, and is not.
    pub(crate) fn free_consoles_of(&self, partition: usize) {
        for console in &self.consoles {
            loop {
                let owner = console.owner();
                let is_his = owner.is_claimed && owner.attached == partition as u64;
                if !is_his || console.free(owner) {
                    break;
                }
            }
        }
    }

    /// The agent of a partition begins anew, or is not there any more: it has no terminal open.
    pub(crate) fn await_agent_of(&self, partition: usize) {
        self.change_consoles(partition, |owner| Owner {
            stand: match owner.stand {
                Stand::Open => Stand::Waiting,
                stand => stand,
            },
            ..owner
        });
    }

    fn change_consoles(&self, target: usize, change: impl Fn(Owner) -> Owner) {
        for console in &self.consoles {
            loop {
                let owner = console.owner();
                let is_of = owner.is_claimed && owner.target == target;
                if !is_of || change(owner) == owner || console.change(owner, change(owner)) {
                    break;
                }
            }
        }
    }
}
