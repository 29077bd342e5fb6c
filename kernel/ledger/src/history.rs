//! Who used which memory last: RAM is cleared when it changes owner, and only then.

use alloc::vec::Vec;

use bulkhead_memory::{Region, RegionSet};
use litemap::LiteMap;

/// Most pieces of RAM that are remembered as one partition's, and as nobody's: an operator may change
/// definitions without end, to other pieces each time.
pub const MOST_PIECES: usize = 256;

/// The last user of each byte of RAM that a partition has ever used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Last used by that partition. Disjoint from each other and from the others here.
    used: LiteMap<usize, RegionSet>,
    /// Last used by those that share it: foreign to whoever has it alone.
    shared: RegionSet,
    /// Last used by a partition that is no more, or by two at once.
    orphaned: RegionSet,
}

impl History {
    /// Nothing has been used yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            used: LiteMap::new_vec(),
            shared: RegionSet::new(),
            orphaned: RegionSet::new(),
        }
    }

    /// From now on `regions` hold data of partition `id` and of nobody else.
    pub fn record(&mut self, id: usize, regions: &[Region]) {
        self.forget(regions);
        let is_full = |set: &RegionSet| set.iter().count() > MOST_PIECES;
        if self.used.get(&id).is_some_and(is_full) {
            self.retire(id); // all but these
        }
        let used = self.used.entry(id).or_default();
        regions.iter().for_each(|region| used.insert(*region));
    }

    /// The parts of `regions` that hold data of others than partition `id`.
    #[must_use]
    pub fn foreign(&self, id: usize, regions: &[Region]) -> Vec<Region> {
        let others = self.used.iter().filter(|(user, _)| **user != id);
        let ownerless = [&self.orphaned, &self.shared];
        within(others.map(|(_, set)| set).chain(ownerless), regions)
    }

    /// The parts of `chunk`, which several share, that hold data of one that had it alone.
    #[must_use]
    pub fn foreign_to_sharers(&self, chunk: Region) -> Vec<Region> {
        let sets = self.used.iter().map(|(_, set)| set);
        within(sets.chain([&self.orphaned]), &[chunk])
    }

    /// From now on `chunk` holds data of those that share it and of nobody else.
    pub fn share(&mut self, chunk: Region) {
        self.forget(&[chunk]);
        self.shared.insert(chunk);
    }

    /// A launch of partition `id` begins to write to `regions`: until it is recorded, what was
    /// foreign to it there is foreign to everybody.
    pub fn taint(&mut self, id: usize, regions: &[Region]) {
        let foreign = self.foreign(id, regions);
        self.forget(&foreign);
        foreign
            .iter()
            .for_each(|region| self.orphaned.insert(*region));
        self.bound();
    }

    /// Partition `id` is no more; its number may be given to another one.
    pub fn retire(&mut self, id: usize) {
        if let Some(set) = self.used.remove(&id) {
            set.iter().for_each(|region| self.orphaned.insert(region));
            self.bound();
        }
    }

    /// From now on `region`, which two had, holds data of nobody's.
    pub(crate) fn orphan(&mut self, region: Region) {
        self.forget(&[region]);
        self.orphaned.insert(region);
        self.bound();
    }

    /// Closes the smallest gaps between pieces beyond [`MOST_PIECES`]. What lies there is cleared
    /// once more than need be, before its next launch: never less.
    fn bound(&mut self) {
        while self.orphaned.iter().count() > MOST_PIECES {
            let next = self.orphaned.iter().skip(1);
            let gaps = self.orphaned.iter().zip(next);
            let smallest = gaps
                .filter_map(|(low, high)| Region::from_bounds(low.end(), high.start()))
                .min_by_key(|gap| gap.size());
            let Some(gap) = smallest else { return };
            self.forget(&[gap]);
            self.orphaned.insert(gap);
        }
    }

    fn forget(&mut self, regions: &[Region]) {
        for region in regions {
            self.used
                .iter_mut()
                .for_each(|(_, set)| set.remove(*region));
            self.orphaned.remove(*region);
            self.shared.remove(*region);
        }
    }
}

/// The parts of `regions` that are in any of the sets.
fn within<'a>(sets: impl Iterator<Item = &'a RegionSet>, regions: &[Region]) -> Vec<Region> {
    let all: RegionSet = sets
        .flat_map(|set| regions.iter().map(|region| set.within(*region)))
        .flat_map(|part| part.iter().collect::<Vec<_>>())
        .collect();
    all.iter().collect()
}
