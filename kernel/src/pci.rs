//! Looking at PCI functions through ECAM (PCI Express enhanced configuration).
//!
//! Only reads. The legacy pair of ports 0xcf8/0xcfc is never used: all Linuxes would share it.

use alloc::vec::Vec;

use bulkhead_firmware::EcamRange;
use bulkhead_plan::PciFunction;

use crate::mem::phys;

const ABSENT: u32 = 0xffff_ffff;
const MULTI_FUNCTION: u32 = 1 << 23;
const HEADER_BRIDGE: u32 = 1;

/// Functions on all buses that the ranges cover, ascending.
pub(crate) fn scan(ranges: &[EcamRange]) -> Vec<PciFunction> {
    let mut found = Vec::new();
    for range in ranges {
        for bus in range.first_bus..=range.last_bus {
            for device in 0..32 {
                scan_device(range, bus, device, &mut found);
            }
        }
    }
    found.sort_unstable();
    found
}

fn scan_device(range: &EcamRange, bus: u8, device: u8, found: &mut Vec<PciFunction>) {
    for function in 0..8 {
        let Some(base) = range.function_address(bus, device, function) else {
            return;
        };
        let id = read(base);
        if id == ABSENT || id & 0xffff == 0xffff {
            if function == 0 {
                return;
            }
            continue;
        }
        let class = read(base + 0x08);
        let header = read(base + 0x0c);
        let is_bridge = (header >> 16) & 0x7f == HEADER_BRIDGE;
        let buses = if is_bridge { read(base + 0x18) } else { 0 };
        found.push(PciFunction {
            segment: range.segment,
            bus,
            device,
            function,
            vendor: id as u16,
            device_id: (id >> 16) as u16,
            class: (class >> 24) as u8,
            subclass: (class >> 16) as u8,
            interface: (class >> 8) as u8,
            bridge: is_bridge.then_some(((buses >> 8) as u8, (buses >> 16) as u8)),
        });
        if function == 0 && header & MULTI_FUNCTION == 0 {
            return;
        }
    }
}

fn read(address: u64) -> u32 {
    // SAFETY: inside an ECAM range of the firmware's MCFG, mapped uncached; configuration reads of
    // these registers have no side effect.
    unsafe { phys::pointer::<u32>(address).read_volatile() }
}
