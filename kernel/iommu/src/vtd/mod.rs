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
mod pages;
mod unit;
mod walk;

pub use capability::Capabilities;
pub use fabric::{Buses, Fabric, Unusable};
pub use fault::Fault;
pub use pages::{MapError, Shape, build, needs};
pub use unit::enable;
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

/// Physical memory and registers, by physical address.
pub trait Physical {
    /// The dword at an address.
    fn load32(&self, address: u64) -> u32;
    /// Stores a dword.
    fn store32(&self, address: u64, value: u32);
    /// The qword at an address.
    fn load64(&self, address: u64) -> u64;
    /// Stores a qword.
    fn store64(&self, address: u64, value: u64);
    /// Writes `bytes` of memory from an address on back out of the processors' caches.
    fn write_back(&self, address: u64, bytes: u64);
    /// Waits at most so many microseconds for `done`; whether it came.
    fn within(&self, us: u64, done: impl FnMut() -> bool) -> bool;
}
