//! Cores: there, answering, and nobody else's (requirements C1-C3).
//!
//! Bulkhead's own core can be claimed, to be handed over when its shell is done. It is the
//! machine's boot processor, which INIT would send into the firmware: no Linux may start or stop
//! it as one of its other cores, so it is a boot core or nothing.

use bulkhead_memory::sort_ascending;
use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_model::{Machine, Warning};

use crate::Partition;

/// Why a core can't be claimed. A core is called by its local APIC ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreError {
    /// The list is empty.
    None,
    /// The machine has no such core.
    Absent {
        /// Which.
        core: u32,
        /// Those that there are.
        existing: Vec<u32>,
    },
    /// It did not answer when Bulkhead started it.
    Silent {
        /// Which.
        core: u32,
    },
    /// It is the machine's boot processor, on which Bulkhead's shell runs, and would not be the
    /// boot core of the claim.
    Bulkhead {
        /// Which.
        core: u32,
        /// The core of the list that would be.
        lowest: u32,
    },
    /// Another partition has it.
    Taken {
        /// Which.
        core: u32,
        /// That partition.
        owner: String,
    },
    /// The list names it twice.
    Repeated {
        /// Which.
        core: u32,
    },
}

impl CoreError {
    /// The core that is to blame.
    #[must_use]
    pub const fn core(&self) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Absent { core, .. }
            | Self::Silent { core }
            | Self::Bulkhead { core, .. }
            | Self::Taken { core, .. }
            | Self::Repeated { core } => Some(*core),
        }
    }
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("a partition needs at least one core"),
            Self::Absent { core, existing } => {
                write!(
                    f,
                    "core {core} does not exist (cores: {})",
                    Ranges(existing)
                )
            }
            Self::Silent { core } => write!(f, "core {core} does not respond"),
            Self::Bulkhead { core, lowest } => write!(
                f,
                "core {core} is Bulkhead's own: it can only be a claim's lowest, and core {lowest} is lower"
            ),
            Self::Taken { core, owner } => write!(f, "core {core} belongs to \"{owner}\""),
            Self::Repeated { core } => write!(f, "core {core} is named twice"),
        }
    }
}

/// Ascending numbers, displayed with ranges: `1,4-7`.
struct Ranges<'a>(&'a [u32]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for run in self.0.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
            match run {
                [first, .., last] => write!(f, "{separator}{first}-{last}")?,
                [only] => write!(f, "{separator}{only}")?,
                [] => {}
            }
            separator = ",";
        }
        Ok(())
    }
}

/// Checks the cores of a list one by one in its order, and returns them in the order in which
/// the partition uses them: ascending, so that the lowest is its boot core (C2) and none is
/// below it (C3).
pub(crate) fn check<'a>(
    list: &[u32],
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition> + Clone,
) -> Result<Vec<u32>, CoreError> {
    if list.is_empty() {
        return Err(CoreError::None);
    }
    for (index, &core) in list.iter().enumerate() {
        let Some(found) = machine.core(core) else {
            let existing = machine.cores.iter().map(|core| core.apic_id).collect();
            return Err(CoreError::Absent { core, existing });
        };
        if let Some(&lowest) = list.iter().filter(|_| core == machine.boot_core).min()
            && lowest < core
        {
            return Err(CoreError::Bulkhead { core, lowest });
        }
        if !found.responding {
            return Err(CoreError::Silent { core });
        }
        if let Some(other) = others
            .clone()
            .find(|other| other.claim.cores.contains(&core))
        {
            let owner = other.definition.name.clone();
            return Err(CoreError::Taken { core, owner });
        }
        if list.iter().take(index).any(|earlier| *earlier == core) {
            return Err(CoreError::Repeated { core });
        }
    }
    let mut cores = list.to_vec();
    sort_ascending(&mut cores);
    Ok(cores)
}

/// Warns of each core whose SMT sibling is somebody else's: the two share execution units and
/// caches, so the partitions are not independent (T5).
pub(crate) fn split_siblings<'a>(
    cores: &[u32],
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition> + Clone,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for core in cores.iter().filter_map(|id| machine.core(*id)) {
        let siblings = machine.cores.iter().filter(|other| {
            (other.package, other.core) == (core.package, core.core)
                && !cores.contains(&other.apic_id)
        });
        for sibling in siblings {
            let owner = others
                .clone()
                .find(|other| other.claim.cores.contains(&sibling.apic_id))
                .map(|other| other.definition.name.clone());
            if owner.is_some() || sibling.apic_id == machine.boot_core {
                warnings.push(Warning::SplitSiblings {
                    core: core.apic_id,
                    sibling: sibling.apic_id,
                    owner,
                });
            }
        }
    }
    warnings
}
