//! `wait`: until a partition runs, or has stopped.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use bulkhead_lifecycle::State;

use super::{Done, names};
use crate::command::Goal;
use crate::control::Control;
use crate::error::CommandError;
use crate::script::tell_events;
use crate::words::Word;

/// `wait NAME running|stopped TIMEOUT`. Events are told meanwhile.
pub(super) fn wait(
    name: &Word,
    goal: Goal,
    timeout_ms: u64,
    control: &mut dyn Control,
    out: &mut dyn Write,
) -> Done {
    let begun = control.uptime_ms();
    loop {
        tell_events(control, out)?;
        // Nobody but this shell could have undefined it meanwhile.
        let state = names::partition(name, control.ledger())?.life.state;
        let is_met = match goal {
            Goal::Running => state == State::Running,
            Goal::Stopped => !state.is_live(),
        };
        if is_met {
            return Ok(());
        }
        if control.uptime_ms().saturating_sub(begun) >= timeout_ms {
            let message = format!(
                "\"{}\" is {state}, not {}, after {}",
                name.text,
                goal.name(),
                time(timeout_ms)
            );
            return Err(CommandError::new(name.span, message).into());
        }
        if control.pause() {
            let message = format!("the wait was given up (^C): \"{}\" is {state}", name.text);
            return Err(CommandError::new(name.span, message).into());
        }
    }
}

/// Milliseconds as they were probably typed.
fn time(ms: u64) -> String {
    if ms.is_multiple_of(1000) {
        format!("{} s", ms / 1000)
    } else {
        format!("{ms} ms")
    }
}
