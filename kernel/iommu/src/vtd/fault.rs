//! What a unit has blocked (VT-d §7.3, §11.4.7.4, §11.4.13).

use bulkhead_pci::Address;

use super::Capabilities;
use crate::{Physical, Requester};

const FAULT_STATUS: u64 = 0x34;
const IS_PENDING: u32 = 1 << 1;
const OVERFLOW: u32 = 1;
/// In the upper half of a record: it counts; the request was a read.
const IS_FAULT: u64 = 1 << 63;
const IS_READ: u64 = 1 << 62;

/// A request that was blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose it was.
    pub device: Address,
    /// The page that it was for.
    pub address: u64,
    /// Whether it was to be read there.
    pub is_read: bool,
    /// Why (VT-d, appendix A).
    pub reason: u8,
}

/// Takes the next record of a unit; `None`: there is none. While one is not taken the unit may drop others.
#[expect(clippy::cast_possible_truncation, reason = "fields are cut out")]
pub(super) fn take(
    hw: &impl Physical,
    base: u64,
    segment: u16,
    can: Capabilities,
) -> Option<Fault> {
    let status = hw.load32(base + FAULT_STATUS);
    if status & (IS_PENDING | OVERFLOW) == 0 {
        return None;
    }
    for number in 0..u64::from(can.faults()) {
        let record = base + u64::from(can.fault_offset()) + number * 16;
        let high = hw.load64(record + 8);
        if high & IS_FAULT == 0 {
            continue;
        }
        let fault = Fault {
            device: Requester {
                segment,
                bus: (high >> 8) as u8,
                devfn: high as u8,
            }
            .address(),
            address: hw.load64(record) & !0xfff,
            is_read: high & IS_READ != 0,
            reason: (high >> 32) as u8,
        };
        hw.store32(record + 12, 1 << 31);
        return Some(fault);
    }
    hw.store32(base + FAULT_STATUS, OVERFLOW);
    None
}
