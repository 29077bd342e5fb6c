//! The resident record of each partition: all that is true of it, in words that any core may read.
//!
//! What the operator said of it is published here while it is at rest, so that a core of another
//! partition that looks it up never reads a plan, which could be replaced meanwhile.

use alloc::string::String;

use arrayvec::ArrayString;

use bulkhead_memory::Region;
use bulkhead_model::{MAX_CONTROLLED, MAX_NAME_BYTES, MOST_LINKS, RestartPolicy};

use crate::agent::Record;
use crate::granted::{REASON_WORDS, name_of};
use crate::hold::Ram;
use crate::life::{Life, Phase};
use crate::places::{KEPT, Place};
use crate::set::{Ascending, CoreSet, WORDS};
use crate::sync::{Word32, Word64};
use crate::walls::Toll;
use crate::work::Work;

const _: () = assert!(MAX_NAME_BYTES == 16);

/// What others may know of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition<'a> {
    /// Its name.
    pub name: &'a str,
    /// Indices of its cores, the boot core first.
    pub cores: &'a [usize],
    /// When it is launched again by itself.
    pub policy: RestartPolicy,
    /// Whether it may ask for the launch and the end of others.
    pub has_control: bool,
    /// Whether it shares low memory with others, which one Linux at a time may write.
    pub shares_low: bool,
    /// Of which others, at most [`MAX_CONTROLLED`]; none named: of all.
    pub only: &'a [String],
    /// Its RAM, in bytes.
    pub memory: u64,
    /// Where all of it is that nobody else has, ascending.
    pub regions: &'a [Region],
    /// Whether a restart after a failure waits until somebody has read its RAM.
    pub wants_dump: bool,
    /// After how many seconds of silence of its agent it has failed; 0: never.
    pub watchdog: u32,
}

mod published;

mod flag {
    /// There is such a partition.
    pub(super) const DEFINED: u32 = 1;
    /// It may ask for the launch and the end of others.
    pub(super) const CONTROL: u32 = 1 << 1;
    /// What others left in its RAM is cleared or overwritten.
    pub(super) const CLEARED: u32 = 1 << 2;
    /// It shares low memory.
    pub(super) const SHARES_LOW: u32 = 1 << 3;
    /// A restart after a failure waits until somebody has read its RAM.
    pub(super) const DUMP: u32 = 1 << 4;
    /// Where its policy stands: 8 bits.
    pub(super) const POLICY: u32 = 8;
}

/// One partition's record.
pub(crate) struct Slot {
    life: Word64,
    flags: Word32,
    name: [Word64; 2],
    /// Those that it may ask for; none: all, if it may ask.
    pub(crate) only: [[Word64; 2]; MAX_CONTROLLED],
    memory: Word64,
    pub(crate) ram: Ram,
    /// Whom it is linked to ([`crate::links`]).
    pub(crate) links: [Word64; MOST_LINKS],
    /// Why the run of that number failed, as far as somebody has read it; the text ends at a zero.
    pub(crate) reason: [Word64; REASON_WORDS],
    pub(crate) reason_run: Word32,
    cores: [Word64; WORDS],
    boot_core: Word32,
    /// Which definition this is, of those that had the number: counted. Who asks for something of one
    /// must not have it done to the next.
    definition: Word32,
    /// The ticket from which on events are of this definition.
    since: Word32,
    /// How often its kernel was entered, or will have been by the launch that is under way.
    runs: Word32,
    /// How often its memory began to be written.
    attempts: Word32,
    /// While it ends, or is to end.
    pub(crate) work: Work,
    pub(crate) agent: Record,
    pub(crate) toll: Toll,
    /// Ticks: doorbell rung, kernel entered, images copied in, launched again at.
    rung: Word64,
    entered: Word64,
    /// Whether its boot core is inside of its Linux, or was when it was last seen.
    inside: Word32,
    copied: Word64,
    due: Word64,
    /// Its own requests ([`crate::places`]).
    places: [Place; KEPT + 1],
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self {
            life: Word64::new(0),
            flags: Word32::new(0),
            name: [const { Word64::new(0) }; 2],
            only: [const { [const { Word64::new(0) }; 2] }; MAX_CONTROLLED],
            memory: Word64::new(0),
            ram: Ram::new(),
            links: [const { Word64::new(0) }; MOST_LINKS],
            reason: [const { Word64::new(0) }; REASON_WORDS],
            reason_run: Word32::new(0),
            cores: [const { Word64::new(0) }; WORDS],
            boot_core: Word32::new(0),
            definition: Word32::new(0),
            since: Word32::new(0),
            runs: Word32::new(0),
            attempts: Word32::new(0),
            work: Work::new(),
            agent: Record::new(),
            toll: Toll::new(),
            rung: Word64::new(0),
            entered: Word64::new(0),
            inside: Word32::new(0),
            copied: Word64::new(0),
            due: Word64::new(0),
            places: [const { Place::new() }; KEPT + 1],
        }
    }

    // --- its life ------------------------------------------------------------------------------

    pub(crate) fn life(&self) -> Life {
        Life::decode(self.word())
    }

    /// The same, not taken apart yet.
    pub(crate) fn word(&self) -> u64 {
        self.life.load()
    }

    pub(crate) fn phase(&self) -> Phase {
        Life::phase_of(self.word())
    }

    /// One step from `from` to `to`; `false` if somebody else has made one.
    pub(crate) fn advance(&self, from: Life, to: Life) -> bool {
        self.life.replace(from.encode(), to.encode())
    }

    // --- its plan ---------------------------------------------------------------------------------

    /// It has a plan from now on, or none any more; `false` if it left this state of its life.
    pub(crate) fn set_planned(&self, life: Life, is_planned: bool) -> bool {
        let next = Life {
            is_planned,
            ..life.step(life.phase)
        };
        let is_done = life.is_planned == is_planned || self.advance(life, next);
        if is_done && !is_planned {
            // Nothing is cleared of what the next one has.
            self.change_flags(flag::CLEARED, 0);
        }
        is_done
    }

    /// What others left in its RAM is cleared or overwritten. Its boot core only.
    pub(crate) fn set_cleared(&self) {
        self.change_flags(0, flag::CLEARED);
    }

    /// In one step: the shell's core and the boot core may both be about it.
    fn change_flags(&self, clear: u32, set: u32) {
        loop {
            let before = self.flags.load();
            if self.flags.replace(before, before & !clear | set) {
                return;
            }
        }
    }

    fn has(&self, bit: u32) -> bool {
        self.flags.load() & bit != 0
    }

    pub(crate) fn is_defined(&self) -> bool {
        self.has(flag::DEFINED)
    }

    pub(crate) fn has_control(&self) -> bool {
        self.has(flag::CONTROL)
    }

    pub(crate) fn shares_low(&self) -> bool {
        self.has(flag::SHARES_LOW)
    }

    pub(crate) fn wants_dump(&self) -> bool {
        self.has(flag::DUMP)
    }

    pub(crate) fn is_planned(&self) -> bool {
        self.life().is_planned
    }

    pub(crate) fn is_cleared(&self) -> bool {
        self.has(flag::CLEARED)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the policy is cut out of the word"
    )]
    pub(crate) fn policy(&self) -> RestartPolicy {
        let number = (self.flags.load() >> flag::POLICY) as u8;
        RestartPolicy::from_u8(number).unwrap_or(RestartPolicy::Never)
    }

    pub(crate) fn definition(&self) -> u32 {
        self.definition.load()
    }

    pub(crate) fn since(&self) -> u32 {
        self.since.load()
    }

    pub(crate) fn name(&self) -> ArrayString<MAX_NAME_BYTES> {
        name_of([self.name[0].load(), self.name[1].load()])
    }

    /// Its cores, ascending. They change only while it is at rest.
    pub(crate) fn members(&self) -> Ascending {
        CoreSet(core::array::from_fn(|index| self.cores[index].peek())).into_iter()
    }

    /// Whether that core is one of them: a look at one word, where all of them are sixteen.
    pub(crate) fn has_core(&self, core: usize) -> bool {
        let word = self.cores.get(core / 64);
        word.is_some_and(|word| word.peek() >> (core % 64) & 1 != 0)
    }

    pub(crate) fn boot_core(&self) -> usize {
        self.boot_core.peek() as usize
    }

    // --- its launches ----------------------------------------------------------------------------

    /// How often its kernel was entered, up to that step of its life, which was read before. The count
    /// is stored before the step that makes it true, so that none sees the step without it; that step
    /// may still fail, when the launch is called off.
    pub(crate) fn runs(&self, life: Life) -> u32 {
        let runs = self.runs.load();
        let is_true = (runs & 1 != 0) == life.is_odd_run;
        if is_true {
            runs
        } else {
            runs.saturating_sub(1)
        }
    }

    pub(crate) fn set_runs(&self, runs: u32) {
        self.runs.store(runs);
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.load()
    }

    pub(crate) fn count_attempt(&self) {
        self.attempts.fetch_add(1);
    }

    pub(crate) fn rung(&self) -> u64 {
        self.rung.load()
    }

    pub(crate) fn set_rung(&self, tick: u64) {
        self.rung.store(tick);
    }

    pub(crate) fn entered(&self) -> u64 {
        self.entered.load()
    }

    pub(crate) fn set_entered(&self, tick: u64) {
        self.entered.store(tick);
    }

    pub(crate) fn is_inside(&self) -> bool {
        self.inside.load() != 0
    }

    pub(crate) fn set_inside(&self, is_inside: bool) {
        self.inside.store(u32::from(is_inside));
    }

    pub(crate) fn copied(&self) -> u64 {
        self.copied.load()
    }

    pub(crate) fn set_copied(&self, ticks: u64) {
        self.copied.store(ticks);
    }

    pub(crate) fn due(&self) -> u64 {
        self.due.load()
    }

    pub(crate) fn set_due(&self, tick: u64) {
        self.due.store(tick);
    }

    pub(crate) fn memory(&self) -> u64 {
        self.memory.load()
    }

    pub(crate) const fn places(&self) -> &[Place; KEPT + 1] {
        &self.places
    }

    /// Nothing was asked yet.
    pub(crate) fn empty_places(&self) {
        self.places.iter().for_each(Place::empty);
    }
}
