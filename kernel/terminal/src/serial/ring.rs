//! What was received and is not read yet.

use alloc::vec::Vec;

/// A ring of bytes. It does not grow by itself: an interrupt handler fills it, which
/// can't allocate.
#[derive(Debug)]
pub struct Ring {
    bytes: Vec<u8>,
    first: usize,
    length: usize,
}

impl Ring {
    /// One without room.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            bytes: Vec::new(),
            first: 0,
            length: 0,
        }
    }

    /// One with room for that many bytes; `None` if there is not so much memory.
    #[must_use]
    pub fn new(capacity: usize) -> Option<Self> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(capacity).ok()?;
        bytes.resize(capacity, 0);
        Some(Self {
            bytes,
            ..Self::none()
        })
    }

    /// Moves what is in it to `other`, which was empty, and takes its place; gives the old one
    /// back. Nothing happens if there is no room.
    #[must_use]
    pub fn replace(&mut self, mut other: Self) -> Self {
        if other.capacity() < self.len() {
            return other;
        }
        while let Some(byte) = self.pop() {
            other.push(byte);
        }
        core::mem::replace(self, other)
    }

    /// Bytes that it has room for in all.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that are in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether there is no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.length == self.bytes.len()
    }

    /// Puts a byte behind the others; false if there is no room.
    pub fn push(&mut self, byte: u8) -> bool {
        let end = self.first + self.length;
        let wrapped = end.checked_sub(self.bytes.len()).unwrap_or(end);
        let is_room = !self.is_full();
        if is_room && let Some(place) = self.bytes.get_mut(wrapped) {
            *place = byte;
            self.length += 1;
        }
        is_room
    }

    /// Takes the byte that has been there longest.
    pub fn pop(&mut self) -> Option<u8> {
        if self.length == 0 {
            return None;
        }
        let byte = self.bytes.get(self.first).copied();
        self.first = (self.first + 1) % self.bytes.len();
        self.length -= 1;
        byte
    }

    /// Takes everything up to the last `byte` in it, and that; `false`, and nothing is taken, if there is none.
    pub fn cut(&mut self, byte: u8) -> bool {
        let (behind, before) = self.bytes.split_at(self.first.min(self.bytes.len()));
        let held = before.iter().chain(behind).take(self.length);
        let last = held.enumerate().filter(|(_, held)| **held == byte).last();
        let Some((index, _)) = last else {
            return false;
        };
        self.first = (self.first + index + 1) % self.bytes.len();
        self.length -= index + 1;
        true
    }
}
