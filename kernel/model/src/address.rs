//! Where in the machine's physical addresses things can be at all.

use bulkhead_memory::Region;

/// What 32-bit addresses reach: kernel, initrd and tables lie there.
pub const BELOW_4G: Region = from_zero(4 << 30);
/// All physical addresses that a processor can have (Intel SDM vol. 3 §4.1.4).
pub const PHYSICAL: Region = from_zero(1 << 52);

/// A constant region; the bound is checked when this crate is compiled.
const fn from_zero(end: u64) -> Region {
    match Region::from_bounds(0, end) {
        Some(region) => region,
        None => panic!("an empty region"),
    }
}
