//! One structure: its fields in order, then its strings. Source: DSP0134 section 6.1.

use alloc::string::String;
use alloc::vec::Vec;

/// Type, length and handle.
const HEADER_BYTES: usize = 4;
/// Longer texts are cut: no name, serial number or brand string has more.
const MOST_CHARACTERS: usize = 96;

/// A structure in the making.
pub(super) struct Structure {
    kind: u8,
    handle: u16,
    fields: Vec<u8>,
    strings: Vec<String>,
}

impl Structure {
    pub(super) const fn new(kind: u8, handle: u16) -> Self {
        Self {
            kind,
            handle,
            fields: Vec::new(),
            strings: Vec::new(),
        }
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.fields.extend_from_slice(bytes);
        self
    }

    pub(super) fn byte(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    pub(super) fn word(self, value: u16) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn double(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn quad(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A string to which no field leads.
    pub(super) fn string(mut self, text: &str) -> Self {
        let is_shown = |c: &char| c.is_ascii_graphic() || *c == ' ';
        let shown: String = text
            .chars()
            .filter(is_shown)
            .take(MOST_CHARACTERS)
            .collect();
        // One without characters would end the list.
        if !shown.is_empty() {
            self.strings.push(shown);
        }
        self
    }

    /// A field that is the number of a string; 0, which is none, if nothing of it can be shown.
    pub(super) fn text(self, text: &str) -> Self {
        let before = self.strings.len();
        let with = self.string(text);
        let is_there = with.strings.len() > before;
        // Each structure has a handful of them.
        let number = u8::try_from(with.strings.len()).unwrap_or(0);
        with.byte(if is_there { number } else { 0 })
    }

    /// Appends it. Every structure ends with two zeroes: of the last string and of all of them.
    pub(super) fn push(self, to: &mut Vec<u8>) {
        let length = HEADER_BYTES + self.fields.len();
        to.extend_from_slice(&[self.kind, u8::try_from(length).unwrap_or(u8::MAX)]);
        to.extend_from_slice(&self.handle.to_le_bytes());
        to.extend_from_slice(&self.fields);
        for string in &self.strings {
            to.extend_from_slice(string.as_bytes());
            to.push(0);
        }
        if self.strings.is_empty() {
            to.push(0);
        }
        to.push(0);
    }
}
