//! What the processor says of itself, as plain numbers.
//!
//! Source: Intel SDM Vol. 2A, "CPUID"; AMD APM Vol. 3, appendix E.

use core::fmt;

/// The leaves that are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Version and features.
    Version,
    /// Thermal and power management.
    Power,
    /// Extended features.
    Extended,
    /// Extended features, sub-leaf 1.
    Extended1,
    /// Architectural performance monitoring.
    Performance,
    /// Extended states, sub-leaf 1.
    States1,
    /// Processor trace.
    Trace,
    /// Processor trace, sub-leaf 1.
    Trace1,
    /// AMD's features.
    Amd,
    /// Advanced power management.
    AmdPower,
    /// Sizes and more features.
    AmdSizes,
    /// Secure virtual machine.
    AmdSvm,
    /// Instruction-based sampling.
    AmdSampling,
    /// AMD's performance monitoring.
    AmdPerformance,
}

/// One of the four registers that a leaf fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the registers' own names")]
pub enum Output {
    Eax,
    Ebx,
    Ecx,
    Edx,
}

impl Leaf {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Version,
        Self::Power,
        Self::Extended,
        Self::Extended1,
        Self::Performance,
        Self::States1,
        Self::Trace,
        Self::Trace1,
        Self::Amd,
        Self::AmdPower,
        Self::AmdSizes,
        Self::AmdSvm,
        Self::AmdSampling,
        Self::AmdPerformance,
    ];

    /// What EAX and ECX hold to ask for it.
    #[must_use]
    pub const fn address(self) -> (u32, u32) {
        match self {
            Self::Version => (0x1, 0),
            Self::Power => (0x6, 0),
            Self::Extended => (0x7, 0),
            Self::Extended1 => (0x7, 1),
            Self::Performance => (0xa, 0),
            Self::States1 => (0xd, 1),
            Self::Trace => (0x14, 0),
            Self::Trace1 => (0x14, 1),
            Self::Amd => (0x8000_0001, 0),
            Self::AmdPower => (0x8000_0007, 0),
            Self::AmdSizes => (0x8000_0008, 0),
            Self::AmdSvm => (0x8000_000a, 0),
            Self::AmdSampling => (0x8000_001b, 0),
            Self::AmdPerformance => (0x8000_0022, 0),
        }
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (leaf, sub) = self.address();
        write!(f, "{leaf:x}")?;
        if sub > 0 {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eax => "eax",
            Self::Ebx => "ebx",
            Self::Ecx => "ecx",
            Self::Edx => "edx",
        })
    }
}

/// Who made the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Intel.
    Intel,
    /// AMD, or Hygon, which makes AMD's.
    Amd,
    /// Another: only what is architectural is touched.
    Other,
}

/// Registers that say which others there are, each itself promised by CPUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// `IA32_MCG_CAP`: machine-check banks.
    MachineCheck,
    /// `IA32_CORE_CAPABILITIES`.
    Core,
    /// `IA32_ARCH_CAPABILITIES`.
    Architecture,
    /// `IA32_MISC_ENABLE`, for its bit "PEBS unavailable".
    Miscellaneous,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::MachineCheck,
        Self::Core,
        Self::Architecture,
        Self::Miscellaneous,
    ];

    /// Its number.
    #[must_use]
    pub const fn register(self) -> u32 {
        match self {
            Self::MachineCheck => 0x179,
            Self::Core => 0xcf,
            Self::Architecture => 0x10a,
            Self::Miscellaneous => 0x1a0,
        }
    }

    fn is_promised(self, cpuid: &Cpuid) -> bool {
        match self {
            Self::MachineCheck => cpuid.has(Leaf::Version, Output::Edx, 14),
            Self::Core => cpuid.has(Leaf::Extended, Output::Edx, 30),
            Self::Architecture => cpuid.has(Leaf::Extended, Output::Edx, 29),
            Self::Miscellaneous => cpuid.vendor == Vendor::Intel,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MachineCheck => "IA32_MCG_CAP",
            Self::Core => "IA32_CORE_CAPABILITIES",
            Self::Architecture => "IA32_ARCH_CAPABILITIES",
            Self::Miscellaneous => "IA32_MISC_ENABLE",
        })
    }
}

/// The answers of CPUID.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cpuid {
    vendor: Vendor,
    leaves: [[u32; 4]; Leaf::ALL.len()],
}

impl Cpuid {
    /// A leaf beyond the highest is not asked for: Intel's processors answer with another one's.
    fn read(mut query: impl FnMut(u32, u32) -> [u32; 4]) -> Self {
        let [highest, name @ ..] = query(0, 0);
        let [highest_amd, ..] = query(0x8000_0000, 0);
        // EBX, ECX, EDX; the name reads EBX, EDX, ECX.
        let vendor = match name.map(u32::to_le_bytes).as_flattened() {
            b"GenuntelineI" => Vendor::Intel,
            b"AuthcAMDenti" | b"HygouinenGen" => Vendor::Amd,
            _ => Vendor::Other,
        };
        let mut cpuid = Self {
            vendor,
            leaves: [[0; 4]; Leaf::ALL.len()],
        };
        for leaf in Leaf::ALL {
            let (number, sub) = leaf.address();
            let is_there = match leaf {
                Leaf::Extended1 => cpuid.get(Leaf::Extended, Output::Eax) >= 1,
                Leaf::Trace1 => cpuid.get(Leaf::Trace, Output::Eax) >= 1,
                _ if number < 0x8000_0000 => number <= highest,
                _ => number <= highest_amd,
            };
            if is_there {
                cpuid.leaves[leaf as usize] = query(number, sub);
            }
        }
        cpuid
    }

    fn get(&self, leaf: Leaf, output: Output) -> u32 {
        self.leaves[leaf as usize][output as usize]
    }

    fn has(&self, leaf: Leaf, output: Output, bit: u8) -> bool {
        self.get(leaf, output) & (1 << bit) != 0
    }
}

/// What a processor has: all that decides which registers may be touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    cpuid: Cpuid,
    capabilities: [u64; Capability::ALL.len()],
}

impl Features {
    /// Asks the processor: by `query`, which takes EAX and ECX and gives EAX, EBX, ECX and EDX; and
    /// by `read`, for registers that CPUID promises. One that can't be read counts as 0.
    pub fn read(
        query: impl FnMut(u32, u32) -> [u32; 4],
        mut read: impl FnMut(u32) -> Option<u64>,
    ) -> Self {
        let cpuid = Cpuid::read(query);
        let capabilities = Capability::ALL.map(|capability| {
            if capability.is_promised(&cpuid) {
                read(capability.register()).unwrap_or(0)
            } else {
                0
            }
        });
        Self {
            cpuid,
            capabilities,
        }
    }

    /// Who made it.
    #[must_use]
    pub const fn vendor(&self) -> Vendor {
        self.cpuid.vendor
    }

    /// What CPUID says there; 0 of a leaf that is not there.
    #[must_use]
    pub fn get(&self, leaf: Leaf, output: Output) -> u32 {
        self.cpuid.get(leaf, output)
    }

    /// Whether that bit is set.
    #[must_use]
    pub fn has(&self, leaf: Leaf, output: Output, bit: u8) -> bool {
        self.cpuid.has(leaf, output, bit)
    }

    /// What that register says; 0 if it is not there.
    #[must_use]
    pub const fn capability(&self, capability: Capability) -> u64 {
        self.capabilities[capability as usize]
    }
}
