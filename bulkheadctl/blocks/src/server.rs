//! The side that has the disk.

use alloc::vec::Vec;

use crate::wire::{ANSWER_BYTES, Answer, Disk, Request, What};
use crate::{MOST_DATA, SECTOR};

/// Linux's numbers.
const EPERM: u32 = 1;
const EINVAL: u32 = 22;
const ENOSPC: u32 = 28;

/// What a disk is kept in. An error is one of Linux's numbers.
pub trait Store {
    /// Fills `into` from there on.
    ///
    /// # Errors
    /// Why not all of it.
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), u32>;

    /// Writes all of it from there on.
    ///
    /// # Errors
    /// Why not.
    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), u32>;

    /// Has what was written outlive this Linux.
    ///
    /// # Errors
    /// Why it may not.
    fn flush(&mut self) -> Result<(), u32>;

    /// Gives a range up, if that can be done.
    ///
    /// # Errors
    /// Why not.
    fn trim(&mut self, offset: u64, length: u64) -> Result<(), u32>;
}

/// Answers requests.
#[derive(Debug)]
pub struct Server<S> {
    disk: Disk,
    store: S,
    answer: Vec<u8>,
    strange: u64,
}

impl<S: Store> Server<S> {
    /// Of that disk, kept there.
    pub fn new(disk: Disk, store: S) -> Self {
        let answer = Vec::with_capacity(ANSWER_BYTES + MOST_DATA);
        Self {
            disk,
            store,
            answer,
            strange: 0,
        }
    }

    /// What is said first whenever a channel begins.
    #[must_use]
    pub const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// How many records were no requests, or asked for what can't be.
    #[must_use]
    pub const fn strange(&self) -> u64 {
        self.strange
    }

    /// Does what a record asks for, and gives the answer's; none to what is no request.
    pub fn serve(&mut self, record: &[u8]) -> Option<&[u8]> {
        let Some((request, data)) = Request::read(record) else {
            self.strange += 1;
            return None;
        };
        self.answer.clear();
        self.answer.resize(ANSWER_BYTES, 0);
        let done = match self.check(&request, data) {
            Ok(what) => self.carry_out(what, &request, data),
            Err(error) => {
                self.strange += 1;
                Err(error)
            }
        };
        if done.is_err() {
            self.answer.truncate(ANSWER_BYTES);
        }
        let tag = request.tag;
        let error = done.err().unwrap_or(0);
        self.answer[..ANSWER_BYTES].copy_from_slice(&Answer { tag, error }.record());
        Some(&self.answer)
    }

    /// Whether it can be asked for: the disk is as long, may be written, and there is as much data as is said.
    fn check(&self, request: &Request, data: &[u8]) -> Result<What, u32> {
        let what = request.what.ok_or(EINVAL)?;
        let length = u64::from(request.length);
        if self.disk.is_read_only && what.is_change() {
            return Err(EPERM);
        }
        let wanted = if what == What::Write { length } else { 0 };
        if data.len() as u64 != wanted {
            return Err(EINVAL);
        }
        if what == What::Flush {
            let is_bare = request.offset == 0 && length == 0;
            return is_bare.then_some(what).ok_or(EINVAL);
        }
        let is_whole = request.offset.is_multiple_of(SECTOR) && length.is_multiple_of(SECTOR);
        if !is_whole || length == 0 || (what != What::Trim && length > MOST_DATA as u64) {
            return Err(EINVAL);
        }
        let end = request.offset.checked_add(length);
        let is_there = end.is_some_and(|end| end <= self.disk.size);
        is_there.then_some(what).ok_or(ENOSPC)
    }

    fn carry_out(&mut self, what: What, request: &Request, data: &[u8]) -> Result<(), u32> {
        let length = request.length;
        match what {
            What::Read => {
                // At most `MOST_DATA`.
                self.answer.resize(ANSWER_BYTES + length as usize, 0);
                let into = &mut self.answer[ANSWER_BYTES..];
                self.store.read(request.offset, into)
            }
            What::Write => self.store.write(request.offset, data),
            What::Flush => self.store.flush(),
            What::Trim => self.store.trim(request.offset, length.into()),
        }
    }
}
