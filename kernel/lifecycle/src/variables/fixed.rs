//! Variables that every partition has, and none can write or take away.
//!
//! Source: UEFI 2.10 §3.3 (globally defined variables). `SecureBoot` and `SetupMode` are what
//! `mokutil`, `bootctl` and `fwupdmgr` ask first: there is none, and no keys can be given. That
//! `OsIndicationsSupported` is 0 tells them that there are neither capsules nor a set-up to boot into.
//! There is no `BootCurrent`: no boot entry was booted.

use super::GUID;
use crate::CONSOLES;

const _: () = assert!(CONSOLES == 4, "each has a name");

/// Boot-service and runtime access, not kept over a reset of the machine.
pub(super) const ATTRIBUTES: u32 = 0x6;

/// `EFI_GLOBAL_VARIABLE`, 8be4df61-93ca-11d2-aa0d-00e098032b8c.
const GLOBAL: [u8; 16] = [
    0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c,
];

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fixed {
    Partitions,
    Control,
    Answers,
    Details,
    Events,
    Output,
    Machine,
    Held,
    Ring,
    Agent,
    Terminal,
    Console(usize),
    SecureBoot,
    SetupMode,
    OsIndicationsSupported,
}

impl Fixed {
    /// All, in the order in which they are enumerated.
    pub(super) const ALL: [Self; 18] = [
        Self::Partitions,
        Self::Control,
        Self::Answers,
        Self::Details,
        Self::Events,
        Self::Output,
        Self::Machine,
        Self::Held,
        Self::Ring,
        Self::Agent,
        Self::Terminal,
        Self::Console(0),
        Self::Console(1),
        Self::Console(2),
        Self::Console(3),
        Self::SecureBoot,
        Self::SetupMode,
        Self::OsIndicationsSupported,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Partitions => "Partitions",
            Self::Control => "Control",
            Self::Answers => "Answers",
            Self::Details => "Details",
            Self::Events => "Events",
            Self::Output => "Output",
            Self::Machine => "Machine",
            Self::Held => "Held",
            Self::Ring => "Ring",
            Self::Agent => "Agent",
            Self::Terminal => "Terminal",
            Self::Console(0) => "Console1",
            Self::Console(1) => "Console2",
            Self::Console(2) => "Console3",
            Self::Console(_) => "Console4",
            Self::SecureBoot => "SecureBoot",
            Self::SetupMode => "SetupMode",
            Self::OsIndicationsSupported => "OsIndicationsSupported",
        }
    }

    pub(super) const fn vendor(self) -> [u8; 16] {
        match self {
            Self::SecureBoot | Self::SetupMode | Self::OsIndicationsSupported => GLOBAL,
            Self::Partitions
            | Self::Control
            | Self::Answers
            | Self::Details
            | Self::Events
            | Self::Output
            | Self::Machine
            | Self::Held
            | Self::Ring
            | Self::Agent
            | Self::Terminal
            | Self::Console(_) => GUID,
        }
    }
}
