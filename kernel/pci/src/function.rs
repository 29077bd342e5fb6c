//! One function and what was found of it.

use alloc::vec::Vec;

use crate::bridge::BridgeRegisters;
use crate::capability::Capabilities;
use crate::{Address, Bar, Bridge, Bus};

/// A PCI function as [`scan`](crate::scan) found it at boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Where it is.
    pub address: Address,
    /// Vendor ID.
    pub vendor: u16,
    /// Device ID.
    pub device_id: u16,
    /// Class code (PCI Code and ID Assignment Specification).
    pub class: u8,
    /// Subclass.
    pub subclass: u8,
    /// Programming interface.
    pub interface: u8,
    /// Its base address registers that ask for room, ascending by index.
    pub bars: Vec<Bar>,
    /// What it is as a bridge, if it is one (header type 1).
    pub bridge: Option<Bridge>,
    /// The pin it interrupts with: 0 none, 1 INTA to 4 INTD.
    pub interrupt_pin: u8,
    /// It has message signalled interrupts (MSI).
    pub msi: bool,
    /// MSI-X vectors that it has, at most 2048; 0: it has no MSI-X.
    pub msix_vectors: u16,
    /// What it is on PCI Express; `None`: conventional PCI.
    pub port: Option<PortType>,
    /// It has a function-level reset (PCI Express or Advanced Features).
    pub flr: bool,
    /// Isolation group: functions with equal numbers can reach each other without passing an
    /// IOMMU, as Linux would group them. Numbered from 0 in order of address.
    pub group: u16,
    pub(crate) found: Found,
}

impl Function {
    /// A function with nothing but an address: no identity, BARs, capabilities. For callers that
    /// make functions by hand (tests) and fill in what they need.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            vendor: 0,
            device_id: 0,
            class: 0,
            subclass: 0,
            interface: 0,
            bars: Vec::new(),
            bridge: None,
            interrupt_pin: 0,
            msi: false,
            msix_vectors: 0,
            port: None,
            flr: false,
            group: 0,
            found: Found::default(),
        }
    }

    /// The bus it is on.
    #[must_use]
    pub fn bus(&self) -> Bus {
        self.address.bus()
    }

    /// Whether it leads to another bus (header type 1).
    #[must_use]
    pub fn is_bridge(&self) -> bool {
        self.bridge.is_some()
    }

    /// Whether it can interrupt by message, which needs no I/O APIC.
    #[must_use]
    pub fn can_msi(&self) -> bool {
        self.msi || self.msix_vectors > 0
    }

    /// A bridge to the chipset itself: host, ISA, EISA (class 06, subclasses 00 to 02). Linux
    /// drives none of them by bus mastering or BARs, and on a root bus the machine hangs on them.
    pub(crate) fn is_platform_bridge(&self) -> bool {
        self.class == 0x06 && self.subclass <= 0x02 && self.bridge.is_none()
    }

    /// A bridge that also passes on what nobody else takes (Bridge §3.2.4.5: interface 01).
    pub(crate) fn is_subtractive(&self) -> bool {
        self.is_bridge() && self.class == 0x06 && self.subclass == 0x04 && self.interface == 0x01
    }

    /// Whether it is a bridge with believable numbers whose secondary bus is `bus`.
    pub(crate) fn leads_to(&self, bus: Bus) -> bool {
        self.buses()
            .is_some_and(|(secondary, _)| secondary == bus.number)
            && self.address.segment == bus.segment
    }

    /// Secondary and subordinate bus of a bridge with believable numbers: own bus < secondary <=
    /// subordinate. That the numbers rise on the way down is what bounds every walk.
    pub(crate) fn buses(&self) -> Option<(u8, u8)> {
        let bridge = self.bridge.as_ref()?;
        (self.address.bus < bridge.secondary && bridge.secondary <= bridge.subordinate)
            .then_some((bridge.secondary, bridge.subordinate))
    }
}

/// What a function is on PCI Express (PCIe §7.5.3.2, Device/Port Type).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortType {
    /// An endpoint.
    Endpoint,
    /// An endpoint that may need I/O.
    LegacyEndpoint,
    /// A root port.
    RootPort,
    /// A switch's port towards the root.
    Upstream,
    /// A switch's port away from the root.
    Downstream,
    /// A bridge to conventional PCI.
    ToPci,
    /// A bridge from conventional PCI.
    FromPci,
    /// An endpoint in the root complex.
    RootComplexEndpoint,
    /// A root complex event collector.
    EventCollector,
}

impl PortType {
    /// From the four bits of the register; `None` for a reserved value.
    pub(crate) fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Endpoint,
            0x1 => Self::LegacyEndpoint,
            0x4 => Self::RootPort,
            0x5 => Self::Upstream,
            0x6 => Self::Downstream,
            0x7 => Self::ToPci,
            0x8 => Self::FromPci,
            0x9 => Self::RootComplexEndpoint,
            0xa => Self::EventCollector,
            _ => return None,
        })
    }

    /// Whether the link registers exist in every version of the capability.
    pub(crate) fn has_link(self) -> bool {
        !matches!(self, Self::RootComplexEndpoint | Self::EventCollector)
    }
}

/// Registers of a function as they were at boot: what restoring needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Command.
    pub(crate) command: u16,
    /// Cache line size (low byte) and latency timer.
    pub(crate) cache_line: u16,
    /// Interrupt line.
    pub(crate) interrupt_line: u8,
    /// Expansion ROM's register.
    pub(crate) rom: u32,
    /// Which registers it has from 0x10 to 0x3f.
    pub(crate) header: Header,
    /// The device said that it has several functions.
    pub(crate) multi_function: bool,
    /// A bridge's numbers and windows, zeros else.
    pub(crate) bridge: BridgeRegisters,
    /// Where the capabilities are, and their control registers.
    pub(crate) capabilities: Capabilities,
}

/// Header types (PCI §6.1, Bridge §3.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Header {
    /// None that is known here, or a function made by hand.
    #[default]
    Unknown,
    /// Type 0: a function that is no bridge.
    Endpoint,
    /// Type 1: a PCI-to-PCI bridge.
    Bridge,
}
