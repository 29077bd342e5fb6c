//! How a run ended, and where a partition is in its life: one type for each.

use alloc::vec::Vec;
use core::fmt;

/// How a run ended. Displays as its event line has it: `failed reason="panic"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum End {
    /// It called for power-off.
    PoweredOff = 1,
    /// It called for a reboot that somebody wished.
    Rebooted = 2,
    /// It reset itself in any other way: a panic.
    Failed = 3,
    /// Its cores were taken by force.
    Killed = 4,
    /// Its agent was silent for too long, and its cores were taken: a failure.
    Silent = 5,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PoweredOff,
        Self::Rebooted,
        Self::Failed,
        Self::Killed,
        Self::Silent,
    ];

    /// Whether it ended as it should not.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Silent)
    }

    /// The one with that number, as it is kept in a word.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|end| *end as u8 == number)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PoweredOff => "powered-off",
            Self::Rebooted => "rebooted",
            Self::Failed => "failed reason=\"panic\"",
            Self::Killed => "killed",
            Self::Silent => "failed reason=\"watchdog\"",
        })
    }
}

/// Where a partition is in its life. Displays as one word.
///
/// ```text
///            start                 kernel entered              ends, or is killed
/// defined ----------> launching ------------------> running ---------------------.
///                      ^     ^  \                                                  |
///             is due   |     |   `------------------ killed ------------------.   |
///                      |     |                                                 v   v
///                   waiting  |  restart                                        ending
///                      ^     `-----------------------------------------------.   |
///                      |            restart= says so                          \  |
///                      `-----------------------------------------------------  `-|
///                                                                                v
/// stopped, failed <--------------------------------------------------------------'
///      |  start
///      `--------> launching
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Claimed, never launched.
    #[default]
    Defined,
    /// Its boot core applies its plan.
    Launching,
    /// Its cores run its Linux.
    Running,
    /// Its run is over; its cores are being taken back and its devices silenced.
    Ending,
    /// It ended, and is launched again when its delay is over.
    Waiting,
    /// It ended as it should, or was killed; its cores are parked.
    Stopped,
    /// It ended as it should not, and is not launched again.
    Failed,
}

impl State {
    /// Whether its memory and cores are in use, so that its claim must not change.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Launching | Self::Running | Self::Ending | Self::Waiting
        )
    }

    /// Its name in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Defined => "defined",
            Self::Launching => "launching",
            Self::Running => "running",
            Self::Ending => "ending",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The life of a partition up to now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// Where it is.
    pub state: State,
    /// How often its kernel was entered.
    pub runs: u32,
    /// Failures in a row.
    pub failures: u32,
    /// How it last ended, or ends now.
    pub last_end: Option<End>,
    /// Local APIC IDs of cores that did not come back from it, and may still run its old kernel.
    /// While there are any it keeps all that it claims.
    pub lost_cores: Vec<u32>,
    /// Number of the partition that reads its RAM. While there is one it keeps all that it claims, and is
    /// not launched.
    pub held_by: Option<usize>,
    /// Whether its restart waits for that.
    pub awaits_dump: bool,
    /// Whether its devices may reach its RAM although it has ended: an IOMMU did not answer. Then it keeps all
    /// that it claims, and is not launched.
    pub leaks: bool,
}

/// What its launches have done to its RAM so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ram {
    /// How often it began to be written.
    pub attempts: u32,
    /// Whether what others left in it is cleared, by its present plan.
    pub is_cleared: bool,
}
