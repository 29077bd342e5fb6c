//! What the agent does with a console.

use super::ring::NotPut;
use super::{Attachment, Owner, Stand, Told};
use crate::{Hardware, Lifecycle};

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// The agent has opened a terminal for that attachment, or closed it: `false` if it is over. What was
    /// typed before is not for this one.
    pub(crate) fn set_stand(
        &self,
        hw: &impl Hardware,
        attachment: Attachment,
        stand: Stand,
    ) -> bool {
        let Some((console, owner)) = self.console(attachment) else {
            return false;
        };
        console.served.store(hw.now());
        if stand == Stand::Open
            && let Some((_, until)) = console.typed.span(attachment.number)
        {
            console.typed.take(attachment.number, until);
        }
        console.change(owner, Owner { stand, ..owner })
    }

    /// What the agent is told, and how many bytes were typed.
    pub(crate) fn typed(&self, attachment: Attachment) -> Option<(Told<'_>, u64)> {
        let (console, owner) = self.console(attachment)?;
        let (from, until) = console.typed.span(attachment.number)?;
        #[expect(clippy::cast_possible_truncation, reason = "one half each")]
        let size = [
            (console.size.load() >> 16) as u16,
            console.size.load() as u16,
        ];
        let told = Told {
            attachment,
            stand: owner.stand,
            from,
            size,
            name: "",
        };
        Some((told, until - from))
    }

    pub(crate) fn read_typed(&self, attachment: Attachment, from: u64, into: &mut [u8]) -> usize {
        self.console(attachment).map_or(0, |(console, _)| {
            console.typed.read(attachment.number, from, into)
        })
    }

    /// The agent has taken what was typed before `taken`, and has bytes to be shown.
    pub(crate) fn serve_console(
        &self,
        hw: &impl Hardware,
        attachment: Attachment,
        taken: u64,
        count: usize,
        read: impl FnMut(usize, &mut [u8]) -> Option<()>,
    ) -> Result<(), NotPut> {
        let (console, owner) = self.console(attachment).ok_or(NotPut::Over)?;
        if owner.stand != Stand::Open {
            return Err(NotPut::Shut);
        }
        console.served.store(hw.now());
        console.typed.take(attachment.number, taken);
        console.shown.put(attachment.number, count, read)
    }
}
