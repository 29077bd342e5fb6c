//! AMD-Vi: units ([`Fabric`]), their registers, their tables.
//!
//! A segment has one device table, with an entry for each requester ID, which leads to page tables. A bus
//! belongs to one partition or to nobody, so all entries of a bus are the same here, but for what is
//! Bulkhead's own on a bus of nobody. What is nobody's is led to an empty table: an entry that does not
//! count (V=0) would let everything pass.

mod entry;
mod event;
mod fabric;
mod queue;
mod unit;
mod walk;

pub use fabric::Fabric;
pub use walk::{Blocked, translate};

use crate::{Kind, Shape};

/// What every unit walks that translates at all (AMD §2.2.3): four levels, with a page at each of the lower
/// three.
pub(crate) const SHAPE: Shape = Shape {
    kind: Kind::AmdVi,
    levels: 4,
    has_2m: true,
    has_1g: true,
};

/// An entry of a page table counts; of the device table: V.
const PRESENT: u64 = 1;
/// May be read, may be written: in page tables and in the device table.
const READ: u64 = 1 << 61;
const WRITE: u64 = 1 << 62;
/// Next Level: of the table that an entry leads to; 0: it is a page of its level's size.
const LEVEL_SHIFT: u32 = 9;

/// The entry of a page table for a page.
pub(crate) const fn page(address: u64) -> u64 {
    address | PRESENT | READ | WRITE
}

/// The entry for a table of a level.
pub(crate) const fn table(address: u64, level: usize) -> u64 {
    address | PRESENT | READ | WRITE | (level as u64) << LEVEL_SHIFT
}
