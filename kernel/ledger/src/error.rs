//! Why a command about a partition is refused.

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_launch::LaunchError;
use bulkhead_model::{
    ACCEPTED_NAMES, DeviceName, ImageError, Key, MemoryRequest, NameError, State,
};

use crate::{ConsoleError, CoreError, DeviceError, LinkError, MemoryError, NodeError};

/// Why a command about a partition is refused. Displays as the sentence that the shell prints.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanError {
    /// A partition can't be called that.
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// There is one of that name already.
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is none of that name.
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        existing: Vec<String>,
    },
    /// A key that a definition can't do without was not given.
    Missing {
        /// Which.
        key: Key,
    },
    /// What was asked for can't be done with a partition in this state.
    WrongState {
        /// The partition.
        name: String,
        /// Its state.
        state: State,
        /// What can't be done, as a participle: `changed`.
        action: &'static str,
    },
    /// It keeps what it claims as long as its devices may reach its RAM.
    Leaks {
        /// The partition.
        name: String,
        /// What can't be done with it: "launched", "changed", ...
        action: &'static str,
    },
    /// It keeps what it claims as long as a core may still run its old kernel.
    CoreLost {
        /// The partition.
        name: String,
        /// Local APIC ID of the core that did not come back.
        core: u32,
        /// What can't be done with it: "launched", "changed", ...
        action: &'static str,
    },
    /// It keeps what it claims, and is not launched, while another partition reads its RAM.
    Held {
        /// The partition.
        name: String,
        /// What can't be done with it: "launched", "changed", ...
        action: &'static str,
    },
    /// It can't be launched while Bulkhead runs on its boot core.
    BulkheadsCore {
        /// The partition.
        name: String,
        /// Bulkhead's own core, which it claims.
        core: u32,
    },
    /// Bulkhead's core can't be handed to a partition that does not claim it.
    NotBulkheadsCore {
        /// The partition.
        name: String,
        /// Bulkhead's own core.
        core: u32,
        /// Whether it is live: then it can't be started either.
        is_live: bool,
    },
    /// Wrong cores.
    Cores(CoreError),
    /// Wrong node, or something that is not of it.
    Node(NodeError),
    /// Wrong memory.
    Memory {
        /// Which item of `memory=`, if it is one item's fault.
        request: Option<MemoryRequest>,
        /// What is wrong with it.
        error: MemoryError,
    },
    /// Wrong kernel.
    Kernel(ImageError),
    /// Wrong initrd.
    Initrd(ImageError),
    /// Wrong console.
    Console(ConsoleError),
    /// Wrong device.
    Devices(DeviceError),
    /// Wrong link.
    Link(LinkError),
    /// It could not be launched.
    Launch(LaunchError),
}

/// One item of a list that an operator gave. Displays as he would write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A core of `cores=`.
    Core(u32),
    /// A piece of `memory=`.
    Memory(MemoryRequest),
    /// A device of `devices=`.
    Device(DeviceName),
    /// An image of `initrd=`.
    Image(&'a str),
    /// A parameter of `cmdline=`.
    Parameter(&'a str),
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(core) => core.fmt(f),
            Self::Memory(request) => request.fmt(f),
            Self::Device(name) => name.fmt(f),
            Self::Image(name) | Self::Parameter(name) => f.write_str(name),
        }
    }
}

impl PlanError {
    /// The part of the line that is at fault; `None` if no part of it is.
    #[must_use]
    pub const fn key(&self) -> Option<Key> {
        match self {
            Self::Name { .. }
            | Self::NameTaken { .. }
            | Self::Unknown { .. }
            | Self::WrongState { .. }
            | Self::CoreLost { .. }
            | Self::Leaks { .. }
            | Self::Held { .. }
            | Self::BulkheadsCore { .. }
            | Self::NotBulkheadsCore { .. } => Some(Key::Name),
            // There is nothing in the line to point at.
            Self::Missing { .. } => None,
            Self::Link(_) => Some(Key::Name),
            Self::Cores(_) => Some(Key::Cores),
            Self::Node(error) => Some(error.key()),
            Self::Memory { .. } => Some(Key::Memory),
            Self::Kernel(_) => Some(Key::Kernel),
            Self::Initrd(_) => Some(Key::Initrd),
            Self::Console(_) => Some(Key::Console),
            Self::Devices(_) => Some(Key::Devices),
            Self::Launch(error) => error.key(),
        }
    }

    /// The item at fault where the key's value is a list.
    #[must_use]
    pub fn item(&self) -> Option<Item<'_>> {
        match self {
            Self::Cores(error) => error.core().map(Item::Core),
            Self::Node(NodeError::Core { core, .. }) => Some(Item::Core(*core)),
            Self::Memory { request, .. } => request.map(Item::Memory),
            Self::Devices(error) => Some(Item::Device(error.name())),
            Self::Initrd(error) | Self::Launch(LaunchError::Initrd(error)) => {
                Some(Item::Image(error.name()))
            }
            Self::Launch(error) => error.parameter().map(Item::Parameter),
            _ => None,
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, error } => {
                write!(f, "name \"{name}\" {error} (accepted: {ACCEPTED_NAMES})")
            }
            Self::NameTaken { name } => write!(f, "there is a partition \"{name}\" already"),
            Self::Unknown { name, existing } => write!(
                f,
                "there is no partition \"{name}\" (partitions: {})",
                match existing.as_slice() {
                    [] => "none".into(),
                    names => names.join(", "),
                }
            ),
            Self::Missing { key } => {
                let word = key.word();
                let form = match key {
                    Key::Cores => "cores=1,2-3",
                    Key::Memory => "memory=512M",
                    _ => "kernel=IMAGE",
                };
                write!(f, "{word}= is missing (for example {form})")
            }
            Self::WrongState {
                name,
                state,
                action,
            } => {
                write!(f, "\"{name}\" is {state} and can't be {action} (accepted")?;
                match (state, *action) {
                    // Its cores are being taken already.
                    (State::Ending, _) => f.write_str(" when it has ended)"),
                    (_, "launched") => write!(f, ": restart {name})"),
                    _ => write!(f, " after kill {name})"),
                }
            }
            Self::Leaks { name, action } => write!(
                f,
                "\"{name}\" can't be {action}: the IOMMU did not answer at its end, so its devices may still reach its memory (accepted: a reset of the machine)"
            ),
            Self::CoreLost { name, core, action } => write!(
                f,
                "\"{name}\" can't be {action}: core {core} did not come back from it, and may still use its memory"
            ),
            Self::Held { name, action } => write!(
                f,
                "\"{name}\" can't be {action}: its memory is held for a dump (accepted: kill {name}, which takes it from its holder)"
            ),
            Self::BulkheadsCore { name, core } => {
                write!(
                    f,
                    "core {core} is Bulkhead's own (accepted: handoff {name})"
                )
            }
            Self::NotBulkheadsCore {
                name,
                core,
                is_live,
            } => {
                write!(
                    f,
                    "\"{name}\" does not claim core {core}, Bulkhead's own \
                     (accepted: a partition with core {core} that does not run"
                )?;
                if !is_live {
                    write!(f, "; for this one: start {name}")?;
                }
                f.write_str(")")
            }
            Self::Cores(error) => error.fmt(f),
            Self::Node(error) => error.fmt(f),
            Self::Memory { error, .. } => error.fmt(f),
            Self::Kernel(error) | Self::Initrd(error) => error.fmt(f),
            Self::Console(error) => error.fmt(f),
            Self::Devices(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
            Self::Launch(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PlanError {}

impl From<CoreError> for PlanError {
    fn from(error: CoreError) -> Self {
        Self::Cores(error)
    }
}

impl From<MemoryError> for PlanError {
    fn from(error: MemoryError) -> Self {
        Self::Memory {
            request: None,
            error,
        }
    }
}

impl From<ConsoleError> for PlanError {
    fn from(error: ConsoleError) -> Self {
        Self::Console(error)
    }
}

impl From<DeviceError> for PlanError {
    fn from(error: DeviceError) -> Self {
        Self::Devices(error)
    }
}

impl From<LaunchError> for PlanError {
    fn from(error: LaunchError) -> Self {
        Self::Launch(error)
    }
}
