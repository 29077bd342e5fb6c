//! Room on the heap for what a command may need: running out of it would be the end of the shell.
//!
//! The heap has room for all that its budget knows of (`bulkhead_model::budget`). What creeps beyond
//! it, bit by bit, is stopped here: before a command, while there is still room to say so.

use alloc::format;

use bulkhead_memory::Bytes;
use bulkhead_model::budget::{Extent, command_bytes};

use crate::command::{Command, Request};
use crate::control::Control;
use crate::error::CommandError;

/// Refuses a command that may need more memory than is free.
pub(super) fn check(request: &Request, control: &dyn Control) -> Result<(), CommandError> {
    if !needs_room(&request.command) {
        return Ok(());
    }
    let needed = command_bytes(&Extent::of(control.machine(), 0));
    let free = control.free_bytes();
    if free >= needed {
        return Ok(());
    }
    let whole = |bytes: usize| Bytes((bytes & !0x3ff) as u64);
    let message = format!(
        "Bulkhead's own memory is short: {} are free in one piece, and this may need {} \
         (freed by: undefine NAME)",
        whole(free),
        whole(needed.next_multiple_of(0x400)),
    );
    Err(CommandError::new(request.verb.span, message))
}

/// Whether it makes a plan, a definition or a map. What ends, forgets or only tells goes on.
fn needs_room(command: &Command) -> bool {
    matches!(
        command,
        Command::Define(..)
            | Command::Set(..)
            | Command::Link(..)
            | Command::Check(_)
            | Command::Start(_)
            | Command::Restart(..)
            | Command::Handoff(_)
            | Command::Halt
            | Command::Show(_)
            | Command::Memory
    )
}
