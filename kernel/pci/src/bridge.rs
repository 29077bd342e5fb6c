//! PCI-to-PCI bridges: numbers and windows (Bridge §3.2.5).

use alloc::vec::Vec;
use core::fmt;

use bulkhead_memory::Region;

use crate::config::{Registers, high, low};
use crate::register::{INTERRUPT, bridge};

/// What a bridge leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The bus directly below. Outside data: believable only above the bridge's own bus.
    pub secondary: u8,
    /// The last bus below. Outside data, as `secondary`.
    pub subordinate: u8,
    /// What it passes on to below; open windows only.
    pub windows: Vec<Window>,
}

/// A range of addresses that a bridge passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What kind of addresses.
    pub kind: WindowKind,
    /// The addresses; port numbers for [`WindowKind::Io`].
    pub region: Region,
}

/// Kinds of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowKind {
    /// I/O ports.
    Io,
    /// Memory below 4 GiB.
    Memory,
    /// Memory whose reads have no side effects; may be above 4 GiB.
    Prefetchable,
}

impl fmt::Display for WindowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Io => "I/O",
            Self::Memory => "memory",
            Self::Prefetchable => "prefetchable",
        })
    }
}

/// `memory 0xfe800000-0xfe9fffff`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.region)
    }
}

/// A bridge's own registers, as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BridgeRegisters {
    /// Primary, secondary, subordinate bus, secondary latency timer.
    pub(crate) buses: u32,
    /// I/O base and limit.
    io: u16,
    io_upper: u32,
    memory: u32,
    prefetchable: u32,
    prefetchable_base_upper: u32,
    prefetchable_limit_upper: u32,
    /// Bridge Control without the reset bit.
    control: u16,
}

impl BridgeRegisters {
    pub(crate) fn read(registers: Registers<'_>) -> Self {
        Self {
            buses: registers.read(bridge::BUSES),
            io: low(registers.read(bridge::IO)),
            io_upper: registers.read(bridge::IO_UPPER),
            memory: registers.read(bridge::MEMORY),
            prefetchable: registers.read(bridge::PREFETCHABLE),
            prefetchable_base_upper: registers.read(bridge::PREFETCHABLE_BASE_UPPER),
            prefetchable_limit_upper: registers.read(bridge::PREFETCHABLE_LIMIT_UPPER),
            control: high(registers.read(INTERRUPT)) & !(bridge::RESET | bridge::DISCARD_STATUS),
        }
    }

    /// Writes all but Bridge Control, which shares a dword with the interrupt line.
    pub(crate) fn write(&self, registers: Registers<'_>) {
        registers.write(bridge::BUSES, self.buses);
        registers.write(bridge::IO, u32::from(self.io));
        registers.write(bridge::IO_UPPER, self.io_upper);
        registers.write(bridge::MEMORY, self.memory);
        registers.write(bridge::PREFETCHABLE, self.prefetchable);
        registers.write(
            bridge::PREFETCHABLE_BASE_UPPER,
            self.prefetchable_base_upper,
        );
        registers.write(
            bridge::PREFETCHABLE_LIMIT_UPPER,
            self.prefetchable_limit_upper,
        );
    }

    /// Whether the windows for memory are these.
    pub(crate) fn is_written(&self, registers: Registers<'_>) -> bool {
        registers.read(bridge::MEMORY) == self.memory
            && registers.read(bridge::PREFETCHABLE) == self.prefetchable
            && registers.read(bridge::PREFETCHABLE_BASE_UPPER) == self.prefetchable_base_upper
            && registers.read(bridge::PREFETCHABLE_LIMIT_UPPER) == self.prefetchable_limit_upper
    }

    /// Bridge Control and the interrupt line, as their dword.
    pub(crate) fn control_with_line(&self, line: u8) -> u32 {
        u32::from(self.control) << 16 | u32::from(line)
    }

    /// The secondary and subordinate bus, and the open windows.
    pub(crate) fn describe(&self) -> Bridge {
        let [_, secondary, subordinate, _] = self.buses.to_le_bytes();
        Bridge {
            secondary,
            subordinate,
            windows: [
                (WindowKind::Io, self.io_window()),
                (WindowKind::Memory, self.memory_window()),
                (WindowKind::Prefetchable, self.prefetchable_window()),
            ]
            .into_iter()
            .filter_map(|(kind, region)| region.map(|region| Window { kind, region }))
            .collect(),
        }
    }

    /// Granularity 4 KiB; the low four bits say whether the upper halves count.
    fn io_window(&self) -> Option<Region> {
        let wide = self.io & 0xf == 1;
        let upper = if wide { self.io_upper } else { 0 };
        let base = u64::from(self.io & 0xf0) << 8 | u64::from(low(upper)) << 16;
        let limit = u64::from(self.io & 0xf000) | u64::from(high(upper)) << 16 | 0xfff;
        window(base, limit, u64::from(self.io & 0xf0f0) | u64::from(upper))
    }

    /// Granularity 1 MiB.
    fn memory_window(&self) -> Option<Region> {
        let (base, limit) = megabytes(self.memory);
        window(base, limit, u64::from(self.memory & ADDRESSES))
    }

    fn prefetchable_window(&self) -> Option<Region> {
        let (base, limit) = megabytes(self.prefetchable);
        let wide = self.prefetchable & 0xf == 1;
        let (base_upper, limit_upper) = if wide {
            (self.prefetchable_base_upper, self.prefetchable_limit_upper)
        } else {
            (0, 0)
        };
        window(
            base | u64::from(base_upper) << 32,
            limit | u64::from(limit_upper) << 32,
            u64::from(self.prefetchable & ADDRESSES) | u64::from(base_upper | limit_upper),
        )
    }
}

/// Of a memory window's register; the other bits say how wide it is, and are never 0 with a wide one.
const ADDRESSES: u32 = 0xfff0_fff0;

/// Base and last byte of a memory window's register.
fn megabytes(register: u32) -> (u64, u64) {
    (
        u64::from(register & 0xfff0) << 16,
        u64::from(register & 0xfff0_0000) | 0xf_ffff,
    )
}

/// A window is closed if its limit is below its base. One whose addresses are all 0 is one that the bridge
/// doesn't have, or that nobody has set since the reset: nobody means addresses from 0.
fn window(base: u64, limit: u64, addresses: u64) -> Option<Region> {
    let end = limit.checked_add(1)?;
    (addresses != 0)
        .then(|| Region::from_bounds(base, end))
        .flatten()
}
