//! What a partition with the control right asks for, and carrying it out.
//!
//! While Bulkhead's shell runs, requests are handed to it, which knows the definitions and checks
//! as it does for the operator. When no core is Bulkhead's they are carried out on the asking
//! core, from the plans that were made ready before.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use super::call::status;
use super::event::{self, Kind};
use super::runtime::{self, Refusal};
use super::slot::{self, Phase, Slot};
use crate::cpu::{apic, cores};

/// Whether a core runs the shell. Stored by that core; read by cores that serve requests.
static SHELL_RUNS: AtomicBool = AtomicBool::new(true);

/// Whether the operator halted Bulkhead's core: it parks until it is asked for.
static HALTED: AtomicBool = AtomicBool::new(false);

/// Whether Bulkhead's core is to stay parked.
pub(super) fn is_halted() -> bool {
    HALTED.load(Ordering::Acquire)
}

/// Says whether Bulkhead's core is to stay parked.
pub(crate) fn set_halted(halted: bool) {
    HALTED.store(halted, Ordering::Release);
}

/// Says whether a core runs the shell.
pub(crate) fn set_shell_runs(runs: bool) {
    SHELL_RUNS.store(runs, Ordering::Release);
}

/// Whether a core runs the shell.
pub(crate) fn shell_runs() -> bool {
    SHELL_RUNS.load(Ordering::Acquire)
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Verb {
    /// Launch it.
    Start = 1,
    /// Take its cores back.
    Kill = 2,
    /// Both, in that order.
    Restart = 3,
    /// Wake Bulkhead's own core, which parks.
    Shell = 4,
}

/// A request, parsed.
pub(crate) struct Request<'a> {
    verb: Verb,
    target: &'a str,
}

/// How a request ended; what `Control` reads back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Outcome {
    /// Nothing was asked yet.
    None = 0,
    /// Done.
    Done = 1,
    /// Handed to the shell, which reports on its console.
    Passed = 2,
    /// The partition has not `control=yes`.
    Denied = 3,
    /// Not one of the requests.
    Malformed = 4,
    /// There is no such partition.
    Unknown = 5,
    /// Its state does not allow it.
    WrongState = 6,
    /// A partition can't do it to itself.
    Itself = 7,
    /// A core did not come back.
    CoreLost = 8,
    /// Its Linux has just been entered on the machine's boot processor.
    TooEarly = 9,
}

impl Outcome {
    /// The EFI status that the writer gets.
    pub(super) const fn status(self) -> u64 {
        match self {
            Self::None | Self::Done | Self::Passed => status::SUCCESS,
            Self::Denied => status::ACCESS_DENIED,
            Self::Malformed | Self::Itself => status::INVALID_PARAMETER,
            Self::Unknown => status::NOT_FOUND,
            Self::WrongState | Self::CoreLost | Self::TooEarly => status::NOT_READY,
        }
    }

    /// From a stored byte.
    pub(super) const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Done,
            2 => Self::Passed,
            3 => Self::Denied,
            4 => Self::Malformed,
            5 => Self::Unknown,
            6 => Self::WrongState,
            7 => Self::Itself,
            8 => Self::CoreLost,
            9 => Self::TooEarly,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none: nothing was asked",
            Self::Done => "ok",
            Self::Passed => "ok: passed to Bulkhead's shell",
            Self::Denied => "error: this partition has not control=yes",
            Self::Malformed => {
                "error: not a request (accepted: start NAME, kill NAME, restart NAME, shell)"
            }
            Self::Unknown => "error: there is no such partition",
            Self::WrongState => "error: its state does not allow it",
            Self::Itself => "error: a partition can't do this to itself",
            Self::CoreLost => "error: a core did not come back",
            Self::TooEarly => return write!(f, "error: {}", Refusal::TooEarly),
        })
    }
}

impl<'a> Request<'a> {
    /// Reads `start NAME` and the like; white space and an ending NUL or newline don't matter.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut words = text.trim_end_matches('\0').split_ascii_whitespace();
        let verb = match words.next()? {
            "start" => Verb::Start,
            "kill" => Verb::Kill,
            "restart" => Verb::Restart,
            "shell" => Verb::Shell,
            _ => return None,
        };
        let target = if verb == Verb::Shell {
            ""
        } else {
            words.next()?
        };
        words.next().is_none().then_some(Self { verb, target })
    }
}

impl Verb {
    /// From an event's detail.
    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Start),
            2 => Some(Self::Kill),
            3 => Some(Self::Restart),
            4 => Some(Self::Shell),
            _ => None,
        }
    }
}

/// Carries a request of partition `caller` out, or hands it to the shell.
pub(super) fn carry_out(caller: usize, request: Request<'_>) -> Outcome {
    let shell_runs = shell_runs();
    if request.verb == Verb::Shell {
        return if shell_runs {
            Outcome::WrongState
        } else {
            wake_shell()
        };
    }
    let Some((id, slot)) = slot::find(request.target) else {
        return Outcome::Unknown;
    };
    if id == caller {
        return Outcome::Itself;
    }
    let is_idle = slot.phase() == Phase::Idle;
    match request.verb {
        Verb::Start if !is_idle => return Outcome::WrongState,
        Verb::Kill if is_idle => return Outcome::WrongState,
        _ => {}
    }
    if shell_runs {
        event::post(Kind::Requested, id, request.verb as u32);
        return Outcome::Passed;
    }
    if is_idle {
        return start(id, slot);
    }
    let all_came = match request.verb {
        Verb::Restart => runtime::restart(id, slot),
        _ => runtime::kill(id, slot),
    };
    match all_came {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::CoreLost,
        Err(Refusal::NotLive) => Outcome::WrongState,
        Err(Refusal::TooEarly) => Outcome::TooEarly,
    }
}

fn start(id: usize, slot: &Slot) -> Outcome {
    let Some(plan) = slot.plan() else {
        return Outcome::WrongState;
    };
    let parked = |apic_id: u32| {
        cores::find(apic_id).is_some_and(|core| core.state() == cores::CoreState::Parked)
    };
    if !plan.cores().all(parked) || !slot.advance(Phase::Idle, Phase::Launching) {
        return Outcome::WrongState;
    }
    super::launch::wake(id, slot, plan.boot_core);
    Outcome::Done
}

/// Wakes Bulkhead's own core if it is parked.
fn wake_shell() -> Outcome {
    let own = cores::all().iter().find(|core| core.is_boot());
    match own {
        Some(core) if core.state() == cores::CoreState::Parked => {
            core.post_shell();
            apic::send_doorbell(core.apic_id());
            Outcome::Done
        }
        _ => Outcome::WrongState,
    }
}
