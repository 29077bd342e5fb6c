//! Physical memory as values: regions, disjoint sets of regions, and sizes as text; and a sort,
//! small, which every crate above needs. [`paging`] follows a Linux's virtual addresses to them.
//!
//! Nothing here touches memory. A partition's physical address *is* the machine's
//! (there is no translation under a Linux), so one kind of address serves everywhere:
//! a `u64` in bytes.
//!
//! Key types: [`Region`], [`RegionSet`], [`Bytes`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod paging;
pub mod performance;
mod region;
mod set;
mod size;
mod sort;

pub use region::Region;
pub use set::RegionSet;
pub use size::{Bytes, SizeError, parse_address, parse_size};
pub use sort::{sort_ascending, sort_by_key};

/// Size of a small page, in bytes.
pub const PAGE: u64 = 4096;
/// Size of a large page, and the alignment of every claimed region, in bytes.
pub const LARGE_PAGE: u64 = 2 << 20;
