//! Which PCI functions can be given to a partition, before any was.

use bulkhead_ledger::{Ledger, Standing};
use bulkhead_model::Machine;
use bulkhead_pci::{Function, check, unit};

/// How a function can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Alone.
    Alone,
    /// With others.
    With,
    /// It is Bulkhead's: a bridge, or the console of its shell.
    Never,
    /// It could be, but for a base address register, a bridge, or Bulkhead's console beside it.
    Refused,
}

impl Given {
    /// How `function` can be given on this machine.
    #[must_use]
    pub fn of(machine: &Machine, function: &Function) -> Self {
        match Ledger::new().standing(machine, function) {
            Standing::Alone => Self::Alone,
            Standing::Without { rest, .. } if rest == Standing::Alone.to_string() => Self::Alone,
            Standing::Bridge | Standing::Shell => Self::Never,
            Standing::Unusable(_) | Standing::Unreachable(_) => Self::Refused,
            Standing::Whole { .. } | Standing::With { .. } | Standing::Without { .. } => {
                Self::with_others(machine, function)
            }
        }
    }

    /// What stands above such a function matters as much as what is beside it.
    fn with_others(machine: &Machine, function: &Function) -> Self {
        let Ok(unit) = unit(&machine.functions, function.address.bus()) else {
            return Self::Refused;
        };
        let is_free = machine.shell_function_in(&unit).is_none();
        if is_free && check(&machine.functions, &unit).is_ok() {
            Self::With
        } else {
            Self::Refused
        }
    }
}
