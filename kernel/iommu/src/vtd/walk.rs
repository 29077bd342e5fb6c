//! What a unit would make of a request, by the tables as they lie in memory: for tests, which hold it
//! against what was to be mapped. Nothing of it is shared with what builds the tables.

use super::{ADDRESS, LARGE, PASS_THROUGH, PRESENT, READ, TYPE, WRITE};
use crate::Requester;

/// Why a request is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// Its bus is nobody's.
    Bus,
    /// Its device and function are not.
    Function,
    /// The address is beyond what the tables are for.
    Beyond,
    /// No memory of its owner's is there.
    Address,
    /// An entry that no unit takes.
    Malformed,
}

/// Where the request of a function to an address goes, by the root table at `root`. `load` gives the
/// qword at a physical address.
///
/// # Errors
/// [`Blocked`] says at what it ends.
pub fn translate(
    load: impl Fn(u64) -> u64,
    root: u64,
    requester: Requester,
    address: u64,
    is_write: bool,
) -> Result<u64, Blocked> {
    let entry = root + u64::from(requester.bus) * 16;
    let bus = load(entry);
    if bus & PRESENT == 0 {
        return Err(Blocked::Bus);
    }
    let entry = (bus & ADDRESS) + u64::from(requester.devfn) * 16;
    let (low, high) = (load(entry), load(entry + 8));
    if low & PRESENT == 0 {
        return Err(Blocked::Function);
    }
    if low & TYPE == PASS_THROUGH {
        return Ok(address);
    }
    let mut level = match high & 7 {
        width @ 1..=3 if low & TYPE == 0 => width + 2,
        _ => return Err(Blocked::Malformed),
    };
    if address >> (12 + 9 * level) != 0 {
        return Err(Blocked::Beyond);
    }
    let wanted = if is_write { WRITE } else { READ };
    let mut table = low & ADDRESS;
    loop {
        level -= 1;
        let shift = 12 + 9 * level;
        let entry = load(table + (address >> shift & 511) * 8);
        if entry & wanted == 0 {
            return Err(Blocked::Address);
        }
        if level == 0 || entry & LARGE != 0 {
            let inside = (1u64 << shift) - 1;
            return if level > 2 || entry & ADDRESS & inside != 0 {
                Err(Blocked::Malformed)
            } else {
                Ok(entry & ADDRESS | address & inside)
            };
        }
        table = entry & ADDRESS;
    }
}
