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
        /// Those that nobody has.
        free: Vec<Com>,
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
                listed(found, f)
            }
            Self::Shell { port, free } => {
                write!(
                    f,
                    "{} is the console of Bulkhead's shell (free:",
                    port.name()
                )?;
                listed(free, f)
            }
            Self::Taken { port, owner } => write!(f, "{} belongs to \"{owner}\"", port.name()),
        }
    }
}

/// The rest of a list of ports.
fn listed(ports: &[Com], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if ports.is_empty() {
        f.write_str(" none")?;
    }
    ports
        .iter()
        .try_for_each(|com| write!(f, " {}", com.name()))?;
    f.write_str(")")
}

/// Checks that `port` can be claimed beside `others`.
pub(crate) fn check<'a>(
    port: Com,
    machine: &Machine,
    others: impl Iterator<Item = &'a Partition>,
) -> Result<(), ConsoleError> {
    let Some(uart) = machine.uarts.iter().find(|uart| uart.port == port) else {
        let claimable = machine.uarts.iter().filter(|uart| !uart.is_shell);
        return Err(ConsoleError::Absent {
            port,
            found: claimable.map(|uart| uart.port).collect(),
        });
    };
    let others: Vec<&Partition> = others.collect();
    let owner = |port| {
        let has = |other: &&&Partition| other.claim.ports().any(|theirs| theirs == port);
        others.iter().find(has)
    };
    if uart.is_shell {
        let ports = machine.uarts.iter().filter(|uart| !uart.is_shell);
        let free = ports.map(|uart| uart.port);
        let free = free.filter(|port| owner(*port).is_none()).collect();
        return Err(ConsoleError::Shell { port, free });
    }
    match owner(port) {
        Some(other) => Err(ConsoleError::Taken {
            port,
            owner: other.definition.name.clone(),
        }),
        None => Ok(()),
    }
}
