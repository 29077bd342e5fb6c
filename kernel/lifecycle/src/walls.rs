//! Requests of partitions' devices that an IOMMU has blocked: counted, and the last ones kept whole, since an
//! event's word has no room for an address.

use bulkhead_model::Isolation;

use crate::event::{Kind, LENGTH};
use crate::life::Phase;
use crate::sync::{Word32, Word64};
use crate::{Hardware, Lifecycle};

/// A request that was blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Whose it was, in an event's form.
    pub device: u32,
    /// What it was for, a multiple of 4096.
    pub address: u64,
    /// Whether it was to be read there.
    pub is_read: bool,
    /// How many of the same partition were not told before it.
    pub held: u32,
}

/// In the low bits of the address.
const IS_READ: u64 = 1;
const PAGE: u64 = 1 << 12;

/// Between two events of one partition, in seconds: it doubles while more are blocked, up to the second
/// number, so that a storm leaves room for what happens to others; after so long without one it begins anew.
const FIRST_S: u64 = 1;
const MOST_S: u64 = 600;

/// As many as there are events, so that what an event names is still there.
pub(crate) struct Walls {
    records: [[Word64; 3]; LENGTH as usize],
    /// The number that the next one gets, which is its event's detail; the first is 1.
    next: Word32,
    /// Of devices that are nobody's.
    strays: Toll,
}

/// What a partition's slot has of them. Only the shell's core writes.
pub(crate) struct Toll {
    /// All that were blocked since it was defined, and how many of them were not told yet.
    count: Word32,
    held: Word32,
    /// The last one that was told; 0: none.
    last: Word32,
    /// Ticks of the last one, and from which on the next one is told; seconds until then.
    seen: Word64,
    due: Word64,
    pause: Word64,
    /// 1: its devices may reach its RAM although it has ended. Whoever ended it writes it, once.
    leaks: Word32,
    /// What its devices reach: 0, it has none; else one more than the place in [`Isolation::ALL`].
    isolation: Word32,
}

impl Toll {
    pub(crate) const fn new() -> Self {
        Self {
            count: Word32::new(0),
            held: Word32::new(0),
            last: Word32::new(0),
            seen: Word64::new(0),
            due: Word64::new(0),
            pause: Word64::new(0),
            leaks: Word32::new(0),
            isolation: Word32::new(0),
        }
    }

    pub(crate) fn retire(&self) {
        for word in [&self.count, &self.held, &self.last, &self.isolation] {
            word.store(0);
        }
        for word in [&self.seen, &self.due, &self.pause] {
            word.store(0);
        }
    }

    pub(crate) fn leaks(&self) -> bool {
        self.leaks.load() != 0
    }

    /// One that comes now, if it is to be told: with how many were not before it.
    fn tell(&self, hw: &impl Hardware, blocked: Blocked) -> Option<Blocked> {
        let seconds = |s: u64| hw.ticks(1_000_000).saturating_mul(s);
        let now = hw.now();
        let before = self.count.peek();
        self.count.store(before.saturating_add(1));
        let is_first = before == 0;
        let is_quiet = now.saturating_sub(self.seen.peek()) >= seconds(MOST_S);
        self.seen.store(now);
        if !is_first && !is_quiet && now < self.due.peek() {
            self.held.store(self.held.peek().saturating_add(1));
            return None;
        }
        let pause = if is_first || is_quiet {
            FIRST_S
        } else {
            (self.pause.peek() * 2).clamp(FIRST_S, MOST_S)
        };
        self.pause.store(pause);
        self.due.store(now.saturating_add(seconds(pause)));
        let held = self.held.peek();
        self.held.store(0);
        Some(Blocked { held, ..blocked })
    }
}

impl Walls {
    pub(crate) const fn new() -> Self {
        Self {
            records: [const { [const { Word64::new(0) }; 3] }; LENGTH as usize],
            next: Word32::new(1),
            strays: Toll::new(),
        }
    }

    fn record(&self, number: u32) -> &[Word64; 3] {
        &self.records[(number % LENGTH) as usize]
    }

    fn put(&self, blocked: Blocked) -> u32 {
        let number = self.next.peek();
        // 0 is none.
        self.next.store(number.checked_add(1).unwrap_or(1));
        let [head, place, held] = self.record(number);
        // Who reads it meanwhile finds that it is no record.
        head.store(0);
        let flag = if blocked.is_read { IS_READ } else { 0 };
        place.store(blocked.address & !(PAGE - 1) | flag);
        held.store(blocked.held.into());
        head.store(u64::from(number) << 32 | u64::from(blocked.device));
        number
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "each part is cut out of a word"
    )]
    fn get(&self, number: u32) -> Option<Blocked> {
        let [head, place, held] = self.record(number);
        let before = head.load();
        let (place, held) = (place.load(), held.load());
        let is_it = number != 0 && before >> 32 == u64::from(number) && head.load() == before;
        is_it.then_some(Blocked {
            device: before as u32,
            address: place & !(PAGE - 1),
            is_read: place & IS_READ != 0,
            held: held as u32,
        })
    }
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// A request of a device of that partition was blocked: counted, and an event unless there were many of
    /// late. By the shell's core only.
    pub fn device_blocked(&self, hw: &impl Hardware, partition: usize, blocked: Blocked) {
        let Some(toll) = self.slot(partition).map(|slot| &slot.toll) else {
            return;
        };
        if let Some(blocked) = toll.tell(hw, blocked) {
            let number = self.walls.put(blocked);
            toll.last.store(number);
            self.post(Kind::DeviceBlocked, partition, number);
        }
    }

    /// The same of a device that is nobody's: what is to be told, if anything is.
    pub fn stray_blocked(&self, hw: &impl Hardware, blocked: Blocked) -> Option<Blocked> {
        self.walls.strays.tell(hw, blocked)
    }

    /// An IOMMU did not say that the requests of that partition's devices are through. Its RAM is not to be
    /// anybody else's before a reset of the machine; from any core, at an end.
    pub fn wall_stuck(&self, partition: usize) {
        if let Some(slot) = self.slot(partition) {
            slot.toll.leaks.store(1);
            self.post(Kind::WallStuck, partition, 0);
        }
    }

    /// Says what keeps the partition's devices in; `None`: it has no devices that reach memory. Nothing is done while it is
    /// live: what it was launched with holds. By the shell's core only.
    pub fn publish_isolation(&self, partition: usize, isolation: Option<Isolation>) {
        let Some(slot) = self.slot(partition) else {
            return;
        };
        let place = (1..).zip(Isolation::ALL);
        let code = isolation.and_then(|it| place.clone().find(|(_, known)| *known == it));
        let code = code.map_or(0, |(code, _)| code);
        if slot.phase() == Phase::Idle && slot.toll.isolation.peek() != code {
            slot.toll.isolation.store(code);
        }
    }

    /// What keeps its devices in: as it was launched, or would be; `None` if it has none, or can't be launched.
    pub fn isolation(&self, partition: usize) -> Option<Isolation> {
        let code = self.slot(partition)?.toll.isolation.load();
        let place = usize::try_from(code).ok()?.checked_sub(1)?;
        Isolation::ALL.get(place).copied()
    }

    /// What an event of [`Kind::DeviceBlocked`] is of, by its detail, as long as it is kept.
    pub fn blocked(&self, number: u32) -> Option<Blocked> {
        self.walls.get(number)
    }

    /// How many requests of the partition's devices were blocked since it was defined, and the last one that
    /// was told.
    pub fn toll(&self, partition: usize) -> (u32, Option<Blocked>) {
        let Some(toll) = self.slot(partition).map(|slot| &slot.toll) else {
            return (0, None);
        };
        (toll.count.load(), self.blocked(toll.last.load()))
    }
}
