//! Waking a linked partition's Linux: its link's MSI-X table says by which interrupt.
//!
//! The table lies in memory that the Linux at the other end writes, and perhaps others, so nothing of it is
//! trusted: what is sent is a device's interrupt to a core that runs that partition's Linux, or nothing.

use bulkhead_model::MOST_LINKS;

use crate::hardware::Hardware;
use crate::slot::Slot;
use crate::variables::Status;
use crate::{CoreState, Lifecycle, State};

/// Entries of a table (`bulkhead_tables::link::VECTORS`), and bytes of each.
const ENTRIES: u64 = 4;
const ENTRY_BYTES: u64 = 16;
/// Longest request, in bytes.
pub(crate) const MAX_RING_BYTES: usize = 32;

/// The other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherEnd {
    /// The partition's number.
    pub peer: usize,
    /// Physical address of its MSI-X table: a page.
    pub table: u64,
}

impl OtherEnd {
    const SET: u64 = 1;
    const PEER: u32 = 1;
    const TABLE: u64 = !0xfff;

    const fn encode(self) -> u64 {
        self.table & Self::TABLE | (self.peer as u64 & 0xff) << Self::PEER | Self::SET
    }

    const fn decode(word: u64) -> Option<Self> {
        if word & Self::SET == 0 {
            return None;
        }
        Some(Self {
            peer: (word >> Self::PEER & 0xff) as usize,
            table: word & Self::TABLE,
        })
    }
}

impl Slot {
    /// Those of its links.
    pub(crate) fn other_ends(&self) -> impl Iterator<Item = OtherEnd> + '_ {
        let words = self.links.iter();
        words.filter_map(|word| OtherEnd::decode(word.peek()))
    }
}

/// Which core, by its local APIC ID, and vector an entry of an MSI-X table means; `None` if it is masked, or
/// not what Linux writes for a device: one core by its physical ID, fixed or lowest-priority delivery,
/// edge-triggered, one of the vectors that devices get or that of platform interrupts, by which Linux does
/// nothing (Intel SDM Vol. 3A, "Message Signalled Interrupts").
fn interrupt(entry: [u32; 4]) -> Option<(u32, u8)> {
    const MASKED: u32 = 1;
    const LOGICAL: u32 = 1 << 2;
    const NOT_FIXED: u32 = 0b110 << 8;
    const LEVEL: u32 = 1 << 15;
    /// From the first that is no exception's to below those that Linux has for itself.
    const VECTORS: core::ops::RangeInclusive<u8> = 0x21..=0xea;
    /// `X86_PLATFORM_IPI_VECTOR`
    const PLATFORM: u8 = 0xf7;
    let [low, high, data, control] = entry;
    let is_message = low >> 20 == 0xfee && high == 0 && low & 0xff3 == 0;
    let is_plain = low & LOGICAL == 0 && data & (NOT_FIXED | LEVEL) == 0;
    if control & MASKED != 0 || !is_message || !is_plain {
        return None;
    }
    let [vector, ..] = data.to_le_bytes();
    (VECTORS.contains(&vector) || vector == PLATFORM).then_some((low >> 12 & 0xff, vector))
}

/// `NAME [VECTOR]`
fn words(text: &str) -> Option<(&str, u64)> {
    let mut words = text.split_ascii_whitespace();
    let name = words.next()?;
    let number = words.next().map_or(Some(0), |number| number.parse().ok())?;
    (number < ENTRIES && words.next().is_none()).then_some((name, number))
}

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// Says whom a partition is linked to. They change only while it is at rest. By the shell's core only.
    pub fn publish_links(&self, partition: usize, ends: impl Iterator<Item = OtherEnd>) {
        let Some(slot) = self.slot(partition) else {
            return;
        };
        let mut ends = ends.take(MOST_LINKS);
        for word in &slot.links {
            let next = ends.next().map_or(0, OtherEnd::encode);
            if word.peek() != next {
                word.store(next);
            }
        }
    }

    /// Wakes the Linux at the other end of a link of the caller's, by `NAME [VECTOR]`. One that does not run,
    /// or has that interrupt masked, is not woken, which is no error.
    pub(crate) fn ring(&self, hw: &impl Hardware, caller: usize, text: Option<&str>) -> Status {
        let Some((name, number)) = text.and_then(words) else {
            return Status::InvalidParameter;
        };
        let mut ends = self.slot(caller).into_iter().flat_map(Slot::other_ends);
        let is_it = |end: &OtherEnd| self.name(end.peer).is_some_and(|other| *other == *name);
        let Some(end) = ends.find(is_it) else {
            return Status::NotFound;
        };
        let is_running = self
            .view(end.peer)
            .is_some_and(|view| view.state == State::Running);
        if let Some((id, vector)) = interrupt(hw.message(end.table + number * ENTRY_BYTES))
            && is_running
            && let Some(core) = self.members(end.peer).find(|core| {
                hw.apic_id(*core) == id && self.core_state(*core) == CoreState::Running
            })
        {
            hw.interrupt(core, vector);
        }
        Status::Success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To core 5, vector 0x31, as Linux writes it.
    const GOOD: [u32; 4] = [0xfee0_5000, 0, 0x31, 0];

    #[test]
    fn a_devices_interrupt_is_sent_and_nothing_else() {
        assert_eq!(interrupt(GOOD), Some((5, 0x31)));
        assert_eq!(interrupt([0xfee0_1000, 0, 0xf7, 0]), Some((1, 0xf7)));
        let wrong = [
            (0, 0x5000),      // no message
            (0, 0xfed0_5000), // likewise
            (0, 0xfee0_5004), // by logical ID
            (0, 0xfee0_5020), // an ID that has more bits
            (1, 1),           // likewise
            (2, 0x0e),        // a page fault
            (2, 0x20),        // Linux's own
            (2, 0xf8),        // its reboot vector
            (2, 0x431),       // non-maskable
            (2, 0x531),       // INIT
            (2, 0x231),       // system management
            (2, 0x8031),      // level-triggered
            (3, 1),           // masked
        ];
        for (at, value) in wrong {
            let mut entry = GOOD;
            entry[at] = value;
            assert_eq!(interrupt(entry), None, "{at}: {value:#x}");
        }
        assert_eq!(interrupt([0; 4]), None);
        assert_eq!(interrupt([u32::MAX; 4]), None);
    }

    #[test]
    fn an_end_is_a_word() {
        for (peer, table) in [(0, 0x1000), (255, 0xf_ffff_ffff_f000)] {
            let end = OtherEnd { peer, table };
            assert_eq!(OtherEnd::decode(end.encode()), Some(end));
        }
        assert_eq!(OtherEnd::decode(0), None);
    }
}
