//! A claim: what a partition has, once its definition has been checked.

use alloc::vec::Vec;

use bulkhead_memory::Region;

use crate::{ABOVE_4G, BELOW_4G, Com, Devices, LinkEnd};

/// What a partition has, and nobody else, from its definition on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Local APIC IDs, ascending: the boot core first (C2), then in the order of use (C3).
    /// Never empty.
    pub cores: Vec<u32>,
    /// RAM, ascending; regions that touch are one. Never empty; part of it lies below 4 GiB, unless its
    /// kernel needs none there.
    pub memory: Vec<Region>,
    /// RAM below 640 KiB, where its Linux puts the code that starts its other cores.
    pub low_chunk: Region,
    /// Whether other partitions have the same low chunk: only those with one core do.
    pub shares_low_chunk: bool,
    /// Serial port that is its console.
    pub console: Option<Com>,
    /// All other devices.
    pub devices: Devices,
    /// Memory that it shares with others, one end for each of them.
    pub links: Vec<LinkEnd>,
}

impl Claim {
    /// The core that enters the kernel.
    #[must_use]
    pub fn boot_core(&self) -> u32 {
        self.cores.first().copied().unwrap_or_default()
    }

    /// All the RAM that nobody else has, ascending.
    #[must_use]
    pub fn own_regions(&self) -> Vec<Region> {
        let mut regions = self.regions();
        if self.shares_low_chunk {
            regions.remove(0);
        }
        regions
    }

    /// All its RAM, ascending: the low chunk, then the rest.
    #[must_use]
    pub fn regions(&self) -> Vec<Region> {
        [self.low_chunk]
            .into_iter()
            .chain(self.memory.iter().copied())
            .collect()
    }

    /// Bytes of its memory, as it was asked for: without the low chunk.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory.iter().map(|region| region.size()).sum()
    }

    /// Where kernel, initrd and tables go if they fit: the largest part of its memory below 4 GiB, where
    /// every kernel can be loaded, then the largest above; the lowest of several.
    pub fn boot_regions(&self) -> impl Iterator<Item = Region> + '_ {
        [BELOW_4G, ABOVE_4G].into_iter().filter_map(|window| {
            let parts = self
                .memory
                .iter()
                .filter_map(|region| region.intersect(window));
            parts.rev().max_by_key(|region| region.size())
        })
    }

    /// Its serial ports, the console first.
    pub fn ports(&self) -> impl Iterator<Item = Com> + '_ {
        let others = self.devices.ports.iter();
        self.console.iter().chain(others).copied()
    }
}
