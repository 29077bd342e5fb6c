//! Offsets and bits of configuration space.

/// Vendor and device ID (PCI §6.2.1).
pub(crate) const ID: u16 = 0x00;
/// Command (low half) and Status (PCI §6.2.2, §6.2.3).
pub(crate) const COMMAND: u16 = 0x04;
/// Revision, interface, subclass, class (PCI §6.2.1).
pub(crate) const CLASS: u16 = 0x08;
/// Cache line size, latency timer, header type, BIST (PCI §6.2.4).
pub(crate) const CACHE_LINE: u16 = 0x0c;
/// First base address register (PCI §6.2.5).
pub(crate) const BARS: u16 = 0x10;
/// Expansion ROM of a function that is no bridge (PCI §6.2.5.2).
pub(crate) const ROM: u16 = 0x30;
/// First capability, in the low byte (PCI §6.7).
pub(crate) const CAPABILITIES: u16 = 0x34;
/// Interrupt line and pin (PCI §6.2.4); of a bridge, Bridge Control in the high half.
pub(crate) const INTERRUPT: u16 = 0x3c;

/// Command: answers I/O.
pub(crate) const IO_DECODE: u16 = 1 << 0;
/// Command: answers memory.
pub(crate) const MEMORY_DECODE: u16 = 1 << 1;
/// Command: may write and read memory, and signal MSIs; of a bridge: lets those below do it.
pub(crate) const BUS_MASTER: u16 = 1 << 2;
/// Command: may not assert INTx.
pub(crate) const INTX_DISABLE: u16 = 1 << 10;
/// Status, as a bit of the Command dword: there is a capability list.
pub(crate) const HAS_CAPABILITIES: u32 = 1 << 20;

/// Header type, as a bit of the cache line dword: the device has more functions.
pub(crate) const MULTI_FUNCTION: u32 = 1 << 23;

/// Expansion ROM: enabled.
pub(crate) const ROM_ENABLE: u32 = 1 << 0;

/// Registers of a bridge (Bridge §3.2.5).
pub(crate) mod bridge {
    /// Primary, secondary, subordinate bus, secondary latency timer.
    pub(crate) const BUSES: u16 = 0x18;
    /// I/O base and limit; Secondary Status (cleared by ones) in the high half.
    pub(crate) const IO: u16 = 0x1c;
    /// Memory base and limit.
    pub(crate) const MEMORY: u16 = 0x20;
    /// Prefetchable memory base and limit.
    pub(crate) const PREFETCHABLE: u16 = 0x24;
    /// Upper 32 bits of the prefetchable base.
    pub(crate) const PREFETCHABLE_BASE_UPPER: u16 = 0x28;
    /// Upper 32 bits of the prefetchable limit.
    pub(crate) const PREFETCHABLE_LIMIT_UPPER: u16 = 0x2c;
    /// Upper 16 bits of I/O base and limit.
    pub(crate) const IO_UPPER: u16 = 0x30;
    /// Expansion ROM.
    pub(crate) const ROM: u16 = 0x38;
    /// Bridge Control: holds the secondary bus in reset.
    pub(crate) const RESET: u16 = 1 << 6;
    /// Bridge Control: discard timer status, cleared by a one.
    pub(crate) const DISCARD_STATUS: u16 = 1 << 10;
}

/// Offsets and bits of the PCI Express capability (PCIe §7.5.3).
pub(crate) mod express {
    /// Device Capabilities.
    pub(crate) const DEVICE_CAPABILITIES: u16 = 0x04;
    /// Device Control; Device Status (cleared by ones) in the high half.
    pub(crate) const DEVICE_CONTROL: u16 = 0x08;
    /// Link Capabilities.
    pub(crate) const LINK_CAPABILITIES: u16 = 0x0c;
    /// Link Control; Link Status (cleared by ones) in the high half.
    pub(crate) const LINK_CONTROL: u16 = 0x10;
    /// Slot Control; Slot Status (cleared by ones) in the high half.
    pub(crate) const SLOT_CONTROL: u16 = 0x18;
    /// Device Control 2; Device Status 2 (reserved) in the high half.
    pub(crate) const DEVICE_CONTROL_2: u16 = 0x28;

    /// Device Capabilities: function-level reset.
    pub(crate) const HAS_FLR: u32 = 1 << 28;
    /// Device Control: begins a function-level reset; reads as 0.
    pub(crate) const INITIATE_FLR: u16 = 1 << 15;
    /// Device Status, as a bit of the Device Control dword: requests without their completions.
    pub(crate) const TRANSACTIONS_PENDING: u32 = 1 << 21;
    /// Link Capabilities: Link Status says whether the link is up.
    pub(crate) const REPORTS_LINK: u32 = 1 << 20;
    /// Link Control: begins to train the link again; reads as 0.
    pub(crate) const RETRAIN: u16 = 1 << 5;
    /// Link Status, as a bit of the Link Control dword: the link is up.
    pub(crate) const LINK_ACTIVE: u32 = 1 << 29;
    /// PCI Express Capabilities: the port has a slot.
    pub(crate) const HAS_SLOT: u16 = 1 << 8;
    /// Slot Status, as a bit of the Slot Control dword: the attention button was pressed.
    pub(crate) const BUTTON_PRESSED: u32 = 1 << 16;
    /// Device Control 2: function numbers above 7 are passed on (ARI).
    pub(crate) const ARI_FORWARDING: u16 = 1 << 5;
}

/// PCI Power Management (PM §3.2.4): the control and status register at +4.
pub(crate) mod power {
    /// Control and status.
    pub(crate) const CONTROL: u16 = 0x04;
    /// Power state: 0 is D0, 3 is D3hot.
    pub(crate) const STATE: u32 = 0b11;
    /// D3hot.
    pub(crate) const D3_HOT: u32 = 3;
    /// Going from D3hot to D0 does not reset the function.
    pub(crate) const NO_SOFT_RESET: u32 = 1 << 3;
    /// May signal a power management event.
    pub(crate) const EVENT_ENABLE: u32 = 1 << 8;
    /// Has signalled one; cleared by a one.
    pub(crate) const EVENT_STATUS: u32 = 1 << 15;
}

/// Conventional PCI Advanced Features (ECN Advanced Capabilities, 2006).
pub(crate) mod advanced {
    /// Control in the low byte, status in the next.
    pub(crate) const CONTROL: u16 = 0x04;
    /// In the capability's first dword: transactions pending is reported.
    pub(crate) const HAS_PENDING: u32 = 1 << 24;
    /// In the capability's first dword: function-level reset.
    pub(crate) const HAS_FLR: u32 = 1 << 25;
    /// Control: begins a function-level reset.
    pub(crate) const INITIATE_FLR: u32 = 1 << 0;
    /// Status: transactions pending.
    pub(crate) const PENDING: u32 = 1 << 8;
}

/// MSI (PCI §6.8.1.3): enabled, as a bit of the capability's first dword.
pub(crate) const MSI_ENABLE: u32 = 1 << 16;
/// MSI-X (PCI §6.8.2.3): enabled, as a bit of the capability's first dword.
pub(crate) const MSIX_ENABLE: u32 = 1 << 31;

/// Single Root I/O Virtualization (PCIe §9.3.3).
pub(crate) mod virtualization {
    /// Control; Status (has bits cleared by ones) in the high half.
    pub(crate) const CONTROL: u16 = 0x08;
    /// Control: virtual functions exist.
    pub(crate) const VF_ENABLE: u32 = 1 << 0;
    /// Control: virtual functions answer memory.
    pub(crate) const VF_MEMORY: u32 = 1 << 3;
}

/// Resizable BAR (PCIe §7.8.6).
pub(crate) mod resizable {
    /// First control register; the next ones follow every 8 bytes.
    pub(crate) const CONTROL: u16 = 0x08;
    /// Bytes from one control register to the next.
    pub(crate) const STRIDE: u16 = 8;
    /// Control: size, as the power of two of MiB.
    pub(crate) const SIZE_SHIFT: u32 = 8;
    /// Control: bits of the size.
    pub(crate) const SIZE: u32 = 0x3f << SIZE_SHIFT;
}

/// Access Control Services (PCIe §7.7.11).
pub(crate) mod acs {
    /// The Capability register, and in the same dword Control.
    pub(crate) const CAPABILITY: u16 = 4;
    pub(crate) const CONTROL: u16 = CAPABILITY;
    /// Source Validation, Translation Blocking, P2P Request Redirect, P2P Completion Redirect, Upstream
    /// Forwarding.
    pub(crate) const WANTED: u32 = 0b1_1111;
    /// What stays as firmware has it: all but Direct Translated P2P, and P2P Egress Control, which decides
    /// before redirection does.
    pub(crate) const KEPT: u32 = 0xffff & !0b110_0000;
}
