//! Links: memory that two partitions share.
//!
//! To each of its two Linuxes it is a PCI function, alone on a root bus in a segment of its own, whose
//! configuration space is memory:
//!
//! ```text
//! 0      configuration space of side 0's bus
//! 1 MiB  the same of side 1
//! 2 MiB  base address register 0 of both: side 0's MSI-X table, side 1's, and what they share
//! ```

use alloc::string::String;

use bulkhead_memory::{PAGE, Region};

/// Most links of one partition.
pub const MOST_LINKS: usize = 4;
/// What a link takes beside its memory: the configuration space of both sides, in bytes.
pub const LINK_OVERHEAD: u64 = 2 * BUS_BYTES;
/// What both find in front of the memory that they share: a page for the MSI-X table of each.
pub const LINK_TABLES: u64 = 2 * PAGE;
/// The least that a link can have, and what it has by default, in bytes.
pub const LEAST_LINK: u64 = 2 << 20;
/// Without a size.
pub const DEFAULT_LINK: u64 = 4 << 20;
/// The most.
pub const MOST_LINK: u64 = 1 << 30;

/// Configuration space of one bus.
const BUS_BYTES: u64 = 1 << 20;
/// The first segment of a partition's links: beyond what firmware numbers (`docs/links.md`).
const FIRST_SEGMENT: u16 = 0xff00;

/// A partition's end of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEnd {
    /// The partition at the other end.
    pub peer: String,
    /// Whether this is side 1.
    pub is_second: bool,
    /// All of the link's memory: at least [`LINK_OVERHEAD`] and [`LEAST_LINK`].
    pub region: Region,
}

impl LinkEnd {
    /// Physical address of this side's bus's configuration space.
    #[must_use]
    pub const fn ecam(&self) -> u64 {
        self.region.start() + if self.is_second { BUS_BYTES } else { 0 }
    }

    /// What base address register 0 shows; `None` if the region is too small.
    #[must_use]
    pub fn window(&self) -> Option<Region> {
        Region::from_bounds(
            self.region.start().checked_add(LINK_OVERHEAD)?,
            self.region.end(),
        )
    }

    /// Where this side's MSI-X table is in it.
    #[must_use]
    pub const fn table_offset(&self) -> u64 {
        if self.is_second { PAGE } else { 0 }
    }

    /// Where the other side's is.
    #[must_use]
    pub const fn others_table(&self) -> u64 {
        PAGE - self.table_offset()
    }

    /// The PCI segment in which the Linux finds its link of that number.
    #[must_use]
    pub fn segment(number: usize) -> u16 {
        FIRST_SEGMENT.saturating_add(u16::try_from(number).unwrap_or(u16::MAX))
    }

    /// Bytes that it was asked for.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.region.size().saturating_sub(LINK_OVERHEAD)
    }
}
