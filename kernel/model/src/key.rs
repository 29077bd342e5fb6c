//! The parts of a definition, as an operator calls them.

/// The part of a `define` or `set` line that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The partition's name.
    Name,
    /// `cores=`
    Cores,
    /// `memory=`
    Memory,
    /// `node=`
    Node,
    /// `kernel=`
    Kernel,
    /// `initrd=`
    Initrd,
    /// `cmdline=`
    Cmdline,
    /// `console=`
    Console,
    /// `devices=`
    Devices,
    /// `restart=`
    Restart,
    /// `control=`
    Control,
    /// `isolation=`
    Isolation,
    /// `dump=`
    Dump,
    /// `watchdog=`
    Watchdog,
}

impl Key {
    /// The word before the `=`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Cores => "cores",
            Self::Memory => "memory",
            Self::Node => "node",
            Self::Kernel => "kernel",
            Self::Initrd => "initrd",
            Self::Cmdline => "cmdline",
            Self::Console => "console",
            Self::Devices => "devices",
            Self::Restart => "restart",
            Self::Control => "control",
            Self::Isolation => "isolation",
            Self::Dump => "dump",
            Self::Watchdog => "watchdog",
        }
    }
}
