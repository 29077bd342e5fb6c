//! Where in the machine's physical addresses things can be at all.

use bulkhead_memory::Region;

/// What 32-bit addresses reach: kernel, initrd and tables lie there, if they can.
pub const BELOW_4G: Region = window(0, 4 << 30);
/// All physical addresses that a processor can have (Intel SDM vol. 3 §4.1.4).
pub const PHYSICAL: Region = window(0, 1 << 52);
/// Addresses that 32 bits do not reach.
pub const ABOVE_4G: Region = window(BELOW_4G.end(), PHYSICAL.end());

/// A constant region; the bounds are checked when its crate is compiled.
///
/// # Panics
/// If it would be empty.
#[must_use]
pub const fn window(start: u64, end: u64) -> Region {
    match Region::from_bounds(start, end) {
        Some(region) => region,
        None => panic!("an empty region"),
    }
}
