//! Memory: RAM, free, aligned, and enough of it below 4 GiB.

mod choice;
mod error;

use alloc::vec::Vec;

use bulkhead_linux::BzImage;
use bulkhead_memory::{LARGE_PAGE, Region, RegionSet};
use bulkhead_model::{BELOW_4G, Machine, MemoryRequest, window};

use choice::Choice;
pub(crate) use error::Failure;
pub use error::MemoryError;

use crate::Partition;

/// The least memory that a partition can have, in bytes. What its kernel and initrd need may
/// well be more.
pub const MINIMUM_MEMORY_BYTES: u64 = 32 << 20;

/// Where Bulkhead puts memory for which no address was asked: not below 16 MiB, where Linux
/// would neither load its kernel nor could use much of it.
pub(crate) const LOW: Region = window(16 << 20, 4 << 30);
/// Firmware's, and in it every partition's low chunk: nobody's as a whole.
const FIRST_MEGABYTE: Region = window(0, 1 << 20);

/// Room for the firmware block and for aligning the kernel, in bytes.
const BOOT_SLACK: u64 = 4 << 20;

/// RAM that nobody has.
pub(crate) fn free<'a>(
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition>,
) -> RegionSet {
    let mut free = machine.claimable();
    for claim in others.map(|other| &other.claim) {
        let links = claim.links.iter().map(|end| end.region);
        for region in claim.regions().into_iter().chain(links) {
            free.remove(region);
        }
    }
    free
}

/// What a partition needs to boot, in bytes of whole large pages, a little more than less.
pub(crate) struct Needed {
    /// Below 4 GiB, with the initrd.
    together: u64,
    /// Below 4 GiB if the initrd lies above: [`together`](Self::together) where the kernel can't
    /// read it there.
    kernel: u64,
    /// For the initrd alone.
    initrd: u64,
    /// Whether all of it may lie above 4 GiB.
    anywhere: bool,
}

impl Needed {
    /// For that kernel with so many bytes of initrds.
    pub(crate) fn to_boot(kernel: &BzImage, initrd_bytes: u64) -> Self {
        let low = |initrd_bytes| {
            let parts = [kernel.kernel_alignment, initrd_bytes, BOOT_SLACK];
            let sum = parts
                .into_iter()
                .fold(kernel.init_size, u64::saturating_add);
            large_pages(sum.max(MINIMUM_MEMORY_BYTES))
        };
        let together = low(initrd_bytes);
        Self {
            together,
            kernel: if kernel.runs_above_4g() {
                low(0)
            } else {
                together
            },
            initrd: large_pages(initrd_bytes),
            anywhere: kernel.runs_above_4g(),
        }
    }

    /// Bytes that have to lie together below 4 GiB.
    pub(crate) const fn low_bytes(&self) -> u64 {
        self.together
    }

    /// Whether these pieces below and above 4 GiB are enough.
    const fn fits(&self, below: u64, above: u64) -> bool {
        below >= self.together || (below >= self.kernel && above >= self.initrd)
    }
}

fn large_pages(bytes: u64) -> u64 {
    bytes
        .checked_next_multiple_of(LARGE_PAGE)
        .unwrap_or(u64::MAX)
}

/// Decides which of the `free` memory the requests get: exactly placed ones first, then the
/// others in their order. What is `needed` has to lie together. So many partitions may still
/// `come`, and each wants some below 4 GiB, if it does not need it.
pub(crate) fn allocate(
    requests: &[MemoryRequest],
    needed: &Needed,
    free: &RegionSet,
    come: usize,
) -> Result<Vec<Region>, Failure> {
    let total = requests
        .iter()
        .fold(0u64, |sum, request| sum.saturating_add(request.size));
    for (index, request) in requests.iter().enumerate() {
        check_alignment(request).map_err(|error| Failure::of(index, error))?;
    }
    if total < MINIMUM_MEMORY_BYTES {
        return Err(Failure::of_all(MemoryError::TooLittle { total }));
    }
    let mut choice = Choice {
        free: free.clone(),
        taken: RegionSet::new(),
        needed,
        come: come as u64,
    };
    for (index, request) in requests.iter().enumerate() {
        if let Some(start) = request.at {
            choice
                .take_exact(start, request.size)
                .map_err(|failure| failure.at(index))?;
        }
    }
    for (index, request) in requests.iter().enumerate() {
        if request.at.is_none() {
            choice
                .take_anywhere(request.size)
                .map_err(|error| Failure::of(index, error))?;
        }
    }
    let taken: Vec<Region> = choice.taken.iter().collect();
    if !needed.anywhere && !taken.iter().any(|region| region.overlaps(BELOW_4G)) {
        return Err(Failure::of_all(MemoryError::NothingLow));
    }
    Ok(taken)
}

fn check_alignment(request: &MemoryRequest) -> Result<(), MemoryError> {
    let is_aligned = |value: u64| value.is_multiple_of(LARGE_PAGE);
    if request.size == 0 || !is_aligned(request.size) {
        return Err(MemoryError::UnalignedSize { size: request.size });
    }
    match request.at {
        Some(address) if !is_aligned(address) => Err(MemoryError::UnalignedAddress { address }),
        _ => Ok(()),
    }
}
