//! What lies where in the memory that is shared with a controller, by offsets in bytes.
//!
//! ```text
//! page 0      contexts' addresses, event ring and its table, command ring, input context, buffer
//! page 1..    one for each device: its context, its two rings, what it sends
//! then        the addresses of scratch pages, and these
//! ```
//!
//! No structure crosses a page (xHCI §6, table "Data Structure Max Size, Boundary, and Alignment").

/// Devices that a controller can have at once: keyboards, hubs, and one that is being looked at.
pub const DEVICES: usize = SLOTS as usize;
/// As a slot's number, from 1.
pub(crate) const SLOTS: u8 = 7;

/// Most scratch pages: chipsets want up to 34.
pub(crate) const MOST_SCRATCH: u32 = 128;

const PAGE: u32 = 4096;

/// The device context base address array: 8 bytes for each slot, the first for scratch pages.
pub(crate) const ADDRESSES: u32 = 0;
/// The event ring's segment table, of one entry.
pub(crate) const SEGMENTS: u32 = 0x80;
/// The command ring.
pub(crate) const COMMANDS: u32 = 0x100;
/// The event ring.
pub(crate) const EVENTS: u32 = 0x200;
/// TRBs of the event ring.
pub(crate) const EVENT_COUNT: u32 = 32;
/// The input context: 33 of 64 bytes at most.
pub(crate) const INPUT: u32 = 0x400;
/// What control transfers carry.
pub(crate) const BUFFER: u32 = 0xc40;
/// Its size.
pub(crate) const BUFFER_BYTES: u32 = PAGE - BUFFER;

/// TRBs of the command ring and of a device's rings, with the one that leads back.
pub(crate) const RING_COUNT: u32 = 16;
/// Bytes of a TRB.
pub(crate) const TRB: u32 = 16;

/// Bytes for each TRB of an interrupt ring: the largest packet that is asked for.
pub(crate) const PACKET: u32 = 64;

const _: () = assert!(8 * (SLOTS as u32 + 1) <= SEGMENTS);
const _: () = assert!(COMMANDS + RING_COUNT * TRB <= EVENTS);
const _: () = assert!(EVENTS + EVENT_COUNT * TRB <= INPUT);
const _: () = assert!(INPUT + 33 * 64 <= BUFFER);
const _: () = assert!(0xa00 + RING_COUNT * PACKET <= PAGE);

/// The context of the device in a slot, from 1.
pub(crate) const fn context(slot: u8) -> u32 {
    slot as u32 * PAGE
}

/// Its control ring.
pub(crate) const fn control(slot: u8) -> u32 {
    context(slot) + 0x800
}

/// Its interrupt ring.
pub(crate) const fn interrupt(slot: u8) -> u32 {
    context(slot) + 0x900
}

/// What the TRB with that index of its interrupt ring is filled with.
pub(crate) const fn packet(slot: u8, index: u32) -> u32 {
    context(slot) + 0xa00 + index * PACKET
}

/// The addresses of the scratch pages, 8 bytes each.
pub(crate) const SCRATCH: u32 = (SLOTS as u32 + 1) * PAGE;

/// The first scratch page.
pub(crate) const fn scratch_pages(count: u32) -> u32 {
    SCRATCH + (count * 8).next_multiple_of(PAGE)
}

/// All of it.
pub(crate) const fn bytes(scratch: u32) -> u32 {
    scratch_pages(scratch) + scratch * PAGE
}
