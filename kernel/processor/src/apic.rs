//! Who a core is, whom an interrupt can be sent to, and what is firmware's in a local APIC.
//!
//! Source: Intel SDM Vol. 3A, "Interrupt Command Register", "ICR Operation in x2APIC Mode", "Local
//! Vector Table", "Local APIC Registers".

/// How a local APIC is reached, which also says how large an ID its commands can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// xAPIC: registers in memory, eight bits of ID.
    Memory,
    /// x2APIC: model-specific registers, 32 bits of ID.
    Registers,
}

impl Mode {
    /// The ID that means all of them.
    const fn broadcast(self) -> u32 {
        match self {
            Self::Memory => 0xff,
            Self::Registers => u32::MAX,
        }
    }
}

/// What a core's own local APIC says that its ID is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnId {
    /// All 32 bits, as x2APIC's register has them.
    Whole(u32),
    /// The eight bits of xAPIC's register.
    Low(u8),
    /// It can't be asked: it is off, or its registers are not mapped.
    Nothing,
}

/// The ID by which a core is sent interrupts.
///
/// CPUID tells the ID that the core had after a reset, and in its leaf for x2APIC all 32 bits of one
/// that can't be changed. Where the ID can be changed firmware may have done so: on AMD's processors
/// before Zen it moves those of the cores up, to leave the low ones to I/O APICs, and CPUID still says
/// 0 where the APIC says 16 or 32. So the APIC is asked, and CPUID fills in what xAPIC can't hold.
/// `ap.S` does the same.
#[must_use]
pub fn own_id(by_apic: OwnId, by_cpuid: impl FnOnce() -> u32) -> u32 {
    let low = match by_apic {
        // Without CPUID, which costs hundreds of cycles, and an exit where a hypervisor is below.
        OwnId::Whole(id) => return id,
        OwnId::Low(id) => Some(id),
        OwnId::Nothing => None,
    };
    let id = by_cpuid();
    match low {
        Some(low) if id.to_le_bytes()[0] != low => u32::from(low),
        _ => id,
    }
}

/// One local APIC that commands in a mode can be sent to: neither all of them, nor another one whose
/// ID has the same low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    id: u32,
    mode: Mode,
}

/// An interrupt command as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Two words in memory; the write of the second one sends it.
    Memory {
        /// Offset 310h.
        high: u32,
        /// Offset 300h.
        low: u32,
    },
    /// One register.
    Registers(u64),
}

impl Destination {
    /// The local APIC with that ID; `None` if the mode can't address it.
    #[must_use]
    pub const fn new(id: u32, mode: Mode) -> Option<Self> {
        if id < mode.broadcast() {
            Some(Self { id, mode })
        } else {
            None
        }
    }

    /// The command to it whose low half is `low`.
    #[must_use]
    pub const fn command(self, low: u32) -> Command {
        match self.mode {
            Mode::Memory => Command::Memory {
                high: self.id << 24,
                low,
            },
            Mode::Registers => Command::Registers((self.id as u64) << 32 | low as u64),
        }
    }
}

/// In an entry of a local vector table: nothing is delivered.
pub const MASKED: u32 = 1 << 16;
const DELIVERY: u32 = 0b111 << 8;
const DELIVERY_SMI: u32 = 0b010 << 8;

/// What an entry of the local vector table holds while no Linux uses it, by what firmware had in the
/// boot processor's. An entry that is delivered as a system-management interrupt is firmware's, which
/// waits for it whatever runs; any other would come to Bulkhead, and is masked.
///
/// Firmware gives all cores the same. What the others had can't be read: they came up by an INIT,
/// which masks the entries (Linux reasons so too, in `intel_init_thermal()`).
#[must_use]
pub const fn local_vector(at_boot: u32) -> u32 {
    if is_firmwares(at_boot) {
        at_boot
    } else {
        MASKED
    }
}

/// Whether firmware waits for what that entry delivers.
#[must_use]
pub const fn is_firmwares(at_boot: u32) -> bool {
    at_boot & MASKED == 0 && at_boot & DELIVERY == DELIVERY_SMI
}
