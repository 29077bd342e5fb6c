//! Finding memory for requests that don't say where.

use bulkhead_memory::{LARGE_PAGE, Region, RegionSet};
use bulkhead_model::{ABOVE_4G, BELOW_4G};

use super::{FIRST_MEGABYTE, Failure, LOW, MemoryError, Needed};

/// Memory below 4 GiB that a partition gets by default if the rest must lie above, in bytes:
/// enough for the devices that reach no further.
const LOW_SHARE: u64 = 256 << 20;
/// Most pieces that one request is found in: each is a range of the memory map that its Linux is told.
pub(super) const MOST_PIECES: usize = 16;

/// A choice of memory as it grows.
pub(super) struct Choice<'a> {
    pub(super) free: RegionSet,
    pub(super) taken: RegionSet,
    pub(super) needed: &'a Needed,
    /// How many partitions may still come.
    pub(super) come: u64,
}

impl Choice<'_> {
    fn take(&mut self, region: Region) {
        self.free.remove(region);
        self.taken.insert(region);
    }

    pub(super) fn take_exact(&mut self, start: u64, size: u64) -> Result<(), Failure> {
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

    /// One region below 4 GiB if there is one, and enough stays for others; else, once enough lies
    /// below, one above; else some below and the rest above; else one below all the same; else one above, if
    /// its kernel needs nothing below; else as many pieces as it takes.
    pub(super) fn take_anywhere(&mut self, size: u64) -> Result<(), MemoryError> {
        let low = self.fit(LOW, size);
        let whole = low.filter(|_| self.leaves_enough(size)).or_else(|| {
            let high = self.boots_from(BELOW_4G, self.needed.kernel);
            high.then(|| self.fit(ABOVE_4G, size)).flatten()
        });
        if let Some(region) = whole {
            self.take(region);
            return Ok(());
        }
        if let Some((below, above)) = self.split(size) {
            self.take(below);
            self.take(above);
            return Ok(());
        }
        let high = || self.fit(ABOVE_4G, size).filter(|_| self.needed.anywhere);
        if let Some(region) = low.or_else(high) {
            self.take(region);
            return Ok(());
        }
        let error = MemoryError::NoFit {
            size,
            needs_low: !self.needed.anywhere,
            low: self.largest(LOW),
            high: self.largest(ABOVE_4G),
        };
        self.take_pieces(size).ok_or(error)
    }

    /// Whether one piece there is so large.
    fn boots_from(&self, window: Region, size: u64) -> bool {
        let taken = self.taken.within(window);
        taken.largest().is_some_and(|region| region.size() >= size)
    }

    /// Whether those that may come could still boot, if so much below 4 GiB were taken.
    fn leaves_enough(&self, size: u64) -> bool {
        let left = self.free.within(LOW).total().saturating_sub(size);
        left >= self.come.saturating_mul(self.needed.kernel)
    }

    /// What there is in pieces: one to boot from, below 4 GiB if that is possible, then above 4 GiB and below,
    /// the largest first. Changes nothing if that is not enough.
    fn take_pieces(&mut self, size: u64) -> Option<()> {
        let before = (self.free.clone(), self.taken.clone());
        let mut left = size;
        for _ in 0..MOST_PIECES {
            // Where none is left that it could boot from there, it does from above.
            let can_be_low = !self.needed.anywhere
                || self
                    .largest(LOW)
                    .is_some_and(|region| region.size() >= self.needed.kernel);
            let boots = self.boots_from(BELOW_4G, self.needed.together) || !can_be_low;
            let windows = if boots {
                [ABOVE_4G, LOW]
            } else {
                [LOW, ABOVE_4G]
            };
            let next = windows.into_iter().find_map(|window| {
                let largest = self.largest(window)?.size();
                let most = if boots || window == ABOVE_4G {
                    largest
                } else {
                    largest.min(self.needed.together.max(LOW_SHARE))
                };
                self.fit(window, left.min(most))
            });
            let Some(region) = next else { break };
            self.take(region);
            left -= region.size();
            if left == 0 {
                let low = self.boots_from(BELOW_4G, self.needed.kernel);
                let high =
                    || self.needed.anywhere && self.boots_from(ABOVE_4G, self.needed.together);
                if low || high() {
                    return Some(());
                }
                break;
            }
        }
        (self.free, self.taken) = before;
        None
    }

    /// A part below 4 GiB that is large enough to boot from, and the rest above: the initrd below
    /// too, if there is room, else as much as devices may want, else as little as can be.
    fn split(&self, size: u64) -> Option<(Region, Region)> {
        let largest = self.largest(LOW)?.size();
        let Needed {
            together, kernel, ..
        } = *self.needed;
        // Where many may come each leaves more to the others.
        let low = if self.leaves_enough(LOW_SHARE) {
            LOW_SHARE
        } else {
            let fair = self.free.within(LOW).total() / (self.come + 1);
            LOW_SHARE.min(fair & !(LARGE_PAGE - 1))
        };
        let shares = [low.max(together), low.max(kernel), kernel];
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
