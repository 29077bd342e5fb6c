//! Offsets and bits of an xHCI controller's registers (xHCI §5).

/// Capability registers, from the beginning of the BAR (xHCI §5.3).
pub(crate) mod capability {
    /// Length of these in the low byte, the version in the high half.
    pub(crate) const LENGTH: u32 = 0x00;
    /// The shortest that there is.
    pub(crate) const SHORTEST: u32 = 0x20;
    /// Slots in the low byte, ports in the high byte.
    pub(crate) const PARAMETERS_1: u32 = 0x04;
    /// Scratch pages.
    pub(crate) const PARAMETERS_2: u32 = 0x08;
    /// Size of contexts, the extended capabilities.
    pub(crate) const PARAMETERS: u32 = 0x10;
    /// Of these: contexts have 64 bytes.
    pub(crate) const LARGE_CONTEXTS: u32 = 1 << 2;
    /// Where the doorbells are.
    pub(crate) const DOORBELLS: u32 = 0x14;
    /// Where the runtime registers are.
    pub(crate) const RUNTIME: u32 = 0x18;
}

/// Operational registers (xHCI §5.4).
pub(crate) mod operational {
    /// Command.
    pub(crate) const COMMAND: u32 = 0x00;
    /// Command: runs.
    pub(crate) const RUN: u32 = 1 << 0;
    /// Command: is being reset.
    pub(crate) const RESET: u32 = 1 << 1;
    /// Status.
    pub(crate) const STATUS: u32 = 0x04;
    /// Status: has halted.
    pub(crate) const HALTED: u32 = 1 << 0;
    /// Status: an error of the memory it shares.
    pub(crate) const SYSTEM_ERROR: u32 = 1 << 2;
    /// Status: not ready.
    pub(crate) const NOT_READY: u32 = 1 << 11;
    /// Status: an error of its own.
    pub(crate) const CONTROLLER_ERROR: u32 = 1 << 12;
    /// Sizes of pages: bit 0 is 4 KiB.
    pub(crate) const PAGE_SIZE: u32 = 0x08;
    /// Where the command ring is: two dwords.
    pub(crate) const COMMAND_RING: u32 = 0x18;
    /// Where the contexts are: two dwords.
    pub(crate) const CONTEXTS: u32 = 0x30;
    /// How many slots are enabled.
    pub(crate) const CONFIGURE: u32 = 0x38;
    /// The first port's registers, 16 bytes each.
    pub(crate) const PORTS: u32 = 0x400;
}

/// Runtime registers of the first interrupter (xHCI §5.5.2).
pub(crate) mod interrupter {
    /// Management: bit 1 lets it interrupt.
    pub(crate) const MANAGEMENT: u32 = 0x20;
    /// Entries of the event ring's segment table.
    pub(crate) const SIZE: u32 = 0x28;
    /// Where that table is: two dwords.
    pub(crate) const TABLE: u32 = 0x30;
    /// How far the events are taken: two dwords.
    pub(crate) const DEQUEUE: u32 = 0x38;
    /// Of that: the handler is no longer busy, by a one.
    pub(crate) const BUSY: u32 = 1 << 3;
}

/// A port's status and control (xHCI §5.4.8).
pub(crate) mod port {
    /// Something is connected.
    pub(crate) const CONNECTED: u32 = 1 << 0;
    /// Enabled; a one disables.
    pub(crate) const ENABLED: u32 = 1 << 1;
    /// Is being reset; a one begins that.
    pub(crate) const RESET: u32 = 1 << 4;
    /// Has power.
    pub(crate) const POWER: u32 = 1 << 9;
    /// Lowest bit of the speed.
    pub(crate) const SPEED: u32 = 10;
    /// What is connected has changed.
    pub(crate) const CONNECT_CHANGE: u32 = 1 << 17;
    /// A reset has ended.
    pub(crate) const RESET_CHANGE: u32 = 1 << 21;
    /// All changes; each is cleared by a one.
    pub(crate) const CHANGES: u32 = 0x7f << 17;
    /// What a write leaves as it is by writing what was read: power, indicators, wake-up.
    pub(crate) const KEPT: u32 = POWER | 0b11 << 14 | 0b111 << 25;
}

/// Extended capabilities (xHCI §7).
pub(crate) mod extended {
    /// Firmware's hold on the controller.
    pub(crate) const LEGACY: u32 = 1;
    /// Which ports are of which USB.
    pub(crate) const PROTOCOL: u32 = 2;
    /// Firmware has it.
    pub(crate) const BIOS_OWNS: u32 = 1 << 16;
    /// The operating system has it.
    pub(crate) const OS_OWNS: u32 = 1 << 24;
    /// Behind the capability: which events enter system management mode.
    pub(crate) const LEGACY_CONTROL: u32 = 4;
    /// Of these: the bits that enable any.
    pub(crate) const LEGACY_ENABLES: u32 = 1 << 0 | 1 << 4 | 0b111 << 13;
    /// Of these: what has happened; cleared by ones.
    pub(crate) const LEGACY_EVENTS: u32 = 0b111 << 29;
}
