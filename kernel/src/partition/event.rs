//! What happened to partitions, told from their cores to the shell's without a lock.
//!
//! A ring of words: a writer takes a ticket and stores its word there; the one reader swaps words
//! out in order. A writer that is reset between the two steps leaves a hole; the reader passes over
//! it when later words are there.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const LENGTH: u32 = 256;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The kernel was entered; detail = local APIC ID of its boot core.
    Launched = 1,
    /// ResetSystem(EfiResetShutdown).
    PoweredOff = 2,
    /// ResetSystem(EfiResetWarm): a reboot that was asked for.
    Rebooted = 3,
    /// The operator took its cores.
    Killed = 4,
    /// A core did not come back; detail = its local APIC ID.
    CoreLost = 5,
    /// ResetSystem(EfiResetCold): a reboot after a panic; detail = failures in a row.
    Failed = 6,
    /// It will be launched again; detail = milliseconds until then.
    Restarting = 7,
    /// It failed too often in a row; detail = how often.
    GaveUp = 8,
    /// A partition with the right asks the shell for something; detail = verb.
    Requested = 9,
    /// A device did not come back from its reset; detail as of `devices::unpacked`.
    DeviceStuck = 11,
    /// It stays ended; detail = local APIC ID of its boot core.
    Parked = 10,
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// What.
    pub(crate) kind: Kind,
    /// Whose.
    pub(crate) partition: usize,
    /// See [`Kind`].
    pub(crate) detail: u32,
}

static RING: [AtomicU64; LENGTH as usize] = [const { AtomicU64::new(0) }; LENGTH as usize];
static NEXT_WRITE: AtomicU32 = AtomicU32::new(0);
static NEXT_READ: AtomicU32 = AtomicU32::new(0);

/// Posts an event; any core.
pub(crate) fn post(kind: Kind, partition: usize, detail: u32) {
    let word = ((kind as u64) << 48) | ((partition as u64 & 0xffff) << 32) | u64::from(detail);
    let ticket = NEXT_WRITE.fetch_add(1, Ordering::Relaxed);
    RING[(ticket % LENGTH) as usize].store(word, Ordering::Release);
}

/// Takes the next event; the shell's core only.
pub(crate) fn take() -> Option<Event> {
    loop {
        let read = NEXT_READ.load(Ordering::Relaxed);
        let written = NEXT_WRITE.load(Ordering::Acquire);
        if read == written {
            return None;
        }
        // What was overwritten is lost; go on with the oldest that is left.
        let read = if written.wrapping_sub(read) > LENGTH {
            written.wrapping_sub(LENGTH)
        } else {
            read
        };
        let word = RING[(read % LENGTH) as usize].swap(0, Ordering::Acquire);
        if word == 0 && written.wrapping_sub(read) == 1 {
            // Its writer is between its two steps.
            return None;
        }
        NEXT_READ.store(read.wrapping_add(1), Ordering::Relaxed);
        if let Some(event) = decode(word) {
            return Some(event);
        }
    }
}

fn decode(word: u64) -> Option<Event> {
    let kind = match word >> 48 {
        1 => Kind::Launched,
        2 => Kind::PoweredOff,
        3 => Kind::Rebooted,
        4 => Kind::Killed,
        5 => Kind::CoreLost,
        6 => Kind::Failed,
        7 => Kind::Restarting,
        8 => Kind::GaveUp,
        9 => Kind::Requested,
        10 => Kind::Parked,
        11 => Kind::DeviceStuck,
        _ => return None,
    };
    Some(Event {
        kind,
        partition: (word >> 32) as usize & 0xffff,
        detail: word as u32,
    })
}
