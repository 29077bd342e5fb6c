//! What a unit has blocked (AMD §2.5): a ring of a page.

use bulkhead_memory::PAGE;

use super::unit;
use crate::vtd::Fault;
use crate::{Physical, Requester};

/// How long an event may be on its way behind the place that says it is there, in microseconds.
const ARRIVAL_US: u64 = 100;
const ILLEGAL_ENTRY: u64 = 1;
const PAGE_FAULT: u64 = 2;
const INVALID_REQUEST: u64 = 8;
/// It was an interrupt message, which is written.
const IS_INTERRUPT: u64 = 1 << 51;
const IS_WRITE: u64 = 1 << 53;

/// Takes the next request that was blocked; `None`: there is none. What else a unit tells is passed over.
pub(super) fn take(hw: &impl Physical, base: u64, log: u64, segment: u16) -> Option<Fault> {
    for _ in 0..PAGE / 16 {
        let (place, end) = unit::log_places(hw, base);
        if place == end {
            unit::resume_log(hw, base);
            return None;
        }
        let at = log + place;
        // A unit may write it after it has said so.
        let _ = hw.within(ARRIVAL_US, || hw.load64(at) >> 60 != 0);
        let event = (hw.load64(at), hw.load64(at + 8));
        hw.store64(at, 0);
        unit::log_read(hw, base, place);
        if let Some(fault) = fault(segment, event) {
            return Some(fault);
        }
    }
    None
}

#[expect(clippy::cast_possible_truncation, reason = "fields are cut out")]
fn fault(segment: u16, (what, address): (u64, u64)) -> Option<Fault> {
    let code = what >> 60;
    matches!(code, ILLEGAL_ENTRY | PAGE_FAULT | INVALID_REQUEST).then(|| Fault {
        device: Requester {
            segment,
            bus: (what >> 8) as u8,
            devfn: what as u8,
        }
        .address(),
        address: address & !0xfff,
        is_read: what & (IS_WRITE | IS_INTERRUPT) == 0,
        reason: code as u8,
    })
}
