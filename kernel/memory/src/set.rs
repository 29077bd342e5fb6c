//! A set of addresses kept as sorted, disjoint, coalesced regions.

use alloc::vec::Vec;

use crate::Region;

/// A set of physical addresses.
///
/// Invariant: the regions are sorted by start, disjoint, and no two touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionSet {
    regions: Vec<Region>,
}

impl RegionSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            regions: Vec::new(),
        }
    }

    /// Adds every address of `region`.
    pub fn insert(&mut self, region: Region) {
        let (mut start, mut end) = (region.start(), region.end());
        self.regions.retain(|r| {
            let touches = r.start() <= end && start <= r.end();
            if touches {
                start = start.min(r.start());
                end = end.max(r.end());
            }
            !touches
        });
        if let Some(merged) = Region::from_bounds(start, end) {
            let at = self.regions.partition_point(|r| r.start() < merged.start());
            self.regions.insert(at, merged);
        }
    }

    /// Removes every address of `region`.
    pub fn remove(&mut self, region: Region) {
        let mut kept = Vec::with_capacity(self.regions.len() + 1);
        for &r in &self.regions {
            if r.overlaps(region) {
                kept.extend(Region::from_bounds(r.start(), region.start()));
                kept.extend(Region::from_bounds(region.end(), r.end()));
            } else {
                kept.push(r);
            }
        }
        self.regions = kept;
    }

    /// Removes every address of `other`.
    pub fn subtract(&mut self, other: &Self) {
        for &r in &other.regions {
            self.remove(r);
        }
    }

    /// Whether every address of `region` is in the set.
    #[must_use]
    pub fn contains_region(&self, region: Region) -> bool {
        self.regions.iter().any(|r| r.contains_region(region))
    }

    /// Whether any address of `region` is in the set.
    #[must_use]
    pub fn overlaps(&self, region: Region) -> bool {
        self.regions.iter().any(|r| r.overlaps(region))
    }

    /// The regions in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Region> + '_ {
        self.regions.iter().copied()
    }

    /// Bytes in the set.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.regions.iter().map(|r| r.size()).sum()
    }

    /// Whether the set has no address.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// The part of the set inside `window`.
    #[must_use]
    pub fn within(&self, window: Region) -> Self {
        Self {
            regions: self
                .regions
                .iter()
                .filter_map(|r| r.intersect(window))
                .collect(),
        }
    }

    /// Adds every address of `other`.
    pub fn unite(&mut self, other: &Self) {
        for &r in &other.regions {
            self.insert(r);
        }
    }

    /// The addresses that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Self::new();
        for &window in &other.regions {
            both.unite(&self.within(window));
        }
        both
    }

    /// The lowest `size` bytes at a multiple of `align` (a power of two).
    #[must_use]
    pub fn lowest_fit(&self, size: u64, align: u64) -> Option<Region> {
        self.regions.iter().find_map(|r| {
            let start = r.start().checked_add(align - 1)? & !(align - 1);
            let fit = Region::new(start, size)?;
            r.contains_region(fit).then_some(fit)
        })
    }

    /// The largest region of the set.
    #[must_use]
    pub fn largest(&self) -> Option<Region> {
        self.regions.iter().copied().max_by_key(|r| r.size())
    }
}

impl FromIterator<Region> for RegionSet {
    fn from_iter<T: IntoIterator<Item = Region>>(iter: T) -> Self {
        let mut set = Self::new();
        for region in iter {
            set.insert(region);
        }
        set
    }
}
