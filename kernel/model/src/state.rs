//! The life of a partition.
//!
//! ```text
//! Defined --Launch--> Launching --Launched--> Running
//!                       |    |                 |   |
//!                       |  Killed      PoweredOff, |
//!                       |    |         Rebooted,   |
//!                       |    |         Killed      |
//!                       |    |                 |   |
//!                       |    `---> Stopped <---'   |
//!                       `--Failed--> Failed <--Failed
//!
//! Stopped, Failed --Launch--> Launching
//! ```
//!
//! A reboot ends a run like any other ending: a `Launch` follows it, if the partition's
//! [`RestartPolicy`](crate::RestartPolicy) says so.

use core::fmt;

use alloc::borrow::Cow;

/// Where a partition is in its life. Displays as one word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Claimed, never launched.
    #[default]
    Defined,
    /// Its plan is being applied.
    Launching,
    /// Its cores run its Linux.
    Running,
    /// It ended as it should; its cores are parked.
    Stopped,
    /// It ended as it should not, or could not be launched.
    Failed,
}

/// What happens to a partition. Displays as its event line has it: `failed reason="panic"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its plan begins to be applied.
    Launch,
    /// Its boot core has been sent into its kernel.
    Launched,
    /// It called for power-off.
    PoweredOff,
    /// It called for a reboot.
    Rebooted,
    /// Its cores were taken back by the operator.
    Killed,
    /// It ended as it should not, or its launch did not succeed.
    Failed {
        /// Why, as one line. Most reasons are the same few words, which are not copied.
        reason: Cow<'static, str>,
    },
}

impl State {
    /// Whether its memory and cores are in use, so that its claim must not change.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Launching | Self::Running)
    }

    /// The state that `event` leads to; `None` if it can't happen in this one.
    #[must_use]
    pub fn after(&self, event: &Event) -> Option<Self> {
        match (self, event) {
            (Self::Launching | Self::Running, Event::Launch) => None,
            (_, Event::Launch) => Some(Self::Launching),
            (Self::Launching, Event::Launched) => Some(Self::Running),
            (Self::Running, Event::PoweredOff | Event::Rebooted | Event::Killed)
            // A launch that hangs can be killed too.
            | (Self::Launching, Event::Killed) => Some(Self::Stopped),
            (Self::Launching | Self::Running, Event::Failed { .. }) => Some(Self::Failed),
            _ => None,
        }
    }

    /// Its name in one word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Defined => "defined",
            Self::Launching => "launching",
            Self::Running => "running",
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

impl Event {
    /// What has happened, for a sentence such as `"web" is stopped and can't be killed`.
    #[must_use]
    pub const fn participle(&self) -> &'static str {
        match self {
            Self::Launch | Self::Launched => "launched",
            Self::PoweredOff => "powered off",
            Self::Rebooted => "rebooted",
            Self::Killed => "killed",
            Self::Failed { .. } => "failed",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launch => f.write_str("launch"),
            Self::Launched => f.write_str("launched"),
            Self::PoweredOff => f.write_str("powered-off"),
            Self::Rebooted => f.write_str("rebooted"),
            Self::Killed => f.write_str("killed"),
            Self::Failed { reason } => write!(f, "failed reason=\"{reason}\""),
        }
    }
}
