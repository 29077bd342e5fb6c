//! One structure: its fields in order, then its strings. Source: DSP0134 section 6.1.

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
    /// Each with a zero behind it.
    strings: Vec<u8>,
    count: u8,
}

impl Structure {
    pub(super) const fn new(kind: u8, handle: u16) -> Self {
        Self {
            kind,
            handle,
            fields: Vec::new(),
            strings: Vec::new(),
            count: 0,
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
        let is_shown = |c: &u8| c.is_ascii_graphic() || *c == b' ';
        let before = self.strings.len();
        let shown = text.bytes().filter(is_shown).take(MOST_CHARACTERS);
        self.strings.extend(shown);
        // One without characters would end the list.
        if self.strings.len() > before {
            self.strings.push(0);
            // Each structure has a handful of them.
            self.count = self.count.saturating_add(1);
        }
        self
    }

    /// A field that is the number of a string; 0, which is none, if nothing of it can be shown.
    pub(super) fn text(self, text: &str) -> Self {
        let before = self.count;
        let with = self.string(text);
        let number = with.count;
        with.byte(if number > before { number } else { 0 })
    }

    /// Appends it. Every structure ends with two zeroes: of the last string and of all of them.
    pub(super) fn push(self, to: &mut Vec<u8>) {
        let length = HEADER_BYTES + self.fields.len();
        to.extend_from_slice(&[self.kind, u8::try_from(length).unwrap_or(u8::MAX)]);
        to.extend_from_slice(&self.handle.to_le_bytes());
        to.extend_from_slice(&self.fields);
        to.extend_from_slice(&self.strings);
        if self.strings.is_empty() {
            to.push(0);
        }
        to.push(0);
    }
}
