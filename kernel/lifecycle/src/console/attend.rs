//! What who is attached does with a console.

use super::ring::NotPut;
use super::{AWAITED_SECONDS, Attachment, Stand, Told, seconds, since};
use crate::{Hardware, Lifecycle};

impl<const P: usize, const C: usize> Lifecycle<P, C> {
    /// How it stands; who asks is there.
    pub fn stand(&self, hw: &impl Hardware, attachment: Attachment) -> Stand {
        let Some((console, owner)) = self.console(attachment) else {
            return Stand::Over;
        };
        console.seen.store(hw.now());
        let is_served = since(hw, console.served.load()) <= seconds(hw, AWAITED_SECONDS);
        match owner.stand {
            Stand::Open if !is_served => Stand::Waiting,
            stand => stand,
        }
    }

    /// Types; whether there was room for all of it.
    pub fn type_bytes(&self, hw: &impl Hardware, attachment: Attachment, bytes: &[u8]) -> bool {
        let read = |from: usize, into: &mut [u8]| {
            let length = into.len();
            into.copy_from_slice(bytes.get(from..from + length)?);
            Some(())
        };
        let nothing = (0, [0; 2]);
        self.attend_console(hw, attachment, nothing, bytes.len(), read)
            .is_ok()
    }

    /// Takes what is to be shown: how many bytes.
    pub fn take_shown(&self, attachment: Attachment, into: &mut [u8]) -> usize {
        let Some((console, _)) = self.console(attachment) else {
            return 0;
        };
        let (ring, number) = (&console.shown, attachment.number);
        let Some((from, _)) = ring.span(number) else {
            return 0;
        };
        let count = ring.read(number, from, into);
        ring.take(number, from + count as u64);
        count
    }

    /// Who is attached has taken what was shown before `taken`, has a terminal of that size, and types.
    pub(crate) fn attend_console(
        &self,
        hw: &impl Hardware,
        attachment: Attachment,
        (taken, size): (u64, [u16; 2]),
        count: usize,
        read: impl FnMut(usize, &mut [u8]) -> Option<()>,
    ) -> Result<(), NotPut> {
        let (console, owner) = self.console(attachment).ok_or(NotPut::Over)?;
        console.seen.store(hw.now());
        console.shown.take(attachment.number, taken);
        let [rows, columns] = size.map(u32::from);
        console.size.store(rows << 16 | columns);
        match owner.stand {
            _ if count == 0 => Ok(()),
            Stand::Open => console.typed.put(attachment.number, count, read),
            _ => Err(NotPut::Shut),
        }
    }

    /// What who is attached is told, and how many bytes are to be shown.
    pub(crate) fn shown(
        &self,
        hw: &impl Hardware,
        attachment: Attachment,
    ) -> Option<(Told<'_>, u64)> {
        let stand = self.stand(hw, attachment);
        let (console, _) = self.console(attachment)?;
        let (from, until) = console.shown.span(attachment.number)?;
        let told = Told {
            attachment,
            stand,
            from,
            size: [0; 2],
            name: "",
        };
        Some((told, until - from))
    }

    pub(crate) fn read_shown(&self, attachment: Attachment, from: u64, into: &mut [u8]) -> usize {
        self.console(attachment).map_or(0, |(console, _)| {
            console.shown.read(attachment.number, from, into)
        })
    }

    /// Leaves.
    pub fn detach(&self, attachment: Attachment) {
        while let Some((console, owner)) = self.console(attachment) {
            if console.free(owner) {
                return;
            }
        }
    }
}
