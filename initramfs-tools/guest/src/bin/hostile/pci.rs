//! All of PCI by ports 0xcf8 and 0xcfc, which are one pair for the whole machine.
//!
//! Source: PCI Local Bus 3.0 §3.2.2.3.2; PCI-to-PCI Bridge Architecture 1.2 §3.2.5 (bridge control).

use std::thread;
use std::time::Duration;

use super::{read_dword, write_dword};

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
/// Buses, devices and functions, in the order of the address.
const FUNCTIONS: u32 = 0x1_0000;
const NOBODY: u32 = 0xffff_ffff;

/// Dwords of a header.
const HEADER_TYPE: u32 = 0x0c;
const BUSES: u32 = 0x18;
const BRIDGE_CONTROL: u32 = 0x3c;
/// In the dword that has it.
const IS_BRIDGE: u32 = 0x0001_0000;
const TYPE: u32 = 0x007f_0000;
const SECONDARY_BUS_RESET: u32 = 1 << 22;

fn read(function: u32, at: u32) -> u32 {
    write_dword(ADDRESS, ENABLE | function << 8 | at);
    read_dword(DATA)
}

fn write(function: u32, at: u32, value: u32) {
    write_dword(ADDRESS, ENABLE | function << 8 | at);
    write_dword(DATA, value);
}

/// Vendor and device of each function that there may be.
pub(super) fn enumerate() -> Vec<u32> {
    (0..FUNCTIONS).map(|function| read(function, 0)).collect()
}

/// How many are not what they were.
pub(super) fn others(first: &[u32], now: &[u32]) -> u64 {
    let others = first.iter().zip(now).filter(|(then, now)| then != now);
    others.count() as u64
}

/// The bridge to that bus.
pub(super) fn bridge(bus: u8) -> Result<u32, String> {
    let is_it = |function: &u32| {
        read(*function, 0) != NOBODY
            && read(*function, HEADER_TYPE) & TYPE == IS_BRIDGE
            && read(*function, BUSES) >> 8 & 0xff == u32::from(bus)
    };
    let found = (0..FUNCTIONS).find(is_it);
    found.ok_or_else(|| format!("no bridge has bus {bus:02x} behind it"))
}

/// Longer than the millisecond that a reset has to last, and than devices may take to answer again.
pub(super) fn hot_reset(bridge: u32) {
    const LASTS: Duration = Duration::from_millis(2);
    const AFTER: Duration = Duration::from_millis(100);
    let control = read(bridge, BRIDGE_CONTROL);
    write(bridge, BRIDGE_CONTROL, control | SECONDARY_BUS_RESET);
    thread::sleep(LASTS);
    write(bridge, BRIDGE_CONTROL, control & !SECONDARY_BUS_RESET);
    thread::sleep(AFTER);
}
