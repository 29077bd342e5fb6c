//! Where configuration space is mapped (PCIe §7.2.2).

use bulkhead_memory::Region;

/// Each bus has 1 MiB.
const BUS_SHIFT: u32 = 20;

/// Memory-mapped configuration space (ECAM) of some buses of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcamRange {
    /// Physical address of *bus 0*, whether or not that bus belongs to the range.
    pub base: u64,
    /// PCI segment group (a "domain" in Linux).
    pub segment: u16,
    /// First bus of the range.
    pub first_bus: u8,
    /// Last bus of the range.
    pub last_bus: u8,
}

impl EcamRange {
    /// The addresses of all its buses; `None` if they can't be.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        let start = self
            .base
            .checked_add(u64::from(self.first_bus) << BUS_SHIFT)?;
        let buses = u64::from(self.last_bus.checked_sub(self.first_bus)?) + 1;
        Region::new(start, buses << BUS_SHIFT)
    }

    /// Physical address of a function's 4 KiB of configuration space; `None` if the bus is not
    /// in the range or the device or function number is too large.
    #[must_use]
    pub fn function_address(&self, bus: u8, device: u8, function: u8) -> Option<u64> {
        let in_range =
            (self.first_bus..=self.last_bus).contains(&bus) && device < 32 && function < 8;
        let offset =
            u64::from(bus) << BUS_SHIFT | u64::from(device) << 15 | u64::from(function) << 12;
        in_range.then_some(self.base.checked_add(offset)?)
    }
}
