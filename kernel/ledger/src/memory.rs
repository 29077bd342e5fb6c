//! Memory: RAM, free, aligned, and enough of it below 4 GiB.

mod error;

use alloc::vec::Vec;

use bulkhead_linux::BzImage;
use bulkhead_memory::{LARGE_PAGE, PAGE, Region, RegionSet};
use bulkhead_model::{BELOW_4G, Machine, MemoryRequest, PHYSICAL};

pub(crate) use error::Failure;
pub use error::MemoryError;

use crate::Partition;

/// The least memory that a partition can have, in bytes. What its kernel and initrd need may
/// well be more.
pub const MINIMUM_MEMORY_BYTES: u64 = 32 << 20;
/// Size of each partition's private memory below 640 KiB, in bytes. Stock Linux does not boot
/// without some, even on one core.
pub const LOW_CHUNK_BYTES: u64 = 64 << 10;

const ABOVE_4G: Region = window(BELOW_4G.end(), PHYSICAL.end());
/// Where Bulkhead puts memory for which no address was asked: not below 16 MiB, where Linux
/// would neither load its kernel nor could use much of it.
const LOW: Region = window(16 << 20, 4 << 30);
/// Firmware's, and in it every partition's low chunk: nobody's as a whole.
const FIRST_MEGABYTE: Region = window(0, 1 << 20);
/// Where low chunks may be: Linux never uses the first 64 KiB, and firmware's own data area
/// begins below 640 KiB.
const LOW_CHUNKS: Region = window(64 << 10, 640 << 10);

/// Memory below 4 GiB that a partition gets by default if the rest must lie above, in bytes:
/// enough for the devices that reach no further.
const LOW_SHARE: u64 = 256 << 20;
/// Room for the firmware block and for aligning the kernel, in bytes.
const BOOT_SLACK: u64 = 4 << 20;

/// A constant region; the bounds are checked when this crate is compiled.
const fn window(start: u64, end: u64) -> Region {
    match Region::from_bounds(start, end) {
        Some(region) => region,
        None => panic!("an empty window"),
    }
}

/// RAM that nobody has.
pub(crate) fn free<'a>(
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition>,
) -> RegionSet {
    let mut free = machine.claimable();
    for region in others.flat_map(|other| other.claim.regions()) {
        free.remove(region);
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
            kernel: if kernel.takes_high_initrd() {
                low(0)
            } else {
                together
            },
            initrd: large_pages(initrd_bytes),
        }
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
/// others in their order. What is `needed` has to lie together.
pub(crate) fn allocate(
    requests: &[MemoryRequest],
    needed: &Needed,
    free: &RegionSet,
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
    if !taken.iter().any(|region| region.overlaps(BELOW_4G)) {
        return Err(Failure::of_all(MemoryError::NothingLow));
    }
    Ok(taken)
}

/// The lowest free chunk below 640 KiB.
pub(crate) fn low_chunk(free: &RegionSet) -> Result<Region, MemoryError> {
    free.within(LOW_CHUNKS)
        .lowest_fit(LOW_CHUNK_BYTES, PAGE)
        .ok_or(MemoryError::NoLowChunk)
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

/// A choice of memory as it grows.
struct Choice<'a> {
    free: RegionSet,
    taken: RegionSet,
    needed: &'a Needed,
}

impl Choice<'_> {
    fn take(&mut self, region: Region) {
        self.free.remove(region);
        self.taken.insert(region);
    }

    fn take_exact(&mut self, start: u64, size: u64) -> Result<(), Failure> {
        let region = Region::new(start, size)
            .ok_or_else(|| Failure::of_all(MemoryError::BeyondAddresses { start, size }))?;
        if region.overlaps(FIRST_MEGABYTE) {
            return Err(Failure::of_all(MemoryError::FirstMegabyte { region }));
        }
        if self.free.contains_region(region) {
            self.take(region);
            return Ok(());
        }
        Err(if self.taken.overlaps(region) {
            Failure::of_all(MemoryError::Repeated { region })
        } else {
            Failure::not_free(region)
        })
    }

    /// One region below 4 GiB if there is one; else, once enough lies below, one above; else
    /// some below and the rest above.
    fn take_anywhere(&mut self, size: u64) -> Result<(), MemoryError> {
        let low = self.fit(LOW, size);
        let high = || self.fit(ABOVE_4G, size);
        let can_boot = self
            .taken
            .within(BELOW_4G)
            .largest()
            .is_some_and(|region| region.size() >= self.needed.kernel);
        let whole = low.or_else(|| if can_boot { high() } else { None });
        if let Some(region) = whole {
            self.take(region);
            return Ok(());
        }
        match self.split(size) {
            Some((below, above)) => {
                self.take(below);
                self.take(above);
                Ok(())
            }
            None => Err(MemoryError::NoFit {
                size,
                low: self.largest(LOW),
                high: self.largest(ABOVE_4G),
            }),
        }
    }

    /// A part below 4 GiB that is large enough to boot from, and the rest above: the initrd below
    /// too, if there is room, else as much as devices may want, else as little as can be.
    fn split(&self, size: u64) -> Option<(Region, Region)> {
        let largest = self.largest(LOW)?.size();
        let Needed {
            together, kernel, ..
        } = *self.needed;
        let shares = [LOW_SHARE.max(together), LOW_SHARE.max(kernel), kernel];
        shares.into_iter().find_map(|share| {
            let share = share.min(largest).min(size);
            let rest = size.checked_sub(share)?;
            if !self.needed.fits(share, rest) {
                return None;
            }
            Some((self.fit(LOW, share)?, self.fit(ABOVE_4G, rest)?))
        })
    }

    fn fit(&self, window: Region, size: u64) -> Option<Region> {
        self.free.within(window).lowest_fit(size, LARGE_PAGE)
    }

    fn largest(&self, window: Region) -> Option<Region> {
        self.free
            .within(window)
            .iter()
            .filter_map(|region| region.align_inward(LARGE_PAGE))
            .max_by_key(|region| region.size())
    }
}
