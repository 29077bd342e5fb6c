//! The registers, and what becomes of each.
//!
//! `docs/processor.md` has the same table, checked against this one by a test.
//!
//! Source: Intel SDM Vol. 4, "Model-Specific Registers"; Vol. 3A, table "IA-32 and Intel 64
//! Processor States Following Power-up, Reset, or INIT"; Vol. 3B, "Performance Monitoring" and
//! "Intel Processor Trace"; AMD APM Vol. 2, appendix A and section 14.1.3, "Processor
//! Initialization State"; the processor programming references of AMD's families 17h to 1Ah.

mod rows;

pub use rows::TABLE;

use crate::cpuid::Features;
use crate::presence::{Count, Presence};

/// What an INIT leaves in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterInit {
    /// What was in it.
    Kept,
    /// What a reset leaves.
    Reset,
}

/// What is done with a register each time a core comes back from a Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It gets what the core had at boot, before anything else is done.
    RestoreFirst,
    /// What it controls is stopped by a zero before the other registers are touched.
    Stop,
    /// The same, and it is awaited that the processor says so.
    StopAndAwait(Acknowledgement),
    /// It is stopped first, and gets what the core had at boot when all else is put back.
    StopThenRestore,
    /// It gets what the core had at boot.
    Restore,
    /// It gets what the core had at boot, even if it has that: the write itself has an effect.
    Rewrite,
    /// It gets that value, the one after a reset.
    Set(u64),
    /// Those bits are cleared, and the others stay.
    Clear(u64),
    /// Every overflow of the counters that there are is acknowledged.
    AcknowledgeCounters,
    /// It is left alone; the row says why.
    Leave,
}

impl Action {
    /// Whether the core's value at boot is needed.
    #[must_use]
    pub const fn restores(self) -> bool {
        matches!(
            self,
            Self::RestoreFirst | Self::StopThenRestore | Self::Restore | Self::Rewrite
        )
    }
}

/// How a processor says that it has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The register that says so.
    pub register: u32,
    /// The bit in it that is set then.
    pub bit: u8,
    /// How long it may take, in microseconds. Not all processors say it.
    pub us: u32,
}

/// One kind of register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// As the manuals call it; `n` for its number among its like. The kernel has no room for words that
    /// only people and tests read.
    #[cfg(not(target_os = "none"))]
    pub name: &'static str,
    /// The number of the first.
    pub first: u32,
    /// From one to the next.
    pub stride: u32,
    /// How many there are.
    pub count: Count,
    /// When there are any.
    pub presence: Presence,
    /// What an INIT leaves.
    pub after_init: AfterInit,
    /// What is done.
    pub action: Action,
    /// Why.
    #[cfg(not(target_os = "none"))]
    pub why: &'static str,
}

impl Row {
    /// One register that an INIT leaves as it was.
    const fn one(
        first: u32,
        name: &'static str,
        presence: Presence,
        action: Action,
        why: &'static str,
    ) -> Self {
        #[cfg(target_os = "none")]
        let _ = (name, why);
        Self {
            #[cfg(not(target_os = "none"))]
            name,
            first,
            stride: 1,
            count: Count::Fixed(1),
            presence,
            after_init: AfterInit::Kept,
            action,
            #[cfg(not(target_os = "none"))]
            why,
        }
    }

    /// So many of that kind.
    const fn times(self, count: Count, stride: u32) -> Self {
        Self {
            count,
            stride,
            ..self
        }
    }

    /// An INIT resets it.
    const fn reset_by_init(self) -> Self {
        Self {
            after_init: AfterInit::Reset,
            ..self
        }
    }

    /// The numbers of those that a processor has.
    pub fn registers(&self, features: &Features) -> impl Iterator<Item = u32> + use<> {
        let count = if self.presence.holds(features) {
            self.count.of(features)
        } else {
            0
        };
        let (first, stride) = (self.first, self.stride);
        (0..count).map(move |number| first + number * stride)
    }
}
