//! Which registers a processor has, as data: what decides is also what the documentation says.

use core::fmt;

use crate::cpuid::{Capability, Features, Leaf, Output, Vendor};

/// When a register is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// On every processor with long mode.
    Always,
    /// On all of one maker that have long mode.
    Made(Vendor),
    /// If CPUID has that bit.
    Bit(Leaf, Output, u8),
    /// If that capability register has that bit.
    Capable(Capability, u8),
    /// If it has not.
    Incapable(Capability, u8),
    /// If architectural performance monitoring has at least that version.
    Monitoring(u8),
    /// If one of these is so.
    Any(&'static [Self]),
    /// If all of these are so.
    All(&'static [Self]),
}

impl Presence {
    /// Whether it is there.
    #[must_use]
    pub fn holds(&self, features: &Features) -> bool {
        match self {
            Self::Always => true,
            Self::Made(vendor) => features.vendor() == *vendor,
            Self::Bit(leaf, output, bit) => features.has(*leaf, *output, *bit),
            Self::Capable(register, bit) => features.capability(*register) >> bit & 1 == 1,
            Self::Incapable(register, bit) => features.capability(*register) >> bit & 1 == 0,
            Self::Monitoring(version) => monitoring_version(features) >= u32::from(*version),
            Self::Any(some) => some.iter().any(|one| one.holds(features)),
            Self::All(all) => all.iter().all(|one| one.holds(features)),
        }
    }
}

fn monitoring_version(features: &Features) -> u32 {
    features.get(Leaf::Performance, Output::Eax) & 0xff
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Made(Vendor::Intel) => f.write_str("Intel"),
            Self::Made(Vendor::Amd) => f.write_str("AMD"),
            Self::Made(Vendor::Other) => f.write_str("other makers"),
            Self::Bit(leaf, output, bit) => write!(f, "{leaf}:{output}[{bit}]"),
            Self::Capable(register, bit) => write!(f, "{register}[{bit}]"),
            Self::Incapable(register, bit) => write!(f, "not {register}[{bit}]"),
            Self::Monitoring(version) => write!(f, "a:eax[7:0] >= {version}"),
            Self::Any(some) => join(f, some, " or "),
            Self::All(all) => join(f, all, " and "),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Presence], word: &str) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            f.write_str(word)?;
        }
        if matches!(part, Presence::Any(_) | Presence::All(_)) {
            write!(f, "({part})")?;
        } else {
            write!(f, "{part}")?;
        }
    }
    Ok(())
}

/// How many registers of a kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Fixed(u32),
    /// A register for each general-purpose counter.
    Counters,
    /// A register for each fixed-function counter.
    FixedCounters,
    /// A register for each of AMD's counters of a core.
    AmdCounters,
    /// Two registers for each address range of the processor trace.
    TraceRanges,
    /// A register for each machine-check bank.
    Banks,
}

impl Count {
    /// How many that processor has.
    #[must_use]
    pub fn of(self, features: &Features) -> u32 {
        let count = match self {
            Self::Fixed(count) => count,
            Self::Counters => features.get(Leaf::Performance, Output::Eax) >> 8 & 0xff,
            Self::FixedCounters => features.get(Leaf::Performance, Output::Edx) & 0x1f,
            // Before version 2 of its monitoring there were six, and nothing said so.
            Self::AmdCounters => match features.get(Leaf::AmdPerformance, Output::Ebx) & 0xf {
                0 => 6,
                count => count,
            },
            Self::TraceRanges => 2 * (features.get(Leaf::Trace1, Output::Eax) & 0b111),
            Self::Banks => (features.capability(Capability::MachineCheck) & 0xff) as u32,
        };
        count.min(self.highest())
    }

    /// How many there are at most: the numbers behind them have other registers.
    #[must_use]
    pub const fn highest(self) -> u32 {
        match self {
            Self::Fixed(count) => count,
            // More have other numbers, and then these as well.
            Self::Counters => 8,
            Self::FixedCounters => 16,
            Self::AmdCounters => 16,
            Self::TraceRanges => 8,
            Self::Banks => 32,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(count) => write!(f, "{count}"),
            Self::Counters => f.write_str("a:eax[15:8]"),
            Self::FixedCounters => f.write_str("a:edx[4:0]"),
            Self::AmdCounters => f.write_str("80000022:ebx[3:0], else 6"),
            Self::TraceRanges => f.write_str("twice 14.1:eax[2:0]"),
            Self::Banks => f.write_str("IA32_MCG_CAP[7:0]"),
        }
    }
}
