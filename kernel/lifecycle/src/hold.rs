//! A partition whose RAM is read by another one: it is *held*, and neither launched nor planned anew
//! meanwhile.
//!
//! Who holds it stands in the word of its life, so that a launch, a change of its definition and a hold
//! are steps of one word, of which one succeeds. A hold has a number, the generation of its step: who
//! says it later is told whether it has lasted since. It is over when the holder says so, when the holder's
//! run has ended, when it has not been kept up for [`LEASE_US`], and when somebody kills what is held.

use bulkhead_memory::Region;
use bulkhead_model::Decision;

use crate::hardware::Hardware;
use crate::life::{Life, Phase};
use crate::slot::Slot;
use crate::sync::{Word32, Word64};
use crate::work::Work;
use crate::{End, Kind, Lifecycle, Outcome, Verb};

/// Most pieces of RAM of a partition that is held.
pub const MOST_PIECES: usize = 16;
/// How long a hold lasts that is not kept up, in microseconds.
const LEASE_US: u64 = 30_000_000;
/// How long a restart waits for its dump, in milliseconds.
pub(crate) const DUMP_MS: u64 = 600_000;

/// Where a partition's RAM is.
pub(crate) struct Ram {
    pieces: [[Word64; 2]; MOST_PIECES],
    /// How many there are, of which the first are told.
    count: Word32,
    /// Not 0: a launch has written there, since it is that RAM.
    is_own: Word32,
    lease: Work,
}

impl Ram {
    pub(crate) const fn new() -> Self {
        Self {
            pieces: [const { [const { Word64::new(0) }; 2] }; MOST_PIECES],
            count: Word32::new(0),
            is_own: Word32::new(0),
            lease: Work::new(),
        }
    }

    /// Whether it is there.
    pub(crate) fn is(&self, regions: &[Region]) -> bool {
        let is_same = |(words, region): (&[Word64; 2], &Region)| {
            [words[0].load(), words[1].load()] == [region.start(), region.size()]
        };
        self.count.load() as usize == regions.len() && self.pieces.iter().zip(regions).all(is_same)
    }

    /// Says where it is. Nobody holds the partition.
    #[expect(clippy::cast_possible_truncation, reason = "no list is near that long")]
    pub(crate) fn publish(&self, regions: &[Region]) {
        if self.is(regions) {
            return;
        }
        self.is_own.store(0);
        for (words, region) in self.pieces.iter().zip(regions) {
            words[0].store(region.start());
            words[1].store(region.size());
        }
        self.count.store(regions.len() as u32);
    }

    /// Nothing of others is there any more: a launch has cleared it, or written there.
    pub(crate) fn set_own(&self) {
        self.is_own.store(1);
    }

    /// Its pieces, of a partition that is held.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Region> + '_ {
        let count = self.count.load() as usize;
        let pieces = self.pieces.iter().take(count);
        pieces.filter_map(|words| Region::new(words[0].load(), words[1].load()))
    }

    fn can_be_told(&self) -> bool {
        let count = self.count.load() as usize;
        self.is_own.load() != 0 && (1..=MOST_PIECES).contains(&count)
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Does a request about a hold.
    pub(crate) fn ask_of_hold(
        &self,
        hw: &impl Hardware,
        caller: usize,
        verb: Verb,
        (target, definition): (usize, u32),
        number: Option<u32>,
    ) -> Outcome {
        self.end_hold_if_over(hw, target);
        match (verb, number) {
            (Verb::Hold, _) => self.hold(hw, caller, (target, definition)),
            (Verb::Keep, Some(number)) => self.keep_hold(hw, caller, target, number),
            (_, Some(number)) => self.end_hold(hw, caller, (verb, target), number),
            (_, None) => Outcome::Malformed,
        }
    }

    fn hold(
        &self,
        hw: &impl Hardware,
        caller: usize,
        (target, definition): (usize, u32),
    ) -> Outcome {
        let Some(slot) = self.slot(target) else {
            return Outcome::Unknown;
        };
        // Before the checks, so that they hold for the step.
        let life = slot.life();
        if slot.definition() != definition {
            return Outcome::Unknown;
        }
        if life.holder.is_some() {
            return Outcome::Held;
        }
        if !matches!(life.phase, Phase::Idle | Phase::Waiting) {
            return Outcome::WrongState;
        }
        // Without its plan its claim may be about to become another's.
        if !life.is_planned || !slot.ram.can_be_told() {
            return Outcome::NothingLeft;
        }
        let held = Life {
            holder: Some(caller),
            awaits_dump: life.awaits_dump,
            ..life.step(life.phase)
        };
        if !slot.advance(life, held) {
            return Outcome::WrongState;
        }
        slot.ram.lease.allow(held, hw.now() + hw.ticks(LEASE_US));
        self.post_about(Kind::Held, target, caller);
        Outcome::Done
    }

    /// Its record, as long as it is held so.
    fn held(&self, caller: usize, target: usize, number: u32) -> Option<(&Slot, Life)> {
        let slot = self.slot(target)?;
        let life = slot.life();
        let is_it = life.holder == Some(caller) && life.generation == number;
        is_it.then_some((slot, life))
    }

    fn keep_hold(&self, hw: &impl Hardware, caller: usize, target: usize, number: u32) -> Outcome {
        let Some((slot, life)) = self.held(caller, target, number) else {
            return Outcome::NotHeld;
        };
        slot.ram.lease.allow(life, hw.now() + hw.ticks(LEASE_US));
        // Somebody may have found it over just before.
        if slot.life() == life {
            Outcome::Done
        } else {
            Outcome::NotHeld
        }
    }

    /// `release`: what waits for its dump goes on waiting. `dumped`: it need not.
    fn end_hold(
        &self,
        hw: &impl Hardware,
        caller: usize,
        (verb, target): (Verb, usize),
        number: u32,
    ) -> Outcome {
        let Some((slot, life)) = self.held(caller, target, number) else {
            return Outcome::NotHeld;
        };
        let is_dumped = verb == Verb::Dumped;
        let before = slot.due();
        if is_dumped && life.awaits_dump {
            // As if it had not waited for that. Nothing is launched before the step.
            let (late, delay) = (hw.ticks(DUMP_MS * 1000), self.delay_ms(slot, life));
            slot.set_due(before.saturating_sub(late) + hw.ticks(delay * 1000));
        }
        if !slot.advance(life, Self::let_go(life, is_dumped)) {
            slot.set_due(before);
            return Outcome::NotHeld;
        }
        let kind = if is_dumped {
            Kind::Dumped
        } else {
            Kind::Released
        };
        self.post_about(kind, target, caller);
        self.wake_waiting(hw, slot);
        Outcome::Done
    }

    fn let_go(life: Life, is_dumped: bool) -> Life {
        Life {
            awaits_dump: life.awaits_dump && !is_dumped,
            ..life.step(life.phase)
        }
    }

    /// What its policy says how long a restart after a failure is put off.
    fn delay_ms(&self, slot: &Slot, life: Life) -> u64 {
        match slot.policy().after(End::Failed, u32::from(life.failures)) {
            Decision::Restart { delay_ms } => delay_ms,
            Decision::Stay | Decision::GiveUp => 0,
        }
    }

    fn wake_waiting(&self, hw: &impl Hardware, slot: &Slot) {
        let boot_core = slot.boot_core();
        if slot.phase() == Phase::Waiting && boot_core != hw.me() {
            hw.doorbell(boot_core);
        }
    }

    /// Ends a hold that is over, though nobody said so.
    pub(crate) fn end_hold_if_over(&self, hw: &impl Hardware, target: usize) {
        let Some(slot) = self.slot(target) else {
            return;
        };
        let life = slot.life();
        let Some(holder) = life.holder else {
            return;
        };
        let runs = |slot: &Slot| slot.phase() == Phase::Running;
        let is_over = !self.slot(holder).is_some_and(runs)
            || slot.ram.lease.is_late(life, hw.now(), hw.ticks(LEASE_US));
        if is_over && slot.advance(life, Self::let_go(life, false)) {
            self.post_about(Kind::Released, target, holder);
            self.wake_waiting(hw, slot);
        }
    }

    /// A new run of that partition holds nobody.
    pub(crate) fn end_holds_of(&self, holder: usize) {
        for slot in &self.slots {
            let life = slot.life();
            if life.holder == Some(holder) {
                slot.advance(life, Self::let_go(life, false));
            }
        }
    }

    /// Takes a partition at rest away from its holder, for somebody who kills it; whether it was held.
    pub(crate) fn take_from_holder(&self, target: usize, slot: &Slot, life: Life) -> bool {
        let Some(holder) = life.holder.filter(|_| life.phase == Phase::Idle) else {
            return false;
        };
        let is_taken = slot.advance(life, Self::let_go(life, true));
        if is_taken {
            self.post_about(Kind::Released, target, holder);
        }
        is_taken
    }

    /// The number of the hold that `caller` has of that partition.
    #[must_use]
    pub fn hold_of(&self, caller: usize, target: usize) -> Option<u32> {
        let life = self.slot(target)?.life();
        (life.holder == Some(caller)).then_some(life.generation)
    }
}
