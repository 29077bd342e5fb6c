//! What a unit would make of a request, by the tables as they lie in memory: for tests, which hold it
//! against what was to be mapped. Nothing of it is shared with what builds the tables.

use crate::Requester;

/// Why a request is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// No memory is led to.
    Address,
    /// Its device may not do that to it.
    Permission,
    /// The address is beyond what the tables are for.
    Beyond,
    /// An entry that no unit takes.
    Malformed,
}

const fn field(word: u64, low: u32, bits: u32) -> u64 {
    word >> low & ((1 << bits) - 1)
}

/// Where the request of a function to an address goes, by the device table at `table` (AMD §2.2.2, §2.2.3).
/// `load` gives the qword at a physical address.
///
/// # Errors
/// [`Blocked`] says at what it ends.
pub fn translate(
    load: impl Fn(u64) -> u64,
    table: u64,
    requester: Requester,
    address: u64,
    is_write: bool,
) -> Result<u64, Blocked> {
    let entry = load(table + u64::from(requester.id()) * 32);
    let allowed = 61 + u32::from(is_write);
    if field(entry, 0, 1) == 0 {
        return Ok(address);
    }
    if field(entry, 1, 1) == 0 {
        return Err(Blocked::Malformed);
    }
    let mut level = field(entry, 9, 3);
    let mut permitted = field(entry, allowed, 1) != 0;
    if level == 0 {
        return if permitted {
            Ok(address)
        } else {
            Err(Blocked::Permission)
        };
    }
    if level == 7 {
        return Err(Blocked::Malformed);
    }
    if level < 6 && address >> (12 + 9 * level) != 0 {
        return Err(Blocked::Beyond);
    }
    let mut place = field(entry, 12, 40) << 12;
    loop {
        let shift = 12 + 9 * (level - 1);
        let entry = load(place + (address >> shift & 511) * 8);
        if field(entry, 0, 1) == 0 {
            return Err(Blocked::Address);
        }
        permitted &= field(entry, allowed, 1) != 0;
        let target = field(entry, 12, 40) << 12;
        let next = field(entry, 9, 3);
        if next == 0 {
            let inside = (1u64 << shift) - 1;
            return match (permitted, target & inside) {
                (false, _) => Err(Blocked::Permission),
                (true, 0) => Ok(target | address & inside),
                (true, _) => Err(Blocked::Malformed),
            };
        }
        // A page of another size (7) is not made here.
        if next >= level {
            return Err(Blocked::Malformed);
        }
        level = next;
        place = target;
    }
}
