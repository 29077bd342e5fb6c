//! The operator at a terminal inside of a partition.

use core::fmt::{self, Write};

use bulkhead_lifecycle::{Attachment, Stand};
use bulkhead_terminal::passage::Passage;

use crate::control::Control;

/// Bytes that are shown between two looks at what is typed.
const BYTES: usize = 256;
/// An agent that has not come for so long is said to be waited for; meanwhile its kernel is listened to.
const PATIENCE_MS: u64 = 3000;

/// What there is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The terminal.
    Terminal,
    /// None just now.
    Nobody,
    /// None any more, and why.
    Over(&'static str),
}

#[derive(Debug)]
pub(super) struct Attached {
    attachment: Attachment,
    passage: Passage,
    stand: Stand,
    /// Since when it stands so.
    since_ms: u64,
    has_said: bool,
}

impl Attached {
    pub(super) fn new(attachment: Attachment, control: &dyn Control) -> Self {
        Self {
            attachment,
            passage: Passage::new(),
            stand: Stand::Waiting,
            since_ms: control.uptime_ms(),
            has_said: false,
        }
    }

    /// Shows what is new.
    pub(super) fn tick(
        &mut self,
        control: &dyn Control,
        is_inside: &mut bool,
        out: &mut dyn Write,
    ) -> Result<Seen, fmt::Error> {
        let Some(terminals) = control.terminals() else {
            return Ok(Seen::Over("there is no terminal any more"));
        };
        let stand = terminals.stand(self.attachment);
        let mut bytes = [0; BYTES];
        let count = terminals.take_shown(self.attachment, &mut bytes);
        let shown = bytes.get(..count).unwrap_or_default();
        self.passage.pass(shown, out)?;
        if let Some(last) = shown.last() {
            *is_inside = *last != b'\n';
        }
        let now = control.uptime_ms();
        let was_open = self.stand == Stand::Open;
        if stand != self.stand {
            (self.stand, self.since_ms) = (stand, now);
            if was_open {
                self.passage.restore(out)?;
            }
        }
        let why = match stand {
            _ if count == BYTES => return Ok(Seen::Terminal),
            Stand::Open => {
                self.has_said = false;
                return Ok(Seen::Terminal);
            }
            Stand::Waiting if was_open || now - self.since_ms >= PATIENCE_MS => {
                if !core::mem::replace(&mut self.has_said, true) {
                    if core::mem::take(is_inside) {
                        out.write_char('\n')?;
                    }
                    writeln!(
                        out,
                        "(its agent is waited for; until then what its kernel prints; Ctrl-] leaves)"
                    )?;
                }
                return Ok(Seen::Nobody);
            }
            Stand::Waiting if self.has_said => return Ok(Seen::Nobody),
            Stand::Waiting => return Ok(Seen::Terminal),
            Stand::Closed => "the login has ended",
            Stand::Over => "there is no terminal any more",
        };
        terminals.detach(self.attachment);
        Ok(Seen::Over(why))
    }

    /// Types; whether that reaches anybody.
    pub(super) fn key(&self, byte: u8, control: &dyn Control) -> bool {
        let terminals = control.terminals();
        terminals.is_some_and(|terminals| terminals.type_byte(self.attachment, byte))
    }

    /// Leaves it as it was found.
    pub(super) fn leave(mut self, control: &dyn Control, out: &mut dyn Write) -> fmt::Result {
        if let Some(terminals) = control.terminals() {
            terminals.detach(self.attachment);
        }
        self.passage.restore(out)
    }
}
