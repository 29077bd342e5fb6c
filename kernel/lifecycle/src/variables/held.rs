//! `Held`: what a partition has to know of those that it holds, to read their RAM.

use arrayvec::ArrayString;
use core::fmt::{self, Write};

use super::{CallerMemory, MAX_TEXT, Variables};
use crate::hardware::Hardware;

impl<H: Hardware, M: CallerMemory, const P: usize, const C: usize> Variables<'_, H, M, P, C> {
    /// Of each that the caller holds: a line `NAME hold=NUMBER run=N vmcoreinfo=ADDRESS root=ADDRESS
    /// pieces=N`, and for each piece of its RAM one with its address and its bytes.
    pub(super) fn held(&self, text: &mut ArrayString<MAX_TEXT>) {
        self.lifecycle.tend(self.hardware);
        for partition in 0..P {
            let before = text.len();
            if self.held_one(partition, text).is_err() {
                // What has no room is left out whole.
                text.truncate(before);
            }
        }
        if text.is_empty() {
            let _ = writeln!(text, "none");
        }
    }

    fn held_one(&self, partition: usize, text: &mut ArrayString<MAX_TEXT>) -> fmt::Result {
        let lifecycle = self.lifecycle;
        let (Some(number), Some(slot), Some(view)) = (
            lifecycle.hold_of(self.caller, partition),
            lifecycle.slot(partition),
            lifecycle.view(partition),
        ) else {
            return Ok(());
        };
        let [vmcoreinfo, root] = self.hardware.core_info(partition);
        let (name, run, pieces) = (slot.name(), view.runs, slot.ram.pieces().count());
        writeln!(
            text,
            "{name} hold={number} run={run} vmcoreinfo={vmcoreinfo:#x} root={root:#x} pieces={pieces}"
        )?;
        for piece in slot.ram.pieces() {
            writeln!(text, "{:#x} {:#x}", piece.start(), piece.size())?;
        }
        Ok(())
    }
}
