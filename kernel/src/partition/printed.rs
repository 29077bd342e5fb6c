//! What the Linuxes of partitions have printed, also those that have no console: read out of their
//! memory, which they are not asked for.
//!
//! At the end of each run the partition's own core that does the work of that end keeps the last of it,
//! in the partition's own RAM ([`bulkhead_printk::kept`]), before anything is written there. The shell
//! reads what was kept, and of one that runs its memory itself.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use bulkhead_lifecycle::State;
use bulkhead_memory::Region;
use bulkhead_printk::kept::{Book, Kept, RUNS, Room};
use bulkhead_printk::{Follower, MAGIC, Note, Piece, Ram, Reason, Source};

use super::plans::{self, Stored};
use super::{LIFE, detour};
use crate::cpu::{cores, tsc};
use crate::layout::MAX_PARTITIONS;
use crate::mem::phys;

/// Physical addresses of the room for it, 0 for none: swapped by the shell's core while the partition is
/// at rest; read by that one, and by a live partition's cores.
static ROOMS: [AtomicU64; MAX_PARTITIONS] = [const { AtomicU64::new(0) }; MAX_PARTITIONS];

static BOOKS: [Book; MAX_PARTITIONS] = [const { Book::new() }; MAX_PARTITIONS];

/// Where VMCOREINFO of the Linux that runs, or ran last, was found; 0 if it was not. Stored by whoever
/// finds it, the shell's core or one of the partition's; what is read there is looked at anew each time.
static FOUND: [AtomicU64; MAX_PARTITIONS] = [const { AtomicU64::new(0) }; MAX_PARTITIONS];

/// The longest that a core took for it at an end, in ticks: nobody launches that partition meanwhile.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// The same in microseconds.
pub(crate) fn longest_us() -> u64 {
    tsc::us(LONGEST.load(Ordering::Relaxed))
}

/// Below it is low memory, which several partitions may share.
const SHARED_END: u64 = 1 << 20;

/// The RAM of a partition: what its Linux is told of as such, but for low memory.
struct OwnRam<'a>(&'a [Region]);

impl Ram for OwnRam<'_> {
    fn read(&self, at: u64, into: &mut [u8]) -> Option<()> {
        let wanted = Region::new(at, into.len() as u64)?;
        let is_owned = |region: &Region| region.contains_region(wanted);
        if at < SHARED_END || !self.0.iter().any(is_owned) {
            return None;
        }
        for (byte, address) in into.iter_mut().zip(at..) {
            // SAFETY: RAM of the partition, which is mapped; its Linux may write there meanwhile.
            *byte = unsafe { phys::pointer::<u8>(address).read_volatile() };
        }
        Some(())
    }
}

/// Works on what can be read of a partition, whose RAM is where its plan says, if it has one.
fn with_source<T>(
    partition: usize,
    stored: Option<&Stored>,
    work: impl FnOnce(&Source<'_, OwnRam<'_>>) -> T,
) -> Option<T> {
    let view = LIFE.view(partition)?;
    let regions = stored.map_or(&[][..], |stored| &stored.memory);
    Some(work(&Source {
        run: view.runs,
        is_live: matches!(view.state, State::Running | State::Ending),
        kept: kept(partition),
        ram: &OwnRam(regions),
        regions,
        root: detour::root(partition),
        tells_root: stored.is_some_and(|stored| stored.plan.calls_efi),
        found: FOUND.get(partition)?,
    }))
}

/// What is kept of a partition, if there is room for it.
fn kept(partition: usize) -> Option<Kept<'static>> {
    let (room, book) = ROOMS.get(partition).zip(BOOKS.get(partition))?;
    let room = room.load(Ordering::Acquire);
    if room == 0 {
        return None;
    }
    // SAFETY: RAM of the partition, of that size, until `forget`; it is read and written as atomic bytes
    // alone.
    let room = unsafe { &*phys::pointer::<Room>(room) };
    Some(Kept::new(room, book))
}

/// Keeps what the run that is ending has printed. Does nothing on a core of others, whose time it is not
/// to be done in.
///
/// # Safety
/// 1. The partition is ending, and none of its cores runs its Linux.
/// 2. This core does the work of that end.
#[inline(never)] // its frame is not to be that of all that is done at an end
pub(super) unsafe fn keep(partition: usize, stored: &Stored) {
    let me = cores::current();
    let run = LIFE.view(partition).map_or(0, |view| view.runs);
    if run == 0 || !LIFE.members(partition).any(|core| core == me) {
        return;
    }
    let begun = tsc::now();
    with_source(partition, Some(stored), |source| {
        // It tells its addresses (SetVirtualAddressMap) before it makes VMCOREINFO, so there is none yet,
        // and all its memory would be looked through for it.
        if let Some(kept) = source.kept
            && !source.is_too_early()
            && !kept.has(run)
            && let Some(ring) = source.ring()
        {
            kept.keep(run, &ring, source.ram);
        }
    });
    LONGEST.fetch_max(tsc::now().saturating_sub(begun), Ordering::Relaxed);
}

/// Sees to it that what the last Linux left is not taken for the next one's.
///
/// # Safety
/// The partition is being launched: none of its cores runs a Linux.
pub(super) unsafe fn begin(partition: usize, stored: &Stored) {
    let at = FOUND
        .get(partition)
        .map_or(0, |at| at.swap(0, Ordering::Relaxed));
    let mut bytes = [0; MAGIC.len()];
    if at != 0 && OwnRam(&stored.memory).read(at, &mut bytes).is_some() && bytes == *MAGIC {
        // SAFETY: RAM of the partition, which no Linux needs.
        unsafe { phys::write(at, &[0; MAGIC.len()]) };
    }
}

/// Prints what a run of a partition has printed, the last 64 KiB of it; the present or last one if none is
/// named. Whether anything of it is there.
///
/// # Errors
/// Only those of `out`.
///
/// # Safety
/// This is the shell's core.
pub(crate) unsafe fn show(
    partition: usize,
    run: Option<u32>,
    out: &mut dyn fmt::Write,
) -> Result<bool, fmt::Error> {
    // SAFETY: the shell's core, and no plan is stored meanwhile.
    let stored = unsafe { plans::get(partition) };
    with_source(partition, stored, |source| source.show(run, out)).unwrap_or(Ok(false))
}

/// Reads on what a partition prints.
///
/// # Safety
/// This is the shell's core.
pub(crate) unsafe fn follow(
    partition: usize,
    follower: &mut Follower,
    piece: &mut Piece,
) -> Option<Note> {
    // SAFETY: as above.
    let stored = unsafe { plans::get(partition) };
    with_source(partition, stored, |source| {
        follower.read(source, tsc::uptime_ms(), piece)
    })?
}

/// Where VMCOREINFO of its Linux was found; 0 if it was not.
pub(super) fn vmcoreinfo(partition: usize) -> u64 {
    FOUND
        .get(partition)
        .map_or(0, |at| at.load(Ordering::Relaxed))
}

/// The runs that are kept, oldest first.
pub(crate) fn runs(partition: usize) -> [Option<u32>; RUNS] {
    BOOKS.get(partition).map(Book::runs).unwrap_or_default()
}

/// Why a run of a partition panicked, if it is kept and says so.
pub(crate) fn reason(partition: usize, run: u32) -> Option<Reason> {
    kept(partition)?.reason(run)
}

/// Forgets what is kept of a partition. No core of it is at its end.
pub(super) fn clear(partition: usize) {
    if let Some(book) = BOOKS.get(partition) {
        book.clear();
    }
}

/// Says where there is room for it. What is kept there already stays.
///
/// # Safety
/// 1. To be called by the shell's core alone, while the partition is at rest.
/// 2. `region` has the bytes of [`Room`] and is of RAM that is the partition's until [`forget`].
pub(super) unsafe fn provide(partition: usize, region: Region) {
    if let Some(room) = ROOMS.get(partition)
        && room.swap(region.start(), Ordering::AcqRel) != region.start()
    {
        clear(partition);
    }
}

/// Drops what a partition kept.
///
/// # Safety
/// As [`provide`].
pub(crate) unsafe fn forget(partition: usize) {
    for places in [&ROOMS, &FOUND] {
        if let Some(place) = places.get(partition) {
            place.store(0, Ordering::Release);
        }
    }
    clear(partition);
}
