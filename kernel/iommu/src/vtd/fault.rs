//! What a unit has blocked (VT-d §7.3, §11.4.7.4, §11.4.13).

use alloc::format;
use alloc::string::String;
use core::fmt;

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

/// `device 0000:02:00.0 tried to write 0x40000000 (blocked)`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            device, address, ..
        } = self;
        let what = if self.is_read { "read" } else { "write" };
        write!(f, "device {device} tried to {what} {address:#x} (blocked)")
    }
}

impl Fault {
    /// The same in a line, with how many were not told before it.
    #[must_use]
    pub fn words(&self, held: u64) -> String {
        match held {
            0 => format!("{self}"),
            held => format!("{self}, and {held} times more was blocked"),
        }
    }
}

/// Keeps a storm of faults from being one of lines.
#[derive(Debug, Default)]
pub struct Limit {
    /// When the last one was told, in milliseconds, and of which device.
    told: Option<(u64, Address)>,
    /// Not told since then.
    held: u64,
}

/// Between two lines of one device, in milliseconds, and of any two.
const SAME_MS: u64 = 1000;
const ANY_MS: u64 = 100;

impl Limit {
    /// None was told yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            told: None,
            held: 0,
        }
    }

    /// Whether a fault that was taken now is to be told, and if so how many were not since the last one
    /// that was.
    pub fn tell(&mut self, fault: &Fault, now_ms: u64) -> Option<u64> {
        let is_due = self.told.is_none_or(|(then, device)| {
            let wait = if device == fault.device {
                SAME_MS
            } else {
                ANY_MS
            };
            now_ms.saturating_sub(then) >= wait
        });
        if !is_due {
            self.held += 1;
            return None;
        }
        self.told = Some((now_ms, fault.device));
        Some(core::mem::take(&mut self.held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_a_line_a_second() {
        let fault = |device| Fault {
            device: Address {
                segment: 0,
                bus: 2,
                device,
                function: 0,
            },
            address: 0x4000_0000,
            is_read: false,
            reason: 5,
        };
        let mut limit = Limit::default();
        let told: alloc::vec::Vec<(u64, u64)> = (0..3000)
            .filter_map(|ms| Some((ms, limit.tell(&fault(0), ms)?)))
            .collect();
        assert_eq!(told, [(0, 0), (1000, 999), (2000, 999)]);
        assert_eq!(limit.tell(&fault(1), 3001), Some(999));
        assert_eq!(limit.tell(&fault(0), 3050), None);
        assert_eq!(
            alloc::format!("{}", fault(0)),
            "device 0000:02:00.0 tried to write 0x40000000 (blocked)"
        );
    }
}
