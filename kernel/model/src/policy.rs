//! What follows when a partition ends: its policy, how often, and after which delay.
//!
//! Nothing here needs memory or time, because it is decided where the partition ended: on its
//! own boot core, in the kernel's resident code.

use core::fmt;

use crate::End;

/// How many failures in a row are answered by a restart: the next one is the last. What counts as
/// one, [`RestartPolicy::row_after`] says.
pub const RESTART_LIMIT: u32 = 5;
/// Delay before the restart after a panic that is the first failure of a row, in milliseconds; it
/// doubles with each further one: 1, 2, 4, 8 and 16 s.
pub const FIRST_DELAY_MS: u64 = 1_000;
/// Delay before the restart after a power-off, in milliseconds: a Linux that powers itself off
/// at once must not keep its cores in launches.
pub const POWER_OFF_DELAY_MS: u64 = 1_000;
/// A run that lasted this long, in milliseconds, was a success whatever came after it: its
/// failure is the first of a new row, and its reboot is none.
pub const STABLE_MS: u64 = 60_000;

/// `restart=`: when a partition is launched again by itself. Displays as it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// `never`: not even when its Linux asks for a reboot.
    Never,
    /// `on-failure`: after reboots and failures, up to a limit.
    #[default]
    OnFailure,
    /// `always`: after a power-off, too.
    Always,
}

/// What a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The partition stays down.
    Stay,
    /// It is launched again.
    Restart {
        /// After this many milliseconds.
        delay_ms: u64,
    },
    /// It stays down, although the policy would restart it: it failed too often in a row.
    GiveUp,
}

impl RestartPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Never, Self::OnFailure, Self::Always];

    /// What follows a run that ended like this. `failures` is the length of the row of failures,
    /// with this one if it is one ([`row_after`](Self::row_after)).
    #[must_use]
    pub const fn after(self, end: End, failures: u32) -> Decision {
        let delay_ms = match (self, end) {
            (_, End::Killed) | (Self::Never, _) | (Self::OnFailure, End::PoweredOff) => {
                return Decision::Stay;
            }
            _ if failures > RESTART_LIMIT => return Decision::GiveUp,
            (Self::Always, End::PoweredOff) => POWER_OFF_DELAY_MS,
            (_, End::Rebooted) => 0,
            (_, End::Failed | End::Silent) => FIRST_DELAY_MS << failures.saturating_sub(1),
        };
        Decision::Restart { delay_ms }
    }

    /// The length of the row of failures after a run of `uptime_ms` that ended like this, if it was
    /// `before` until then.
    ///
    /// A panic is a failure. So is what the policy would answer by another launch and came before
    /// [`STABLE_MS`]: a kernel that does not tell its panics from its reboots would be launched
    /// without end, and so would an init that reboots at once.
    #[must_use]
    pub const fn row_after(self, end: End, before: u32, uptime_ms: u64) -> u32 {
        let is_short = uptime_ms < STABLE_MS;
        match (end, self.after(end, 0)) {
            (End::Failed | End::Silent, _) if !is_short => 1,
            (End::Failed | End::Silent, _) => before.saturating_add(1),
            (_, Decision::Restart { .. }) if is_short => before.saturating_add(1),
            _ => 0,
        }
    }

    /// How it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::OnFailure => "on-failure",
            Self::Always => "always",
        }
    }

    /// The policy written as `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }

    /// A number for it, to be kept in an atomic.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        match self {
            Self::Never => 0,
            Self::OnFailure => 1,
            Self::Always => 2,
        }
    }

    /// The policy with that number.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Never),
            1 => Some(Self::OnFailure),
            2 => Some(Self::Always),
            _ => None,
        }
    }
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
