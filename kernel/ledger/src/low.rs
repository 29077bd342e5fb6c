//! Memory below 640 KiB: what each Linux starts its other cores from.
//!
//! A stock kernel copies its real-mode code there while it boots (`arch/x86/realmode/init.c`): 24 KiB
//! in 5.10, 28 KiB from 6.1 to 7.2 (`memblock=debug` tells). It does not boot without, even on one
//! core, where it never runs or reads that code again; and from 5.13 on it uses nothing else of the
//! first MiB (`reserve_real_mode()`; 5.10 does). So such kernels on one core can share a piece, if no
//! two of them are about to write it at once, which `kernel/src/partition/low.rs` sees to. One of its
//! own is better, because a Linux that resets by the BIOS's entry goes there through this code. So
//! each has its own as long as enough are left for all that may still come; and a kernel without EFI's
//! reset, as those for real time are, always.

use bulkhead_linux::BzImage;
use bulkhead_memory::{PAGE, Region, RegionSet};
use bulkhead_model::{Claim, Machine};

use crate::memory::{MemoryError, window};
use crate::{Partition, memory};

/// Size of a piece, in bytes: what the largest stock kernel needs, and a page for those to come.
pub const LOW_CHUNK_BYTES: u64 = 32 << 10;

/// Where the pieces may be: Linux never uses the first 64 KiB, and firmware's own data area begins
/// below 640 KiB.
const LOW_CHUNKS: Region = window(64 << 10, 640 << 10);

/// A piece, and whether others may have it too.
pub(crate) type Low = (Region, bool);

/// From this version on Linux uses nothing of the first MiB but what it copies there.
const RESERVES_ALL: (u32, u32) = (5, 13);

/// The piece for a partition with these cores and that kernel. One that it has already is kept, if it
/// will do.
pub(crate) fn choose<'a>(
    cores: &[u32],
    kernel: &BzImage,
    before: Option<&Claim>,
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition> + Clone,
) -> Result<Low, MemoryError> {
    let is_single = cores.len() == 1 && can_share(kernel);
    if let Some(claim) = before.filter(|claim| is_single || !claim.shares_low_chunk) {
        return Ok((claim.low_chunk, claim.shares_low_chunk));
    }
    let claims = others.clone().map(|other| &other.claim);
    let shared = claims.clone().find(|claim| claim.shares_low_chunk);
    let free = memory::free(machine, others).within(LOW_CHUNKS);
    let claimed = cores.len() + claims.map(|claim| claim.cores.len()).sum::<usize>();
    // Most that can't share have two cores at least; and those that can need one to share.
    let to_come = machine.cores.len().saturating_sub(claimed) / 2 + usize::from(shared.is_none());
    let is_own = !is_single || count(&free) > to_come;
    if let Some(claim) = shared.filter(|_| !is_own) {
        return Ok((claim.low_chunk, true));
    }
    let chunk = free.lowest_fit(LOW_CHUNK_BYTES, PAGE);
    Ok((chunk.ok_or(MemoryError::NoLowChunk)?, !is_own))
}

fn can_share(kernel: &BzImage) -> bool {
    let is_real_time = kernel.release().is_some_and(|name| name.contains("-rt"));
    kernel.has_efi && !is_real_time && kernel.major_minor().is_some_and(|v| v >= RESERVES_ALL)
}

/// How many pieces there are in `free`.
fn count(free: &RegionSet) -> usize {
    let whole = free.iter().filter_map(|region| region.align_inward(PAGE));
    let pieces = whole.map(|region| region.size() / LOW_CHUNK_BYTES);
    usize::try_from(pieces.sum::<u64>()).unwrap_or(usize::MAX)
}
