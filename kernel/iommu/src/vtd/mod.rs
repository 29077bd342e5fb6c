//! Intel VT-d: units ([`Fabric`]), their registers, their tables.
//!
//! Three kinds of tables, of a page each: the root table has an entry for each bus, which leads to a
//! context table with an entry for each device and function of that bus, which leads to the domain's page
//! tables. A bus belongs to one partition or to nobody, so all entries of a context table are the same
//! here: whatever name a request from that bus has (a bridge's, a phantom function's), it is its owner's.
//! And a bus of nobody has no entry in the root table: its requests are blocked.

mod capability;
mod fabric;
mod fault;
mod queue;
mod unit;
mod walk;

pub use capability::Capabilities;
pub use fabric::Fabric;
pub use fault::Fault;
pub use walk::{Blocked, translate};

/// Entries of a root or a context table, of 16 bytes each.
const ENTRIES: u64 = 256;
/// An entry of a root or a context table counts.
const PRESENT: u64 = 1;
/// Translation Type of a context entry (VT-d §9.3): untranslated requests pass.
const PASS_THROUGH: u64 = 0b10 << 2;
const TYPE: u64 = 0b11 << 2;
/// The address in an entry.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const READ: u64 = 1;
const WRITE: u64 = 1 << 1;
const LARGE: u64 = 1 << 7;

/// The entry of a page table for a page, `is_large` above the lowest level.
pub(crate) const fn page(address: u64, is_large: bool) -> u64 {
    address | READ | WRITE | if is_large { LARGE } else { 0 }
}

/// The entry for the table below.
pub(crate) const fn table(address: u64) -> u64 {
    address | READ | WRITE
}
