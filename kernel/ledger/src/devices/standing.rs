//! What `devices` says of a PCI function: whose it is, and whether it can be owned alone.

use core::fmt;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bulkhead_model::{DeviceName, Lead, Machine};
use bulkhead_pci::{self as pci, Address, AssignError, Bus, Function, Unit, UnitError};

use super::interrupt::pin_only;
use crate::{Ledger, Partition};

/// Who has what is no partition's: no name of a partition.
const BULKHEAD: &str = "bulkhead";

/// Whether a function can be claimed, and what comes with it. Displays as a short note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A bridge above what can be claimed, or above what is: Bulkhead's own.
    Bridge,
    /// The serial port of Bulkhead's shell.
    Shell,
    /// On a root bus, which is given whole.
    Whole {
        /// The root bus.
        bus: Bus,
        /// A partition that has a bus below it already, or Bulkhead, which has a function.
        owner: Option<String>,
        /// A base address register for which it can't be given.
        error: Option<AssignError>,
    },
    /// As `rest` says, but a base address register goes unused.
    Without {
        /// Which, and why.
        error: AssignError,
        /// How it stands otherwise, as a note.
        rest: String,
    },
    /// Some functions go along.
    With {
        /// Its bus.
        bus: Bus,
        /// The other functions on the bus and below, bridges left out, and whose they are if
        /// somebody has them and not this function.
        others: Vec<(Address, Option<String>)>,
    },
    /// It can be owned alone.
    Alone,
    /// A base address register that can't be used.
    Unusable(AssignError),
    /// Nonsense in a bridge above it.
    Unreachable(UnitError),
}

impl Standing {
    /// How `function` stands among all others.
    pub(crate) fn of(function: &Function, machine: &Machine, ledger: &Ledger) -> Self {
        let rest = Self::among(function, machine, ledger);
        if !matches!(rest, Self::Whole { .. } | Self::With { .. } | Self::Alone) {
            return rest;
        }
        let unit = pci::unit(&machine.functions, function.bus()).ok();
        let overlooked = |unit| pci::overlooked(&machine.functions, &unit, function.address);
        match unit.and_then(overlooked) {
            Some(error) => Self::Without {
                error,
                rest: rest.to_string(),
            },
            None => rest,
        }
    }

    fn among(function: &Function, machine: &Machine, ledger: &Ledger) -> Self {
        let bus = function.address.bus();
        if machine.shell_function == Some(function.address) {
            return Self::Shell;
        }
        let unit = match pci::unit(&machine.functions, bus) {
            Ok(unit) => unit,
            Err(error) => return Self::Unreachable(error),
        };
        let is_owned = ledger.owner_of_function(function.address).is_some();
        let units = || ledger.iter().flat_map(|p| &p.claim.devices.units);
        let is_above_a_claim = || units().any(|theirs| theirs.path.contains(&function.address));
        if function.is_bridge() && !is_owned && (unit.bridge.is_none() || is_above_a_claim()) {
            return Self::Bridge;
        }
        let error = pci::check(&machine.functions, &unit).err();
        if unit.bridge.is_none() {
            let mut partitions = ledger.iter().filter(|_| !is_owned);
            let below = partitions.find(|partition| {
                let mut units = partition.claim.devices.units.iter();
                units.any(|theirs| theirs.overlaps(&unit))
            });
            let shell = machine.shell_function_in(&unit);
            let owner = below
                .map(|partition| partition.definition.name.clone())
                .or_else(|| shell.map(|_| String::from(BULKHEAD)));
            return Self::Whole { bus, owner, error };
        }
        if let Some(error) = error {
            return Self::Unusable(error);
        }
        let owner = |address| {
            let is_shell = machine.shell_function == Some(address);
            let owner = ledger.owner_of_function(address).filter(|_| !is_owned);
            let owner = owner.or(is_shell.then_some(BULKHEAD));
            (address, owner.map(String::from))
        };
        let others: Vec<_> = others(function, &unit, machine).map(owner).collect();
        if others.is_empty() {
            return Self::Alone;
        }
        Self::With { bus, others }
    }
}

/// The other functions of the unit, bridges left out.
fn others<'a>(
    function: &Function,
    unit: &'a Unit,
    machine: &'a Machine,
) -> impl Iterator<Item = Address> + 'a {
    let this = function.address;
    machine
        .functions
        .iter()
        .filter(move |other| !other.is_bridge() && other.address != this)
        .map(|other| other.address)
        .filter(|address| unit.contains(address.bus()))
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge => f.write_str("stays Bulkhead's"),
            Self::Shell => f.write_str("the console of Bulkhead's shell"),
            Self::Whole { bus, owner, error } => {
                write!(f, "only with all of {}", DeviceName::Bus(*bus))?;
                match (owner, error) {
                    (Some(owner), _) => write!(f, ", part of which \"{owner}\" has"),
                    (None, Some(error)) => write!(f, ", which can't be given: {error}"),
                    (None, None) => Ok(()),
                }
            }
            Self::Without { error, rest } => write!(f, "{rest}; unused: {error}"),
            Self::With { bus, others } => {
                write!(f, "shares bus {:02x} with", bus.number)?;
                let mut separator = " ";
                for (other, owner) in others {
                    write!(f, "{separator}{other}")?;
                    if let Some(owner) = owner {
                        write!(f, " of \"{owner}\"")?;
                    }
                    separator = ", ";
                }
                Ok(())
            }
            Self::Alone => f.write_str("alone"),
            Self::Unusable(error) => error.fmt(f),
            Self::Unreachable(error) => error.fmt(f),
        }
    }
}

/// How functions stand.
impl Ledger {
    /// Whether `function` can be owned alone, and if not why.
    #[must_use]
    pub fn standing(&self, machine: &Machine, function: &Function) -> Standing {
        Standing::of(function, machine, self)
    }

    /// Where the pin leads of a function that can interrupt by nothing else: its owner needs that I/O
    /// APIC. `None` if it needs none.
    #[must_use]
    pub fn pin_only(&self, machine: &Machine, function: &Function) -> Option<Lead> {
        pin_only(function, machine)
    }

    /// Name of the partition that has the function.
    #[must_use]
    pub fn owner_of_function(&self, address: Address) -> Option<&str> {
        self.owner_of_device(DeviceName::Function(address))
    }

    /// The partition whose the requests are that come under that name: its bus has an owner, though there may
    /// be no such function (a bridge's name for what is behind it).
    #[must_use]
    pub fn owner_of_requests(&self, address: Address) -> Option<&Partition> {
        self.iter().find(|partition| {
            let mut units = partition.claim.devices.units.iter();
            units.any(|unit| {
                unit.bus.segment == address.segment
                    && (unit.bus.number..=unit.last).contains(&address.bus)
            })
        })
    }

    /// Name of the partition that has the device; a serial port may be its console. Of a bus: that
    /// has the bus itself, whatever is below it.
    #[must_use]
    pub fn owner_of_device(&self, name: DeviceName) -> Option<&str> {
        let owner = self.iter().find(|partition| {
            let claim = &partition.claim;
            claim.devices.has(name)
                || matches!(name, DeviceName::Port(com) if claim.console == Some(com))
        })?;
        Some(&owner.definition.name)
    }
}
