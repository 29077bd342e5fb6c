//! Memory below 640 KiB: what each Linux starts its other cores from.
//!
//! A stock kernel copies its real-mode code there while it boots (`arch/x86/realmode/init.c`): 24 KiB
//! in 5.10, 28 KiB from 6.1 to 7.2 (`memblock=debug` tells). It does not boot without, even on one
//! core, where it never runs or reads that code again; and from 5.13 on it uses nothing else of the
//! first MiB (`reserve_real_mode()`; 5.10 does). So such kernels on one core can share a piece, if no
//! two of them are about to write it at once, which `kernel/src/partition/low.rs` sees to.
//!
//! What is better is given while there is enough for all that may still come: 64 KiB, with which every
//! kernel can enter another one by `kexec`; then 32 KiB of one's own; then a share. A kernel without
//! EFI's reset, as those for real time are, resets by the BIOS's entry, to which it goes through this
//! code: it never shares.

use bulkhead_launch::kexec;
use bulkhead_linux::BzImage;
use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::{Claim, window};

use crate::memory::MemoryError;

/// Size of a piece, in bytes: what the largest stock kernel needs, and a page for those to come. Whoever
/// has more has two.
pub const LOW_CHUNK_BYTES: u64 = 32 << 10;

/// Where the pieces may be: Linux never uses the first 64 KiB, and firmware's own data area begins
/// below 640 KiB.
const LOW_CHUNKS: Region = window(64 << 10, 640 << 10);

/// A piece, and whether others may have it too.
pub(crate) type Low = (Region, bool);

/// For so many that may come pieces are kept where there are too few for each to have one.
const KEPT: usize = 8;

/// From this version on Linux uses nothing of the first MiB but what it copies there.
const RESERVES_ALL: (u32, u32) = (5, 13);

/// What else bears on a choice.
pub(crate) struct Around<'a> {
    /// All that is free.
    pub(crate) free: &'a RegionSet,
    /// The piece that others share already.
    pub(crate) shared: Option<Region>,
    /// How many partitions may still come: each has a core at least.
    pub(crate) to_come: usize,
}

/// The piece for a partition with so many cores and that kernel. One that it has already is kept, if it
/// will do.
pub(crate) fn choose(
    cores: usize,
    kernel: &BzImage,
    before: Option<&Claim>,
    around: &Around<'_>,
) -> Result<Low, MemoryError> {
    let is_single = cores == 1 && can_share(kernel);
    if let Some(claim) = before.filter(|claim| is_single || !claim.shares_low_chunk) {
        return Ok((claim.low_chunk, claim.shares_low_chunk));
    }
    let to_come = around.to_come;
    let free = around.free.within(LOW_CHUNKS);
    let left = count(&free);
    let kept = if to_come < left { to_come } else { KEPT };
    if left >= kept + 2
        && let Some(chunk) = free.lowest_fit(kexec::LOW_BYTES, PAGE)
    {
        return Ok((chunk, false));
    }
    // Most that can't share have two cores at least; and those that can need one to share.
    let first_share = around.shared.is_none() && to_come > 0;
    let kept = (to_come / 2).min(KEPT) + usize::from(first_share);
    let is_own = !is_single || left > kept;
    if let Some(chunk) = around.shared.filter(|_| !is_own) {
        return Ok((chunk, true));
    }
    let chunk = free.lowest_fit(LOW_CHUNK_BYTES, PAGE);
    Ok((chunk.ok_or(MemoryError::NoLowChunk)?, !is_own))
}

fn can_share(kernel: &BzImage) -> bool {
    let is_real_time = kernel.release().is_some_and(has_rt);
    kernel.has_efi && !is_real_time && kernel.major_minor().is_some_and(|v| v >= RESERVES_ALL)
}

/// Whether it is called as Debian's kernels for real time are.
fn has_rt(release: &str) -> bool {
    release.as_bytes().windows(3).any(|part| part == b"-rt")
}

/// How many pieces there are in `free`.
fn count(free: &RegionSet) -> usize {
    let whole = free.iter().filter_map(|region| region.align_inward(PAGE));
    let pieces = whole.map(|region| region.size() / LOW_CHUNK_BYTES);
    usize::try_from(pieces.sum::<u64>()).unwrap_or(usize::MAX)
}
