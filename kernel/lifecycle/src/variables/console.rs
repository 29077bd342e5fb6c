//! Consoles: `Terminal` is the agent's end of that of its partition, `Console1` and those behind it are the
//! ends of partitions that are attached to others.

use arrayvec::ArrayString;
use core::fmt::Write;

use super::{CallerMemory, Status, Variables, fixed};
use crate::console::{HEAD_BYTES, NotPut, Said, Told};
use crate::hardware::Hardware;
use crate::{Attachment, Stand};

/// Bytes that are copied at once.
const CHUNK: usize = 192;

impl<H: Hardware, M: CallerMemory, const P: usize, const C: usize> Variables<'_, H, M, P, C> {
    /// What the agent of the caller reads: how the attachment stands, and what was typed.
    pub(super) fn terminal(&self, to: [u64; 3]) -> Option<Status> {
        let found = self.lifecycle.console_of(self.hardware, self.caller);
        let Some((attachment, told)) = found.and_then(|of| Some((of, self.lifecycle.typed(of)?)))
        else {
            return self.short(to, b"none\n");
        };
        let read = |from, into: &mut [u8]| self.lifecycle.read_typed(attachment, from, into);
        self.tell(to, told.0, told.1, read)
    }

    /// What a partition that is attached reads: how it stands, and what is to be shown.
    pub(super) fn console(&self, place: usize, to: [u64; 3]) -> Option<Status> {
        let (life, hw) = (self.lifecycle, self.hardware);
        let found = life.attachment_at(Some(self.caller), place);
        let found = found.and_then(|(of, target)| {
            let (told, count) = life.shown(hw, of)?;
            Some((of, told, count, life.name(target)?))
        });
        let Some((attachment, told, count, name)) = found else {
            return self.short(to, b"none\n");
        };
        let read = |from, into: &mut [u8]| life.read_shown(attachment, from, into);
        let name = name.as_str();
        self.tell(to, Told { name, ..told }, count, read)
    }

    fn tell(
        &self,
        to: [u64; 3],
        told: Told<'_>,
        count: u64,
        mut read: impl FnMut(u64, &mut [u8]) -> usize,
    ) -> Option<Status> {
        let mut head = ArrayString::<HEAD_BYTES>::new();
        let _ = write!(head, "{told}");
        let count = usize::try_from(count).ok()?;
        if let Some(refused) = self.answer(to, fixed::ATTRIBUTES, head.len() + count)? {
            return Some(refused);
        }
        let [.., data] = to;
        self.memory.write(data, head.as_bytes())?;
        let mut at = data.checked_add(head.len() as u64)?;
        let mut done = 0;
        while done < count {
            let mut chunk = [0; CHUNK];
            let part = chunk.get_mut(..CHUNK.min(count - done))?;
            if read(told.from + done as u64, part) != part.len() {
                // Another core of the same Linux has taken it meanwhile.
                return Some(Status::NotReady);
            }
            self.memory.write(at, part)?;
            at = at.checked_add(part.len() as u64)?;
            done += part.len();
        }
        Some(Status::Success)
    }

    /// What is said, and where the bytes behind it are: the first one's address, and how many.
    fn said(&self, size: u64, data: u64) -> Option<(Said, u64, usize)> {
        let size = usize::try_from(size).ok()?;
        let mut head = [0; HEAD_BYTES];
        let head = head.get_mut(..size.min(HEAD_BYTES))?;
        self.memory.read(data, head)?;
        let (said, begin) = Said::parse(head)?;
        Some((said, data.checked_add(begin as u64)?, size - begin))
    }

    /// Reads the bytes from `data` on in large pieces, whoever asks for them in small ones.
    fn reader(&self, data: u64, count: usize) -> impl FnMut(usize, &mut [u8]) -> Option<()> {
        let mut chunk = [0; CHUNK];
        let mut have = 0..0;
        move |from, into| {
            let end = from.checked_add(into.len())?;
            if !(have.start <= from && end <= have.end) {
                have = from..count.min(from.checked_add(CHUNK)?);
                let part = chunk.get_mut(..have.len())?;
                self.memory.read(data.checked_add(from as u64)?, part)?;
            }
            let begin = from - have.start;
            into.copy_from_slice(chunk.get(begin..begin + into.len())?);
            Some(())
        }
    }

    /// The agent of the caller says something.
    pub(super) fn serve_terminal(&self, size: u64, data: u64) -> Status {
        let (life, hw) = (self.lifecycle, self.hardware);
        let Some((said, data, count)) = self.said(size, data) else {
            return Status::InvalidParameter;
        };
        let is_its = |of: &Attachment| life.console_of(hw, self.caller) == Some(*of);
        let stand = |of: Attachment, stand| {
            if is_its(&of) && life.set_stand(hw, of, stand) {
                Status::Success
            } else {
                Status::NotFound
            }
        };
        match said {
            Said::Open(of) => stand(of, Stand::Open),
            Said::Closed(of) => stand(of, Stand::Closed),
            Said::Leave(_) => Status::InvalidParameter,
            Said::Io { attachment, .. } if !is_its(&attachment) => Status::NotFound,
            Said::Io {
                attachment, taken, ..
            } => {
                let read = self.reader(data, count);
                status(life.serve_console(hw, attachment, taken, count, read))
            }
        }
    }

    /// Who is attached at that place says something.
    pub(super) fn write_console(&self, place: usize, size: u64, data: u64) -> Status {
        let (life, hw) = (self.lifecycle, self.hardware);
        let Some((said, data, count)) = self.said(size, data) else {
            return Status::InvalidParameter;
        };
        let his = life.attachment_at(Some(self.caller), place);
        let is_his = |of: Attachment| his.is_some_and(|(his, _)| his == of);
        match said {
            Said::Leave(of) if is_his(of) => {
                life.detach(of);
                Status::Success
            }
            Said::Io {
                attachment,
                taken,
                size,
            } if is_his(attachment) => {
                let read = self.reader(data, count);
                status(life.attend_console(hw, attachment, (taken, size), count, read))
            }
            Said::Leave(_) | Said::Io { .. } => Status::NotFound,
            Said::Open(_) | Said::Closed(_) => Status::InvalidParameter,
        }
    }
}

const fn status(done: Result<(), NotPut>) -> Status {
    match done {
        Ok(()) => Status::Success,
        Err(NotPut::Full) => Status::OutOfResources,
        Err(NotPut::Unreadable) => Status::InvalidParameter,
        Err(NotPut::Shut) => Status::NotReady,
        Err(NotPut::Over) => Status::NotFound,
    }
}
