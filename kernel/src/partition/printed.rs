//! What the Linuxes of partitions have printed, also those that have no console: read out of their
//! memory, which they are not asked for.
//!
//! At the end of each run the partition's own core that does the work of that end keeps the last of it,
//! in the partition's own RAM ([`bulkhead_printk::kept`]), before anything is written there. The shell
//! reads what was kept, and of one that runs its memory itself.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use arrayvec::ArrayString;
use bulkhead_memory::Region;
use bulkhead_printk::kept::{Book, Kept, RUN_BYTES, RUNS, Room};
use bulkhead_printk::{MAGIC, Ram, Reason, Ring, find, found_at, printable};

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

/// The ring of a partition's Linux, if there is one in its RAM.
fn ring(partition: usize, memory: &[Region]) -> Option<Ring> {
    let ram = OwnRam(memory);
    let root = detour::root(partition);
    let known = FOUND.get(partition)?;
    let at = known.load(Ordering::Relaxed);
    let ring = (at != 0).then(|| found_at(&ram, at, root)).flatten();
    ring.or_else(|| {
        let found = find(&ram, memory.iter(), root)?;
        known.store(found.page, Ordering::Relaxed);
        Some(found.ring)
    })
}

/// Works on what is kept of a partition, if there is room for it.
fn with_kept<T>(partition: usize, work: impl FnOnce(Kept<'static>, &Book) -> T) -> Option<T> {
    let (room, book) = ROOMS.get(partition).zip(BOOKS.get(partition))?;
    let room = room.load(Ordering::Acquire);
    if room == 0 {
        return None;
    }
    // SAFETY: RAM of the partition, of that size, until `forget`; it is read and written as atomic bytes
    // alone.
    let room = unsafe { &*phys::pointer::<Room>(room) };
    Some(work(Kept::new(room, book), book))
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
    // All its memory would be looked through.
    let has_called = detour::root(partition).is_some();
    if !stored.plan.may_tell_what_it_printed(has_called) {
        return;
    }
    let begun = tsc::now();
    with_kept(partition, |kept, book| {
        if !book.has(run)
            && let Some(ring) = ring(partition, &stored.memory)
        {
            kept.keep(run, &ring, &OwnRam(&stored.memory));
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
    let now = LIFE.view(partition).map_or(0, |view| view.runs);
    let run = run.unwrap_or(now);
    let text = with_kept(partition, |kept, _| kept.text_of(run)).flatten();
    if let Some(text) = text {
        return print(text, out).map(|()| true);
    }
    if run == 0 || run != now {
        return Ok(false);
    }
    let show = |stored: &Stored| {
        let ring = ring(partition, &stored.memory)?;
        let ram = OwnRam(&stored.memory);
        Some(print(ring.last_lines(&ram, RUN_BYTES).map(printable), out))
    };
    // SAFETY: the shell's core, and no plan is stored meanwhile.
    let printed = unsafe { plans::with(partition, show) }.flatten();
    printed.transpose().map(|done| done.is_some())
}

/// Prints printable characters, some at a time.
fn print(mut text: impl Iterator<Item = u8>, out: &mut dyn fmt::Write) -> fmt::Result {
    loop {
        let mut piece = ArrayString::<64>::new();
        while !piece.is_full()
            && let Some(byte) = text.next()
        {
            piece.push(char::from(byte));
        }
        if piece.is_empty() {
            return Ok(());
        }
        out.write_str(&piece)?;
    }
}

/// The runs that are kept, oldest first.
pub(crate) fn runs(partition: usize) -> [Option<u32>; RUNS] {
    BOOKS.get(partition).map(Book::runs).unwrap_or_default()
}

/// Why a run of a partition panicked, if it is kept and says so.
pub(crate) fn reason(partition: usize, run: u32) -> Option<Reason> {
    with_kept(partition, |kept, _| kept.reason(run)).flatten()
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
