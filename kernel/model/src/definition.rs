//! What the operator said of a partition, before it is checked against anything.

use core::fmt;

use alloc::string::String;
use alloc::vec::Vec;

use bulkhead_memory::Bytes;

use crate::{Com, DeviceName, Isolation, RestartPolicy};

/// A partition as its operator defined it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// `cores=`, local APIC IDs in the order in which they were written.
    pub cores: Vec<u32>,
    /// `memory=`
    pub memory: Vec<MemoryRequest>,
    /// `node=`: the NUMA node that its cores and its memory are to be of.
    pub node: Option<usize>,
    /// `kernel=`, the name of an image.
    pub kernel: String,
    /// `initrd=`, names of images in the order in which Linux unpacks them.
    pub initrds: Vec<String>,
    /// `cmdline=`, without what Bulkhead adds.
    pub cmdline: String,
    /// `console=`
    pub console: Option<Com>,
    /// `devices=`
    pub devices: Vec<DeviceName>,
    /// `restart=`
    pub restart: RestartPolicy,
    /// `control=`: whether it may start, restart and kill other partitions, and which.
    pub control: Right,
    /// `isolation=`; `None`: as for all, else `dma` where it can be.
    pub isolation: Option<Isolation>,
    /// `dump=`: whether a restart after a failure waits until its RAM was read.
    pub dump: bool,
    /// `watchdog=`: after how many seconds in which its agent is silent it has failed.
    pub watchdog: Option<u32>,
}

/// Seconds that `watchdog=` can be.
pub const WATCHDOG_SECONDS: core::ops::RangeInclusive<u32> = 10..=86_400;

/// Most partitions that `control=` can name.
pub const MAX_CONTROLLED: usize = 8;

/// What a partition may ask for of others. Displays as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Right {
    /// `no`
    #[default]
    No,
    /// `yes`: all, of all.
    All,
    /// Names, at least one and at most [`MAX_CONTROLLED`]: the start, the restart and the kill of these.
    Only(Vec<String>),
}

impl Right {
    /// Whether it is one at all.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        !matches!(self, Self::No)
    }

    /// Those that it is limited to; none: it is not.
    #[must_use]
    pub fn only(&self) -> &[String] {
        match self {
            Self::No | Self::All => &[],
            Self::Only(names) => names,
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::All => f.write_str("yes"),
            Self::Only(names) => names.iter().enumerate().try_for_each(|(nth, name)| {
                let comma = if nth == 0 { "" } else { "," };
                write!(f, "{comma}{name}")
            }),
        }
    }
}

/// The keys of a `define` or `set` line; `None` is a key that was not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// `cores=`
    pub cores: Option<Vec<u32>>,
    /// `memory=`
    pub memory: Option<Vec<MemoryRequest>>,
    /// `node=`; `Some(None)` leaves it to the cores again.
    pub node: Option<Option<usize>>,
    /// `kernel=`
    pub kernel: Option<String>,
    /// `initrd=`; an empty list takes all away.
    pub initrds: Option<Vec<String>>,
    /// `cmdline=`
    pub cmdline: Option<String>,
    /// `console=`; `Some(None)` takes the console away.
    pub console: Option<Option<Com>>,
    /// `devices=`; an empty list takes all away.
    pub devices: Option<Vec<DeviceName>>,
    /// `restart=`
    pub restart: Option<RestartPolicy>,
    /// `control=`
    pub control: Option<Right>,
    /// `isolation=`; `Some(None)` is what is meant where nothing is said.
    pub isolation: Option<Option<Isolation>>,
    /// `dump=`
    pub dump: Option<bool>,
    /// `watchdog=`; `Some(None)` takes it away.
    pub watchdog: Option<Option<u32>>,
}

impl Change {
    /// Replaces what was given.
    pub fn apply(self, definition: &mut Definition) {
        fn replace<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        replace(&mut definition.cores, self.cores);
        replace(&mut definition.memory, self.memory);
        replace(&mut definition.node, self.node);
        replace(&mut definition.kernel, self.kernel);
        replace(&mut definition.initrds, self.initrds);
        replace(&mut definition.cmdline, self.cmdline);
        replace(&mut definition.console, self.console);
        replace(&mut definition.devices, self.devices);
        replace(&mut definition.restart, self.restart);
        replace(&mut definition.control, self.control);
        replace(&mut definition.isolation, self.isolation);
        replace(&mut definition.dump, self.dump);
        replace(&mut definition.watchdog, self.watchdog);
    }
}

/// One item of `memory=`. Displays as it is written: `512M`, `512M@0x40000000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRequest {
    /// How much, in bytes.
    pub size: u64,
    /// Where exactly; `None` leaves the place to Bulkhead.
    pub at: Option<u64>,
}

impl fmt::Display for MemoryRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Bytes(self.size).fmt(f)?;
        self.at.map_or(Ok(()), |at| write!(f, "@{at:#x}"))
    }
}
