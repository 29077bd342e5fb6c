//! The registers of one unit (AMD §3.4): switched on.

use bulkhead_memory::PAGE;

use crate::Physical;

const DEVICE_TABLE: u64 = 0x00;
const COMMANDS: u64 = 0x08;
const EVENTS: u64 = 0x10;
const CONTROL: u64 = 0x18;
const EXCLUSION: u64 = 0x20;
const EXCLUSION_LIMIT: u64 = 0x28;
const FEATURES: u64 = 0x30;
const COMMAND_HEAD: u64 = 0x2000;
const COMMAND_TAIL: u64 = 0x2008;
const EVENT_HEAD: u64 = 0x2010;
const EVENT_TAIL: u64 = 0x2018;
const STATUS: u64 = 0x2020;

/// Bits of Control.
const TRANSLATE: u64 = 1;
const EVENT_LOG: u64 = 1 << 2;
const COHERENT: u64 = 1 << 10;
const COMMAND_RING: u64 = 1 << 12;
/// How tables of interrupts look: not to be changed while it translates.
const INTERRUPT_FORMATS: u64 = 1 << 17 | 1 << 50 | 1 << 51;
/// A device table in several parts (AMD §2.2.2.3): likewise.
const SEGMENTED: u64 = 0b111 << 34;
/// What writes or reads rings and logs: commands, events, page requests, guests' interrupts.
const RINGS: u64 = COMMAND_RING | EVENT_LOG | 1 << 13 | 1 << 28;

/// Bits of Status.
const OVERFLOW: u64 = 1;
const EVENTS_RUN: u64 = 1 << 3;
const COMMANDS_RUN: u64 = 1 << 4;
const RINGS_RUN: u64 = EVENTS_RUN | COMMANDS_RUN | 1 << 7 | 1 << 8;
/// What is cleared by writing it: overflows and interrupts.
const CLEARED: u64 = 0x667;

/// Rings of 256 entries, which are a page.
const RING: u64 = 8 << 56;
/// Longest wait for a unit, in microseconds: it answers within a few.
pub(super) const WAIT_US: u64 = 50_000;
/// Bytes of a segment's device table: an entry for each requester there can be.
pub(super) const TABLE_BYTES: u64 = 0x1_0000 * super::entry::BYTES;

/// Why a unit can't be used.
pub(super) fn lacking(hw: &impl Physical, base: u64) -> Option<&'static str> {
    const HATS: u64 = 0b11 << 10;
    let (control, features) = (hw.load64(base + CONTROL), hw.load64(base + FEATURES));
    if control == u64::MAX || features == u64::MAX {
        Some("does not answer")
    } else if features & HATS == HATS {
        Some("does not translate")
    } else if control & TRANSLATE != 0 && control & SEGMENTED != 0 {
        Some("was left on by firmware, with a device table in several parts")
    } else {
        None
    }
}

/// Whether it translates.
pub(super) fn is_on(hw: &impl Physical, base: u64) -> bool {
    hw.load64(base + CONTROL) & TRANSLATE != 0
}

/// Whether it has one command to forget all.
pub(super) fn forgets_all(hw: &impl Physical, base: u64) -> bool {
    hw.load64(base + FEATURES) & 1 << 6 != 0
}

/// Has the unit translate by a device table, from whatever state firmware left it in: it never stops
/// translating on the way if it did before. `flags` are firmware's, of how requests pass on
/// HyperTransport. Whether it answers. What it has cached of before is to be forgotten at once.
pub(super) fn enable(
    hw: &impl Physical,
    base: u64,
    flags: u8,
    table: u64,
    commands: u64,
    events: u64,
) -> bool {
    let old = hw.load64(base + CONTROL);
    let on = old & TRANSLATE;
    hw.store64(base + CONTROL, old & !RINGS);
    if !hw.within(WAIT_US, || hw.load64(base + STATUS) & RINGS_RUN == 0) {
        return false;
    }
    hw.store64(base + STATUS, CLEARED);
    hw.store64(base + DEVICE_TABLE, table | (TABLE_BYTES / PAGE - 1));
    hw.store64(base + COMMANDS, commands | RING);
    hw.store64(base + EVENTS, events | RING);
    for register in [COMMAND_HEAD, COMMAND_TAIL, EVENT_HEAD, EVENT_TAIL] {
        hw.store64(base + register, 0);
    }
    // A range that no table guards is one more hole.
    hw.store64(base + EXCLUSION, 0);
    hw.store64(base + EXCLUSION_LIMIT, 0);
    let kept = if on == 0 { 0 } else { old & INTERRUPT_FORMATS };
    let new = kept | TRANSLATE | EVENT_LOG | COMMAND_RING | COHERENT | passing(flags);
    hw.store64(base + CONTROL, new);
    hw.within(WAIT_US, || hw.load64(base + STATUS) & COMMANDS_RUN != 0)
}

/// Has the unit let everything pass as it is.
pub(super) fn disable(hw: &impl Physical, base: u64) {
    let on = hw.load64(base + CONTROL);
    hw.store64(base + CONTROL, on & !(TRANSLATE | RINGS));
}

/// An IVHD's flags (AMD §5.2.2), as bits of Control.
const fn passing(flags: u8) -> u64 {
    let flags = flags as u64;
    // HtTunEn, PassPW, ResPassPW, Isoc.
    (flags & 1) << 1 | (flags >> 1 & 1) << 8 | (flags >> 2 & 1) << 9 | (flags >> 3 & 1) << 11
}

/// Has a log that was full go on, once it is empty (AMD §2.5.1).
pub(super) fn resume_log(hw: &impl Physical, base: u64) {
    if hw.load64(base + STATUS) & OVERFLOW == 0 {
        return;
    }
    let control = hw.load64(base + CONTROL);
    hw.store64(base + CONTROL, control & !EVENT_LOG);
    let _ = hw.within(WAIT_US, || hw.load64(base + STATUS) & EVENTS_RUN == 0);
    hw.store64(base + STATUS, OVERFLOW);
    hw.store64(base + CONTROL, control | EVENT_LOG);
}

/// The places of a log: where it is read next, and where it ends.
pub(super) fn log_places(hw: &impl Physical, base: u64) -> (u64, u64) {
    const PLACE: u64 = PAGE - 16;
    let place = |register| hw.load64(base + register) & PLACE;
    (place(EVENT_HEAD), place(EVENT_TAIL))
}

/// Gives back the place of an event that was read.
pub(super) fn log_read(hw: &impl Physical, base: u64, place: u64) {
    hw.store64(base + EVENT_HEAD, (place + 16) % PAGE);
}
