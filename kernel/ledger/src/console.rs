//! Serial ports: there, not the shell's, and nobody else's.

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_model::{Com, Machine};

use crate::Partition;

/// Why a serial port can't be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleError {
    /// The machine has no such port.
    Absent {
        /// Which.
        port: Com,
        /// Those that can be claimed, free or not.
        found: Vec<Com>,
    },
    /// Bulkhead's own shell uses it.
    Shell {
        /// Which.
        port: Com,
    },
    /// Another partition has it.
    Taken {
        /// Which.
        port: Com,
        /// That partition.
        owner: String,
    },
}

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { port, found } => {
                write!(f, "{} does not exist (found:", port.name())?;
                if found.is_empty() {
                    f.write_str(" none")?;
                }
                found
                    .iter()
                    .try_for_each(|com| write!(f, " {}", com.name()))?;
                f.write_str(")")
            }
            Self::Shell { port } => write!(f, "{} is the console of Bulkhead's shell", port.name()),
            Self::Taken { port, owner } => write!(f, "{} belongs to \"{owner}\"", port.name()),
        }
    }
}

/// Checks that `port` can be claimed beside `others`.
pub(crate) fn check<'a>(
    port: Com,
    machine: &Machine,
    mut others: impl Iterator<Item = &'a Partition>,
) -> Result<(), ConsoleError> {
    let Some(uart) = machine.uarts.iter().find(|uart| uart.port == port) else {
        let claimable = machine.uarts.iter().filter(|uart| !uart.is_shell);
        return Err(ConsoleError::Absent {
            port,
            found: claimable.map(|uart| uart.port).collect(),
        });
    };
    if uart.is_shell {
        return Err(ConsoleError::Shell { port });
    }
    match others.find(|other| other.claim.ports().any(|theirs| theirs == port)) {
        Some(other) => Err(ConsoleError::Taken {
            port,
            owner: other.definition.name.clone(),
        }),
        None => Ok(()),
    }
}
