//! Why something was not done.

use core::fmt;

use bulkhead_ledger::PlanError;
use bulkhead_lifecycle::{LaunchError, Outcome, Refusal};

/// Why a partition was not launched, or not ended. Displays as the end of the sentence that the shell
/// prints: `"web" was not launched: ...`.
#[derive(Clone, Debug, PartialEq)]
pub enum ConductError {
    /// It can't be planned, or not now.
    Plan(PlanError),
    /// Its record does not allow it.
    Launch(LaunchError),
    /// A core of it is not parked.
    NotParked {
        /// Its local APIC ID.
        core: u32,
        /// What it does.
        state: &'static str,
    },
    /// It was not ended.
    Refused(Refusal),
    /// A core did not come back from it.
    CoreLost {
        /// Its local APIC ID.
        core: u32,
    },
    /// There are more partitions than records.
    TooMany {
        /// Records.
        most: usize,
    },
}

impl From<PlanError> for ConductError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl ConductError {
    /// What a partition that asked for it is told.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::CoreLost { .. } => Outcome::CoreLost,
            Self::Refused(Refusal::TooEarly) => Outcome::TooEarly,
            Self::Refused(Refusal::Held)
            | Self::Launch(LaunchError::Held)
            | Self::Plan(PlanError::Held { .. }) => Outcome::Held,
            _ => Outcome::Refused,
        }
    }
}

impl fmt::Display for ConductError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(error) => error.fmt(f),
            Self::Launch(error) => error.fmt(f),
            Self::NotParked { core, state } => write!(f, "core {core} is not parked but {state}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::CoreLost { core } => write!(f, "core {core} did not come back; see the log"),
            Self::TooMany { most } => write!(f, "at most {most} partitions can be launched"),
        }
    }
}

impl core::error::Error for ConductError {}
