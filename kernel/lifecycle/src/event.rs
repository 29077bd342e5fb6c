//! What happened to partitions, told from their cores to the shell's without a lock.
//!
//! A ring of words, each stamped with the ticket of its writer. A writer that is reset before it
//! stores leaves an older stamp, which the reader passes over once later words are there; one that
//! is merely late finds a newer stamp in its place, and keeps silent.
//!
//! Lines can be lost: more come than the ring holds while nobody reads, or a writer is reset.
//! Nothing but the telling depends on them: what is true stands in each partition's own words.

use crate::End;
use crate::sync::{Word32, Word64};

/// Events that are kept.
pub const LENGTH: u32 = 256;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The kernel was entered; detail = number of the run.
    Launched,
    /// Its run ended; detail = number of the run.
    Ended(End),
    /// A core did not come back; detail = its index.
    CoreLost,
    /// It will be launched again; detail = milliseconds until then.
    Restarting,
    /// It failed too often in a row, at last by that end; detail = how often.
    GaveUp(End),
    /// It stays ended; detail = index of its boot core.
    Parked,
    /// A device did not come back from its reset; detail = which, in the kernel's own form.
    DeviceStuck,
    /// A device may still reach memory after the end; detail = which.
    DeviceReachesMemory,
    /// A watchdog of its ran, and was stopped; detail = which device's.
    WatchdogStopped,
    /// A watchdog of its runs on; detail = which device's.
    WatchdogRuns,
    /// Its launch waits for another one, whose Linux has not written the low memory that they share;
    /// detail = number of that partition.
    Waits,
    /// It is launched all the same; detail = number of that partition.
    WaitsNoLonger,
    /// It is launched again when its RAM was read; detail = milliseconds at most.
    AwaitsDump,
    /// Its RAM is held; detail = number of the partition that reads it.
    Held,
    /// Its RAM was read; detail = the same.
    Dumped,
    /// It is not held any more; detail = the same.
    Released,
    /// Its agent was heard for the first time in this run, or again after it had left.
    AgentCame,
    /// Its agent said that it leaves.
    AgentLeft,
    /// Its Linux is asked to end; detail = seconds that it has.
    StopAsked,
    /// The same, and it is launched again.
    RestartAsked,
    /// It did not end in time, and is killed; detail = seconds that it had.
    TooSlow,
    /// Its agent was silent for too long; detail = seconds.
    Silent,
    /// It is heard again.
    HeardAgain,
    /// An IOMMU kept a device of its from memory; detail = number of the record
    /// ([`Lifecycle::blocked`](crate::Lifecycle::blocked)).
    DeviceBlocked,
    /// An IOMMU did not say that its devices' requests are through; detail: none.
    WallStuck,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: Kind,
    /// Whose.
    pub partition: usize,
    /// See [`Kind`].
    pub detail: u32,
}

impl Kind {
    const ALL: [Self; 33] = [
        Self::Launched,
        Self::Ended(End::PoweredOff),
        Self::Ended(End::Rebooted),
        Self::Ended(End::Failed),
        Self::Ended(End::Killed),
        Self::Ended(End::Silent),
        Self::CoreLost,
        Self::Restarting,
        Self::GaveUp(End::PoweredOff),
        Self::GaveUp(End::Rebooted),
        Self::GaveUp(End::Failed),
        Self::GaveUp(End::Killed),
        Self::GaveUp(End::Silent),
        Self::Parked,
        Self::DeviceStuck,
        Self::DeviceReachesMemory,
        Self::WatchdogStopped,
        Self::WatchdogRuns,
        Self::Waits,
        Self::WaitsNoLonger,
        Self::AwaitsDump,
        Self::Held,
        Self::Dumped,
        Self::Released,
        Self::AgentCame,
        Self::AgentLeft,
        Self::StopAsked,
        Self::RestartAsked,
        Self::TooSlow,
        Self::Silent,
        Self::HeardAgain,
        Self::DeviceBlocked,
        Self::WallStuck,
    ];

    fn number(self) -> u64 {
        let mut all = (1u64..).zip(Self::ALL);
        all.find(|(_, kind)| *kind == self).map_or(0, |(n, _)| n)
    }

    #[expect(clippy::cast_possible_truncation, reason = "it has 8 bits")]
    fn from_number(number: u64) -> Option<Self> {
        let index = (number as usize).checked_sub(1)?;
        Self::ALL.get(index).copied()
    }
}

impl Event {
    /// Bits: ticket 48-63, kind 40-47, partition 32-39, detail 0-31.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a ticket wraps around: its low bits are its stamp"
    )]
    fn encode(self, ticket: u32) -> u64 {
        u64::from(ticket as u16) << 48
            | self.kind.number() << 40
            | (self.partition as u64 & 0xff) << 32
            | u64::from(self.detail)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the detail is cut out of the word"
    )]
    fn decode(word: u64) -> Option<Self> {
        Some(Self {
            kind: Kind::from_number((word >> 40) & 0xff)?,
            partition: (word >> 32) as usize & 0xff,
            detail: word as u32,
        })
    }
}

/// The ring.
pub(crate) struct Ring {
    words: [Word64; LENGTH as usize],
    /// Tickets begin at 1, so that an empty word is nobody's.
    next_write: Word32,
    next_read: Word32,
}

impl Ring {
    pub(crate) const fn new() -> Self {
        Self {
            words: [const { Word64::new(0) }; LENGTH as usize],
            next_write: Word32::new(1),
            next_read: Word32::new(1),
        }
    }

    fn word(&self, ticket: u32) -> &Word64 {
        &self.words[(ticket % LENGTH) as usize]
    }

    /// Posts an event; any core.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a ticket's low bits are its stamp"
    )]
    pub(crate) fn post(&self, event: Event) {
        let ticket = self.next_write.fetch_add(1);
        let word = self.word(ticket);
        let new = event.encode(ticket);
        loop {
            let old = word.load();
            let stamp = (old >> 48) as u16;
            // Who is a lap ahead has overwritten this place already.
            let is_newer = old != 0 && (stamp.wrapping_sub(ticket as u16) as i16) > 0;
            if is_newer || word.replace(old, new) {
                return;
            }
        }
    }

    /// The ticket that the next event will have.
    pub(crate) fn next_ticket(&self) -> u32 {
        self.next_write.load()
    }

    /// The event with that ticket, if it is still there. It is not taken.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a ticket's low bits are its stamp"
    )]
    pub(crate) fn with_ticket(&self, ticket: u32) -> Option<Event> {
        let word = self.word(ticket).load();
        let is_it = (word >> 48) as u16 == ticket as u16 && word != 0;
        Event::decode(word).filter(|_| is_it)
    }

    /// Takes the next event; one core only.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a ticket's low bits are its stamp"
    )]
    pub(crate) fn take(&self) -> Option<(u32, Event)> {
        loop {
            let read = self.next_read.load();
            let written = self.next_write.load();
            let unread = written.wrapping_sub(read);
            if unread == 0 {
                return None;
            }
            if unread > LENGTH {
                // What was overwritten is lost; go on with the oldest that is left.
                self.next_read.store(written.wrapping_sub(LENGTH));
                continue;
            }
            let word = self.word(read).load();
            let is_there = (word >> 48) as u16 == read as u16 && word != 0;
            if !is_there && unread == 1 {
                // Its writer is between its two steps.
                return None;
            }
            self.next_read.store(read.wrapping_add(1));
            if is_there && let Some(event) = Event::decode(word) {
                return Some((read, event));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(ring: &Ring) -> Option<Event> {
        ring.take().map(|(_, event)| event)
    }

    fn event(detail: u32) -> Event {
        Event {
            kind: Kind::Restarting,
            partition: 5,
            detail,
        }
    }

    #[test]
    fn events_come_in_order_and_once() {
        let ring = Ring::new();
        for kind in Kind::ALL {
            ring.post(Event {
                kind,
                partition: 63,
                detail: u32::MAX,
            });
        }
        for kind in Kind::ALL {
            let event = take(&ring).expect("it was posted");
            assert_eq!((event.kind, event.partition), (kind, 63));
            assert_eq!(event.detail, u32::MAX);
        }
        assert_eq!(ring.take(), None);
    }

    #[test]
    fn more_than_it_holds_loses_the_oldest() {
        let ring = Ring::new();
        for detail in 0..1000 {
            ring.post(event(detail));
        }
        for detail in 1000 - LENGTH..1000 {
            assert_eq!(take(&ring), Some(event(detail)));
        }
        assert_eq!(ring.take(), None);
    }

    #[test]
    fn a_writer_that_was_reset_leaves_a_hole_that_is_passed_over() {
        let ring = Ring::new();
        ring.post(event(1));
        ring.next_write.fetch_add(1); // took its ticket, and is gone
        assert_eq!(take(&ring), Some(event(1)));
        assert_eq!(ring.take(), None, "it might be late only");
        ring.post(event(3));
        assert_eq!(take(&ring), Some(event(3)));
        assert_eq!(ring.take(), None);
    }

    #[test]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a ticket's low bits are its stamp"
    )]
    fn a_late_writer_is_not_read_a_lap_later() {
        let ring = Ring::new();
        let ticket = ring.next_write.fetch_add(1);
        for detail in 0..LENGTH {
            ring.post(event(detail)); // the last of these takes the late one's place
        }
        // What it would store finds a newer stamp.
        let old = ring.word(ticket).load();
        assert_eq!((old >> 48) as u16, (ticket + LENGTH) as u16);
        let mut seen = 0;
        while ring.take().is_some() {
            seen += 1;
        }
        assert_eq!(seen, LENGTH);
    }
}
