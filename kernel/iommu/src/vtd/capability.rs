//! What a unit can do (VT-d §11.4.2, §11.4.3).

/// The two registers of a unit that say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Capability Register.
    pub cap: u64,
    /// Extended Capability Register.
    pub ecap: u64,
}

impl Capabilities {
    const fn has(word: u64, bit: u32) -> bool {
        word >> bit & 1 != 0
    }

    /// Numbers of domains are below this.
    #[must_use]
    pub const fn domains(self) -> u32 {
        1 << (4 + 2 * (self.cap & 7))
    }

    /// Writes to tables lie in a buffer that has to be flushed by command (RWBF).
    #[must_use]
    pub const fn buffers_writes(self) -> bool {
        Self::has(self.cap, 4)
    }

    /// What is not present is cached too (caching mode): an entry that becomes present must be flushed.
    #[must_use]
    pub const fn caches_absent(self) -> bool {
        Self::has(self.cap, 7)
    }

    /// It can walk tables of that many levels: 3, 4 or 5 (SAGAW).
    #[must_use]
    pub const fn walks(self, levels: u8) -> bool {
        matches!(levels, 3..=5) && Self::has(self.cap, 8 + levels as u32 - 2)
    }

    /// Bits of the addresses that devices may use (MGAW).
    #[must_use]
    pub const fn address_bits(self) -> u32 {
        (self.cap >> 16 & 0x3f) as u32 + 1
    }

    /// Offset of the first fault recording register, in bytes.
    #[must_use]
    pub const fn fault_offset(self) -> u32 {
        (self.cap >> 24 & 0x3ff) as u32 * 16
    }

    /// How many of those there are.
    #[must_use]
    pub const fn faults(self) -> u32 {
        (self.cap >> 40 & 0xff) as u32 + 1
    }

    /// It has pages of 2 MiB.
    #[must_use]
    pub const fn has_2m(self) -> bool {
        Self::has(self.cap, 34)
    }

    /// It has pages of 1 GiB.
    #[must_use]
    pub const fn has_1g(self) -> bool {
        Self::has(self.cap, 35)
    }

    /// It has low or high protected regions, which outlive translation being switched on.
    #[must_use]
    pub const fn has_protected_regions(self) -> bool {
        Self::has(self.cap, 5) || Self::has(self.cap, 6)
    }

    /// It can wait for writes on their way when it forgets (DWD).
    #[must_use]
    pub const fn drains_writes(self) -> bool {
        Self::has(self.cap, 54)
    }

    /// It can wait for reads (DRD).
    #[must_use]
    pub const fn drains_reads(self) -> bool {
        Self::has(self.cap, 55)
    }

    /// It reads its tables through the processors' caches; else what was written has to be flushed
    /// out of them.
    #[must_use]
    pub const fn is_coherent(self) -> bool {
        Self::has(self.ecap, 0)
    }

    /// It takes invalidations from a queue in memory.
    #[must_use]
    pub const fn has_queue(self) -> bool {
        Self::has(self.ecap, 1)
    }

    /// It serves devices that cache translations (device TLBs).
    #[must_use]
    pub const fn serves_caching_devices(self) -> bool {
        Self::has(self.ecap, 2)
    }

    /// It can remap interrupts.
    #[must_use]
    pub const fn remaps_interrupts(self) -> bool {
        Self::has(self.ecap, 3)
    }

    /// It can let a device's requests pass without tables.
    #[must_use]
    pub const fn passes_through(self) -> bool {
        Self::has(self.ecap, 6)
    }

    /// Offset of the IOTLB's registers, in bytes.
    #[must_use]
    pub const fn iotlb_offset(self) -> u32 {
        (self.ecap >> 8 & 0x3ff) as u32 * 16
    }
}
